//! Reading what a person hands in by name, with every fault as
//! `file:line: path: why`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use lanegate_core::clearance::{POLICY_LEN_MAX, Policy};
use lanegate_core::ledger::{PolicyBy, PolicyOffer};
use lanegate_core::record::PolicySource;
use serde_json::{Value, json};

use super::output::note;
use super::{Exit, No};
use crate::config::{Config, ConfigFault};
use crate::store::LineFault;

/// The configuration to go by.
#[derive(Args, Clone)]
pub(crate) struct ConfigArg {
    /// The controller's lane.toml.
    #[arg(long)]
    pub(crate) config: PathBuf,
}

/// One fault or warning of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileFault {
    pub(crate) file: PathBuf,
    /// From 1; 0 = the file as a whole.
    pub(crate) line: u64,
    pub(crate) path: String,
    pub(crate) why: String,
}

impl FileFault {
    pub(crate) fn whole(file: &Path, why: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            path: String::new(),
            why: why.into(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let Self {
            file,
            line,
            path,
            why,
        } = self;
        json!({"file": file.display().to_string(), "line": line, "path": path, "why": why})
    }
}

impl std::fmt::Display for FileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        match self.path.as_str() {
            "" | "." => write!(f, ": {}", self.why),
            path => write!(f, ": {path}: {}", self.why),
        }
    }
}

/// Faults that end a subcommand, one a line, with what to do about them.
pub(crate) fn refuse(exit: Exit, faults: &[FileFault], then: &str) -> No {
    faults.iter().for_each(|fault| note(fault.to_string()));
    let n = faults.len();
    let s = if n == 1 { "" } else { "s" };
    No::new(exit, format!("{n} fault{s}; {then}"))
}

/// The configuration.
pub(crate) fn config(file: &Path) -> Result<Config, Vec<FileFault>> {
    Config::load(file).map_err(|faults| faults.into_iter().map(|f| of_config(file, f)).collect())
}

/// The configuration, or every fault of it told.
pub(crate) fn config_or_refuse(file: &Path) -> Result<Config, No> {
    config(file).map_err(|faults| refuse(Exit::Config, &faults, "mend the file and try again"))
}

/// A fault of the configuration.
pub(crate) fn of_config(file: &Path, fault: ConfigFault) -> FileFault {
    FileFault {
        file: file.to_owned(),
        line: fault.line as u64,
        path: fault.path,
        why: fault.why,
    }
}

/// Faults of a file of lines.
pub(crate) fn of_lines(file: &Path, faults: Vec<LineFault>) -> Vec<FileFault> {
    let of_line = |LineFault { line, path, why }| FileFault {
        file: file.to_owned(),
        line,
        path,
        why,
    };
    faults.into_iter().map(of_line).collect()
}

/// The policy.
pub(crate) fn policy(file: &Path) -> Result<Policy, Vec<FileFault>> {
    policy_offer(file, PolicyBy::itself(PolicySource::Start)).map(|(policy, _)| policy)
}

/// The policy with its text, to be put on record.
pub(crate) fn policy_offer(
    file: &Path,
    by: PolicyBy,
) -> Result<(Policy, PolicyOffer), Vec<FileFault>> {
    let text = text(file, POLICY_LEN_MAX as u64).map_err(|fault| vec![fault])?;
    PolicyOffer::read(&text, by).map_err(|faults| {
        let of_policy = |fault: lanegate_core::clearance::PolicyFault| FileFault {
            file: file.to_owned(),
            line: fault.line as u64,
            path: fault.path,
            why: fault.why,
        };
        faults.into_iter().map(of_policy).collect()
    })
}

/// A text file of at most `len_max` bytes.
pub(crate) fn text(file: &Path, len_max: u64) -> Result<String, FileFault> {
    let unread = |why: std::io::Error| FileFault::whole(file, format!("cannot be read: {why}"));
    let len = fs::metadata(file).map_err(unread)?.len();
    if len > len_max {
        let why = format!("has {len} bytes, at most {len_max} are read; split it");
        return Err(FileFault::whole(file, why));
    }
    let bytes = fs::read(file).map_err(unread)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        FileFault {
            line: 1 + before.filter(|byte| **byte == b'\n').count() as u64,
            ..FileFault::whole(file, "is no UTF-8 text here; convert the file to UTF-8")
        }
    })
}

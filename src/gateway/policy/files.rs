//! The configured files: read at the start, and again when somebody asks.

use std::path::{Path, PathBuf};

use lanegate_core::clearance::{POLICY_LEN_MAX, PolicyFault};
use lanegate_core::ledger::{PolicyBy, PolicyOffer};
use lanegate_core::record::{PolicySource, sha256_hex};
use tracing::{error, warn};

use crate::config::ControllerConfig;

/// What the daemon is started with, read without a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Files {
    /// Where lane.toml is.
    pub config: PathBuf,
    /// SHA-256 of its text.
    pub config_sha256: String,
    /// The policy it names.
    pub policy: PolicyOffer,
    /// The shadow policy it names.
    pub shadow: Option<PolicyOffer>,
}

impl Files {
    /// lane.toml is not read again; somebody who changed it and asked for a
    /// reload is told. True if it has changed.
    pub(super) fn warn_if_config_changed(&self) -> bool {
        let file = self.config.display();
        match std::fs::read(&self.config) {
            Ok(bytes) if sha256_hex(&bytes) == self.config_sha256 => return false,
            Ok(_) => warn!(
                %file,
                "this file has changed and is not read again: restart the daemon to use it; only the policy is reloaded"
            ),
            Err(why) => warn!(%file, %why, "cannot be read; what was read at the start holds"),
        }
        true
    }
}

/// One file with its faults.
#[derive(Debug)]
pub(super) struct Faulty {
    file: PathBuf,
    faults: Vec<PolicyFault>,
}

impl Faulty {
    /// One log line a fault (L10).
    pub(super) fn log(&self) {
        let file = self.file.display();
        for PolicyFault { line, path, why } in &self.faults {
            error!(%file, line, %path, %why, "a fault of the policy");
        }
    }
}

/// Both policies, or every fault of both.
pub(super) fn read(
    config: &ControllerConfig,
) -> Result<(PolicyOffer, Option<PolicyOffer>), Vec<Faulty>> {
    let policy = read_one(&config.policy);
    let shadow = config.shadow_policy.as_deref().map(read_one).transpose();
    match (policy, shadow) {
        (Ok(policy), Ok(shadow)) => Ok((policy, shadow)),
        (policy, shadow) => Err(policy.err().into_iter().chain(shadow.err()).collect()),
    }
}

fn read_one(file: &Path) -> Result<PolicyOffer, Faulty> {
    let faulty = |faults| Faulty {
        file: file.to_owned(),
        faults,
    };
    let whole = |why: String| {
        let path = String::new();
        faulty(vec![PolicyFault { line: 0, path, why }])
    };
    let unread = |why: std::io::Error| whole(format!("the file cannot be read: {why}"));
    let len = std::fs::metadata(file).map_err(unread)?.len();
    if len > POLICY_LEN_MAX as u64 {
        return Err(whole(format!(
            "a policy has at most {POLICY_LEN_MAX} bytes, this file {len}"
        )));
    }
    let text = std::fs::read_to_string(file).map_err(unread)?;
    let read = PolicyOffer::read(&text, PolicyBy::itself(PolicySource::File));
    read.map(|(_, offer)| offer).map_err(faulty)
}

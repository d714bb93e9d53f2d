//! `check --config FILE [--policy FILE]`: everything that can be validated
//! without devices; every fault listed.

use std::path::{Path, PathBuf};

use clap::Args;
use lanegate_core::clearance::Policy;
use serde_json::{Value, json};

use super::files::{self, FileFault};
use super::output::{chain, line, note};
use super::{Done, Exit};
use crate::clock::wall_now;
use crate::config::{Config, port_warnings};
use crate::draws::read_seed;
use crate::journal::CheckpointKey;

mod secrets;

/// Where the system names serial ports by adapter and by place.
const SERIAL_DIR: &str = "/dev/serial";

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The controller's lane.toml.
    #[arg(long)]
    config: PathBuf,
    /// The policy; without it the one the configuration names.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Print faults and warnings as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Default)]
struct Found {
    faults: Vec<FileFault>,
    warnings: Vec<FileFault>,
}

pub(crate) fn check(args: &CheckArgs) -> Done {
    let mut found = Found::default();
    let config = files::config(&args.config);
    let named = args.policy.clone().or_else(|| {
        let config = config.as_ref().ok()?;
        Some(config.controller.policy.clone())
    });
    let shadow = config.as_ref().ok();
    let shadow = shadow.and_then(|config| config.controller.shadow_policy.clone());
    if let Some(Err(faults)) = shadow.as_deref().map(files::policy) {
        found.faults.extend(faults);
    }
    match config {
        Ok(config) => found.warn_of_config(&args.config, config),
        Err(faults) => found.faults.extend(faults),
    }
    match named.as_deref().map(|file| (file, files::policy(file))) {
        Some((file, Ok(policy))) => found.warn_of_policy(file, &policy),
        Some((_, Err(faults))) => found.faults.extend(faults),
        None => found.warnings.push(FileFault::whole(
            &args.config,
            "the policy was not checked: which one it is stands in a file with faults; \
             name it with --policy",
        )),
    }
    found.say(args.json);
    Ok(match found.faults.as_slice() {
        [] => Exit::Done,
        _ => Exit::No,
    })
}

impl Found {
    fn warn_of_config(&mut self, file: &Path, config: Config) {
        self.check_seed(file, &config);
        self.check_key(file, &config);
        let (faults, unread) = secrets::secrets(file, &config);
        self.faults.extend(faults);
        self.warnings.extend(unread);
        self.warnings.extend(secrets::tls(file, &config));
        let ports = port_warnings(&config, Path::new(SERIAL_DIR));
        let written = config.warnings.into_iter();
        self.warnings
            .extend(written.map(|warning| files::of_config(file, warning)));
        self.warnings
            .extend(ports.into_iter().map(|why| FileFault::whole(file, why)));
    }

    /// A credential is there only while the service runs.
    fn check_seed(&mut self, file: &Path, config: &Config) {
        let Some(draw) = config.draw.as_ref().filter(|d| d.seed.is_absolute()) else {
            return;
        };
        if let Err(why) = read_seed(draw) {
            let why = format!("draw.seed: {}", chain(&why));
            self.faults.push(FileFault::whole(file, why));
        }
    }

    /// A credential is there only while the service runs.
    fn check_key(&mut self, file: &Path, config: &Config) {
        let key = config.journal.checkpoint_key.as_deref();
        let Some(key) = key.filter(|key| key.is_absolute()) else {
            return;
        };
        if let Err(why) = CheckpointKey::read(key) {
            let why = format!("journal.checkpoint_key: {}", chain(&why));
            self.faults.push(FileFault::whole(file, why));
        }
    }

    fn warn_of_policy(&mut self, file: &Path, policy: &Policy) {
        if policy.effective_from > wall_now() {
            let why = format!(
                "effective_from: not to be used before {}",
                policy.effective_from
            );
            self.warnings.push(FileFault::whole(file, why));
        }
    }

    /// Faults are the answer, so they go to standard output; warnings do not
    /// make it a no.
    fn say(&self, as_json: bool) {
        if as_json {
            let list = |list: &[FileFault]| list.iter().map(FileFault::to_json).collect::<Value>();
            let answer = json!({
                "ok": self.faults.is_empty(),
                "faults": list(&self.faults),
                "warnings": list(&self.warnings),
            });
            line(answer.to_string());
            return;
        }
        for warning in &self.warnings {
            note(format!("warning: {warning}"));
        }
        for fault in &self.faults {
            line(fault.to_string());
        }
        match self.faults.len() {
            0 => line("ok: no faults"),
            1 => line("1 fault; the daemon would not start with it"),
            n => line(format!("{n} faults; the daemon would not start with them")),
        };
    }
}

//! `run --config FILE`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use lanegate_core::ledger::PolicyBy;
use lanegate_core::record::{PolicySource, sha256_hex};

use super::files::{self, ConfigArg};
use super::output::{chain, complain, note};
use super::{Exit, No};
use crate::config::Config;
use crate::gateway::{self, Files};
use crate::logs::{Format, Logs, init_logs};

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// How log lines look; auto: journald's fields under systemd, else text.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Auto,
    Text,
    Json,
    Journald,
}

/// Another socket than journald's, for a journald in another place.
const JOURNAL_SOCKET: &str = "LANEGATE_JOURNAL_SOCKET";

fn logs(format: LogFormat) -> Logs {
    Logs {
        filter: None,
        format: match format {
            LogFormat::Auto => Format::Auto,
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
            LogFormat::Journald => Format::Journald,
        },
        journal_socket: std::env::var_os(JOURNAL_SOCKET).map(PathBuf::from),
    }
}

pub(crate) fn run(args: &RunArgs) -> ExitCode {
    let exit = match load(args) {
        Ok((config, files)) => match gateway::run(config, files) {
            Ok(()) => Exit::Done as u8,
            Err(error) => {
                complain(chain(&error));
                error.exit()
            }
        },
        Err(no) => no.say() as u8,
    };
    ExitCode::from(exit)
}

/// The files, or every fault of the first that has some.
fn load(args: &RunArgs) -> Result<(Config, Files), No> {
    let file = &args.config.config;
    let then = "nothing was started; mend the files, `lanegate check` tells when they are right";
    let refuse = |faults: Vec<_>| files::refuse(Exit::Config, &faults, then);
    init_logs(&logs(args.log_format)).map_err(|why| No::new(Exit::Config, why.to_string()))?;
    let config = files::config(file).map_err(refuse)?;
    let by = || PolicyBy::itself(PolicySource::Start);
    let offer = |file: &std::path::PathBuf| files::policy_offer(file, by()).map(|(_, offer)| offer);
    let policy = offer(&config.controller.policy).map_err(refuse)?;
    let shadow = config.controller.shadow_policy.as_ref().map(offer);
    let shadow = shadow.transpose().map_err(refuse)?;
    let bytes = std::fs::read(file).map_err(|why| {
        let why = format!("{}: {why}", file.display());
        No::new(Exit::Config, why)
    })?;
    for warning in &config.warnings {
        let warning = files::of_config(file, warning.clone());
        note(format!("warning: {warning}"));
    }
    let files = Files {
        config: file.clone(),
        config_sha256: sha256_hex(&bytes),
        policy,
        shadow,
    };
    Ok((config, files))
}

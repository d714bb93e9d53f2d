//! `run --config FILE`: the daemon.

use std::process::ExitCode;

use clap::Args;
use lanegate_core::clearance::Policy;

use super::files::{self, ConfigArg};
use super::output::{chain, complain, note};
use super::{Exit, No};
use crate::config::Config;
use crate::gateway::{self, Logs, init_logs};

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
}

pub(crate) fn run(args: &RunArgs) -> ExitCode {
    let exit = match load(args) {
        Ok((config, policy)) => match gateway::run(config, policy) {
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

/// Both files, or every fault of both.
fn load(args: &RunArgs) -> Result<(Config, Policy), No> {
    let file = &args.config.config;
    let then = "nothing was started; mend the files, `lanegate check` tells when they are right";
    let refuse = |faults: Vec<_>| files::refuse(Exit::Config, &faults, then);
    init_logs(&Logs::default()).map_err(|fault| {
        let why =
            format!("LANEGATE_LOG: {fault}; write something like info,lanegate::device=debug");
        No::new(Exit::Config, why)
    })?;
    let config = files::config(file).map_err(refuse)?;
    let policy = files::policy(&config.controller.policy).map_err(refuse)?;
    for warning in &config.warnings {
        let warning = files::of_config(file, warning.clone());
        note(format!("warning: {warning}"));
    }
    Ok((config, policy))
}

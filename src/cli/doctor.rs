//! `doctor --config FILE`: would lanes run on this machine? Looks at what
//! `check` cannot see in a file: ports, brokers, disk, clock, limits, unit.
//!
//! Every finding says how bad it is and what to do; the worst stand first.
//! Absent on purpose: mending anything, opening a port (that moves its control
//! lines), and taking part in a running daemon's sessions.

mod broker;
mod clock;
mod disk;
mod finding;
mod identity;
mod limits;
mod ports;
mod state;
mod tunnel;
mod unit;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use self::finding::{Area, Finding, Findings};
use self::identity::Identity;
use self::unit::Unit;
use super::output::line;
use super::socket::Client;
use super::{Done, Exit, files};
use crate::config::Config;

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The controller's lane.toml.
    #[arg(long)]
    config: PathBuf,
    /// The unit that is installed; without it, the one systemd would read.
    #[arg(long)]
    unit: Option<PathBuf>,
    /// Whose rights count; without it the user the unit names, or our own.
    #[arg(long)]
    user: Option<String>,
    /// How long to listen to the authority, in seconds; it says something
    /// every 60 s.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    listen_s: u64,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

/// What the looks have in common.
struct Around<'a> {
    config: &'a Config,
    /// Status of the daemon, if one answers on the configured socket.
    daemon: Option<Value>,
    /// Process that owns the state directory, if a daemon answers.
    daemon_pid: Option<u32>,
    /// The unit, if one is installed.
    unit: Option<&'a Unit>,
    /// Who has to be allowed to do all this.
    identity: Identity,
    listen: Duration,
}

pub(crate) fn doctor(args: &DoctorArgs) -> Done {
    let mut findings = Findings::default();
    let unit = unit::find(args.unit.as_deref(), &mut findings);
    match files::config(&args.config) {
        Ok(config) => look(args, &config, unit.as_ref(), &mut findings),
        Err(faults) => {
            for fault in faults {
                let then = "mend the file: nothing starts with it, and nothing else was looked at";
                findings.fault(Area::Config, "lane.toml", fault.to_string(), then);
            }
        }
    }
    let findings = findings.sorted();
    say(&findings, args.json);
    let lame = findings.iter().any(Finding::is_fault);
    Ok(if lame { Exit::No } else { Exit::Done })
}

fn look(args: &DoctorArgs, config: &Config, unit: Option<&Unit>, findings: &mut Findings) {
    config_files(&args.config, config, findings);
    let daemon = daemon_status(&config.socket);
    let daemon_pid = daemon
        .as_ref()
        .and_then(|_| state::owner(&config.controller.state_dir));
    let identity = Identity::of_service(args.user.as_deref(), unit, findings);
    let around = Around {
        config,
        daemon,
        daemon_pid: daemon_pid.map(|holder| holder.pid),
        unit,
        identity,
        listen: Duration::from_secs(args.listen_s),
    };
    ports::look(&around, findings);
    state::look(&around, findings);
    disk::look(&around, findings);
    broker::look(&around, findings);
    clock::look(&around, findings);
    limits::look(&around, findings);
    unit::look(&around, findings);
}

/// What `check` says too, so that one command tells all.
fn config_files(file: &Path, config: &Config, findings: &mut Findings) {
    let policies = [
        Some(&config.controller.policy),
        config.controller.shadow_policy.as_ref(),
    ];
    let mut good = true;
    for policy in policies.into_iter().flatten() {
        for fault in files::policy(policy).err().into_iter().flatten() {
            let then = "mend the policy: nothing starts with it";
            findings.fault(Area::Config, "policy", fault.to_string(), then);
            good = false;
        }
    }
    for warning in &config.warnings {
        let warning = files::of_config(file, warning.clone()).to_string();
        let then = "see the comments of the shipped lane.toml";
        findings.warning(Area::Config, "lane.toml", warning, then);
    }
    if good {
        let what = format!("{} lanes, no faults", config.lanes.len());
        findings.good(Area::Config, file.display(), what);
    }
}

fn daemon_status(socket: &Path) -> Option<Value> {
    let mut client = Client::connect(socket).ok()?;
    client.ask(&json!({"op": "status"})).ok()
}

fn say(findings: &[Finding], as_json: bool) {
    let count = |bad: fn(&Finding) -> bool| findings.iter().filter(|f| bad(f)).count();
    let (faults, warnings) = (count(Finding::is_fault), count(Finding::is_warning));
    if as_json {
        let list: Vec<Value> = findings.iter().map(Finding::to_json).collect();
        let answer = json!({
            "ok": faults == 0, "faults": faults, "warnings": warnings, "findings": list,
        });
        line(answer.to_string());
        return;
    }
    for finding in findings {
        line(finding.to_string());
    }
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let (f, w) = (s(faults), s(warnings));
    line(match faults {
        0 => format!("ok: every lane could run; {warnings} warning{w}"),
        _ => format!("{faults} fault{f}, {warnings} warning{w}: a lane could not run"),
    });
}

//! `policy activate` and `policy rollback`: through the daemon if it is up,
//! else on the record of its directory, under its lock.

use std::path::PathBuf;

use clap::Args;
use lanegate_core::ledger::{Policies, PolicyBy, PolicyOffer};
use lanegate_core::model::OfficerId;
use lanegate_core::record::{Draft, PolicyBody, PolicySource, PolicyStanding};
use lanegate_core::time::Now;
use serde_json::{Value, json};

use crate::cli::declarations::{Where, WhereArgs};
use crate::cli::files;
use crate::cli::offline;
use crate::cli::output::{chain, complain, line};
use crate::cli::{Done, Exit, No};
use crate::clock::Clock;
use crate::committer::{Answer, Configured};
use crate::config::Config;
use crate::gateway::socket::PolicyBack;
use crate::gateway::{back_to, clock_config};

/// Who decides, and why.
#[derive(Args)]
struct ByArgs {
    /// Your officer number.
    #[arg(long, value_parser = OfficerId::parse)]
    officer: OfficerId,
    /// Why; stays on the record.
    #[arg(long)]
    reason: String,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

#[derive(Args)]
pub(crate) struct ActivateArgs {
    /// The policy.
    file: PathBuf,
    /// It judges beside the one in force and only counts.
    #[arg(long)]
    shadow: bool,
    #[command(flatten)]
    by: ByArgs,
}

#[derive(Args)]
pub(crate) struct RollbackArgs {
    /// Withdraw the one of this version (or first digits of its SHA-256) that
    /// waits for its time.
    #[arg(long, value_name = "VERSION")]
    waiting: Option<String>,
    /// Let the shadow policy go.
    #[arg(long, conflicts_with = "waiting")]
    shadow: bool,
    #[command(flatten)]
    by: ByArgs,
}

pub(crate) fn activate(args: &ActivateArgs) -> Done {
    let by = args.by.read(PolicySource::Officer)?;
    let then = "nothing was changed; mend the lines listed and try again";
    let read = files::policy_offer(&args.file, by);
    let (_, offer) = read.map_err(|faults| files::refuse(Exit::Config, &faults, then))?;
    let answer = match args.by.at.resolve()? {
        Where::Daemon(mut client) => client.ask(&json!({
            "op": "policy-activate", "text": offer.text, "shadow": args.shadow,
            "officer": args.by.officer, "reason": args.by.reason,
        }))?,
        Where::Files(config) => on_record(&config, |policies, now| {
            match args.shadow {
                true => Ok(policies.take_shadow(&offer)),
                false => policies.take(&offer, now),
            }
            .map_err(|why| No::new(Exit::No, why.to_string()))
        })?,
    };
    say(&answer, args.by.json);
    Ok(Exit::Done)
}

pub(crate) fn rollback(args: &RollbackArgs) -> Done {
    let by = args.by.read(PolicySource::Rollback)?;
    let back = match (&args.waiting, args.shadow) {
        (Some(name), _) => PolicyBack::Waiting(name.clone()),
        (None, true) => PolicyBack::Shadow,
        (None, false) => PolicyBack::Before,
    };
    let answer = match args.by.at.resolve()? {
        Where::Daemon(mut client) => client.ask(&json!({
            "op": "policy-rollback", "waiting": args.waiting, "shadow": args.shadow,
            "officer": args.by.officer, "reason": args.by.reason,
        }))?,
        Where::Files(config) => on_record(&config, |policies, _| {
            let body = back_to(policies, &back, &by);
            body.map_err(|why| No::new(Exit::No, why.to_string()))
        })?,
    };
    say(&answer, args.by.json);
    Ok(Exit::Done)
}

impl ByArgs {
    fn read(&self, source: PolicySource) -> Result<PolicyBy, No> {
        if self.reason.trim().is_empty() {
            let why = "--reason may not be empty: it is what the record will say";
            return Err(No::new(Exit::Usage, why));
        }
        Ok(PolicyBy {
            source,
            officer: Some(self.officer.clone()),
            reason: Some(self.reason.clone()),
            // Without a daemon nobody stands between: it is us.
            uid: Some(rustix::process::getuid().as_raw()),
        })
    }
}

/// Decides and records without a daemon.
fn on_record(
    config: &Config,
    decide: impl FnOnce(&Policies, Now) -> Result<PolicyBody, No>,
) -> Result<Value, No> {
    let dir = &config.controller.state_dir;
    if !dir.is_dir() {
        let why = format!(
            "{} is not there; check state_dir in the configuration (the daemon makes it at its \
             first start)",
            dir.display()
        );
        return Err(No::new(Exit::Io, why));
    }
    let now = Clock::start(clock_config(config), None).now();
    let configured = configured(config, now)?;
    let mut gatekeeper = offline::journal(config, configured, now.wall)?;
    let decided = decide(gatekeeper.ledger().policies(), now);
    let io = |why: String| No::new(Exit::Io, format!("{why}; nothing was changed"));
    let mut full = false;
    if let Ok(body) = &decided {
        let draft = Draft {
            at: now.wall,
            lane: None,
            passage: None,
            body: body.clone().into(),
        };
        gatekeeper.submit((), vec![draft.into()], lanegate_core::lane::Guard::Always);
        let answers = gatekeeper.flush().map_err(|e| io(chain(&e)))?;
        full = !answers
            .iter()
            .any(|a| matches!(a, Answer::Committed { .. }));
    }
    let stopped = gatekeeper.stop(now.wall, "policy command");
    stopped.map_err(|e| No::new(Exit::Io, chain(&e)))?;
    if full {
        return Err(io("the disk is full; free some space".to_owned()));
    }
    let body = decided?;
    Ok(json!({
        "policy": body.policy, "standing": body.standing, "effective_from": body.effective_from,
        "clock": now.clock,
    }))
}

/// What the configuration names, as the daemon's next start would find it.
fn configured(config: &Config, now: Now) -> Result<Configured, No> {
    let then = "nothing was changed; the daemon would not start with this file, mend it first";
    let read = |file: &PathBuf| -> Result<PolicyOffer, No> {
        let read = files::policy_offer(file, PolicyBy::itself(PolicySource::Start));
        let read = read.map_err(|faults| files::refuse(Exit::Config, &faults, then))?;
        Ok(read.1)
    };
    Ok(Configured {
        policy: read(&config.controller.policy)?,
        shadow: config
            .controller
            .shadow_policy
            .as_ref()
            .map(read)
            .transpose()?,
        clock: now.clock,
    })
}

fn say(answer: &Value, as_json: bool) {
    if as_json {
        line(answer.to_string());
        return;
    }
    let version = answer["policy"]["version"].as_str().unwrap_or("?");
    let standing: Option<PolicyStanding> = serde_json::from_value(answer["standing"].clone()).ok();
    let from = answer["effective_from"].as_str().unwrap_or("its time");
    line(match standing {
        Some(PolicyStanding::Active) => {
            format!("{version} is in force for trucks that arrive from now on")
        }
        Some(PolicyStanding::Waiting) => format!("{version} waits for {from}"),
        Some(PolicyStanding::Withdrawn) => format!("{version} is withdrawn"),
        Some(PolicyStanding::Shadow) => format!("{version} judges beside and only counts"),
        Some(PolicyStanding::ShadowEnded) => format!("{version} judges beside no more"),
        None => format!("{version}: {}", answer["standing"]),
    });
    if standing == Some(PolicyStanding::Waiting) && answer["clock"] == "unknown" {
        complain("the clock is not confirmed yet: nothing comes into force until it is");
    }
}

//! The policy desk: the one place where a policy comes into force, whoever
//! asks. Each change is decided on what the one before left, is on record
//! before a lane hears of it, and takes effect with the next truck.
//!
//! ```text
//!  configured file (start, SIGHUP) --+
//!  officer over the socket ----------+--> desk --record--> journal --durable--> lanes (a watch)
//!  feed ------------------------------+     ^
//!  trusted clock reaches its time ----------+
//! ```

mod files;
mod shadow;
mod shown;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanegate_core::clearance::{Policy, PolicyFault};
use lanegate_core::lane::Guard;
use lanegate_core::ledger::{Policies, PolicyBy, PolicyOffer, PolicyRefusal};
use lanegate_core::record::{Draft, PolicyBody, PolicySource, PolicyStanding};
use lanegate_core::time::Now;
use serde_json::{Value, json};
use tokio::signal::unix::Signal;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::RunError;
use super::port::Port;
use super::socket::{PolicyAsk, PolicyBack, PolicyNo};
use crate::authority::feed::{Batch, Unusable};
use crate::metrics;
use crate::systemd::{self, Notice};

use crate::turns::Beat;
pub use files::Files;
use shadow::Shadow;
use shown::{held, shown};
pub(super) use shown::{metrics_text, status};

/// Between two looks at the clock and at what the shadow has not judged.
const TICK: Duration = Duration::from_secs(1);

/// Which policy the daemon judges by.
pub(crate) struct PolicyDesk {
    files: Files,
    in_force: watch::Sender<Arc<Policy>>,
    shadow: Mutex<Option<Shadow>>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
}

impl PolicyDesk {
    /// With what the journal says is in force.
    ///
    /// # Errors
    /// This program cannot read it.
    pub(super) fn new(files: Files, policies: &Policies, now: Now) -> Result<Self, RunError> {
        let text = policies.active().map_or(&files.policy.text, |a| &a.text);
        let policy = Policy::parse(text).map_err(|faults| {
            let version = policies.active().map(|a| a.policy.version.clone());
            RunError::Policy {
                version: version.unwrap_or_default(),
                faults: lines(&faults),
            }
        })?;
        info!(version = %policy.version, sha256 = shown(&policy.sha256), "policy in force");
        if policy.effective_from > now.wall {
            let from = policy.effective_from;
            warn!(%from, "this policy is in force before its time: there was no other");
        }
        let (in_force, _) = watch::channel(Arc::new(policy));
        Ok(Self {
            files,
            in_force,
            shadow: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// The policy for trucks that arrive from now on.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<Policy>> {
        self.in_force.subscribe()
    }

    /// The classes it names, for the label of the metrics.
    pub(super) fn classes(&self) -> Vec<String> {
        let policy = self.in_force.borrow();
        policy
            .classes
            .iter()
            .map(|class| class.id.clone())
            .collect()
    }

    fn shadow(&self) -> MutexGuard<'_, Option<Shadow>> {
        self.shadow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reloads on SIGHUP, brings into force what waited, lets the shadow judge.
pub(super) async fn keep(port: Port, mut hangup: Option<Signal>, stop: CancellationToken) {
    publish(&port);
    let mut every = tokio::time::interval(TICK);
    let mut beat = Beat::of(
        "policy",
        &port.shared.turns.policy,
        port.shared.clock.clone(),
    );
    loop {
        beat.turn().await;
        tokio::select! {
            () = hung_up(&mut hangup) => {
                // For the committer.
                beat.waits();
                reload(&port).await;
            }
            () = beat.due() => {}
            _ = every.tick() => {
                beat.waits();
                bring_due(&port).await;
                look_beside(&port);
            }
            () = stop.cancelled() => return,
        }
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    let heard = match hangup {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Reads the configured files again, and tells the service manager when that
/// is over, whatever came of it.
async fn reload(port: &Port) {
    tell(&Notice::Reloading);
    read_again(port).await;
    tell(&Notice::Ready);
}

fn tell(notice: &Notice) {
    if let Err(why) = systemd::notify(notice) {
        error!(%why, ?notice, "the service manager cannot be told");
    }
}

/// With one fault nothing changes.
async fn read_again(port: &Port) {
    let desk = &port.policy;
    info!("SIGHUP: the policy is read again");
    let changed = i64::from(desk.files.warn_if_config_changed());
    let say = &port.shared.metrics;
    say.set(&metrics::CONFIG_CHANGED, &[], changed);
    let turn = desk.turn.lock().await;
    let (policy, shadow) = match files::read(&port.config.controller) {
        Ok(read) => read,
        Err(faulty) => {
            faulty.iter().for_each(files::Faulty::log);
            error!(
                "the policy is not reloaded: what was in force stays; mend the lines and reload again"
            );
            return count(port, "file", "refused");
        }
    };
    let now = port.shared.clock.now();
    let view = port.shared.committer.view();
    let policies = view.ledger.policies();
    let taken = match policies.take_file(&policy, now) {
        Ok(taken) => taken,
        Err(why) => {
            error!(%why, "the policy is not reloaded: what was in force stays");
            return count(port, "file", "refused");
        }
    };
    let beside = policies.take_shadow_file(shadow.as_ref(), PolicySource::File);
    let bodies: Vec<_> = taken.into_iter().chain(beside).collect();
    if bodies.is_empty() {
        info!("the configured policy is as it was when last read: nothing changes");
        return count(port, "file", "unchanged");
    }
    if let Err(why) = record(port, bodies).await {
        error!(%why, "the policy is not reloaded");
        count(port, "file", "refused");
    }
    drop(turn);
}

/// Brings into force what waited until now.
async fn bring_due(port: &Port) {
    let desk = &port.policy;
    let _turn = desk.turn.lock().await;
    loop {
        let now = port.shared.clock.now();
        let view = port.shared.committer.view();
        let Some(mut body) = view.ledger.policies().due(now) else {
            return;
        };
        let text = body.text.as_deref().unwrap_or_default();
        if let Err(faults) = Policy::parse(text) {
            let (version, faults) = (&body.policy.version, lines(&faults));
            error!(%version, %faults, "a policy that waited cannot be read by this program and is withdrawn");
            body.standing = PolicyStanding::Withdrawn;
        }
        if let Err(why) = record(port, vec![body]).await {
            // The next look tries again.
            return warn!(%why, "a policy whose time has come is not in force yet");
        }
    }
}

/// What the feed's policies come to; what is refused becomes unusable. To be
/// recorded with the batch, under [`turn`], and then [`publish`]ed.
pub(super) fn fed(port: &Port, batch: &mut Batch, now: Now) -> Vec<Draft> {
    let view = port.shared.committer.view();
    let mut policies = view.ledger.policies().clone();
    let mut drafts = Vec::new();
    for text in view
        .ledger
        .policies_of(batch.part, batch.position(), &batch.policies)
    {
        let by = PolicyBy::itself(PolicySource::Feed);
        let read = PolicyOffer::read(&text.toml, by);
        let taken = match &read {
            Ok((_, offer)) => policies.take_fed(offer, batch.part.is_some(), now),
            // Faults were told when the item came; a part of long ago may
            // have been read by another program.
            Err(_) => continue,
        };
        match taken {
            Ok(Some(body)) => {
                policies = policies.after(view.head_seq, now.wall, &body);
                drafts.push(draft(now, body));
            }
            Ok(None) => {}
            Err(why) => {
                count(port, PolicySource::Feed.as_str(), "refused");
                let path = batch.path_of_policy(&text);
                let why = why.to_string();
                batch.unusable.push(Unusable { path, why });
            }
        }
    }
    drafts
}

/// Held while a batch with policies is decided and recorded.
pub(super) async fn turn(desk: &PolicyDesk) -> tokio::sync::MutexGuard<'_, ()> {
    desk.turn.lock().await
}

/// What an officer asks over the socket.
pub(super) async fn ask(port: &Port, ask: PolicyAsk) -> Result<Value, PolicyNo> {
    let _turn = port.policy.turn.lock().await;
    let now = port.shared.clock.now();
    let view = port.shared.committer.view();
    let policies = view.ledger.policies();
    let refused = |why: PolicyRefusal| PolicyNo::Refused(why.to_string());
    let body = match ask {
        PolicyAsk::Active => return active(policies),
        PolicyAsk::Activate { text, shadow, by } => {
            let read = PolicyOffer::read(&text, by);
            let (_, offer) = read.map_err(PolicyNo::Faults)?;
            match shadow {
                true => Ok(policies.take_shadow(&offer)),
                false => policies.take(&offer, now),
            }
        }
        PolicyAsk::RollBack { back, by } => back_to(policies, &back, &by),
    };
    let body = body.inspect_err(|_| count(port, "officer", "refused"));
    let body = body.map_err(refused)?;
    if body.standing == PolicyStanding::Active {
        // One of before may be older than this program.
        let text = body.text.as_deref().unwrap_or_default();
        Policy::parse(text).map_err(PolicyNo::Faults)?;
    }
    let answer = json!({
        "policy": body.policy,
        "standing": body.standing,
        "effective_from": body.effective_from,
        "clock": now.clock,
    });
    record(port, vec![body]).await.map_err(PolicyNo::Io)?;
    Ok(answer)
}

/// What a rollback comes to.
pub(crate) fn back_to(
    policies: &Policies,
    back: &PolicyBack,
    by: &PolicyBy,
) -> Result<PolicyBody, PolicyRefusal> {
    match back {
        PolicyBack::Before => policies.roll_back(by),
        PolicyBack::Waiting(name) => policies.withdraw(name, by),
        PolicyBack::Shadow => policies.end_shadow(by),
    }
}

fn active(policies: &Policies) -> Result<Value, PolicyNo> {
    let active = policies
        .active()
        .ok_or_else(|| PolicyNo::Io("no policy is on record yet".to_owned()))?;
    let mut shown = held(active);
    shown["text"] = json!(active.text);
    Ok(shown)
}

/// Durable before anybody acts on it.
async fn record(port: &Port, bodies: Vec<PolicyBody>) -> Result<(), String> {
    let now = port.shared.clock.now();
    for body in &bodies {
        let source = match (body.waited, body.source) {
            (true, _) => "clock",
            (false, source) => source.map_or("file", PolicySource::as_str),
        };
        let (version, standing) = (&body.policy.version, body.standing.as_str());
        let sha256 = shown(&body.policy.sha256);
        info!(%version, sha256, standing, source, officer = body.officer.as_ref().map(tracing::field::display), "policy");
        count(port, source, standing);
    }
    let drafts = bodies.into_iter().map(|body| draft(now, body)).collect();
    let (to, durable) = oneshot::channel();
    let reply = move |committed: crate::committer::Committed| {
        to.send(committed.is_ok()).ok();
    };
    let asked = port.shared.committer.commit(drafts, Guard::Always, reply);
    asked.map_err(|busy| format!("{busy}; nothing changed, try again"))?;
    if durable.await != Ok(true) {
        return Err("the journal could not take it; nothing changed".to_owned());
    }
    publish(port);
    Ok(())
}

/// Hands the lanes what is in force on record.
pub(super) fn publish(port: &Port) {
    let desk = &port.policy;
    let view = port.shared.committer.view();
    let policies = view.ledger.policies();
    if let Some(active) = policies.active()
        && desk.in_force.borrow().sha256 != active.policy.sha256
    {
        match Policy::parse(&active.text) {
            Ok(policy) => {
                info!(version = %policy.version, sha256 = shown(&policy.sha256), "policy in force for trucks that arrive from now on");
                desk.in_force.send_replace(Arc::new(policy));
                port.shared.metrics.classes(desk.classes());
            }
            Err(faults) => error!(faults = %lines(&faults), "the policy on record cannot be read"),
        }
    }
    let mut shadow = desk.shadow();
    let current = shadow.as_ref().map(|s| &s.policy.sha256);
    let wanted = policies.shadow();
    if current == wanted.map(|held| &held.policy.sha256) {
        return;
    }
    let dir = port.config.controller.state_dir.join("journal");
    *shadow = wanted.and_then(|held| match Policy::parse(&held.text) {
        Ok(policy) => Some(Shadow::new(policy, held.since, &dir, view.head_seq + 1)),
        Err(faults) => {
            error!(faults = %lines(&faults), "the shadow policy on record cannot be read");
            None
        }
    });
}

fn look_beside(port: &Port) {
    let active = port.policy.in_force.borrow().clone();
    let head = port.shared.committer.view().head_seq;
    let mut shadow = port.policy.shadow();
    let skipped = shadow.as_mut().map_or(0, |s| s.look(head, &active));
    if skipped > 0 {
        let say = &port.shared.metrics;
        say.count(&metrics::SHADOW_SKIPPED, &[], 1);
        warn!(skipped, "the shadow policy fell behind and skipped records");
    }
}

fn draft(now: Now, body: PolicyBody) -> Draft {
    Draft {
        at: now.wall,
        lane: None,
        passage: None,
        body: body.into(),
    }
}

fn count(port: &Port, source: &str, result: &str) {
    let say = &port.shared.metrics;
    say.count(&metrics::POLICY_CHANGES, &[source, result], 1);
}

fn lines(faults: &[PolicyFault]) -> String {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

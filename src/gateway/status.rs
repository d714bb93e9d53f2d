//! What `lanegate status` and the retained lane state show.

use lanegate_core::drift::Drift;
use lanegate_core::lane::{Lane, Role, Sign};
use lanegate_core::model::{DeviceId, Lines};
use lanegate_core::time::{Clock, Micros, Mono, Now};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;

use super::port::Port;
use super::telling::Telling;
use crate::committer::{Flushed, Hooks};
use crate::config::LaneSetup;
use crate::device::Seen;
use crate::metrics::{self, Metrics};

/// One lane's status.
pub(super) struct LaneStatus(Value);

impl LaneStatus {
    pub(super) fn of(
        lane: &Lane,
        setup: &LaneSetup,
        telling: &Telling,
        devices: &[(DeviceId, Seen)],
        now: Now,
    ) -> Self {
        let (seq, verdict) = lane.recorded().unzip();
        let reasons = verdict.map(|v| v.reasons.as_slice()).unwrap_or_default();
        let codes: Vec<_> = reasons.iter().map(|r| r.code.as_str()).collect();
        let fault = lane.fault();
        let state = match fault {
            Some(cause) => format!("faulted:{cause}"),
            None => lane.state_name().to_owned(),
        };
        let has_scale = setup.devices.iter().any(|d| d.role == Role::Scale);
        let devices: Vec<_> = devices
            .iter()
            .map(|(id, seen)| device(id, seen, now.mono))
            .collect();
        Self(json!({
            "lane": setup.config.lane,
            "state": state,
            "since_s": seconds(telling.since, now.mono),
            "passage": lane.passage(),
            "verdict_seq": seq,
            "verdict": verdict.map(|v| v.verdict),
            "codes": codes,
            "fault": fault,
            "sign": lane.sign().map(sign),
            "scale_drift": has_scale.then(|| drift(telling.drift())),
            "devices": devices,
        }))
    }

    pub(super) fn to_json(&self) -> Value {
        self.0.clone()
    }
}

const fn seconds(since: Mono, now: Mono) -> u64 {
    now.since(since).as_ms() / 1000
}

fn device(id: &DeviceId, seen: &Seen, now: Mono) -> Value {
    json!({
        "id": id,
        "state": seen.state,
        "since_s": seconds(seen.since, now),
        "why": seen.why.as_ref().map(ToString::to_string),
        "last_frame_ms": seen.last_frame.map(|at| now.since(at).as_ms()),
        "noise_permille": seen.noise_permille,
        "noise_runs": seen.counts.noise_runs,
        "frames": seen.counts.frames,
        "timeouts": seen.counts.timeouts,
        "opens": seen.counts.opens,
        "reopens": seen.counts.opens.saturating_sub(1),
        "strangers": seen.counts.strangers,
        "readings_lost": seen.dropped,
        "clock_skew_ms": seen.clock_off_ms,
        "battery_pct": seen.battery_pct,
        "clock_fault": seen.clock_fault.map(|fault| fault.to_string()),
        "hint": seen.hint,
    })
}

/// As of the last look, a minute ago at most.
fn drift(drift: Drift) -> Value {
    json!({"kg": drift.kg, "error_kg": drift.error_kg, "tractors": drift.tractors})
}

fn sign(sign: &Sign) -> Value {
    let lines = |lines: &Option<Lines>| json!(lines);
    match sign {
        Sign::Welcome => json!({"shows": "welcome"}),
        Sign::Stop => json!({"shows": "stop"}),
        Sign::Wait => json!({"shows": "wait"}),
        Sign::Go => json!({"shows": "go"}),
        Sign::ToBay(l) => json!({"shows": "to-bay", "lines": lines(l)}),
        Sign::Officer(l) => json!({"shows": "officer", "lines": lines(l)}),
        Sign::ReverseOut => json!({"shows": "reverse-out"}),
        Sign::Closed => json!({"shows": "closed"}),
        Sign::Manual => json!({"shows": "manual"}),
    }
}

/// The controller's own status; lanes are added by whoever has them.
pub(super) fn controller(port: &Port, now: Now) -> Value {
    let view = port.shared.committer.view();
    let freshness = *port.shared.freshness();
    let (store, progress) = (port.store.shown(), port.store.progress());
    let usage = port.shared.journal_usage();
    let oldest = port
        .shared
        .outbox_oldest()
        .filter(|_| view.unacknowledged() > 0);
    json!({
        "controller": port.config.controller.id,
        "program": env!("CARGO_PKG_VERSION"),
        "start": view.ledger.starts(),
        "clock": match now.clock { Clock::Trusted => "trusted", Clock::Unknown => "unknown" },
        "link": freshness.link(now.mono),
        "cache_age_s": freshness.age_s(now),
        "feed": view.ledger.position(),
        "outbox": view.unacknowledged(),
        "outbox_oldest_s": oldest.map(|at| (now.wall - at).max(0) / 1000),
        "journal": {
            "seq": view.head_seq,
            "records": view.head_seq.saturating_add(1),
            "state": view.journal,
            "genesis": view.genesis,
            "checkpoint_key": view.checkpoint_key,
            "segments": usage.map(|u| u.segments),
            "bytes": usage.map(|u| u.bytes),
            "free_bytes": usage.map(|u| u.free_bytes),
        },
        "store": {
            "state": store.state,
            "count": store.count,
            "unverified_buckets": store.unverified_buckets,
            "waiting": progress.asked.saturating_sub(progress.answered),
        },
        "control_unreadable": view.ledger.is_control_unreadable(),
        "brokers": port.shared.links().into_iter().map(|(peer, status)| json!({
            "peer": peer,
            "up": status.up,
            "connects": status.connects,
            "received": status.received,
            "why_down": status.why_down,
            "refused": status.refused,
            "outbox": status.outbox,
        })).collect::<Vec<_>>(),
        "policy": super::policy::status(port),
    })
}

/// Measures flushes and wakes the outbox.
pub(super) struct CommitHooks {
    metrics: Metrics,
    clock: crate::clock::Clock,
    durable: Arc<Notify>,
    began: Option<Mono>,
}

impl CommitHooks {
    pub(super) const fn new(
        metrics: Metrics,
        clock: crate::clock::Clock,
        durable: Arc<Notify>,
    ) -> Self {
        Self {
            metrics,
            clock,
            durable,
            began: None,
        }
    }
}

impl Hooks for CommitHooks {
    fn before_flush(&mut self) {
        self.began = Some(self.clock.mono());
    }

    fn after_flush(&mut self, flushed: Flushed) {
        if flushed.records == 0 {
            return;
        }
        let took = self
            .began
            .take()
            .map_or(Micros(0), |at| self.clock.mono().since(at));
        self.metrics
            .observe(&metrics::JOURNAL_SYNC_SECONDS, &[], took);
        let records = i64::try_from(flushed.records).unwrap_or(i64::MAX);
        self.metrics.set(&metrics::JOURNAL_BATCH, &[], records);
        self.metrics
            .set(&metrics::JOURNAL_FULL, &[], i64::from(flushed.full));
        self.durable.notify_one();
    }
}

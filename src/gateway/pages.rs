//! Probes and metrics, asked for at every request. They have a thread of their
//! own: a scrape of many lanes is a megabyte of text, made in one go.

use std::sync::Arc;

use lanegate_core::model::JournalState;
use lanegate_core::time::Clock;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::back::keep_turning;
use super::own_thread::{self, Ended};
use super::port::Port;
use super::{RunError, gauges};
use crate::http::{Pages, Server};
use crate::metrics::PrometheusHandle;

/// What the probes look at.
pub(super) struct PortPages {
    pub(super) port: Port,
    pub(super) scrape: PrometheusHandle,
    pub(super) lanes: Vec<watch::Receiver<Value>>,
}

/// Answers on a thread of its own until `stop`.
pub(super) fn serve(pages: PortPages, stop: &CancellationToken) -> Result<Ended, RunError> {
    let server = Server::bind(pages.port.config.http.listen).map_err(RunError::Http)?;
    info!(listen = %server.address(), "probes and metrics");
    let stop = stop.clone();
    let serve = move || async move {
        let turns = pages.port.shared.turns.pages.clone();
        let turning = keep_turning("pages", turns, pages.port.clone(), stop.clone());
        let serving = async {
            let served = server.serve(Arc::new(pages), stop.cancelled_owned());
            if let Err(why) = served.await {
                error!(%why, "probes and metrics are gone: the listener broke off");
            }
        };
        tokio::join!(serving, turning);
    };
    own_thread::spawn("pages", "a thread for probes and metrics", serve)
}

impl Pages for PortPages {
    fn not_alive(&self) -> Vec<String> {
        let mut dead = Vec::new();
        let committer = self.port.shared.committer.progress();
        if committer.outstanding()
            > u64::try_from(crate::committer::QUEUE_LEN_MAX).unwrap_or(u64::MAX) / 2
        {
            dead.push("the committer does not keep up: look at the disk".to_owned());
        }
        dead
    }

    fn not_ready(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let now = self.port.shared.clock.now();
        if now.clock == Clock::Unknown {
            missing.push("clock: not confirmed yet, every verdict is Hold".to_owned());
        }
        if self.port.shared.freshness().age_s(now).is_none()
            && self.port.config.authority_broker.is_some()
        {
            missing.push("authority: no heartbeat heard yet".to_owned());
        }
        if self
            .port
            .shared
            .committer
            .view()
            .ledger
            .is_control_unreadable()
        {
            missing.push("controls: one cannot be read, every truck holds until the authority sends a snapshot".to_owned());
        }
        for (peer, status) in self.port.shared.links() {
            for topic in &status.refused {
                missing.push(format!(
                    "broker of {peer}: refuses {topic}, check its access list"
                ));
            }
        }
        if self.port.shared.committer.view().journal != JournalState::Ok {
            missing.push("journal: no room or not reconciled, nothing is released".to_owned());
        }
        for lane in &self.lanes {
            let status = lane.borrow();
            let (name, state) = (
                &status["lane"],
                status["state"].as_str().unwrap_or("starting"),
            );
            if state == "starting" || state.starts_with("faulted") {
                missing.push(format!("lane {}: {state}", name.as_str().unwrap_or("?")));
            }
            for device in status["devices"].as_array().into_iter().flatten() {
                if device["state"] == "lost" {
                    let id = device["id"].as_str().unwrap_or("?");
                    let why = device["why"].as_str().unwrap_or("silent");
                    missing.push(format!("device {id}: lost, {why}"));
                }
            }
        }
        missing
    }

    fn metrics(&self) -> String {
        gauges::say(&self.port, &self.lanes);
        let devices = gauges::devices_text(&self.port.config.lanes);
        self.scrape.render() + &devices + &super::policy::metrics_text(&self.port)
    }
}

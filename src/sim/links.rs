//! What comes and goes around the shipped code: the controller's clock, its
//! two brokers, and the quiet last part of a run in which all is well again.

use std::collections::BTreeSet;

use firmware_sim::{Link, Us};
use lanegate_core::record::ReconciledBody;
use lanegate_core::time::{Clock, Now, Wall};

use super::breaks::Death;
use super::rig::{Rig, now_at};
use super::sabotage::Sabotage;
use crate::authority::feed::WAITING_MAX;
use crate::authority::{Held, IN_FLIGHT_MAX};
use crate::clock::Agreement;

/// Once all trucks are gone, what is left in the journal reaches the authority
/// within this.
const LAST_RECORDS_US: Us = 60_000_000;

/// What is not there at the moment, whether or not a daemon sees it go.
#[derive(Default)]
pub(super) struct Away {
    ports: BTreeSet<String>,
    devices: bool,
    authority: bool,
}

impl Away {
    /// A port vanished, or is there again.
    pub(super) fn port(&mut self, port: &str, open: bool) {
        if open {
            self.ports.remove(port);
        } else {
            self.ports.insert(port.to_owned());
        }
    }

    const fn link(&mut self, link: Link, up: bool) {
        match link {
            Link::Devices => self.devices = !up,
            Link::Authority => self.authority = !up,
        }
    }
}

impl Rig {
    /// The present, as the controller's clock has it.
    pub(super) fn now(&self) -> Now {
        let mut now = now_at(self.now_us, Clock::Unknown);
        now.wall = now.wall.plus_ms(self.world.clock_off_ms());
        now.clock = self.trust.judge(now.mono, now.wall);
        if self.sabotage == Some(Sabotage::ClockAlwaysTrusted) {
            now.clock = Clock::Trusted;
        }
        now
    }

    /// A heartbeat of what is applied, as the daemon takes it.
    pub(super) fn current(&mut self, sent_at: Option<Wall>) {
        let now = self.now();
        let agreement = sent_at.map(|sent| self.trust.heartbeat(sent, now.mono, now.wall));
        match (agreement, sent_at) {
            (Some(Agreement::Behind), Some(sent_at)) => self.freshness.heard(sent_at),
            (Some(Agreement::Agrees), _) => {
                self.freshness.current(now.mono);
                // It knows the time again: trucks come to a lane that can judge.
                self.world.gateway(true);
            }
            (Some(Agreement::Ahead | Agreement::Behind) | None, _) => {
                self.freshness.current(now.mono);
            }
        }
        self.tell_changed();
    }

    /// A message came from one of the brokers.
    pub(super) fn arrive(&mut self, topic: &str, payload: &[u8], retained: bool) {
        if topic.starts_with("lanegate/") {
            if self.life.breaks.is_down() {
                if !retained {
                    let kept = (topic.to_owned(), payload.to_vec());
                    self.life.kept_by_broker.push(kept);
                }
                return;
            }
            if topic.ends_with("/feed") && !retained {
                self.last_feed_us = self.now_us;
            }
            self.session.message(topic, payload, retained);
            return;
        }
        let accepts = retained && self.sabotage == Some(Sabotage::RetainedAccepted);
        self.spoils.retained = accepts;
        let retained = retained && !accepts;
        let now = self.now();
        for lane in &mut self.lanes {
            lane.message(topic, payload, retained, now);
        }
    }

    /// A broker went away or is there again.
    pub(super) fn link(&mut self, link: Link, up: bool) {
        self.say(|| format!("{link:?} is {}", if up { "there" } else { "away" }));
        self.life.away.link(link, up);
        if self.life.breaks.is_down() {
            return;
        }
        let now = self.now();
        match (link, up) {
            (Link::Devices, up) => {
                for lane in &mut self.lanes {
                    lane.broker(up, now);
                }
            }
            (Link::Authority, false) => {
                self.session.disconnected();
                self.freshness.disconnected();
                self.tell_changed();
            }
            (Link::Authority, true) => self.greet_if_there(),
        }
    }

    /// New lanes find what is away as their tasks do: at the first attempt.
    pub(super) fn lanes_find_away(&mut self, now: Now) {
        for lane in &mut self.lanes {
            for port in &self.life.away.ports {
                lane.port(port, false, now);
            }
            if self.life.away.devices {
                lane.broker(false, now);
            }
        }
    }

    /// The conversation begins, if the authority's broker is there; what it
    /// kept for us comes now.
    pub(super) fn greet_if_there(&mut self) {
        if self.life.away.authority {
            return;
        }
        self.trust.resumed(self.now().mono);
        self.session.connected();
        for (lane, state) in &self.lane_states {
            self.session.lane_state(lane, state);
        }
        for (topic, payload) in std::mem::take(&mut self.life.kept_by_broker) {
            self.arrive(&topic, &payload, false);
        }
    }

    /// Nobody replaced a disk: the authority knows no other journal of ours,
    /// and no more of it than we do. The daemon does as it must all the same.
    pub(super) fn blocked(&mut self, held: Option<Held>) {
        let Some(Held { genesis, through }) = held else {
            return;
        };
        let what = format!(
            "the authority was given another journal than ours, {genesis} to {through}, and ours has {}",
            self.gate.head()
        );
        self.laws.breach("L5", self.now_us, what);
        let at = self.now().wall;
        if self.gate.authority_holds(at, &genesis, through) {
            self.note_durable();
            self.session.marked(self.gate.reconciliation());
            self.tell_starts();
            self.tell_changed();
        } else {
            self.life.breaks.strike(Death { power: false });
        }
    }

    /// The ledger as the authority holds it is taken over.
    pub(super) fn reconcile(&mut self, body: ReconciledBody) {
        let at = self.now().wall;
        if self.gate.reconcile(at, body) {
            self.note_durable();
            self.session.reconciled(self.gate.reconciliation());
            self.tell_starts();
            self.tell_changed();
        }
    }

    /// Outputs that are on, by lane.
    pub(super) fn outputs_on(&self) -> Vec<bool> {
        let lanes = 0..self.setups.len();
        lanes.map(|n| self.world.any_output_on(n)).collect()
    }

    /// L11: a start switches nothing on, before anything was read. `before`: what
    /// was on, its time not over.
    pub(super) fn check_start(&mut self, before: &[bool]) {
        let after = self.outputs_on();
        for (n, (was, is)) in before.iter().zip(after).enumerate() {
            if is && !was {
                let what = format!("lane {n}: an output was switched on by a start");
                self.laws.breach("L11", self.now_us, what);
            }
        }
    }

    /// L9: what waits is bounded.
    pub(super) fn check_bounds(&mut self) {
        let flying = self.session.in_flight();
        let waiting = self.session.feed_waiting();
        if flying > IN_FLIGHT_MAX || waiting > WAITING_MAX {
            let what = format!("{flying} records in flight, {waiting} batches wait");
            self.laws.breach("L9", self.now_us, what);
        }
    }

    /// All is well: the trucks that came last have left, and every record is
    /// where it belongs.
    pub(super) fn check_the_end(&mut self) {
        if !self.world.finished() {
            let views = self.world.trucks();
            let left = views.iter().filter(|view| !view.phase.is_over());
            let left: Vec<_> = left
                .map(|v| format!("{} {:?} in {}", v.id, v.phase, v.lane))
                .collect();
            let what = format!("trucks are left and nothing moves them: {left:?}");
            self.laws.breach("liveness", self.now_us, what);
            return;
        }
        for what in self.world.not_alive() {
            self.laws.breach("liveness", self.now_us, what);
        }
        let until = self.now_us + LAST_RECORDS_US;
        self.end_breaks();
        while !self.life.breaks.is_healed()
            || self.session.outbox_depth() > 0
            || self.gate.flush_at().is_some()
        {
            let Some(next) = self.next().filter(|&at| at <= until) else {
                break;
            };
            self.step(next);
        }
        self.check_feed();
        let (held, head) = (self.world.authority().records().len(), self.gate.head());
        if u64::try_from(held) != Ok(head) {
            let what = format!("the authority holds {held} of {head} records");
            self.laws.breach("L5", self.now_us, what);
        }
    }
}

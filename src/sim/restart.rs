//! The simulated daemon ends and starts again: everything it had in memory is
//! gone, the disk keeps what it kept, the store what it had flushed, and the
//! world goes on meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use firmware_sim::{Fact, Must, Phase, Us};
use lanegate_core::model::{Balance, DeclarationId};
use lanegate_core::time::Now;

use super::breaks::{Breaks, Death, DiskFault, FLOOR_BYTES, Point, Strike};
use super::gate::Heard;
use super::links::Away;
use super::orders::Orders;
use super::rig::{CLOCK_HOLD, Rig};
use super::sabotage::Sabotage;
use super::setup::CONTROLLER;
use crate::authority::{Freshness, Session};
use crate::clock::Trust;
use crate::store::Store as _;

/// Trucks that come this long after the last fault must find everything well.
const GRACE_US: Us = 30_000_000;
/// A good truck has left this long after it came.
const LEAVES_WITHIN_US: Us = 60_000_000;
/// A start that failed is tried again after this.
const AGAIN_US: Us = 2_000_000;
/// Reads that fail at a start whose disk cannot be read.
const BAD_READS: u32 = 1;

/// What becomes of the daemon, and what is kept for it meanwhile.
pub(super) struct Life {
    pub(super) breaks: Breaks,
    pub(super) healed: Healed,
    /// Nothing else fails: who comes later finds everything well.
    alone: bool,
    /// What is not there, for whoever starts.
    pub(super) away: Away,
    /// Messages of the authority while nobody was there.
    pub(super) kept_by_broker: Vec<(String, Vec<u8>)>,
    /// A lift was handed to a board and is not on the wire yet.
    pub(super) lifting: bool,
    /// Reads that fail at the next start.
    bad_reads: u32,
    /// The next snapshot is taken at this record.
    snapshot_at: u64,
    /// What a start that builds no ledger does not know of.
    pub(super) not_rebuilt: BTreeMap<DeclarationId, Balance>,
}

impl Life {
    /// Nothing of the daemon ever breaks; `alone`: nor anything else.
    pub(super) fn whole(alone: bool) -> Self {
        Self {
            breaks: Breaks::none(),
            healed: Healed::default(),
            alone,
            away: Away::default(),
            kept_by_broker: Vec::new(),
            lifting: false,
            bad_reads: 0,
            snapshot_at: 0,
            not_rebuilt: BTreeMap::new(),
        }
    }
}

/// Who came after everything had healed, and who has left.
#[derive(Default)]
pub(super) struct Healed {
    since: Option<Us>,
    /// Trucks that were ever in a lane.
    seen: BTreeSet<u32>,
    /// Trucks that first came after it, and when.
    arrived: Vec<(u32, Us)>,
    crossed: Vec<(u32, Us)>,
}

impl Healed {
    pub(super) fn note(&mut self, fact: &Fact) {
        if let Fact::Arrived { at, truck, .. } = fact {
            let late = self.since.is_some_and(|since| *at >= since + GRACE_US);
            if self.seen.insert(*truck) && late {
                self.arrived.push((*truck, *at));
            }
        }
        if let Fact::CrossedArm { at, truck, .. } = fact {
            self.crossed.push((*truck, *at));
        }
    }

    fn crossed_at(&self, truck: u32) -> Option<Us> {
        let mut crossed = self.crossed.iter();
        crossed.find(|(t, _)| *t == truck).map(|(_, at)| *at)
    }
}

impl Rig {
    /// The same port, whose daemon and disk break as planned.
    pub(crate) fn breaking(mut self, breaks: Breaks) -> Self {
        if self.sabotage == Some(Sabotage::UnsyncedAnswered) {
            self.gate.disk().lie_about_syncs(true);
        }
        self.life.breaks = breaks;
        self
    }

    /// What is to break, heal or start by itself by now.
    pub(super) fn break_due(&mut self) {
        let now = self.now_us;
        if self.world.is_healed() {
            self.end_breaks();
        }
        if self.life.breaks.room_at.is_some_and(|at| at <= now) {
            self.life.breaks.room_at = None;
            self.gate.disk().set_capacity(None);
            self.store.medium_mut().fail_writes(false);
            self.life.breaks.done(now);
            if !self.life.breaks.is_down() {
                // As the store's thread does, and then the authority's task.
                self.store.load();
                self.store.expect(&self.gate.buckets());
                // As the authority's task does at its next tick.
                self.gate.look_at_space();
                self.tell_changed();
            }
        }
        if let Some(Strike::Disk { fault, for_us }) = self.life.breaks.arm(now) {
            self.break_disk(fault, for_us);
        }
        self.life.breaks.fall_due(now);
        self.end_if_struck();
        if self.life.breaks.down_until.is_some_and(|at| at <= now) {
            self.start_again();
        }
        if self.life.healed.since.is_none() && self.life.breaks.is_healed() {
            self.life.healed.since = Some(now);
        }
    }

    /// From now on neither process nor disk breaks.
    pub(super) fn end_breaks(&mut self) {
        let disk = self.gate.disk();
        disk.fail_appends(0, 0);
        disk.fail_syncs(0);
        self.life.breaks.end(self.now_us);
    }

    fn break_disk(&mut self, fault: DiskFault, for_us: Us) {
        let disk = self.gate.disk();
        let now = self.now_us;
        self.say(|| format!("disk {fault:?}"));
        match fault {
            DiskFault::Write => disk.fail_appends(1, 0),
            DiskFault::ShortWrite => {
                let written = self.life.breaks.chance.between(1, 4000);
                disk.fail_appends(1, usize::try_from(written).expect("a few bytes"));
            }
            DiskFault::Sync => disk.fail_syncs(1),
            DiskFault::Read => {
                self.life.breaks.strike(Death { power: false });
                self.life.bad_reads = BAD_READS;
            }
            DiskFault::BelowFloor | DiskFault::Full => {
                let room = match fault {
                    DiskFault::Full => self.life.breaks.chance.between(0, 300),
                    DiskFault::BelowFloor
                    | DiskFault::Write
                    | DiskFault::ShortWrite
                    | DiskFault::Sync
                    | DiskFault::Read
                    | DiskFault::StoreWrite => FLOOR_BYTES - 1,
                };
                disk.set_capacity(Some(disk.used_bytes() + room));
                self.life.breaks.room_at = Some(now + for_us);
            }
            DiskFault::StoreWrite => {
                self.store.medium_mut().fail_writes(true);
                self.life.breaks.room_at = Some(now + for_us);
            }
        }
        self.life.breaks.count(fault.counted());
    }

    /// The process is gone: what it knew is forgotten, what it had not synced
    /// is lost with the power or waits on, and nobody answers any more.
    pub(super) fn end_if_struck(&mut self) -> bool {
        let Some(Death { power }) = self.life.breaks.take_struck() else {
            return false;
        };
        self.say(|| format!("the daemon is gone (power: {power})"));
        let disk = self.gate.disk();
        if power {
            self.cut_power();
        } else {
            self.life.breaks.count("process.kill");
            disk.kill();
        }
        self.lanes.clear();
        self.gate.forget();
        self.session = Session::new(CONTROLLER, self.gate.genesis(), None, 0, 0);
        self.freshness = Freshness::new(None);
        self.trust = Trust::new(CLOCK_HOLD);
        self.spoils.forget();
        self.orders = Orders::default();
        self.lane_states.clear();
        self.life.lifting = false;
        for lane in 0..self.setups.len() {
            let arm = self.world.physical(lane);
            // One that stands on its way may go on by itself.
            let lowering = arm.arm_lowering || !matches!(arm.arm_permille, 0 | 1000);
            self.laws.died(lane, lowering);
        }
        self.life.breaks.go_down(self.now_us);
        self.world.gateway(false);
        true
    }

    fn cut_power(&mut self) {
        let disk = self.gate.disk();
        let unsynced = disk.unsynced_bytes() as u64;
        let chance = &mut self.life.breaks.chance;
        let kept = match chance.between(0, 3) {
            0 => 0,
            _ => chance.between(0, unsynced),
        };
        let garbage: Vec<u8> = (0..chance.between(0, 64))
            .map(|_| u8::try_from(chance.between(0, 255)).expect("a byte"))
            .collect();
        let torn = kept > 0 && kept < unsynced;
        disk.crash_onto(usize::try_from(kept).expect("a tail"), &garbage);
        self.life.breaks.count("process.power-cut");
        if unsynced > 0 && kept == 0 {
            self.life.breaks.count("disk.lost-suffix");
        }
        if torn {
            self.life.breaks.count("disk.torn-record");
        }
        if unsynced > kept && !garbage.is_empty() {
            self.life.breaks.count("disk.garbage");
        }
    }

    /// A new daemon over the same disk, as systemd would start it.
    fn start_again(&mut self) {
        let now = self.now();
        let disk = self.gate.disk();
        disk.fail_reads(std::mem::take(&mut self.life.bad_reads));
        let opened = self.gate.reopen(now);
        disk.fail_reads(0);
        match opened {
            Err(why) => {
                self.say(|| format!("the start failed: {why}"));
                self.life.breaks.count("process.start-failed");
                // Some faults pass while nobody looks, one at a time.
                disk.kill();
                self.life.breaks.down_until = Some(self.now_us + AGAIN_US);
                return;
            }
            Ok(lost) => {
                for what in lost {
                    self.laws.breach("L5", self.now_us, what);
                }
            }
        }
        self.say(|| "the daemon has started".to_owned());
        if self.sabotage == Some(Sabotage::LedgerNotRebuilt) {
            self.life.not_rebuilt = self.gate.balances();
        }
        self.note_recovered();
        self.laws.restarted();
        if let Some(at) = self.gate.recorded_at() {
            self.trust.recorded(at);
        }
        self.orders = Orders::remembering(self.gate.order_answers());
        self.life.breaks.up_again(self.now_us);
        self.open_store();
        let before = self.outputs_on();
        self.start_lanes(now);
        self.lanes_find_away(now);
        self.connect_again();
        self.check_start(&before);
        if self.sabotage == Some(Sabotage::RecoveryLifts) {
            self.lift_unasked();
        }
    }

    /// The store as it was flushed, verified as at every start.
    fn open_store(&mut self) {
        self.store.reopen();
        self.store.load();
        self.store.expect(&self.gate.buckets());
    }

    /// The conversation goes on from what journal and store hold; what the
    /// broker kept for us comes now.
    fn connect_again(&mut self) {
        let position = self.store.position().min(self.gate.position());
        let head = self.gate.head();
        let acked = if self.sabotage == Some(Sabotage::OutboxAhead) {
            head
        } else {
            self.gate.acknowledged_below()
        };
        self.session = Session::new(CONTROLLER, self.gate.genesis(), position, acked, head)
            .remembering(self.gate.reconciliation())
            .fed_to(self.gate.position());
        self.freshness = Freshness::new(self.gate.heard_at());
        self.greet_if_there();
    }

    /// What the journal says of the lane before the start is taken for a
    /// release that still stands.
    fn lift_unasked(&mut self) {
        for n in 0..self.lanes.len() {
            if self.gate.recovery_of(&self.setups[n]).ours_up {
                self.lift(n, None);
            }
        }
    }

    /// Whether it is time for a snapshot: now and then while things break, so
    /// that starts begin from one.
    pub(super) fn snapshot_now_and_then(&mut self, now: Now) {
        let due = self.life.breaks.next().is_some() && self.gate.head() >= self.life.snapshot_at;
        if due && !self.life.breaks.is_down() && !self.life.breaks.is_struck() {
            self.life.snapshot_at = self.gate.head() + self.life.breaks.chance.between(40, 200);
            if !self.gate.snapshot(now.wall) {
                self.life.breaks.strike(Death { power: false });
            }
        }
    }

    /// Writes what waits; none if the journal failed, which ends the daemon.
    pub(super) fn flush_disk(&mut self) -> Option<Vec<Heard>> {
        let disk = self.gate.disk();
        let ending = self.life.breaks.ends_in_write();
        if ending.is_some() {
            let torn = self.life.breaks.chance.permille(500);
            let bytes = self.life.breaks.chance.between(0, 3000);
            let bytes = usize::try_from(bytes).expect("a few bytes");
            disk.cut_power_after(u64::from(!torn), bytes);
        }
        match self.gate.flush() {
            Ok(heard) => {
                if ending.is_some() {
                    // Nothing was to be written.
                    disk.kill();
                }
                Some(heard)
            }
            Err(why) => {
                self.say(|| format!("the journal failed: {why:?}"));
                if ending.is_some() {
                    self.life.breaks.count("process.written");
                }
                let power = ending.unwrap_or(false);
                self.life.breaks.strike(Death { power });
                None
            }
        }
    }

    /// The daemon comes to `point`.
    pub(super) fn reach(&mut self, point: Point) {
        self.life.breaks.reach(point, self.now_us);
    }

    /// After the faults: whoever conforms and came to a lane that was well
    /// has left over the road within the stated time.
    pub(super) fn check_healed(&mut self) {
        if !self.life.alone {
            // The world's own quiet last part says it then.
            return;
        }
        let views = self.world.trucks();
        let mut late = Vec::new();
        for (truck, came) in &self.life.healed.arrived {
            let view = views.iter().find(|v| v.id == *truck);
            let Some(view) = view.filter(|v| v.must == Must::Release) else {
                continue;
            };
            let at = self.life.healed.crossed_at(*truck);
            let left = at.is_some_and(|at| at <= came + LEAVES_WITHIN_US);
            if view.phase.is_over() && (view.phase != Phase::Released || !left) {
                late.push(format!(
                    "truck {truck} came at {came} us, after everything had healed, and left {:?} at {at:?}",
                    view.phase
                ));
            }
        }
        for what in late {
            self.laws.breach("liveness", self.now_us, what);
        }
    }
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod tests;

//! The quiet last part of a run with faults: everything is well again, and the
//! last truck of each lane, which conforms, must leave in time.

use super::devices::ALIVE_US;
use super::view::Phase;
use super::{Event, World};
use crate::options::{MS, Us};
use crate::yard::arm::UP;

/// A good truck has left this long after everything was well again: an officer
/// has been called and come, the lines are back, the arm was seen to.
const WELL_US: Us = 240_000 * MS;
/// So long a camera's clock that was set may be nobody's to place pictures by.
const CLOCK_LEARNT_US: Us = 90_000 * MS;
/// So long a lock that spoke with nobody at the stop line may count for whoever
/// comes next.
const STRAY_US: Us = 30_000 * MS;

impl World {
    /// The last truck of each lane, in a run with faults: it comes when all is
    /// well again, and conforms.
    pub(super) fn is_last(&self, truck: usize) -> bool {
        !self.faults.is_none() && truck + self.lanes.len() >= self.trucks.len()
    }

    /// Whether the next truck of a lane stays where it is for now.
    pub(super) fn must_wait(&self, lane: usize) -> bool {
        let next = self.lanes[lane].queue.front();
        let well = self.wires.healed_at.is_some() && !self.wires.gateway_gone;
        let last = next.is_some_and(|&t| self.is_last(t)) && !well;
        last || self.now < self.wires.rest_until
    }

    /// Nobody answers at the gateway, or somebody does again and knows the time:
    /// whoever comes when all is well does not come before.
    pub fn gateway(&mut self, there: bool) {
        if self.wires.gateway_gone != there {
            return;
        }
        self.wires.gateway_gone = !there;
        for lane in 0..self.lanes.len() {
            self.schedule(self.now, Event::Look { lane });
        }
    }

    /// Whether a run with faults has come to its quiet last part.
    pub fn is_healed(&self) -> bool {
        self.wires.healed_at.is_some()
    }

    /// Ends all faults once only the last trucks are left.
    pub(super) fn heal_if_time(&mut self) {
        let lasts = self.lanes.len();
        if self.faults.is_none() || self.wires.healed_at.is_some() {
            return;
        }
        if self.over + lasts < self.trucks.len() {
            return;
        }
        self.wires.healed_at = Some(self.now);
        self.heal_wires();
        self.faults.heal();
        self.wires.rest_until = self.quiet_from();
        for lane in 0..self.lanes.len() {
            self.unjam_healed(lane);
            self.schedule(self.wires.rest_until, Event::Look { lane });
        }
    }

    /// From when nothing of what went wrong, nor of the trucks before, is heard
    /// any more.
    fn quiet_from(&self) -> Us {
        // What lines and brokers held up belongs to the trucks before.
        let held_up = self.scheduled.iter().filter_map(|s| s.0.held_up());
        // A lock that speaks behind its truck may be the next one's, as long as
        // a gateway remembers it.
        let strays = self.lanes.iter().filter_map(|l| l.stray_at);
        let strays = strays.map(|at| at + STRAY_US);
        // A device that is back has not spoken yet.
        let spoken = self.now + ALIVE_US;
        let clocks = self.faults.lanes.iter().filter_map(|l| l.camera_set_at);
        let clocks = clocks.map(|at| at + CLOCK_LEARNT_US);
        held_up.chain(strays).chain(clocks).fold(spoken, Us::max)
    }

    /// What was held up until now may be taken for the next truck's: the last ones
    /// wait for that, too.
    pub(super) fn rest_after_stray(&mut self) {
        let until = self.now + STRAY_US;
        if self.wires.healed_at.is_none() || until <= self.wires.rest_until {
            return;
        }
        self.wires.rest_until = until;
        for lane in 0..self.lanes.len() {
            self.schedule(until, Event::Look { lane });
        }
    }

    fn unjam_healed(&mut self, lane: usize) {
        if let Some(there) = self.lanes[lane].diverter.heal(self.now) {
            self.schedule(there, Event::Look { lane });
        }
        let arm = &self.lanes[lane].arm;
        let position = arm.position(self.now);
        let standing = position != 0 && position != UP && !arm.is_moving(self.now);
        if standing {
            self.send_arm(lane, 0);
        }
    }

    /// Last trucks that did not leave over the road in time, in words.
    pub fn not_alive(&self) -> Vec<String> {
        let Some(healed_at) = self.wires.healed_at else {
            return Vec::new();
        };
        let lasts = (0..self.trucks.len()).filter(|&t| self.is_last(t));
        // What a camera that is well reads wrong now and then is not well.
        let late = lasts.filter(|&t| {
            let t = &self.trucks[t];
            let left = t.phase == Phase::Released && t.over_at <= healed_at + WELL_US;
            !left && !t.misread
        });
        late.map(|t| {
            let view = &self.views[t];
            format!(
                "truck {} of {} came when all was well, and is {:?} after {} s {}",
                view.id,
                view.lane,
                view.phase,
                (self.trucks[t].over_at.saturating_sub(healed_at)) / (1000 * MS),
                view.note
            )
        })
        .collect()
    }
}

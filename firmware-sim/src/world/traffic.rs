//! Trucks and drivers: who sets off when, who goes, waits, reverses, follows.

use super::lane::{Truck, Why};
use super::view::{Fact, Phase, To};
use super::{ABANDON_US, Event, World, id, permille};
use crate::devices::board::Coil;
use crate::options::{MS, Must, Us};
use crate::population::Driver;
use crate::truth::Crossing;
use crate::yard::arm::CLEAR;
use crate::yard::truck::{ENTRY_MM, GONE_MM, LINE_MM, Mark, PRESENCE_MM, Segment};

/// Two trucks this close are one long vehicle to a loop: its clear time (300 ms
/// in a simulated port), a poll on either side and their jitter.
const ONE_VEHICLE_US: Us = 520 * MS;

impl World {
    pub(super) fn open(&mut self, lane: usize) {
        if !self.lanes[lane].open {
            self.lanes[lane].open = true;
            self.issue_controls(lane);
            self.consider_next(lane);
        }
    }

    /// Lets the next truck set off if the entry is free; called whenever that may have changed.
    pub(super) fn consider_next(&mut self, lane: usize) {
        let l = &self.lanes[lane];
        if !l.open || l.queue.is_empty() || l.coming || self.must_wait(lane) {
            return;
        }
        if l.present.is_empty() && l.may_turn_away != Some(l.ticket) {
            let turn_away = Event::TurnAway {
                lane,
                ticket: l.ticket,
            };
            self.schedule(self.now + ABANDON_US, turn_away);
            self.lanes[lane].may_turn_away = Some(self.lanes[lane].ticket);
        }
        if self.entry_free(lane) {
            let ticket = self.lanes[lane].ticket;
            self.lanes[lane].coming = true;
            let gap = Us::from(self.o.times.gap_ms) * MS;
            self.schedule(self.now + gap, Event::Arrive { lane, ticket });
        }
    }

    pub(super) fn arrive(&mut self, lane: usize, ticket: u32) {
        if self.lanes[lane].ticket != ticket {
            return;
        }
        self.lanes[lane].coming = false;
        if !self.entry_free(lane) {
            return;
        }
        let Some(truck) = self.set_off(lane) else {
            return;
        };
        let approach = Us::from(self.o.times.approach_ms) * MS;
        self.approach(truck, ENTRY_MM, approach);
    }

    /// The entry stayed red although nobody is in the lane: the driver gives up.
    pub(super) fn turn_away(&mut self, lane: usize, ticket: u32) {
        let l = &self.lanes[lane];
        if l.ticket != ticket || !l.present.is_empty() || self.must_wait(lane) {
            return;
        }
        if let Some(truck) = self.set_off(lane) {
            self.lanes[lane].present.retain(|&t| t != truck);
            self.note(truck, "turned away at the entry");
            self.end(truck, Phase::Unfinished);
        }
    }

    fn entry_free(&self, lane: usize) -> bool {
        let (l, now) = (&self.lanes[lane], self.now);
        let blocks = |t: &Truck| match t.phase {
            Phase::Crossing => t.body.rear(now) < PRESENCE_MM.1,
            Phase::ToBay => t.body.on_presence(now),
            Phase::Approaching | Phase::AtStopLine | Phase::Reversing => true,
            Phase::Queued
            | Phase::Released
            | Phase::Inspected
            | Phase::Held
            | Phase::Unfinished => false,
        };
        !l.board.coil(Coil::EntryRed, now) && !l.present.iter().any(|&t| blocks(&self.trucks[t]))
    }

    /// Takes the next truck out of the queue and into the lane.
    fn set_off(&mut self, lane: usize) -> Option<usize> {
        let truck = self.lanes[lane].queue.pop_front()?;
        let l = &mut self.lanes[lane];
        l.ticket += 1;
        l.coming = false;
        l.present.push(truck);
        self.issue_controls(lane);
        Some(truck)
    }

    pub(super) fn approach(&mut self, truck: usize, from_mm: i64, for_us: Us) {
        let segment = Segment {
            t0: self.now,
            x0: from_mm,
            t1: self.now + for_us,
            x1: LINE_MM,
        };
        self.set_phase(truck, Phase::Approaching);
        self.go(truck, segment);
        let presence = segment.reaches(PRESENCE_MM.0).unwrap_or(self.now);
        self.photograph(truck, presence);
    }

    /// A follower or tailgater sets off right behind `before`, whose rear is at the stop line.
    fn follow(&mut self, lane: usize, before: usize) {
        let Some(&next) = self.lanes[lane].queue.front() else {
            return;
        };
        let arm_up = self.lanes[lane].arm.is_up(self.now);
        let driver = self.trucks[next].driver;
        let halts = matches!(self.trucks[before].driver, Driver::StallUnderArm { .. });
        let comes = match driver {
            Driver::Follow => true,
            // Nobody drives through a truck that stands under the arm.
            Driver::Tailgate => !halts,
            Driver::Calm
            | Driver::ReverseEarly { .. }
            | Driver::ReverseCleared
            | Driver::StallAtLine { .. }
            | Driver::StallUnderArm { .. } => false,
        };
        if !arm_up || !self.lanes[lane].open || !comes {
            return;
        }
        self.set_off(lane);
        self.trucks[next].driver = Driver::Calm;
        let rng = &mut self.trucks[next].rng;
        if driver == Driver::Follow {
            let from_mm = rng.range(-14_000, -9_000);
            let for_ms = rng.range(700, 1200) as Us;
            self.note(next, "followed");
            self.approach(next, from_mm, for_ms * MS);
        } else {
            let gap_mm = rng.range(1500, 12_000);
            self.tailgate(next, before, gap_mm);
        }
    }

    fn tailgate(&mut self, truck: usize, before: usize, gap_mm: i64) {
        let pace = self.trucks[before].body.segment;
        let (to, length) = (self.trucks[before].to, self.trucks[truck].body.length_mm);
        let end_mm = length + GONE_MM;
        let way = (end_mm + gap_mm) as u64;
        let for_us = (way * (pace.t1 - pace.t0)).div_ceil((pace.x1 - pace.x0).unsigned_abs());
        let t = &mut self.trucks[truck];
        t.to = to;
        t.forced = true;
        t.body.gap = None;
        self.note(truck, "tailgated");
        self.set_phase(truck, Phase::Crossing);
        let segment = Segment {
            t0: self.now,
            x0: -gap_mm,
            t1: self.now + for_us,
            x1: end_mm,
        };
        self.go(truck, segment);
        if -gap_mm >= PRESENCE_MM.0 {
            self.on_presence(truck);
        }
        self.photograph(truck, segment.reaches(PRESENCE_MM.0).unwrap_or(self.now));
    }

    // ---- milestones

    pub(super) fn truck_mark(&mut self, truck: usize, mark: Mark) {
        let lane = self.trucks[truck].profile.lane;
        match mark {
            Mark::Presence => self.on_presence(truck),
            Mark::Line => self.at_line(truck),
            Mark::UnderArm => {
                if self.lanes[lane].arm.position(self.now) < CLEAR {
                    self.hit(lane, truck);
                }
            }
            Mark::RearPastLine => {
                self.lanes[lane].line_left_at = Some(self.now);
                self.follow(lane, truck);
                self.consider_next(lane);
            }
            Mark::RearPastArm => self.crossed(lane, truck),
            Mark::End => self.end_of_way(lane, truck),
        }
    }

    fn on_presence(&mut self, truck: usize) {
        let (lane, at) = (self.trucks[truck].profile.lane, self.now);
        let arm = &self.lanes[lane].arm;
        let downs_needed = arm.downs + u64::from(!arm.is_down(at));
        let t = &mut self.trucks[truck];
        t.arrived_at = at;
        t.came_at.get_or_insert(at);
        let lied_at = self.faults.lanes[lane].presence_lied_at;
        t.swapped |= lied_at.is_some_and(|lied| lied >= self.lanes[lane].last_arrival);
        self.lanes[lane].last_arrival = at;
        t.downs_needed = downs_needed;
        let forced = t.forced;
        let left_at = self.lanes[lane].line_left_at;
        let merged = left_at.is_some_and(|left| at - left < ONE_VEHICLE_US);
        // What a tailgater's locks say that no loop told from the truck before
        // is heard of nobody, and may be the next one's.
        t.merged = merged && forced;
        t.close |= merged;
        let strayed = !forced && std::mem::take(&mut self.lanes[lane].stray_seals);
        if (merged || strayed) && self.trucks[truck].must == Must::Release {
            // Two loops cannot tell it from the truck before.
            self.set_must(truck, Must::May);
        }
        self.fact(Fact::Arrived {
            at,
            lane,
            truck: id(truck),
        });
        self.announce_seals(truck);
    }

    fn at_line(&mut self, truck: usize) {
        let (lane, at) = (self.trucks[truck].profile.lane, self.now);
        self.stand(truck);
        self.fact(Fact::ReachedStopLine {
            at,
            lane,
            truck: id(truck),
        });
        let (driver, visit) = (self.trucks[truck].driver, self.trucks[truck].visit);
        if let Driver::ReverseEarly { after_ms } = driver {
            self.schedule(at + Us::from(after_ms) * MS, Event::Whim { truck, visit });
        }
        self.look(lane);
    }

    pub(super) fn stand(&mut self, truck: usize) {
        let t = &mut self.trucks[truck];
        t.visit += 1;
        t.deciding = false;
        let visit = t.visit;
        self.set_phase(truck, Phase::AtStopLine);
        self.schedule(self.now + ABANDON_US, Event::Abandon { truck, visit });
    }

    fn crossed(&mut self, lane: usize, truck: usize) {
        let (at, wall_ms) = (self.now, self.wall_ms());
        self.lanes[lane].last_crossed = Some(truck);
        let (to, forced) = (self.trucks[truck].to, self.trucks[truck].forced);
        if to == To::Road {
            self.settle_truth(truck, true);
            let t = &mut self.trucks[truck];
            t.spent = !forced;
            self.crossings.push(Crossing {
                lane,
                truck,
                wall_ms,
                must: t.must,
                forced,
                own: t.profile.declaration.clone(),
                misread: t.misread || t.swapped,
                unheard_until: t.control_seq.map(|_| t.control_known_at.unwrap_or(Us::MAX)),
            });
        }
        if to == To::Bay && forced && self.trucks[truck].must == Must::Release {
            // It went to the bay by its own driver's doing.
            self.set_must(truck, Must::May);
        }
        self.fact(Fact::CrossedArm {
            at,
            lane,
            truck: id(truck),
            to,
            forced,
        });
    }

    fn end_of_way(&mut self, lane: usize, truck: usize) {
        let t = &self.trucks[truck];
        match t.phase {
            Phase::Crossing if t.body.front(self.now) < t.body.length_mm + GONE_MM => {
                self.stall(truck)
            }
            Phase::Crossing => {
                let to = t.to;
                self.leave(lane, truck);
                match to {
                    To::Road => self.end(truck, Phase::Released),
                    To::Bay => {
                        self.set_phase(truck, Phase::ToBay);
                        let way = Us::from(self.o.times.bay_ms) * MS;
                        self.schedule(self.now + way, Event::Bay { lane, truck });
                    }
                }
            }
            Phase::Reversing => self.reversed_out(lane, truck),
            Phase::Queued
            | Phase::Approaching
            | Phase::AtStopLine
            | Phase::ToBay
            | Phase::Released
            | Phase::Inspected
            | Phase::Held
            | Phase::Unfinished => {}
        }
        self.consider_next(lane);
    }

    fn stall(&mut self, truck: usize) {
        if let Driver::StallUnderArm { for_ms } = self.trucks[truck].driver {
            self.trucks[truck].driver = Driver::Calm;
            self.note(truck, "halted under the arm");
            let plan = self.trucks[truck].body.plan;
            self.schedule(
                self.now + Us::from(for_ms) * MS,
                Event::Resume { truck, plan },
            );
        }
    }

    fn reversed_out(&mut self, lane: usize, truck: usize) {
        let at = self.now;
        self.leave(lane, truck);
        self.fact(Fact::ReversedOut {
            at,
            lane,
            truck: id(truck),
        });
        match self.trucks[truck].reversing {
            Why::Returned => self.end(truck, Phase::Held),
            Why::Abandoned if self.trucks[truck].held => self.end(truck, Phase::Held),
            Why::Abandoned => self.end(truck, Phase::Unfinished),
            Why::Whim => {
                // Once lifted for, its papers may stand as used by a passage
                // nobody saw end: stopping it then is right too.
                let lifted = self.lanes[lane].arm.raised_at > self.trucks[truck].arrived_at;
                if lifted && self.trucks[truck].must == Must::Release {
                    self.set_must(truck, Must::May);
                }
                self.trucks[truck].driver = Driver::Calm;
                self.trucks[truck].held = false;
                self.note(truck, "reversed and came back");
                self.set_phase(truck, Phase::Queued);
                self.lanes[lane].queue.push_front(truck);
            }
        }
    }

    pub(super) fn in_bay(&mut self, lane: usize, truck: usize) {
        let at = self.now;
        self.lanes[lane].bay_until = at + 1000 * MS;
        self.fact(Fact::WentToBay {
            at,
            lane,
            truck: id(truck),
        });
        self.leave(lane, truck);
        self.end(truck, Phase::Inspected);
        self.consider_next(lane);
    }

    fn leave(&mut self, lane: usize, truck: usize) {
        self.lanes[lane].present.retain(|&t| t != truck);
    }

    fn end(&mut self, truck: usize, phase: Phase) {
        self.settle_truth(truck, false);
        self.set_phase(truck, phase);
        let lane = self.trucks[truck].profile.lane;
        self.consider_next(lane);
    }

    pub(super) fn hit(&mut self, lane: usize, truck: usize) {
        let at = self.now;
        if self.faults.jammed_lately(lane, at) {
            self.count("yard.met-a-jammed-arm");
            return;
        }
        let height = permille(self.lanes[lane].arm.position(at));
        self.note(truck, "hit by the arm");
        self.count("yard.hit-by-arm");
        self.fact(Fact::HitByArm {
            at,
            lane,
            truck: id(truck),
            permille: height,
        });
    }
}

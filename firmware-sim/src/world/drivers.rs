//! Drivers at the stop line and before the arm: what they see, how they act.

use super::lane::Why;
use super::view::{Fact, Phase, To};
use super::{Event, World, permille};
use crate::devices::board::{Coil, Switched};
use crate::options::{Geometry, MS, Us};
use crate::population::Driver;
use crate::yard::arm::{ArmMark, UP};
use crate::yard::truck::{ARM_MM, ENTRY_MM, GONE_MM, Gap, INHIBIT_MM, LINE_MM, Segment};

/// What the signs tell the driver at the stop line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Wait,
    Go(To),
    SideExit,
    ReverseOut,
}

impl World {
    /// The driver at the stop line looks at arm and lamps.
    pub(super) fn look(&mut self, lane: usize) {
        let standing = self.lanes[lane].present.iter().copied();
        let standing: Vec<usize> = standing
            .filter(|&t| self.trucks[t].phase == Phase::AtStopLine)
            .collect();
        for truck in standing {
            if self.trucks[truck].deciding || self.told(lane, truck) == Told::Wait {
                continue;
            }
            let go = matches!(self.told(lane, truck), Told::Go(_));
            let t = &mut self.trucks[truck];
            t.deciding = true;
            let reaction_ms = t.rng.range(200, 400) as Us;
            let wait_ms = match t.driver {
                Driver::StallAtLine { for_ms } if go => Us::from(for_ms),
                Driver::StallAtLine { .. }
                | Driver::Calm
                | Driver::Follow
                | Driver::Tailgate
                | Driver::ReverseEarly { .. }
                | Driver::ReverseCleared
                | Driver::StallUnderArm { .. } => reaction_ms,
            };
            let visit = t.visit;
            self.schedule(self.now + wait_ms * MS, Event::Decide { truck, visit });
        }
    }

    fn told(&self, lane: usize, truck: usize) -> Told {
        let (l, now) = (&self.lanes[lane], self.now);
        let lamp = |coil| l.board.coil(coil, now);
        let divert = lamp(Coil::Divert);
        let mine = l.arm.is_up(now) && l.arm.downs >= self.trucks[truck].downs_needed;
        let go = mine && (divert || lamp(Coil::Green));
        let leads_to_bay = match self.o.geometry {
            Geometry::SideExit if divert => return Told::SideExit,
            Geometry::SideExit => Some(false),
            Geometry::BehindBarrier => Some(divert),
            Geometry::DiverterArm => l.diverter.leads_to_bay(now),
        };
        match leads_to_bay {
            _ if lamp(Coil::Return) => Told::ReverseOut,
            Some(true) if go => Told::Go(To::Bay),
            Some(false) if go => Told::Go(To::Road),
            Some(_) | None => Told::Wait,
        }
    }

    /// The reaction time is over: do what the signs say now.
    pub(super) fn act(&mut self, truck: usize, visit: u32) {
        let t = &mut self.trucks[truck];
        if t.visit != visit || t.phase != Phase::AtStopLine {
            return;
        }
        t.deciding = false;
        let lane = t.profile.lane;
        match self.told(lane, truck) {
            Told::Wait => {}
            Told::Go(_) if self.trucks[truck].driver == Driver::ReverseCleared => {
                self.reverse(truck, Why::Whim)
            }
            Told::Go(to) => {
                self.trucks[truck].to = to;
                self.set_phase(truck, Phase::Crossing);
                self.drive_on(truck);
            }
            Told::SideExit => self.side_exit(lane, truck),
            Told::ReverseOut => self.reverse(truck, Why::Returned),
        }
    }

    pub(super) fn whim(&mut self, truck: usize, visit: u32) {
        let t = &self.trucks[truck];
        if t.visit == visit && t.phase == Phase::AtStopLine {
            self.reverse(truck, Why::Whim);
        }
    }

    pub(super) fn abandon(&mut self, truck: usize, visit: u32) {
        let t = &self.trucks[truck];
        if t.visit == visit && t.phase == Phase::AtStopLine {
            self.note(truck, "gave up waiting");
            self.reverse(truck, Why::Abandoned);
        }
    }

    pub(super) fn reverse(&mut self, truck: usize, why: Why) {
        let way = Us::from(self.o.times.approach_ms) * MS;
        self.trucks[truck].reversing = why;
        self.set_phase(truck, Phase::Reversing);
        let x0 = self.trucks[truck].body.front(self.now);
        self.go(
            truck,
            Segment {
                t0: self.now,
                x0,
                t1: self.now + way,
                x1: ENTRY_MM,
            },
        );
    }

    /// Off the loop half way; there the bay's detector sees it.
    fn side_exit(&mut self, lane: usize, truck: usize) {
        let off = self.now + Us::from(self.o.times.bay_ms) * MS / 2;
        self.trucks[truck].body.sideways = Some((self.now, off));
        self.set_phase(truck, Phase::ToBay);
        self.schedule(off, Event::Bay { lane, truck });
    }

    /// Drives on from where the truck is: under the arm and away, or to a halt under it.
    pub(super) fn drive_on(&mut self, truck: usize) {
        let leave_us = Us::from(self.o.times.leave_ms) * MS;
        let now = self.now;
        let t = &mut self.trucks[truck];
        let length = t.body.length_mm;
        let x0 = t.body.front(now);
        let whole = (length + GONE_MM - LINE_MM) as u64;
        let halts = matches!(t.driver, Driver::StallUnderArm { .. });
        // With its middle under the arm, or its rear past the stop line, where
        // the closing inhibit alone knows of it.
        let halt_mm = if halts && t.rng.chance(500) {
            length + t.rng.range(300, ARM_MM - 500)
        } else {
            ARM_MM + length / 2
        };
        let x1 = if halts && x0 < halt_mm {
            halt_mm
        } else {
            length + GONE_MM
        };
        if t.profile.articulated && !halts && t.rng.chance(500) {
            // At most 150 ms of nothing between tractor and trailer.
            let blind_ms = t.rng.range(30, 140) as u64;
            let width_mm = (whole * blind_ms * MS / leave_us) as i64;
            let from_mm = t.rng.range(ARM_MM + 2000, length + 1500);
            t.body.gap = Some(Gap { from_mm, width_mm });
        } else {
            t.body.gap = None;
        }
        let for_us = ((x1 - x0) as u64 * leave_us).div_ceil(whole);
        self.go(
            truck,
            Segment {
                t0: now,
                x0,
                t1: now + for_us,
                x1,
            },
        );
    }

    pub(super) fn go(&mut self, truck: usize, segment: Segment) {
        let marks = self.trucks[truck].body.go(segment);
        let plan = self.trucks[truck].body.plan;
        for (at, mark) in marks {
            self.schedule(at, Event::Truck { truck, plan, mark });
        }
    }

    // ---- the arm

    pub(super) fn switched(&mut self, lane: usize, switched: &[Switched]) {
        for &s in switched {
            match s {
                Switched::On { coil, until } => self.switched_on(lane, coil, until),
                Switched::Off { coil } => self.switched_off(lane, coil),
            }
        }
        self.look(lane);
        self.consider_next(lane);
    }

    fn switched_on(&mut self, lane: usize, coil: Coil, until: Option<Us>) {
        match coil {
            Coil::ArmUp => self.send_arm(lane, UP),
            Coil::ArmDown => self.send_arm(lane, 0),
            Coil::ArmStop if self.o.geometry == Geometry::DiverterArm => self.turn(lane, true),
            Coil::ArmStop => {
                let now = self.now;
                self.lanes[lane].arm.stop(now);
                self.arm_fact(lane, None);
            }
            Coil::Red | Coil::Green | Coil::EntryRed | Coil::Divert | Coil::Return => {
                if let Some(until) = until {
                    self.schedule(until, Event::Look { lane });
                }
            }
        }
    }

    fn switched_off(&mut self, lane: usize, coil: Coil) {
        if coil == Coil::ArmStop && self.o.geometry == Geometry::DiverterArm {
            self.turn(lane, false);
        }
    }

    fn turn(&mut self, lane: usize, to_bay: bool) {
        if let Some(there) = self.lanes[lane].diverter.send(self.now, to_bay) {
            self.schedule(there, Event::Look { lane });
        }
    }

    pub(super) fn send_arm(&mut self, lane: usize, target: i64) {
        let now = self.now;
        if self.faults.holds_arm(lane, now, target) {
            return;
        }
        let arm = &mut self.lanes[lane].arm;
        let marks = arm.send(now, target);
        let motion = arm.motion;
        if marks.is_empty() {
            return;
        }
        for (at, mark) in marks {
            self.schedule(at, Event::Arm { lane, motion, mark });
        }
        self.arm_fact(lane, Some(target));
        self.plan_jam(lane);
        if target == 0 {
            self.brake(lane);
        }
    }

    pub(super) fn arm_mark(&mut self, lane: usize, motion: u32, mark: ArmMark) {
        if self.lanes[lane].arm.motion != motion {
            return;
        }
        match mark {
            ArmMark::ClearanceLost => {
                for truck in self.lanes[lane].present.clone() {
                    if self.trucks[truck].body.under_arm(self.now) {
                        self.hit(lane, truck);
                    }
                }
            }
            ArmMark::Limit => {
                let down = self.lanes[lane].arm.is_down(self.now);
                self.lanes[lane].arm.downs += u64::from(down);
                self.arm_fact(lane, None);
                self.look(lane);
            }
        }
    }

    pub(super) fn arm_fact(&mut self, lane: usize, to: Option<i64>) {
        let at = self.now;
        let position = permille(self.lanes[lane].arm.position(at));
        let to = to.map_or(position, permille);
        self.fact(Fact::ArmMoved {
            at,
            lane,
            permille: position,
            to,
        });
    }

    /// A driver who sees the arm come down before reaching it brakes.
    fn brake(&mut self, lane: usize) {
        let now = self.now;
        let moving: Vec<usize> = self.lanes[lane]
            .present
            .iter()
            .copied()
            .filter(|&t| {
                self.trucks[t].phase == Phase::Crossing
                    && self.trucks[t].body.front(now) < INHIBIT_MM.0
            })
            .collect();
        for truck in moving {
            let downs = self.lanes[lane].arm.downs;
            let t = &mut self.trucks[truck];
            t.downs_needed = downs + u64::from(t.forced);
            t.forced = false;
            t.body.gap = None;
            let x = t.body.front(now);
            self.note(truck, "braked before the arm");
            if x < LINE_MM {
                self.set_phase(truck, Phase::Approaching);
                let for_us = (LINE_MM - x) as Us * 200;
                self.go(
                    truck,
                    Segment {
                        t0: now,
                        x0: x,
                        t1: now + for_us,
                        x1: LINE_MM,
                    },
                );
            } else {
                self.trucks[truck].body.go(Segment::standing(now, x));
                self.stand(truck);
            }
        }
    }
}

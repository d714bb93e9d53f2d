//! Faults as they strike: wires, devices, brokers, the clock.

use super::view::{Output, Phase};
use super::{Event, Port, World};
use crate::devices::camera;
use crate::faults::line::Line;
use crate::faults::{FaultPlan, Kind};
use crate::options::{Geometry, MS, Us};
use crate::yard::arm::UP;

/// After an arm has come free, what it meets was on its way before.
const JAM_AFTER_US: Us = 5_000 * MS;
/// A jam that nobody comes to free.
const JAM_FOR_GOOD_US: Us = 86_400_000 * MS;
/// A message no broker should pass on.
const OVERSIZE_LEN: usize = 200_000;

impl FaultPlan {
    /// Whether the next picture of the lane is misread; it is then counted.
    pub(super) fn misreads_next(&mut self, lane: usize) -> bool {
        let next = std::mem::take(&mut self.lanes[lane].misread_next);
        if next {
            self.count(Kind::CameraMisread);
        }
        next
    }

    /// Whether what happens under the arm is the doing of a jam.
    pub(super) fn jammed_lately(&self, lane: usize, at: Us) -> bool {
        let until = self.lanes[lane].jammed_until;
        until > 0 && at < until + JAM_AFTER_US
    }

    /// Whether the arm does not move; where it is to go is kept.
    pub(super) fn holds_arm(&mut self, lane: usize, at: Us, target: i64) -> bool {
        let faults = &mut self.lanes[lane];
        let holds = at < faults.jammed_until;
        if holds {
            faults.jam_target = target;
        }
        holds
    }
}

impl World {
    pub(super) fn start_faults(&mut self) {
        for (kind, lane, at) in self.faults.first() {
            self.schedule(at, Event::Fault { kind, lane });
        }
    }

    /// A fault of `kind` strikes; the next one is planned.
    pub(super) fn strike(&mut self, kind: Kind, lane: usize) {
        if self.faults.is_over() {
            return;
        }
        if let Some(at) = self.faults.next(kind, self.now) {
            self.schedule(at, Event::Fault { kind, lane });
        }
        let lasts = self.faults.lasts(kind);
        self.happens(kind, lane, lasts);
    }

    fn happens(&mut self, kind: Kind, lane: usize, lasts: Us) {
        let until = self.now + lasts;
        match kind {
            Kind::SerialNoise => self.bend(kind, lane, |l| &mut l.noise, until),
            Kind::SerialFlip => self.bend(kind, lane, |l| &mut l.flip, until),
            Kind::SerialDrop => self.bend(kind, lane, |l| &mut l.drop, until),
            Kind::SerialDuplicate => self.bend(kind, lane, |l| &mut l.duplicate, until),
            Kind::SerialHalf => self.bend(kind, lane, |l| &mut l.half, until),
            Kind::SerialStuck => self.bend(kind, lane, |l| &mut l.stuck, until),
            Kind::SerialSpeed => self.bend(kind, lane, |l| &mut l.speed, until),
            Kind::DeviceLate => self.late(lane, until),
            Kind::DeviceLost => self.lose(lane, until),
            Kind::ScaleFrozen => {
                self.faults.count(kind);
                self.line(lane, Port::Scale).begin(|l| &mut l.frozen, until);
            }
            Kind::CameraMisread => self.faults.lanes[lane].misread_next = true,
            Kind::CameraClockOff => self.faults.set_camera_clock(lane, self.now),
            Kind::CameraDoubled => self.faults.lanes[lane].doubled_next = true,
            Kind::ArmJams => self.jams(lane, lasts),
            Kind::PresenceOn | Kind::PresenceOff => {
                self.faults.lanes[lane].presence_lied_at = Some(until);
                self.begin(kind, lane, until);
            }
            Kind::InhibitOn | Kind::LimitUpDead | Kind::LimitDownDead | Kind::LimitDownLies => {
                self.begin(kind, lane, until);
            }
            Kind::MqttDuplicate | Kind::MqttReorder | Kind::MqttDelay => {
                self.faults.count(kind);
                self.faults.port.begin(kind, until);
            }
            Kind::DeviceReplayed | Kind::MqttRetained | Kind::MqttOversize => {
                self.say_again(kind, lane);
            }
            Kind::MqttForgotten | Kind::BrokerCut | Kind::AuthorityCut | Kind::AuthorityCutHour => {
                self.cut(kind, until)
            }
            Kind::ClockBack | Kind::ClockForward | Kind::Clock1970 | Kind::ClockUnsynchronised => {
                self.step_clock(kind, until)
            }
            Kind::OrderRace => self.faults.lanes[lane].order_race = true,
            Kind::OrderDouble => self.faults.order_double = true,
            Kind::OrderContradict => self.faults.lanes[lane].order_contradict = true,
            Kind::OrderGone => self.order_for_the_gone(lane),
            Kind::FeedGap => self.faults.gap_next = true,
            Kind::FeedDuplicate => self.faults.duplicate_next = true,
            Kind::FeedStaleVersion => self.send_stale_version(),
            Kind::FeedRevoked => self.revoke_in_lane(lane),
            Kind::FeedControlLate => self.control_in_lane(lane),
            Kind::FeedBadItem => self.send_bad_item(lane),
        }
    }

    fn line(&mut self, lane: usize, port: Port) -> &mut Line {
        &mut self.faults.lanes[lane].lines[port as usize]
    }

    fn any_port(&mut self) -> Port {
        self.faults.rng.pick(&[Port::Scale, Port::Io, Port::Seal])
    }

    fn bend(&mut self, kind: Kind, lane: usize, field: impl Fn(&mut Line) -> &mut Us, until: Us) {
        let port = self.any_port();
        self.faults.count(kind);
        self.line(lane, port).begin(field, until);
    }

    fn begin(&mut self, kind: Kind, lane: usize, until: Us) {
        self.faults.count(kind);
        self.faults.lanes[lane].spells.begin(kind, until);
    }

    // ---- devices

    fn late(&mut self, lane: usize, until: Us) {
        self.faults.count(Kind::DeviceLate);
        if self.faults.rng.chance(400) {
            self.faults.lanes[lane].camera_late = until;
            return;
        }
        // The board answers within its deadline or not at all.
        let port = self.faults.rng.pick(&[Port::Scale, Port::Seal]);
        self.line(lane, port).begin(|l| &mut l.late, until);
    }

    fn lose(&mut self, lane: usize, until: Us) {
        self.faults.count(Kind::DeviceLost);
        if self.faults.rng.chance(300) {
            self.faults.lanes[lane].camera_lost = until;
            return;
        }
        let which = self.any_port();
        self.line(lane, which).begin(|l| &mut l.lost, until);
        // Its power is off, or its port has vanished with it.
        let there = |g: &(usize, Port, Us)| (g.0, g.1) == (lane, which);
        if self.faults.rng.chance(500) && !self.wires.gone.iter().any(there) {
            let port = self.port_name(lane, which);
            self.wires.gone.push((lane, which, until));
            self.out.push_back(Output::Port { port, open: false });
            self.schedule(until, Event::Mend);
        }
    }

    /// What the inputs say instead of `bits`.
    pub(super) fn lie(&self, lane: usize, bits: u8) -> u8 {
        if self.faults.is_over() {
            return bits;
        }
        let spells = &self.faults.lanes[lane].spells;
        let mut bits = bits;
        for (kind, mask, on) in [
            (Kind::PresenceOn, 0b0_0001, true),
            (Kind::PresenceOff, 0b0_0001, false),
            (Kind::InhibitOn, 0b0_0010, true),
            (Kind::LimitUpDead, 0b0_0100, false),
            (Kind::LimitDownDead, 0b0_1000, false),
            (Kind::LimitDownLies, 0b0_1000, true),
        ] {
            if spells.has(kind, self.now) {
                bits = if on { bits | mask } else { bits & !mask };
            }
        }
        bits
    }

    /// The camera tells of the same truck twice, as two events.
    pub(super) fn shoot_again(&mut self, lane: usize, shot: camera::Shot) {
        if !std::mem::take(&mut self.faults.lanes[lane].doubled_next) {
            return;
        }
        self.faults.count(Kind::CameraDoubled);
        let later = self.faults.rng.range(20, 900) as Us * MS;
        let camera = &mut self.lanes[lane].camera;
        let vehicle = camera.next_vehicle();
        let payload = camera.result(&camera::Shot { vehicle, ..shot });
        let topic = camera.topic("up/ivs_result");
        let output = Output::Publish {
            topic,
            payload,
            retain: false,
            qos: 1,
        };
        self.schedule(self.now + later, Event::Emit(output));
    }

    // ---- the arm

    /// The arm's next motion does not end, or the diverter sticks.
    fn jams(&mut self, lane: usize, lasts: Us) {
        let diverts = self.o.geometry == Geometry::DiverterArm;
        if diverts && self.faults.rng.chance(500) {
            self.faults.count(Kind::ArmJams);
            let (now, until) = (self.now, self.now + lasts);
            if let Some(there) = self.lanes[lane].diverter.stick(now, until) {
                self.schedule(there, Event::Look { lane });
            }
            return;
        }
        self.faults.lanes[lane].jam_next = Some(lasts);
    }

    /// The motion that has begun ends on its way.
    pub(super) fn plan_jam(&mut self, lane: usize) {
        let Some(lasts) = self.faults.lanes[lane].jam_next.take() else {
            return;
        };
        let motion = self.lanes[lane].arm.motion;
        let after = self.faults.rng.range(100, 900) as Us * MS;
        self.schedule(
            self.now + after,
            Event::Jam {
                lane,
                motion,
                lasts,
            },
        );
    }

    pub(super) fn jam(&mut self, lane: usize, motion: u32, lasts: Us) {
        let now = self.now;
        let arm = &mut self.lanes[lane].arm;
        let position = arm.position(now);
        if arm.motion != motion || position == 0 || position == UP || self.faults.is_over() {
            return;
        }
        let target = if arm.is_lowering(now) { 0 } else { UP };
        arm.stop(now);
        self.faults.count(Kind::ArmJams);
        let faults = &mut self.faults.lanes[lane];
        faults.jam_target = target;
        faults.jammed_until = now + lasts;
        self.schedule(now + lasts, Event::Unjam { lane });
    }

    /// The arm of `lane` stands where it is from now on, whatever it is told.
    pub fn jam_arm(&mut self, lane: usize) {
        let now = self.now;
        self.lanes[lane].arm.stop(now);
        self.faults.lanes[lane].jammed_until = now + JAM_FOR_GOOD_US;
    }

    pub(super) fn unjam(&mut self, lane: usize) {
        let faults = &self.faults.lanes[lane];
        if self.now >= faults.jammed_until && faults.jammed_until > 0 {
            let target = faults.jam_target;
            self.send_arm(lane, target);
        }
    }

    // ---- messages, brokers, clock

    fn say_again(&mut self, kind: Kind, lane: usize) {
        let faults = &self.faults.lanes[lane];
        let (plate, seal) = (faults.old_plate.clone(), faults.old_seal.clone());
        // A lock that speaks with nobody at the stop line would be the next
        // truck's: what a lane makes of that is right, and proves nothing.
        let seal = seal.filter(|_| self.somebody_waits(lane));
        let feed = self.wires.old_feed.clone();
        let first = self.faults.rng.chance(500);
        let output = match (kind, plate, seal, feed) {
            (Kind::DeviceReplayed, _, Some(bytes), _) if first => {
                let port = self.port_name(lane, Port::Seal);
                Output::Serial { port, bytes }
            }
            (Kind::DeviceReplayed, Some((topic, payload)), ..) => Output::Publish {
                topic,
                payload,
                retain: false,
                qos: 0,
            },
            (Kind::MqttRetained, Some((topic, payload)), ..) if first => {
                Output::Retained { topic, payload }
            }
            (Kind::MqttRetained, _, _, Some((topic, payload))) => {
                Output::Retained { topic, payload }
            }
            (Kind::MqttOversize, ..) => self.oversize(lane, first),
            _ => return,
        };
        self.faults.count(kind);
        self.out.push_back(output);
    }

    fn somebody_waits(&self, lane: usize) -> bool {
        let mut present = self.lanes[lane].present.iter();
        present.any(|&t| self.trucks[t].phase == Phase::AtStopLine)
    }

    fn oversize(&self, lane: usize, camera: bool) -> Output {
        let (topic, head) = if camera {
            (self.lanes[lane].camera.topic("up/ivs_result"), "{\"id\":\"")
        } else {
            let feed = format!("lanegate/{}/feed", self.o.controller);
            (feed, "{\"epoch\":7,\"items\":[\"")
        };
        let mut payload = head.as_bytes().to_vec();
        payload.resize(OVERSIZE_LEN, b'x');
        Output::Publish {
            topic,
            payload,
            retain: false,
            qos: 1,
        }
    }

    fn cut(&mut self, kind: Kind, until: Us) {
        if kind == Kind::AuthorityCutHour && self.wires.rest_until > 0 {
            // The age of what is known is what it is for, and once it has been
            // old: an idle hour takes as long as a hundred trucks.
            return;
        }
        self.faults.count(kind);
        if kind == Kind::BrokerCut {
            self.wires.devices_down = until.max(self.wires.devices_down);
        } else {
            self.wires.forgets |= kind == Kind::MqttForgotten;
            self.wires.authority_down = until.max(self.wires.authority_down);
        }
        if kind == Kind::AuthorityCutHour {
            // Traffic goes on when the cut has lasted: what counts is the age.
            self.wires.rest_until = until.saturating_sub(100_000 * MS);
            for lane in 0..self.lanes.len() {
                self.schedule(self.wires.rest_until, Event::Look { lane });
            }
        }
        self.mend();
        self.schedule(until, Event::Mend);
    }

    fn step_clock(&mut self, kind: Kind, until: Us) {
        let some = self.faults.rng.range(60_000, 10_000_000);
        let few = self.faults.rng.pick(&[-1, 1]) * self.faults.rng.range(2_500, 20_000);
        let off_ms = if kind == Kind::ClockBack {
            -some
        } else if kind == Kind::ClockForward {
            some
        } else if kind == Kind::Clock1970 {
            some - self.wall_ms()
        } else {
            // Nothing that knows the time agrees with it.
            few
        };
        self.faults.count(kind);
        self.wires.clock_off_ms = off_ms;
        self.wires.clock_until = until;
        self.wires.clock_since = self.now;
    }
}

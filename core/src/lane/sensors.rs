//! The lane's inputs over time: two detectors that are "off" only after
//! their clear time, and the arm's limit switches.

use crate::model::Inputs;
use crate::time::{Micros, Mono};

/// A change of a detector, after its clear time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Edge {
    /// A vehicle came.
    On,
    /// It went, its clear time ago.
    Off,
}

/// One vehicle detector.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Detector {
    raw: bool,
    raw_since: Mono,
    on: bool,
    on_since: Mono,
}

impl Detector {
    const fn new(on: bool) -> Self {
        Self {
            raw: on,
            raw_since: Mono(0),
            on,
            on_since: Mono(0),
        }
    }

    fn update(&mut self, raw: bool, at: Mono, clear: Micros) -> Option<Edge> {
        if raw != self.raw {
            self.raw = raw;
            self.raw_since = at;
        }
        if raw && !self.on {
            self.on = true;
            self.on_since = at;
            return Some(Edge::On);
        }
        if !raw && self.on && at.since(self.raw_since) >= clear {
            self.on = false;
            return Some(Edge::Off);
        }
        None
    }

    /// After a gap nobody knows what happened in it: the clear time starts
    /// anew, and a vehicle that is there may be another one.
    const fn blind(&mut self, at: Mono, counts_as_on: bool) {
        self.raw_since = at;
        if counts_as_on || self.on {
            self.on = true;
            self.on_since = at;
        }
    }

    /// A vehicle is there, or left less than its clear time ago.
    pub(super) const fn on(&self) -> bool {
        self.on
    }
}

/// What one poll of the inputs changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Edges {
    /// Presence at the stop line.
    pub(super) presence: Option<Edge>,
    /// The closing inhibit.
    pub(super) inhibit: Option<Edge>,
    /// Presence went off just now, before its clear time.
    pub(super) presence_raw_off: bool,
    /// Inputs had been stale: what happened meanwhile nobody knows.
    pub(super) gap: Option<Micros>,
}

/// Everything the lane I/O says, with its age.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sensors {
    now: Option<Inputs>,
    at: Mono,
    presence: Detector,
    inhibit: Detector,
    /// When the last vehicle left the stop line.
    left_at: Mono,
    /// Inputs have been fresh without a gap since then.
    fresh_since: Option<Mono>,
    /// The arm has been in its present position (up, down, neither) since.
    arm_since: Mono,
}

/// Where the limit switches say the arm is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum ArmSeen {
    /// At its upper limit.
    Up,
    /// At its lower limit.
    Down,
    /// At neither.
    Between,
    /// At both: a limit switch lies.
    Both,
    /// Inputs are missing or stale.
    Unknown,
}

const fn arm_of(inputs: &Inputs) -> ArmSeen {
    match (inputs.arm_up, inputs.arm_down) {
        (true, false) => ArmSeen::Up,
        (false, true) => ArmSeen::Down,
        (false, false) => ArmSeen::Between,
        (true, true) => ArmSeen::Both,
    }
}

impl Sensors {
    pub(super) const fn new() -> Self {
        Self {
            now: None,
            at: Mono(0),
            presence: Detector::new(false),
            // Until it has been seen clear for its clear time it counts as on.
            inhibit: Detector::new(true),
            left_at: Mono(0),
            fresh_since: None,
            arm_since: Mono(0),
        }
    }

    pub(super) fn update(
        &mut self,
        inputs: Inputs,
        at: Mono,
        stale_after: Micros,
        clear: (Micros, Micros),
    ) -> Edges {
        let blind = self.now.is_none() || at.since(self.at) > stale_after;
        if blind {
            self.fresh_since = Some(at);
        }
        let arm_before = self.now.as_ref().map(arm_of);
        if blind || arm_before != Some(arm_of(&inputs)) {
            self.arm_since = at;
        }
        let gap = self.now.filter(|_| blind).map(|_| at.since(self.at));
        if blind {
            self.presence.blind(at, false);
            self.inhibit.blind(at, true);
        }
        let presence_raw_before = self.presence.raw;
        let presence = self.presence.update(inputs.presence, at, clear.0);
        let inhibit = self.inhibit.update(inputs.inhibit, at, clear.1);
        if presence == Some(Edge::Off) {
            self.left_at = self.presence.raw_since;
        }
        if blind && inputs.presence {
            self.left_at = at;
        }
        self.now = Some(inputs);
        self.at = at;
        Edges {
            presence,
            inhibit,
            presence_raw_off: presence_raw_before && !inputs.presence,
            gap,
        }
    }

    /// The lane begins anew: whoever stands there came now, as far as anybody
    /// can tell.
    pub(super) const fn restart(&mut self, now: Mono) {
        if self.presence.on {
            self.presence.on_since = now;
            self.left_at = now;
        }
    }

    /// The board was given up on: nothing it said counts any more.
    pub(super) const fn forget(&mut self) {
        self.now = None;
        self.fresh_since = None;
    }

    /// The inputs, if not older than `stale_after`.
    pub(super) fn fresh(&self, now: Mono, stale_after: Micros) -> Option<&Inputs> {
        self.now
            .as_ref()
            .filter(|_| now.since(self.at) <= stale_after)
    }

    /// The same, read after `then`.
    pub(super) fn fresh_after(
        &self,
        then: Mono,
        now: Mono,
        stale_after: Micros,
    ) -> Option<&Inputs> {
        self.fresh(now, stale_after).filter(|_| self.at > then)
    }

    /// When the present inputs will be stale.
    pub(super) fn stale_at(&self, stale_after: Micros) -> Option<Mono> {
        self.now.as_ref().map(|_| self.at + stale_after + Micros(1))
    }

    pub(super) fn arm(&self, now: Mono, stale_after: Micros) -> ArmSeen {
        self.fresh(now, stale_after)
            .map_or(ArmSeen::Unknown, arm_of)
    }

    /// How long the arm has been where it is.
    pub(super) const fn arm_for(&self, now: Mono) -> Micros {
        now.since(self.arm_since)
    }

    /// The arm's position changed then.
    pub(super) const fn arm_since(&self) -> Mono {
        self.arm_since
    }

    /// How long inputs have been fresh without a gap.
    pub(super) fn fresh_for(&self, now: Mono) -> Micros {
        self.fresh_since.map_or(Micros(0), |since| now.since(since))
    }

    /// Since when inputs have been fresh without a gap.
    pub(super) const fn fresh_since(&self) -> Option<Mono> {
        self.fresh_since
    }

    pub(super) const fn present(&self) -> bool {
        self.presence.on()
    }

    /// A vehicle is there at this poll, its clear time left aside.
    pub(super) const fn present_now(&self) -> bool {
        self.presence.raw
    }

    pub(super) const fn present_since(&self) -> Mono {
        self.presence.on_since
    }

    pub(super) const fn left_at(&self) -> Mono {
        self.left_at
    }

    /// The closing inhibit is fresh and has been off for its clear time.
    pub(super) fn inhibit_clear(&self, now: Mono, stale_after: Micros) -> bool {
        self.fresh(now, stale_after).is_some() && !self.inhibit.on()
    }

    /// The closing inhibit is fresh and off for `quiet` at least.
    pub(super) fn inhibit_quiet(&self, now: Mono, stale_after: Micros, quiet: Micros) -> bool {
        self.inhibit_clear(now, stale_after) && now.since(self.inhibit.raw_since) >= quiet
    }

    /// When it will have been quiet so long, if nothing changes.
    pub(super) fn inhibit_quiet_at(&self, quiet: Micros) -> Option<Mono> {
        (!self.inhibit.raw).then(|| self.inhibit.raw_since + quiet)
    }
}

/// What was seen of a truck since the lift command: which end its passage has.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Track {
    /// Presence was off.
    pub(super) left: bool,
    /// The inhibit was on while presence was off, before presence came on again.
    pub(super) crossed: bool,
    /// The inhibit was on at all.
    pub(super) under_arm: bool,
    /// The arm was seen off "down".
    pub(super) arm_moved: bool,
    /// Presence came on again after it was off.
    pub(super) again: bool,
    /// The vehicle that came on last has crossed too and is on the record.
    tailgated: bool,
    /// The inhibit was on since presence last went off, not yet confirmed.
    in_gap: bool,
}

impl Track {
    /// Takes in one poll. The period in which presence is off begins when the
    /// truck leaves the loop, not when its clear time has run out, so that a
    /// truck that backs out is never taken for one that crossed.
    ///
    /// True: one more vehicle crossed behind the first.
    pub(super) fn observe(&mut self, inputs: &Inputs, edges: Edges, present: bool) -> bool {
        self.under_arm |= inputs.inhibit;
        // A gap is no proof that nothing moved.
        self.arm_moved |= !inputs.arm_down || edges.gap.is_some();
        if edges.presence_raw_off {
            self.in_gap = false;
        }
        if !inputs.presence && inputs.inhibit {
            self.in_gap = true;
        }
        match edges.presence {
            Some(Edge::On) if self.left => {
                self.again = true;
                self.in_gap = false;
                self.tailgated = false;
            }
            Some(Edge::Off) => self.left = true,
            Some(Edge::On) | None => {}
        }
        let crosses = self.left && !present && self.in_gap;
        if crosses && !self.again {
            self.crossed = true;
        }
        let tailgates = crosses && self.again && !self.tailgated;
        self.tailgated |= tailgates;
        tailgates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: (Micros, Micros) = (Micros::from_ms(600), Micros::from_ms(1500));
    const STALE: Micros = Micros::from_ms(500);

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    fn poll(sensors: &mut Sensors, track: &mut Track, ms: u64, p: bool, i: bool) -> Edges {
        let inputs = Inputs {
            presence: p,
            inhibit: i,
            arm_up: true,
            ..Inputs::default()
        };
        let edges = sensors.update(inputs, at(ms), STALE, CLEAR);
        track.observe(&inputs, edges, sensors.present());
        edges
    }

    #[test]
    fn a_semi_trailer_gap_shorter_than_the_clear_time_is_no_departure() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        poll(&mut s, &mut t, 0, true, false);
        for ms in [100, 200, 300, 400, 500] {
            assert_eq!(poll(&mut s, &mut t, ms, false, true).presence, None);
        }
        poll(&mut s, &mut t, 600, true, true);
        assert!(!t.left && !t.crossed && s.present());
    }

    #[test]
    fn a_truck_under_the_arm_after_it_left_the_stop_line_has_crossed() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        poll(&mut s, &mut t, 0, true, true);
        poll(&mut s, &mut t, 100, false, true);
        for ms in (200..=700).step_by(100) {
            poll(&mut s, &mut t, ms, false, false);
        }
        assert!(t.left && t.crossed);
    }

    #[test]
    fn a_truck_that_backs_out_from_under_the_arm_has_not_crossed() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        poll(&mut s, &mut t, 0, true, true);
        poll(&mut s, &mut t, 100, true, false);
        for ms in (200..=900).step_by(100) {
            poll(&mut s, &mut t, ms, false, false);
        }
        assert!(t.left && !t.crossed && t.under_arm);
    }

    #[test]
    fn after_a_gap_in_the_inputs_the_clear_time_starts_anew() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        poll(&mut s, &mut t, 0, true, false);
        poll(&mut s, &mut t, 100, false, false);
        assert_eq!(poll(&mut s, &mut t, 2000, false, false).presence, None);
        assert_eq!(s.fresh(at(2600), STALE), None);
    }

    #[test]
    fn after_a_gap_an_inhibit_that_was_clear_counts_as_on_until_its_clear_time() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        for ms in (0..=2000).step_by(100) {
            poll(&mut s, &mut t, ms, false, false);
        }
        assert!(s.inhibit_clear(at(2000), STALE));
        poll(&mut s, &mut t, 2700, false, false);
        assert!(!s.inhibit_clear(at(2700), STALE));
        for ms in (2800..=4200).step_by(100) {
            poll(&mut s, &mut t, ms, false, false);
        }
        assert!(s.inhibit_clear(at(4200), STALE));
        assert!(t.arm_moved);
    }

    #[test]
    fn after_a_gap_whoever_stands_there_came_now() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        poll(&mut s, &mut t, 0, true, false);
        assert_eq!(
            poll(&mut s, &mut t, 9000, true, false).gap,
            Some(Micros::from_ms(9000))
        );
        assert_eq!((s.present_since(), s.left_at()), (at(9000), at(9000)));
    }

    #[test]
    fn every_vehicle_that_crosses_behind_is_told_once() {
        let (mut s, mut t) = (Sensors::new(), Track::default());
        let (mut told, mut ms) = (0, 0);
        let mut step = |p: bool, i: bool, s: &mut Sensors, t: &mut Track| {
            for _ in 0..8 {
                let inputs = Inputs {
                    presence: p,
                    inhibit: i,
                    arm_up: true,
                    ..Inputs::default()
                };
                let edges = s.update(inputs, at(ms), STALE, CLEAR);
                told += u32::from(t.observe(&inputs, edges, s.present()));
                ms += 100;
            }
            told
        };
        step(true, true, &mut s, &mut t);
        assert_eq!(step(false, true, &mut s, &mut t), 0);
        for n in 1..=3 {
            step(true, true, &mut s, &mut t);
            assert_eq!(step(false, true, &mut s, &mut t), n);
        }
    }
}

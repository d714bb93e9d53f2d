//! The truth about each truck, as it stands, and the count of the run.

use super::World;
use super::lane::Truck;
use super::view::Phase;
use crate::options::{MS, Must, Story, Us};
use crate::truth::{Crossing, Judgement, NO_VERDICT, Score};

impl World {
    /// The count so far; complete once [`World::finished`].
    pub fn score(&self) -> Score {
        let mut s = Score {
            trucks: self.trucks.len() as u64,
            needed_person: self.helped.len() as u64,
            ..Score::default()
        };
        for (i, t) in self.trucks.iter().enumerate() {
            match t.must {
                Must::Release => s.must += 1,
                Must::May => s.may += 1,
                Must::Not => s.must_not += 1,
            }
            match t.phase {
                Phase::Released => s.released += 1,
                Phase::Inspected => s.inspected += 1,
                Phase::Held => s.held += 1,
                Phase::Unfinished => s.unfinished += 1,
                Phase::Queued
                | Phase::Approaching
                | Phase::AtStopLine
                | Phase::Crossing
                | Phase::ToBay
                | Phase::Reversing => {}
            }
            s.missed_releases += u64::from(self.missed(t));
            self.count_shares(t, i, &mut s);
        }
        for c in &self.crossings {
            match self.judge(c) {
                Judgement::Right => {}
                Judgement::Forced => s.forced += 1,
                Judgement::False => s.false_releases += 1,
                Judgement::WrongTruck => s.wrong_truck_releases += 1,
            }
        }
        s.faults = self
            .counts
            .iter()
            .map(|(&k, &n)| (k.to_owned(), n))
            .collect();
        let struck = self.faults.counts().into_iter();
        s.faults.extend(struck.map(|(k, n)| (k.to_owned(), n)));
        let protocol = self.authority.faults().len() as u64;
        if protocol > 0 {
            s.faults.insert("authority.protocol".to_owned(), protocol);
        }
        s
    }

    /// Every truck that was released or stopped against the truth, by its
    /// number: when it left, and in words.
    pub fn findings(&self) -> Vec<(Us, String)> {
        let missed = self.trucks.iter().enumerate();
        let missed = missed.filter(|(_, t)| self.missed(t));
        let mut found: Vec<(usize, &str)> = missed.map(|(i, _)| (i, "was missed")).collect();
        found.extend(self.crossings.iter().filter_map(|c| match self.judge(c) {
            Judgement::False => Some((c.truck, "crossed and must not")),
            Judgement::WrongTruck => Some((c.truck, "crossed on another truck's declaration")),
            Judgement::Right | Judgement::Forced => None,
        }));
        found.sort_unstable();
        let told = found.into_iter().map(|(i, what)| {
            let view = &self.views[i];
            let words = format!(
                "truck {} ({:?}) of {} {what}; left {:?} {}",
                view.id, view.story, view.lane, view.phase, view.note
            );
            (self.trucks[i].over_at, words)
        });
        told.collect()
    }

    fn count_shares(&self, t: &Truck, i: usize, s: &mut Score) {
        let released = t.phase == Phase::Released;
        if t.must == Must::Release && !self.is_last(i) {
            s.must_under_faults += 1;
            s.must_released += u64::from(released);
        }
        let conforms = t.profile.story == Story::Conforming && !t.profile.contested;
        if conforms && t.must != Must::Not && !t.forced {
            let person = !released || self.helped.contains(&i);
            s.conforming += 1;
            s.conforming_person += u64::from(person);
            if person {
                let why = self.stopped_by(t).to_owned();
                *s.conforming_person_by.entry(why).or_default() += 1;
            }
            s.conforming_person_plain += u64::from(t.first_read != Some(true));
        }
    }

    /// The first reason why the truck was stopped while it was in the lane.
    fn stopped_by(&self, t: &Truck) -> &str {
        let wall = |at: Us| self.o.start_wall_ms + (at / MS) as i64;
        let lane = self.lanes[t.profile.lane].layout.lane.as_str();
        let came = t.came_at.map(wall);
        let stopped = came.and_then(|came| self.records.stopped(lane, came, wall(t.over_at)));
        stopped.unwrap_or(NO_VERDICT)
    }

    fn judge(&self, c: &Crossing) -> Judgement {
        let lane = |c: &Crossing| self.lanes[c.lane].layout.lane.as_str();
        if c.must == Must::Not && self.has_its_trip_still(c, lane) {
            let may = Crossing {
                must: Must::May,
                ..c.clone()
            };
            return self.records.judge(lane(c), &may);
        }
        self.records.judge(lane(c), c)
    }

    /// It shares a declaration with a truck that an officer let go without it.
    fn has_its_trip_still<'a>(&'a self, c: &Crossing, lane: impl Fn(&Crossing) -> &'a str) -> bool {
        let (Some(original), Some(own)) = (self.trucks[c.truck].profile.clone_of, &c.own) else {
            return false;
        };
        let mut firsts = self.crossings.iter().filter(|f| f.truck == original);
        let unspent = |f: &Crossing| self.records.let_go_unspent(lane(f), f, own);
        firsts.any(unspent)
    }

    /// Conforms, left otherwise than over the road, and was not drawn.
    fn missed(&self, t: &Truck) -> bool {
        let left_otherwise = t.phase.is_over() && t.phase != Phase::Released;
        let selected = self.records.selected(t.profile.declaration.as_ref());
        t.must == Must::Release && left_otherwise && !selected
    }

    pub(super) fn set_must(&mut self, truck: usize, must: Must) {
        self.trucks[truck].must = must;
        self.views[truck].must = must;
    }

    /// Softens a must-not that rests on something that did not come about: the
    /// original of a second spender never spent, or the truck has crossed while
    /// the controller had not heard of the control when the arm rose.
    pub(super) fn settle_truth(&mut self, truck: usize, crossed: bool) {
        let t = &self.trucks[truck];
        if t.must != Must::Not {
            return;
        }
        let raised_at = self.lanes[t.profile.lane].arm.raised_at;
        let unspent = t.profile.clone_of.is_some_and(|o| !self.trucks[o].spent);
        let unheard = t.control_seq.is_some() && t.control_known_at.is_none_or(|k| k > raised_at);
        if unspent || (crossed && unheard) {
            self.set_must(truck, Must::May);
        }
    }
}

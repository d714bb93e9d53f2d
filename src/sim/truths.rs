//! Checks of each recorded verdict against what the world knows: whose plates
//! these are (L7, L8), whether the clock, the cache and the scale were as the
//! case has them (L4), and whether the record judges as it says (L6).

use firmware_sim::{Must, Story, TruckView};
use lanegate_core::clearance::judge;
use lanegate_core::model::{Case, DeclarationId, MatchKind, PassageId, Verdict, VerdictKind};
use lanegate_core::record::{Record, VerdictBody};
use lanegate_core::time::Clock;

use super::rig::{Rig, policy};
use crate::store::Store as _;

/// A clock that has been wrong this long must have been noticed.
const NOTICED_US: u64 = 100_000;
/// A truck that has gone must have been missed by now: the loop's clear time, and
/// inputs that come late.
const GONE_US: u64 = 2_000_000;
/// A weight as the scale rounds it and the wind moves it.
const WEIGHT_OFF_KG: i64 = 200;

impl Rig {
    /// A verdict is durable.
    pub(super) fn check_verdict(&mut self, record: &Record, body: &VerdictBody) {
        let (case, verdict) = (&body.case, &body.verdict);
        let passage = &case.passage;
        self.check_judged(record.seq, case, verdict);
        let lane = case.lane.as_str();
        let Some(n) = self.lanes.iter().position(|l| l.name == lane) else {
            return;
        };
        if let Some(truck) = self.world.physical(n).at_stop_line {
            self.judged_trucks.insert(passage.clone(), truck);
        }
        self.check_plates(n, passage, case);
        if verdict.verdict == VerdictKind::Release {
            self.check_release(n, passage, case, verdict);
        }
    }

    /// L6: the recorded case, judged again, gives the recorded verdict, all of it
    /// but the texts for people.
    fn check_judged(&mut self, seq: u64, case: &Case, verdict: &Verdict) {
        let without_texts = |verdict: &Verdict| {
            let mut verdict = verdict.clone();
            for reason in &mut verdict.reasons {
                (reason.for_driver, reason.for_officer) = (None, None);
            }
            verdict
        };
        let again = judge(case, &policy().0);
        if without_texts(&again) != without_texts(verdict) {
            let what = format!("record {seq} judged again is {:?}", again.verdict);
            self.laws.breach("L6", self.now_us, what);
        }
    }

    /// L7: no plate in a case is another truck's than the one that stands at
    /// the stop line. What a camera makes of this truck's own plates is never
    /// another's: no two of the population look alike.
    fn check_plates(&mut self, n: usize, passage: &PassageId, case: &Case) {
        let truck = self.world.physical(n).at_stop_line;
        let trucks = self.world.trucks();
        let Some(view) = trucks.iter().find(|t| Some(t.id) == truck) else {
            return;
        };
        let bears = |t: &TruckView, text: &str| t.plates.iter().any(|own| own == text);
        let foreign = case.plates.iter().any(|p| {
            let text = p.text.as_str();
            !bears(view, text) && trucks.iter().any(|t| bears(t, text))
        });
        if foreign && !self.world.hidden_change(n) {
            self.laws.wrong_evidence(self.now_us, passage);
        }
    }

    /// L7: whoever is lifted for is the truck that was judged, and there.
    pub(super) fn check_lift(&mut self, n: usize, passage: &PassageId) {
        let judged = self.judged_trucks.get(passage).copied();
        let there = self.world.physical(n).at_stop_line;
        let another = judged
            .zip(there)
            .is_some_and(|(judged, there)| judged != there);
        if another && !self.world.hidden_change(n) {
            let what = format!("{passage}: the arm was lifted for another truck than was judged");
            self.laws.breach("L7", self.now_us, what);
        }
        if self.now_us > self.on_loop_at[n] + GONE_US {
            let what = format!("{passage}: the arm was lifted for a truck that has gone");
            self.laws.breach("L7", self.now_us, what);
        }
    }

    /// L10: of the feed nothing was left out. What came is kept, and what could
    /// not be read makes its subject unusable; a bad item takes no other with it.
    pub(super) fn check_feed(&mut self) {
        let mut wrong = Vec::new();
        for (id, version) in self.world.authority().in_force() {
            let known = DeclarationId::parse(id).ok();
            let held = known.as_ref().map(|id| self.store.get(id));
            let kept = matches!(&held, Some(Ok(Some(d))) if u64::from(d.version) == version);
            if !kept && !known.is_some_and(|id| self.laws.is_unusable(&id)) {
                wrong.push(format!(
                    "version {version} of {id} is neither kept nor unusable"
                ));
            }
        }
        for what in wrong {
            self.laws.breach("L10", self.now_us, what);
        }
    }

    fn check_release(&mut self, n: usize, passage: &PassageId, case: &Case, verdict: &Verdict) {
        let at = self.now_us;
        let wrong_since = self.world.clock_wrong_since();
        let unnoticed = wrong_since.is_some_and(|since| at.saturating_sub(since) > NOTICED_US);
        if unnoticed && case.clock == Clock::Trusted {
            self.doubtful(passage, "a clock that is wrong");
        }
        let true_age_s = at.saturating_sub(self.last_feed_us) / 1_000_000;
        let age_s = case.facts.cache_age_s.unwrap_or(0);
        if u64::from(age_s) + 1 < true_age_s {
            self.doubtful(passage, "a cache older than it says");
        }
        let on_scale = self.world.weight_kg(n);
        let shown = case.weight.as_ref().map(|w| w.gross_kg.0);
        if let (Some(truly), Some(shown)) = (on_scale, shown)
            && (truly - shown).abs() > WEIGHT_OFF_KG
        {
            self.doubtful(passage, &format!("{shown} kg, and it weighs {truly} kg"));
        }
        let standing = self.world.physical(n).at_stop_line;
        let mut trucks = self.world.trucks().iter();
        let broken = |t: &TruckView| t.story == Story::BrokenSeal && t.must == Must::Not;
        if trucks.any(|t| Some(t.id) == standing && broken(t)) {
            self.doubtful(passage, "a seal that said it is broken");
        }
        self.check_matches(passage, case, verdict);
    }

    fn doubtful(&mut self, passage: &PassageId, what: &str) {
        let what = format!("{passage} was released on {what}");
        self.laws.breach("L4", self.now_us, what);
    }

    /// L8: an exact match was read exactly, and a look-alike had something
    /// else to go by.
    fn check_matches(&mut self, passage: &PassageId, case: &Case, verdict: &Verdict) {
        for matched in &verdict.declarations {
            let Some(item) = self.world.authority().declaration(matched.id.as_str()) else {
                continue;
            };
            let vehicles = item["declaration"]["vehicles"].as_array();
            let vehicles = vehicles.into_iter().flatten();
            let declared = vehicles.flat_map(|v| v["plates"].as_array().into_iter().flatten());
            let read = |text: &str| case.plates.iter().any(|p| p.text == text);
            let exact = declared.filter_map(|p| p.as_str()).any(read);
            let sealed = !case.seals.is_empty();
            let what = match matched.kind {
                MatchKind::Exact if !exact => "an exact match nobody read",
                MatchKind::Loose if !exact && !sealed => "a look-alike alone",
                MatchKind::Exact | MatchKind::Loose => continue,
            };
            let what = format!("{passage} was released on {what} ({})", matched.id);
            self.laws.breach("L8", self.now_us, what);
        }
    }
}

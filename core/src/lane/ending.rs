//! How a passage ends, exactly once, and who is waited for at the bay.

use super::state::{Behind, Passage, State};
use super::{BAYS_MAX, BayWait, Lane, Tell};
use crate::model::{Outcome, PassageId};
use crate::record::{GiveBackBody, OutcomeBody};
use crate::time::Now;

impl Lane {
    /// Every passage ends here, exactly once.
    pub(super) fn end_passage(
        &mut self,
        passage: &Passage,
        how: Outcome,
        give_back: Option<&str>,
        now: Now,
    ) {
        let mut bodies = Vec::with_capacity(2);
        if let Some(why) = give_back.filter(|_| passage.spent) {
            let why = why.to_owned();
            bodies.push(GiveBackBody { why }.into());
        }
        bodies.push(OutcomeBody { how }.into());
        self.note(now, Some(&passage.id), bodies);
        self.remember(passage);
        if has_gone(how) {
            self.recent.forget_seals(&self.last_seals);
        }
        self.tell(Tell::Ended {
            passage: passage.id.clone(),
            how,
        });
    }

    /// What the truck before was known by, read or declared: late reports of it
    /// are nobody else's.
    pub(super) fn remember(&mut self, passage: &Passage) {
        self.last_events = passage.evidence.events();
        self.last_seals = match &passage.recorded {
            Some(recorded) => recorded.seal_ids(),
            None => passage.evidence.seal_ids(),
        };
    }

    pub(super) fn wait_for_bay(&mut self, passage: &Passage, now: Now) {
        if passage.bay_seen {
            self.end_passage(passage, Outcome::ToBay, None, now);
            return;
        }
        if self.bays.len() >= BAYS_MAX {
            self.end_passage(passage, Outcome::Unknown, None, now);
            self.tell(Tell::Alarm("bay-queue-full"));
            return;
        }
        self.remember(passage);
        self.bays.push_back(BayWait {
            passage: passage.id.clone(),
            until: now.mono + self.config.bay_max,
        });
    }

    pub(super) fn reach_bay(&mut self, now: Now) {
        match self.bays.pop_front() {
            Some(wait) => self.end_apart(&wait.passage, Outcome::ToBay, now),
            None => match self.state.bound_for_bay() {
                Some(passage) => passage.bay_seen = true,
                None => self.tell(Tell::Stale("bay")),
            },
        }
    }

    pub(super) fn expire_bays(&mut self, now: Now) {
        while let Some(wait) = self.bays.pop_front_if(|w| w.until <= now.mono) {
            self.end_apart(&wait.passage, Outcome::Unknown, now);
            self.tell(Tell::Alarm("bay-not-reached"));
        }
    }

    pub(super) fn end_apart(&mut self, passage: &PassageId, how: Outcome, now: Now) {
        self.note(now, Some(passage), vec![OutcomeBody { how }.into()]);
        let passage = passage.clone();
        self.tell(Tell::Ended { passage, how });
    }

    /// The present passage, taken out of the state.
    pub(super) fn take_passage(&mut self) -> Option<Box<Passage>> {
        match std::mem::replace(&mut self.state, State::Vacant) {
            State::Gathering { passage, .. }
            | State::Committing { passage, .. }
            | State::Cleared { passage, .. }
            | State::Passing { passage, .. }
            | State::Lowering {
                behind: Behind::Passage { passage, .. },
                ..
            }
            | State::Held { passage }
            | State::Returning { passage }
            | State::Diverting { passage } => Some(passage),
            State::Starting { .. }
            | State::Securing { .. }
            | State::Vacant
            | State::Lowering {
                behind: Behind::Secured,
                ..
            }
            | State::ArmUp { .. }
            | State::Closed
            | State::Faulted { .. } => None,
        }
    }
}

/// The truck is not in the lane any more, nor before it. One that was turned back
/// or drove off may come again.
const fn has_gone(how: Outcome) -> bool {
    match how {
        Outcome::Passed | Outcome::ToBay | Outcome::NotSeenPassing => true,
        Outcome::Left
        | Outcome::LeftBeforeVerdict
        | Outcome::GivenBack
        | Outcome::Returned
        | Outcome::Unknown => false,
    }
}

//! The authority's messages both ways, and the officer behind it, who acts on
//! holds and on lanes that need a hand.

use serde_json::Value;

use super::lane::Mood;
use super::view::{Output, Phase};
use super::{Event, World};
use crate::authority::{Answer, Message, Question};
use crate::options::{MS, Story, Us};

/// Answers to one passage after which the officer stops trying and inspects.
const ANSWERS_MAX: u32 = 3;
/// How often an officer looks again at a lane that is still not well.
const AGAIN_US: Us = 5000 * MS;

impl World {
    pub(super) fn message(&mut self, topic: &str, payload: &[u8]) {
        if topic.starts_with("device/") {
            self.camera_message(topic, payload);
        } else if topic.starts_with("lanegate/") {
            self.authority.message(self.now, topic, payload);
            self.settle_authority();
        }
    }

    /// Passes on whatever the authority has to say.
    pub(super) fn settle_authority(&mut self) {
        while let Some(Message {
            topic,
            payload,
            qos,
            retain,
        }) = self.authority.take_output()
        {
            self.emit_twice_if_doubled(Output::Publish {
                topic,
                payload,
                retain,
                qos,
            });
        }
        self.records.follow(self.authority.records());
        while let Some(question) = self.authority.take_question() {
            self.asked(question);
        }
        while let Some((lane, state)) = self.authority.take_lane_state() {
            self.lane_state(&lane, &state);
        }
    }

    // ---- controls issued while trucks are coming

    /// Issues the controls on the next two trucks of a lane.
    pub(super) fn issue_controls(&mut self, lane: usize) {
        let next: Vec<usize> = self.lanes[lane].queue.iter().copied().take(2).collect();
        for truck in next {
            let Some(control) = self.trucks[truck].profile.live_control.take() else {
                continue;
            };
            self.issue(truck, control.item);
        }
    }

    /// Sends an item about a truck; from when the controller says that it has
    /// applied it, the truck must not be released.
    pub(super) fn issue(&mut self, truck: usize, item: Value) {
        self.settle_authority();
        self.authority.publish(self.now, vec![item]);
        let seq = self.authority.feed_position().0;
        self.trucks[truck].control_seq = Some(seq);
        self.settle_authority();
    }

    /// The controller says how far it has applied the feed.
    pub(super) fn applied(&mut self, payload: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
            return;
        };
        let (Some(seq), true) = (seq_of(&answer), answer["applied"] == true) else {
            return;
        };
        let now = self.now;
        for t in &mut self.trucks {
            if t.control_seq.is_some_and(|s| s <= seq) && t.control_known_at.is_none() {
                t.control_known_at = Some(now);
            }
        }
    }

    // ---- holds

    fn asked(&mut self, question: Question) {
        if let Some(truck) = self.standing_in(&question.lane) {
            self.trucks[truck].held = true;
        }
        if self.o.officer {
            self.race(&question);
            let at = self.now + self.officer_us();
            self.schedule(at, Event::Answer { question });
        }
    }

    /// The officer walks up to the truck and decides.
    pub(super) fn answer(&mut self, question: &Question) {
        let Some(truck) = self.standing_in(&question.lane) else {
            return;
        };
        if self.trucks[truck].arrived_at > question.at {
            return;
        }
        let asked = self
            .questions_asked
            .entry(question.passage.clone())
            .or_default();
        *asked += 1;
        let asked = *asked;
        let story = self.trucks[truck].profile.story;
        let fine = matches!(story, Story::Conforming | Story::Misread);
        let plate = question.codes.iter().any(|c| c.starts_with("plate."));
        let answer = if !fine || asked > ANSWERS_MAX {
            Answer::Inspect
        } else if plate && asked == 1 {
            Answer::Supply {
                plates: self.trucks[truck].profile.plates.clone(),
            }
        } else {
            Answer::Release
        };
        let other = opposite(&answer);
        if self.authority.answer(self.now, question, answer) && fine {
            self.helped.insert(truck);
        }
        self.contradict(truck, question, other);
        self.settle_authority();
    }

    pub(super) fn standing_in(&self, lane: &str) -> Option<usize> {
        let l = self.lanes.iter().find(|l| l.layout.lane == lane)?;
        l.present
            .iter()
            .copied()
            .find(|&t| self.trucks[t].phase == Phase::AtStopLine)
    }

    // ---- lanes that need a hand

    fn lane_state(&mut self, lane: &str, state: &Value) {
        let Some(lane) = self.lanes.iter().position(|l| l.layout.lane == lane) else {
            return;
        };
        self.lanes[lane].mood = mood(state);
        let well = self.lanes[lane].mood == Mood::Fine;
        if !well && self.o.officer && !self.lanes[lane].officer_called {
            self.lanes[lane].officer_called = true;
            let at = self.now + self.officer_us();
            self.schedule(at, Event::SeeTo { lane });
        }
    }

    /// The officer resets a faulted lane, or lowers by hand an arm that stays up.
    pub(super) fn see_to(&mut self, lane: usize) {
        let name = self.lanes[lane].layout.lane.clone();
        match self.lanes[lane].mood {
            Mood::Fine => {
                self.lanes[lane].officer_called = false;
                return;
            }
            Mood::Faulted => {
                self.count("officer.reset");
                self.help_standing(&name);
                self.authority
                    .lane_order(self.now, &name, "reset", "checked on the spot");
            }
            Mood::ArmUpUnpaired => {
                let busy = self.lanes[lane]
                    .present
                    .iter()
                    .any(|&t| self.trucks[t].phase == Phase::Crossing);
                if !busy && self.lanes[lane].arm.is_up(self.now) {
                    self.count("officer.lowered-by-hand");
                    self.help_standing(&name);
                    self.send_arm(lane, 0);
                }
            }
        }
        self.schedule(self.now + AGAIN_US, Event::SeeTo { lane });
        self.settle_authority();
    }

    fn help_standing(&mut self, lane: &str) {
        if let Some(truck) = self.standing_in(lane)
            && matches!(
                self.trucks[truck].profile.story,
                Story::Conforming | Story::Misread
            )
        {
            self.helped.insert(truck);
        }
    }

    fn officer_us(&self) -> Us {
        Us::from(self.o.times.officer_ms) * MS
    }
}

/// What a second officer says who does not agree.
fn opposite(answer: &Answer) -> Answer {
    match answer {
        Answer::Release | Answer::Supply { .. } => Answer::Inspect,
        Answer::Inspect | Answer::Return => Answer::Release,
    }
}

/// How far an answer to the feed goes: a batch's number or a snapshot's.
fn seq_of(answer: &Value) -> Option<u64> {
    answer["seq"].as_u64().or(answer["snapshot"].as_u64())
}

/// Reads a lane's state, whether it is a word or an object named by it.
fn mood(state: &Value) -> Mood {
    let word: String = state["state"]
        .to_string()
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let all = state.to_string();
    if word.starts_with("faulted") {
        Mood::Faulted
    } else if word.starts_with("armup") && !all.contains("keep-up") && !all.contains("maintenance")
    {
        Mood::ArmUpUnpaired
    } else {
        Mood::Fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lanes_state_calls_for_an_officer_only_when_a_hand_is_needed() {
        assert_eq!(
            mood(&json!({"state": "faulted", "cause": "io"})),
            Mood::Faulted
        );
        assert_eq!(
            mood(&json!({"state": {"faulted": {"cause": "io"}}})),
            Mood::Faulted
        );
        assert_eq!(
            mood(&json!({"state": "arm-up", "why": "unpaired"})),
            Mood::ArmUpUnpaired
        );
        assert_eq!(
            mood(&json!({"state": "arm-up", "why": "keep-up"})),
            Mood::Fine
        );
        assert_eq!(mood(&json!({"state": "passing"})), Mood::Fine);
        assert_eq!(mood(&json!({"state": "offline"})), Mood::Fine);
    }
}

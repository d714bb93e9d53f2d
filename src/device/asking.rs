//! A device that speaks when it is asked: when to ask, and which answer counts.
//! Sans-IO.
//!
//! ```text
//!         opened               answer                every after the question
//! Closed --------> Waiting -----------------> Resting -----------------------> Waiting
//!                     \-- every is over: no answer --> Missed --> the port is opened anew
//! ```
//! Questions have no number, so an answer that comes late looks like the next
//! one's (field case c04): the port's input is emptied before each question,
//! what comes unasked is thrown away, and after a question without an answer
//! the port is opened anew, behind which readings count only once it has
//! settled.

use lanegate_core::time::{Micros, Mono};
use lanegate_core::wire::Ask;

/// A port whose device does not answer is opened at most this seldom.
const PAUSE_MAX: Micros = Micros::from_s(5);
/// From so many questions without an answer on the pause grows no more.
const MISSES_MAX: u32 = 5;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Waiting { asked: Mono },
    Resting { until: Mono },
    Missed,
}

/// The questions of one device.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    ask: Ask,
    /// An answer may be several frames, within `every` of the question.
    many: bool,
    state: State,
    /// Questions in a row without an answer.
    misses: u32,
    /// How much of the question has come back, as from an RS-485 adapter that
    /// does not suppress it; none = the answer has begun.
    echoed: Option<usize>,
}

impl Asking {
    pub(super) const fn new(ask: Ask, many: bool) -> Self {
        Self {
            ask,
            many,
            state: State::Closed,
            misses: 0,
            echoed: None,
        }
    }

    /// The port is open; the first question is due at once, or after a pause
    /// that grows while nothing answers.
    pub(super) fn opened(&mut self, now: Mono) {
        let mut pause = Micros(0);
        if self.misses > 0 {
            let grown = self
                .ask
                .every
                .0
                .saturating_mul(1 << self.misses.min(MISSES_MAX));
            pause = Micros(grown.min(PAUSE_MAX.0));
        }
        let until = now + pause;
        self.state = State::Resting { until };
    }

    pub(super) fn closed(&mut self) {
        self.state = State::Closed;
    }

    /// The question, if it is due.
    pub(super) fn question(&mut self, now: Mono) -> Option<Vec<u8>> {
        let State::Resting { until } = self.state else {
            return None;
        };
        (until <= now).then(|| {
            self.state = State::Waiting { asked: now };
            self.echoed = Some(0);
            self.ask.bytes.clone()
        })
    }

    /// True once for a question that got no answer in its time.
    pub(super) fn missed(&mut self, now: Mono) -> bool {
        match self.state {
            State::Waiting { asked } if now.since(asked) >= self.ask.every => {
                self.misses = self.misses.saturating_add(1);
                self.state = State::Missed;
                true
            }
            State::Closed | State::Waiting { .. } | State::Resting { .. } | State::Missed => false,
        }
    }

    /// The port is to be opened anew; asked once.
    pub(super) fn take_reopen(&mut self) -> bool {
        let missed = self.state == State::Missed;
        if missed {
            self.state = State::Closed;
        }
        missed
    }

    /// A frame of an answer came; false: nobody asked for it.
    pub(super) fn answered(&mut self, now: Mono) -> bool {
        match self.state {
            State::Waiting { asked } => {
                let until = asked + self.ask.every;
                self.state = State::Resting { until };
                self.misses = 0;
                true
            }
            // Behind an open port nothing was asked yet.
            State::Resting { until } => self.many && self.misses == 0 && now < until,
            State::Closed | State::Missed => false,
        }
    }

    /// Takes the question itself off what came: first what it turned out not
    /// to be, then the rest.
    pub(super) fn without_echo<'a>(&'a mut self, bytes: &'a [u8]) -> [&'a [u8]; 2] {
        let Some(from) = self.echoed else {
            return [&[], bytes];
        };
        let question = &self.ask.bytes;
        let same = bytes
            .iter()
            .zip(&question[from..])
            .take_while(|(a, b)| a == b);
        let to = from + same.count();
        let rest = &bytes[to - from..];
        if to < question.len() && rest.is_empty() {
            self.echoed = Some(to);
            return [&[], &[]];
        }
        self.echoed = None;
        let held = if to < question.len() { to } else { 0 };
        [&self.ask.bytes[..held], rest]
    }

    /// When [`Self::question`] or [`Self::missed`] next says something.
    pub(super) fn deadline(&self) -> Option<Mono> {
        match self.state {
            State::Closed | State::Missed => None,
            State::Waiting { asked } => Some(asked + self.ask.every),
            State::Resting { until } => Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    fn asking() -> Asking {
        asking_many(false)
    }

    fn asking_many(many: bool) -> Asking {
        let ask = Ask {
            bytes: b"\x02AB03\x03".to_vec(),
            every: Micros::from_ms(300),
        };
        let mut asking = Asking::new(ask, many);
        asking.opened(at(0));
        asking
    }

    #[test]
    fn a_question_is_put_every_so_often_and_one_answer_belongs_to_each() {
        let mut asking = asking();
        assert!(asking.question(at(0)).is_some());
        assert_eq!(asking.question(at(10)), None);
        assert!(asking.answered(at(20)));
        assert!(
            !asking.answered(at(20)),
            "a second answer was not asked for"
        );
        assert_eq!(asking.deadline(), Some(at(300)));
        assert_eq!(asking.question(at(299)), None);
        assert!(asking.question(at(300)).is_some());
    }

    #[test]
    fn of_a_reader_every_frame_of_an_answer_counts_up_to_the_next_question() {
        let mut asking = asking_many(true);
        assert!(asking.question(at(0)).is_some());
        assert!(asking.answered(at(20)));
        assert!(asking.answered(at(299)));
        assert!(!asking.answered(at(300)));
    }

    #[test]
    fn without_an_answer_the_port_is_opened_anew_ever_more_seldom() {
        let mut asking = asking();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let due = asking.deadline().unwrap();
            pauses.push((due.0 / 1000).saturating_sub(now));
            now = due.0 / 1000;
            assert!(asking.question(due).is_some());
            assert!(!asking.missed(at(now + 299)));
            assert!(asking.missed(at(now + 300)));
            assert!(!asking.missed(at(now + 301)), "said once");
            assert!(!asking.answered(at(now + 301)), "too late");
            assert!(asking.take_reopen());
            assert!(!asking.take_reopen());
            now += 300;
            asking.opened(at(now));
        }
        assert_eq!(pauses, [0, 600, 1200, 2400, 4800, 5000, 5000]);
        let due = asking.deadline().unwrap();
        asking.question(due);
        asking.answered(due);
        asking.opened(at(60_000));
        assert_eq!(asking.deadline(), Some(at(60_000)), "well again");
    }

    #[test]
    fn the_question_coming_back_is_taken_off_however_it_is_cut() {
        let answer = b"\x02AB+038240015\x03";
        for cut in 0..6 {
            let mut asking = asking();
            let question = asking.question(at(0)).unwrap();
            let all = [question.as_slice(), answer].concat();
            let mut heard = Vec::<u8>::new();
            for piece in [&all[..cut], &all[cut..]] {
                for part in asking.without_echo(piece) {
                    heard.extend(part);
                }
            }
            assert_eq!(heard, answer, "cut at {cut}");
        }
    }

    #[test]
    fn an_answer_that_begins_as_the_question_does_is_kept_whole() {
        let answer = b"\x02AB+038240015\x03";
        for cut in 0..answer.len() {
            let mut asking = asking();
            asking.question(at(0));
            let mut heard = Vec::<u8>::new();
            for piece in [&answer[..cut], &answer[cut..]] {
                for part in asking.without_echo(piece) {
                    heard.extend(part);
                }
            }
            assert_eq!(heard, answer, "cut at {cut}");
        }
    }
}

//! What an answer, a refusal or silence changes.

use lanegate_core::lane::Event;
use lanegate_core::model::{Content, Inputs, Reading, Taken};
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::io::board::{BadWhy, Told};

use super::{Board, Purpose};
use crate::config::{ArmDown, InputBit};
use crate::device::Why;

/// Failed questions in a row after which the port is opened again.
const REOPEN_AFTER: u32 = 3;
/// After a damaged answer the rest of its bytes is let pass.
const BAD_GAP: Micros = Micros::from_ms(30);

impl Board {
    pub(super) fn answered_with(&mut self, told: Told, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.counts.frames += u64::from(self.can.asked);
        self.failures = 0;
        self.barred.clear();
        self.quiet_until = now.mono + self.gap;
        match asked.purpose {
            Purpose::Poll => self.next_poll = self.next_poll.min(asked.at + self.config.poll),
            Purpose::ReadBack => {}
            Purpose::Arm(_) | Purpose::Set { .. } => self.wrote(asked.purpose, now.mono),
        }
        self.take_told(told, asked.at, now.mono);
    }

    /// The board took a write, as far as it says anything.
    pub(super) fn wrote(&mut self, purpose: Purpose, now: Mono) {
        match purpose {
            Purpose::Arm(write) => self.arm.taken(write, now),
            Purpose::Set { coil, on } => self.coils.written(coil, on),
            Purpose::Poll | Purpose::ReadBack => {}
        }
        // Only reading back proves it.
        self.read_back_due = true;
    }

    /// What it says of itself, asked for at `asked`.
    pub(super) fn take_told(&mut self, told: Told, asked: Mono, now: Mono) {
        if let Some(inputs) = told.inputs {
            let wanted = usize::from(self.config.inputs.count());
            if inputs.len() < wanted {
                // What it does not tell is not "off".
                self.health.blame(Why::Inputs(inputs.len(), wanted));
                return;
            }
            self.answered = true;
            let event = self.health.frame(now);
            self.emit(event);
            self.take_inputs(&inputs, now);
        }
        if let Some(outputs) = told.outputs {
            self.take_coils(&outputs, asked, now);
        }
    }

    /// The unit said no: saying it again changes nothing.
    pub(super) fn refused(&mut self, code: Option<u8>, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.counts.refusals += 1;
        self.barred.clear();
        self.quiet_until = now.mono + self.gap;
        self.health.blame(Why::Exception(code));
        match asked.purpose {
            Purpose::Arm(write) => {
                let failed = self.arm.refused(write);
                self.fail(Some(failed));
            }
            Purpose::Set { coil, on } => {
                self.coils.refused(coil, on);
                self.read_back_due = true;
                self.fail_kept(coil, now.mono);
            }
            Purpose::Poll | Purpose::ReadBack => self.count_failure(),
        }
    }

    pub(super) fn bad_answer(&mut self, why: BadWhy, now: Now) {
        self.health.blame(Why::BadAnswer(why));
        match why {
            // Perhaps an earlier answer, late: ours may follow.
            BadWhy::Stranger | BadWhy::OtherQuestion => {
                let answer = self.asked.as_mut().map(|a| std::mem::take(&mut a.answer));
                self.count_noise(answer.map_or(0, |bytes| bytes.len()), now.mono);
            }
            // It was the answer, damaged: nothing is still to come.
            BadWhy::Checksum | BadWhy::CrcSwapped => self.unanswered(BAD_GAP, now),
        }
    }

    pub(super) fn timed_out(&mut self, now: Now) {
        if let Some(asked) = self.asked.as_ref().filter(|_| !self.can.numbered) {
            self.barred.insert(asked.purpose.function(self.can));
            self.rest_until = now.mono + self.can.rest;
        }
        self.unanswered(self.gap, now);
    }

    /// No answer, or one that cannot be read.
    pub(super) fn unanswered(&mut self, gap: Micros, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.count_noise(asked.answer.len(), now.mono);
        self.flush = true;
        self.quiet_until = now.mono + gap;
        self.count_failure();
        match asked.purpose {
            Purpose::Arm(write) => {
                let failed = self.arm.unanswered(write);
                self.fail(failed);
            }
            Purpose::Set { .. } | Purpose::ReadBack => self.read_back_due = true,
            Purpose::Poll => self.next_poll = now.mono,
        }
    }

    pub(super) fn count_failure(&mut self) {
        self.failures += 1;
        if self.failures >= REOPEN_AFTER {
            self.failures = 0;
            self.reopen = true;
        }
    }

    pub(super) fn take_inputs(&mut self, bits: &[bool], now: Mono) {
        let read = |bit: InputBit| {
            let raw = bits.get(usize::from(bit.number)).copied();
            raw.unwrap_or(bit.inverted) != bit.inverted
        };
        let map = &self.config.inputs;
        let arm_up = read(map.arm_up);
        let arm_down = match (map.arm_down, &mut self.down) {
            (ArmDown::Input(bit), _) => read(bit),
            (ArmDown::OffUpFor(_), Some(down)) => down.is_down(arm_up, now),
            (ArmDown::OffUpFor(_), None) => false,
        };
        let inputs = Inputs {
            presence: read(map.presence),
            inhibit: read(map.inhibit),
            arm_up,
            arm_down,
            bay: map.bay.map(read),
            diverter_bay: map.diverter_bay.map(read),
            whole: map.whole.map(read),
        };
        self.arm.observe(&inputs, now);
        self.inputs = Some((now, inputs));
        let reading = Reading {
            device: self.config.id.clone(),
            arrived: now,
            taken: Taken::OnArrival,
            at: None,
            content: Content::Inputs(inputs),
        };
        self.emit(Some(Event::Reading(reading)));
    }

    /// What was written and the board does not hold: it restarted, or a relay
    /// failed. Lamps are set again, arm contacts opened, a lift never given.
    pub(super) fn take_coils(&mut self, bits: &[bool], asked: Mono, now: Mono) {
        let held = |coil: u16| bits.get(usize::from(coil)).copied().unwrap_or(false);
        for coil in self.coils.read_back(held) {
            self.fail_kept(coil, now);
        }
        for coil in self.arm.coils() {
            let expected = self.arm.expected(coil, asked, now);
            if expected.is_none_or(|on| on == held(coil)) {
                continue;
            }
            if held(coil) {
                self.arm.found_closed(coil, now);
            }
            // A contact left closed by a crash is opened without a word.
            let output = self.arm.output_of(coil);
            self.fail(Some(output).filter(|_| self.swept));
        }
        self.swept = true;
    }
}

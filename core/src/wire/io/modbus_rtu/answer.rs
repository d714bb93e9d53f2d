//! Matching an answer to its question. What is no answer is dropped byte by
//! byte, or whole if it is a whole message for somebody else, so that no
//! answer is found inside one (L3).

use super::super::board::BadWhy;
use super::decoder::whole_len;
use super::{Call, Crc, Request, unpack};

/// Stray bytes that are nothing to speak of: an RS-485 line that turns around
/// often leaves one or two.
const STRAY_LEN_MAX: usize = 4;
/// Shorter starts of an answer are chance.
const START_LEN_MIN: usize = 2;
/// Shorter starts of an echo may as well be an answer's.
const ECHO_LEN_MIN: usize = 3;

/// What the bytes received so far make of the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// At least so many more bytes are needed.
    Need(usize),
    /// Answered.
    Done(Reply),
    /// The unit refused; none = it left out the code (malformed exception).
    Exception(Option<u8>),
    /// No answer to this question: empty the input and ask again.
    Bad(BadWhy),
}

/// What a unit answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// As many coils or inputs as were asked for.
    Bits(Vec<bool>),
    /// As many registers as were asked for.
    Registers(Vec<u16>),
    /// The write was taken; only reading back proves it.
    Written,
}

/// Looks at the bytes received since `request` was sent, all of them. A whole
/// answer wins over the start of one before it, which stray bytes may feign.
#[must_use]
pub fn response(request: &Request, bytes: &[u8]) -> Outcome {
    let sent = request.encode();
    // A read's echo is never its answer: its third byte would have to be the
    // count of data bytes. A write's echo equals its answer, so only the
    // dialect can tell.
    let mut awaits_echo = request.dialect.echo || !request.writes();
    let (mut at, mut seen) = (0, Seen::default());
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if awaits_echo && rest.starts_with(&sent) {
            (awaits_echo, seen) = (false, Seen::default());
            at += sent.len();
            continue;
        }
        if awaits_echo && rest.len() >= ECHO_LEN_MIN && sent.starts_with(rest) {
            seen.needs(sent.len() - rest.len(), rest.len());
            break;
        }
        match here(request, rest) {
            outcome @ (Outcome::Done(_) | Outcome::Exception(_)) => return outcome,
            Outcome::Need(more) => seen.needs(more, rest.len()),
            Outcome::Bad(why) => seen.is_bad(why),
        }
        let len = whole_len(request.dialect, rest).unwrap_or(1);
        (at, seen.strays) = (at + len, seen.strays + len);
    }
    seen.outcome(answer_len(request))
}

/// What was seen on the way to no answer.
#[derive(Default)]
struct Seen {
    /// Bytes the first start of an answer lacks, and those it has.
    need: Option<(usize, usize)>,
    bad: Option<BadWhy>,
    strays: usize,
}

impl Seen {
    fn needs(&mut self, more: usize, has: usize) {
        self.need.get_or_insert((more, has));
    }

    /// The first that was nearly an answer says why.
    fn is_bad(&mut self, why: BadWhy) {
        if self.bad.is_none_or(|before| before == BadWhy::Stranger) {
            self.bad = Some(why);
        }
    }

    fn outcome(self, answer_len: usize) -> Outcome {
        let damaged = match self.bad {
            Some(BadWhy::Checksum | BadWhy::CrcSwapped) => true,
            Some(BadWhy::Stranger | BadWhy::OtherQuestion) | None => false,
        };
        match (self.need, self.bad) {
            (Some((more, has)), _) if !damaged || has >= START_LEN_MIN => Outcome::Need(more),
            (Some(_) | None, Some(BadWhy::Stranger)) if self.strays <= STRAY_LEN_MAX => {
                Outcome::Need(answer_len)
            }
            (Some(_) | None, Some(why)) => Outcome::Bad(why),
            (Some((more, _)), None) => Outcome::Need(more),
            (None, None) => Outcome::Need(answer_len),
        }
    }
}

/// What an answer that starts right here would say.
fn here(request: &Request, bytes: &[u8]) -> Outcome {
    match is_ours(request, bytes) {
        true => matched(request, bytes),
        false => Outcome::Bad(BadWhy::Stranger),
    }
}

/// Whether an answer of this unit to this function may start here.
fn is_ours(request: &Request, bytes: &[u8]) -> bool {
    let function = bytes.get(1).map(|f| f & 0x7f);
    bytes[0] == request.dialect.unit && function.is_none_or(|f| f == request.function())
}

fn matched(request: &Request, bytes: &[u8]) -> Outcome {
    let Some(function) = bytes.get(1) else {
        return Outcome::Need(answer_len(request) - bytes.len());
    };
    if function & 0x80 != 0 {
        return exception(request, bytes);
    }
    let len = answer_len(request);
    // Told early, so that a wrong answer does not cost a timeout.
    if bytes.len() > 2 && data_len(request).is_some_and(|n| bytes[2] != n) {
        return Outcome::Bad(BadWhy::OtherQuestion);
    }
    let Some(frame) = bytes.get(..len) else {
        return Outcome::Need(len - bytes.len());
    };
    match request.dialect.checks(frame) {
        Crc::Right => answer(request, frame),
        Crc::Swapped => Outcome::Bad(BadWhy::CrcSwapped),
        Crc::Wrong => Outcome::Bad(BadWhy::Checksum),
    }
}

/// A set high bit is failure whatever follows.
fn exception(request: &Request, bytes: &[u8]) -> Outcome {
    let short = bytes.get(..4).map(|frame| request.dialect.checks(frame));
    if short == Some(Crc::Right) {
        return Outcome::Exception(None);
    }
    match bytes.get(..5) {
        None => Outcome::Need(5 - bytes.len()),
        Some(frame) => match request.dialect.checks(frame) {
            Crc::Right => Outcome::Exception(Some(frame[2])),
            Crc::Swapped => Outcome::Bad(BadWhy::CrcSwapped),
            Crc::Wrong => Outcome::Bad(BadWhy::Checksum),
        },
    }
}

/// An answer without what the line adds, whole: unit, function, data.
pub(in crate::wire::io) fn pdu(request: &Request, body: &[u8]) -> Outcome {
    let (Some(unit), Some(function)) = (body.first(), body.get(1)) else {
        return Outcome::Bad(BadWhy::Stranger);
    };
    if *unit != request.dialect.unit {
        return Outcome::Bad(BadWhy::Stranger);
    }
    match (function & 0x7f == request.function(), function & 0x80 != 0) {
        (false, _) => Outcome::Bad(BadWhy::OtherQuestion),
        // A set high bit is failure whatever follows.
        (true, true) => Outcome::Exception(body.get(2).copied()),
        (true, false) => whole(request, &body[2..]),
    }
}

fn answer(request: &Request, frame: &[u8]) -> Outcome {
    whole(request, &frame[2..frame.len() - 2])
}

/// What follows unit and function, all of it.
fn whole(request: &Request, data: &[u8]) -> Outcome {
    let other = Outcome::Bad(BadWhy::OtherQuestion);
    match (&request.call, data.split_first()) {
        (Call::ReadCoils { count, .. } | Call::ReadInputs { count, .. }, Some((len, bytes)))
            if Some(*len) == data_len(request) && bytes.len() == usize::from(*len) =>
        {
            let mut bits = unpack(bytes);
            bits.truncate(usize::from(*count));
            Outcome::Done(Reply::Bits(bits))
        }
        (Call::ReadRegisters { .. } | Call::ReadInputRegisters { .. }, Some((len, bytes)))
            if Some(*len) == data_len(request) && bytes.len() == usize::from(*len) =>
        {
            let words = bytes.chunks_exact(2);
            let words = words.map(|w| u16::from_be_bytes([w[0], w[1]]));
            Outcome::Done(Reply::Registers(words.collect()))
        }
        (
            Call::WriteCoil { .. } | Call::WriteRegister { .. } | Call::WriteCoils { .. },
            Some(_),
        ) if data == &request.body()[2..6] => Outcome::Done(Reply::Written),
        (
            Call::ReadCoils { .. }
            | Call::ReadInputs { .. }
            | Call::ReadRegisters { .. }
            | Call::ReadInputRegisters { .. }
            | Call::WriteCoil { .. }
            | Call::WriteRegister { .. }
            | Call::WriteCoils { .. },
            _,
        ) => other,
    }
}

/// Data bytes an answer to a read must announce.
fn data_len(request: &Request) -> Option<u8> {
    match request.call {
        Call::ReadCoils { count, .. } | Call::ReadInputs { count, .. } => {
            Some(u8::try_from(count.div_ceil(8)).expect("at most 64 bits"))
        }
        Call::ReadRegisters { count, .. } | Call::ReadInputRegisters { count, .. } => {
            Some(u8::try_from(count * 2).expect("at most 64 registers"))
        }
        Call::WriteCoil { .. } | Call::WriteRegister { .. } | Call::WriteCoils { .. } => None,
    }
}

fn answer_len(request: &Request) -> usize {
    data_len(request).map_or(8, |n| 5 + usize::from(n))
}

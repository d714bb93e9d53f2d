//! Matching an answer to its question.

use super::super::board::BadWhy;
use super::{Call, Crc, Request, unpack};

/// Stray bytes skipped in front of an answer: an RS-485 line that turns
/// around often leaves one or two.
const STRAY_LEN_MAX: usize = 4;

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

/// Looks at the bytes received since `request` was sent, all of them.
#[must_use]
pub fn response(request: &Request, bytes: &[u8]) -> Outcome {
    let sent = request.encode();
    let (echo, rest) = match bytes.strip_prefix(sent.as_slice()) {
        // A read's echo is never its answer: its third byte would have to be
        // the count of data bytes. A write's echo equals its answer, so only
        // the dialect can tell.
        Some(rest) if request.dialect.echo || !request.writes() => (true, rest),
        Some(_) | None => (false, bytes),
    };
    let awaits_echo = request.dialect.echo || !request.writes();
    if !echo && awaits_echo && sent.starts_with(bytes) && bytes.len() > 2 {
        return Outcome::Need(sent.len() - bytes.len());
    }
    let strays = rest.len().min(STRAY_LEN_MAX + 1);
    let mut starts = (0..strays).filter(|&at| is_ours(request, &rest[at..]));
    match starts.next() {
        Some(at) => matched(request, &rest[at..]),
        None if rest.len() > STRAY_LEN_MAX => Outcome::Bad(BadWhy::Stranger),
        None => Outcome::Need(answer_len(request)),
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

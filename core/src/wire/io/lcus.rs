//! LCUS-type USB relays (CH340): one relay switched by four bytes.
//!
//! | byte | content |
//! |---|---|
//! | 1 | A0h |
//! | 2 | relay, from 1 |
//! | 3 | 01 on, 00 off |
//! | 4 | sum of the three, low byte |
//!
//! The relay never answers and has no inputs: nothing it is told can be read
//! back, and nothing tells that it is there. Source: the sellers' data sheets.

use super::super::exchange::{ExchangeFrame, Field};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::Settings;
use super::super::{Decoder, Frame, NoiseWhy, Protocol, ProtocolKind};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "lcus",
    kind: ProtocolKind::Io,
    about: "LCUS-1 to LCUS-8 USB relays (CH340). They never answer, so nothing can be read back, and they have no inputs: `decode` reads what is sent to them, but `check` refuses one as a lane's board, since neither the relay nor the lift it was told could ever be confirmed. Source: the sellers' data sheets.",
    settings: &[],
    ask: None,
    agree: None,
    make,
};

/// Why such a relay cannot be a lane's board.
pub(super) const CANNOT: &str = "an lcus relay never answers and has no inputs: a lift could not \
                                 be confirmed, a contact not be read back, and nothing would tell \
                                 that the relay is there; use a board with inputs and read-back \
                                 (modbus-rtu, modbus-tcp, adam4000, xy-lc301, mqtt-io)";

const START: u8 = 0xa0;
const LEN: usize = 4;
/// The largest board of the family.
const RELAYS: u8 = 16;

struct Lcus;

fn make(_: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Lcus))
}

impl Grammar for Lcus {
    const FRAME_LEN_MAX: usize = LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != START {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(&[start, relay, value, sum]) = bytes.first_chunk::<LEN>() else {
            return Step::Need;
        };
        if start.wrapping_add(relay).wrapping_add(value) != sum {
            return Step::drop(NoiseWhy::Checksum);
        }
        let on = match value {
            0 => Field::Flag(false),
            1 => Field::Flag(true),
            // Some boards toggle at 2 or answer at 3: not said by the sheets.
            _ => Field::Unknown,
        };
        if !(1..=RELAYS).contains(&relay) {
            return Step::drop(NoiseWhy::Field);
        }
        let fields = vec![("relay", Field::Number(u32::from(relay))), ("on", on)];
        Step::Frame(LEN, Frame::Exchange(ExchangeFrame::host(fields)))
    }
}

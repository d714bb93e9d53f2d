//! Boards of lane inputs and outputs other than the Modbus one on a serial
//! line, and what stands at their outputs, from the makers' documents. Each
//! takes bytes as they come and answers as its firmware would.

use crate::options::{MS, Us};

/// A Modbus board with a network port (Modbus messaging on TCP/IP, 3.1):
/// functions 1, 2 and 5 of unit 1.
#[derive(Debug, Clone, Default)]
pub struct TcpBoard {
    buffer: Vec<u8>,
    /// Its relays.
    pub coils: u16,
}

impl TcpBoard {
    /// Takes bytes of the connection; the answers.
    pub fn feed(&mut self, bytes: &[u8], inputs: u8) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        let mut answers = Vec::new();
        while self.buffer.len() >= 6 {
            let len = 6 + usize::from(u16::from_be_bytes([self.buffer[4], self.buffer[5]]));
            if self.buffer.len() < len {
                break;
            }
            let message: Vec<u8> = self.buffer.drain(..len).collect();
            if message[2..4] != [0, 0] || len < 12 {
                continue;
            }
            let body = self.execute(&message[6..], inputs);
            let size = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
            answers.extend([&message[..4], &size, &body].concat());
        }
        answers
    }

    fn execute(&mut self, body: &[u8], inputs: u8) -> Vec<u8> {
        let (unit, function) = (body[0], body[1]);
        let address = u16::from_be_bytes([body[2], body[3]]);
        let value = u16::from_be_bytes([body[4], body[5]]);
        match function {
            1 => {
                let [low, high] = self.coils.to_le_bytes();
                let coils: &[u8] = if value > 8 {
                    &[2, low, high]
                } else {
                    &[1, low]
                };
                [&[unit, 1], coils].concat()
            }
            2 => vec![unit, 2, 1, inputs],
            5 if address < 16 && [0, 0xff00].contains(&value) => {
                self.coils &= !(1 << address);
                self.coils |= u16::from(value != 0) << address;
                body.to_vec()
            }
            // Illegal address or value; illegal function.
            5 => vec![unit, 0x85, 2],
            other => vec![unit, other | 0x80, 1],
        }
    }
}

/// An ADAM-4050 (ADAM-4000 series user's manual, chapter 7).
#[derive(Debug, Clone)]
pub struct AdamModule {
    address: u8,
    checksum: bool,
    buffer: Vec<u8>,
    /// Its outputs.
    pub outputs: u8,
}

impl AdamModule {
    /// A module at this address, with or without checksums.
    #[must_use]
    pub const fn new(address: u8, checksum: bool) -> Self {
        Self {
            address,
            checksum,
            buffer: Vec::new(),
            outputs: 0,
        }
    }

    /// Takes bytes of the line; the answers. Silence is one.
    pub fn feed(&mut self, bytes: &[u8], inputs: u8) -> Vec<u8> {
        let mut answers = Vec::new();
        for byte in bytes {
            if *byte != b'\r' {
                self.buffer.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.buffer);
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some(said) = self.execute(&line, inputs) {
                answers.extend(self.sealed(&said).into_bytes());
            }
        }
        answers
    }

    fn sealed(&self, said: &str) -> String {
        if self.checksum {
            format!("{said}{:02X}\r", sum(said))
        } else {
            format!("{said}\r")
        }
    }

    fn execute(&mut self, line: &str, inputs: u8) -> Option<String> {
        let line = if self.checksum {
            let (said, digits) = line.split_at_checked(line.len().checked_sub(2)?)?;
            (digits == format!("{:02X}", sum(said))).then_some(said)?
        } else {
            line
        };
        let own = format!("{:02X}", self.address);
        if line.get(1..3)? != own {
            return None;
        }
        match (line.get(..1)?, line.get(3..)?) {
            ("$", "6") => Some(format!("!{:02X}{inputs:02X}00", self.outputs)),
            ("$", "2") => Some(format!("!{own}400600")),
            ("#", what) if what.len() == 4 && what.starts_with('1') => {
                let n: u8 = what[1..2].parse().ok()?;
                let bit = 1_u8.checked_shl(u32::from(n)).filter(|_| n < 8);
                match (bit, &what[2..]) {
                    (Some(bit), "01") => self.outputs |= bit,
                    (Some(bit), "00") => self.outputs &= !bit,
                    _ => return Some(format!("?{own}")),
                }
                Some(">".to_owned())
            }
            ("$" | "#", _) => Some(format!("?{own}")),
            _ => None,
        }
    }
}

fn sum(said: &str) -> u8 {
    said.bytes().fold(0, u8::wrapping_add)
}

/// An XY-LC-301 with a barrier that takes a second (readme and source of its
/// firmware 4.1).
#[derive(Debug, Clone, Default)]
pub struct LaneController {
    buffer: Vec<u8>,
    last_byte_at: Us,
    /// Raised, and until when it is on its way.
    up: bool,
    moving_until: Us,
    canopy_green: bool,
    lane_green: bool,
    /// It lowers by itself behind the vehicle.
    by_itself: bool,
    rear_was_on: bool,
    /// Times its barrier was told to rise and to come down.
    pub moves: (u32, u32),
}

impl LaneController {
    /// Longer silence resets a receiver that waits for the rest.
    const RECEIVE_MAX: Us = 100 * MS;
    const TRAVEL: Us = 1000 * MS;

    /// Takes bytes of the line; what it says. `front` and `rear`: a vehicle is
    /// on that loop.
    pub fn feed(&mut self, at: Us, bytes: &[u8], front: bool, rear: bool) -> Vec<u8> {
        if at > self.last_byte_at + Self::RECEIVE_MAX {
            self.buffer.clear();
        }
        self.last_byte_at = at;
        let mut said = Vec::new();
        for byte in bytes {
            // The first 02h begins 24 bytes, whatever they are.
            if !self.buffer.is_empty() || *byte == 2 {
                self.buffer.push(*byte);
            }
            if self.buffer.len() < 24 {
                continue;
            }
            let message = std::mem::take(&mut self.buffer);
            let bcc = message[1..22].iter().fold(0, |x, b| x ^ b);
            if message[22] != 3 || message[23] != bcc {
                said.extend([0x15, b'E', b'E', b'E', b'E', 3, 0]);
            } else if message[2] == b'1' {
                // It answers first and acts then.
                said.extend(self.status(at, front, rear));
                self.act(at, message[3], message[20]);
            }
        }
        said
    }

    /// Its status, as it sends it at every change by itself.
    #[must_use]
    pub fn status(&self, at: Us, front: bool, rear: bool) -> [u8; 7] {
        let up = self.up && at >= self.moving_until || !self.up && at < self.moving_until;
        let bit = |on: bool, n: u8| u8::from(on) << n;
        let one = bit(self.canopy_green, 0)
            | bit(true, 2)
            | bit(up, 3)
            | bit(!front, 4)
            | bit(!rear, 5)
            | bit(self.lane_green, 6);
        [2, b'B', b'1', one, 0xbb, 3, b'B' ^ b'1' ^ one ^ 0xbb]
    }

    /// Lets a vehicle leave the rear loop, if its own lowering is on.
    pub fn rear_loop(&mut self, at: Us, on: bool) {
        if self.rear_was_on && !on && self.by_itself {
            self.by_itself = false;
            self.go(at, false);
        }
        self.rear_was_on = on;
    }

    fn act(&mut self, at: Us, control: u8, mode: u8) {
        self.canopy_green = control & 4 != 0;
        self.lane_green = control & 32 != 0;
        if control & 1 != 0 {
            self.by_itself = mode & 1 != 0;
            self.rear_was_on = false;
            self.go(at, true);
        } else if control & 2 != 0 {
            self.go(at, false);
        }
    }

    fn go(&mut self, at: Us, up: bool) {
        let (rises, falls) = &mut self.moves;
        *if up { rises } else { falls } += 1;
        if self.up != up {
            self.up = up;
            self.moving_until = at + Self::TRAVEL;
        }
        // Its lamp goes with the arm.
        self.lane_green = up;
    }
}

/// A stick of USB relays (LCUS, CH340): it obeys and says nothing.
#[derive(Debug, Clone, Default)]
pub struct RelayStick {
    buffer: Vec<u8>,
    /// Its relays.
    pub relays: u8,
}

impl RelayStick {
    /// Takes bytes of the line.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= 4 {
            let [start, relay, on, sum] = [0, 1, 2, 3].map(|i| self.buffer[i]);
            let fits = start == 0xa0 && start.wrapping_add(relay).wrapping_add(on) == sum;
            if !fits || !(1..=8).contains(&relay) || on > 1 {
                self.buffer.remove(0);
                continue;
            }
            self.relays &= !(1 << (relay - 1));
            self.relays |= on << (relay - 1);
            self.buffer.drain(..4);
        }
    }
}

/// A board that speaks JSON behind a broker.
#[derive(Debug, Clone, Default)]
pub struct MessageBoard {
    /// Outputs that are on.
    pub outputs: u8,
    /// Pulses it ends by itself: output, and when.
    pulses: Vec<(u8, Us)>,
}

impl MessageBoard {
    /// Takes a command; one it does not know is ignored.
    pub fn command(&mut self, at: Us, message: &[u8]) {
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(message) else {
            return;
        };
        let output = json["output"].as_u64().filter(|n| *n < 8);
        let Some(output) = output.and_then(|n| u8::try_from(n).ok()) else {
            return;
        };
        match (json["on"].as_bool(), json["pulse_ms"].as_u64()) {
            (Some(true), _) => self.outputs |= 1 << output,
            (Some(false), _) => self.outputs &= !(1 << output),
            (None, Some(ms)) => {
                self.outputs |= 1 << output;
                self.pulses.push((output, at + ms * MS));
            }
            (None, None) => {}
        }
    }

    /// What it tells several times a second.
    pub fn state(&mut self, at: Us, inputs: u8) -> String {
        for (output, until) in &self.pulses {
            if *until <= at {
                self.outputs &= !(1 << output);
            }
        }
        self.pulses.retain(|(_, until)| *until > at);
        let bits = |byte: u8| -> Vec<bool> { (0..8).map(|i| byte >> i & 1 == 1).collect() };
        serde_json::json!({"inputs": bits(inputs), "outputs": bits(self.outputs)}).to_string()
    }
}

/// What a panel shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Panel {
    /// A number in a colour (Sunpn).
    Number(u16, u8),
    /// A lamp (XY-LC-301 fee display): green.
    Lamp(bool),
}

impl Panel {
    /// What a whole message makes a Sunpn panel show.
    #[must_use]
    pub fn sunpn(message: &[u8]) -> Option<Self> {
        let [0x3a, _, low, high, colour, sum, 0x0a] = message else {
            return None;
        };
        let own = message[..5].iter().fold(0, |s: u8, b| s.wrapping_add(*b));
        (own == *sum).then(|| Self::Number(u16::from_le_bytes([*low, *high]), *colour))
    }

    /// What a whole message makes the fee display's lamp show.
    #[must_use]
    pub fn lamp(message: &[u8]) -> Option<Self> {
        match message {
            [2, b'Y', 3, b'Y'] => Some(Self::Lamp(true)),
            [2, b'Z', 3, b'Z'] => Some(Self::Lamp(false)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_answers_as_its_manual_shows_and_is_silent_to_what_it_does_not_understand() {
        let mut module = AdamModule::new(0x33, false);
        module.outputs = 0x11;
        assert_eq!(module.feed(b"$336\r", 0x22), b"!112200\r");
        assert_eq!(module.feed(b"#331", 0), b"");
        assert_eq!(module.feed(b"301\r", 0), b">\r");
        assert_eq!(module.outputs, 0x19);
        assert_eq!(module.feed(b"$346\r", 0), b"", "another's");
        assert_eq!(module.feed(b"$33Z\r", 0), b"?33\r");
        let mut checked = AdamModule::new(0x33, true);
        assert_eq!(checked.feed(b"$336C0\r", 0x22), b"!00220045\r");
        assert_eq!(checked.feed(b"$336C1\r", 0x22), b"");
    }

    #[test]
    fn a_lane_controller_answers_before_it_acts_and_says_so_when_it_does_not_understand() {
        let mut lane = LaneController::default();
        let mut raise = vec![2, b'A', b'1', 1];
        raise.extend([b'0'; 16]);
        raise.extend([0, b'1', 3]);
        let bcc = raise[1..22].iter().fold(0, |x, b| x ^ b);
        raise.push(bcc);
        let said = lane.feed(0, &raise, false, false);
        assert_eq!(said[3], 0b0011_0100, "down, both loops free");
        assert_eq!(lane.status(500 * MS, false, false)[3] & 8, 0, "on its way");
        assert_eq!(lane.status(1000 * MS, true, false)[3], 0b0110_1100);
        raise[3] = 2;
        let nak = [0x15, 0x45, 0x45, 0x45, 0x45, 3, 0];
        assert_eq!(lane.feed(2000 * MS, &raise, false, false), nak);
        assert_eq!(lane.moves, (1, 0));
    }

    #[test]
    fn relays_panels_and_message_boards_do_what_they_are_told() {
        let mut stick = RelayStick::default();
        stick.feed(&[0xff, 0xa0, 1, 1, 0xa2, 0xa0, 3, 1]);
        stick.feed(&[0xa4]);
        assert_eq!(stick.relays, 0b101);
        let shown = Panel::sunpn(&[0x3a, 0, 0x78, 3, 1, 0xb6, 0x0a]);
        assert_eq!(shown, Some(Panel::Number(888, 1)));
        assert_eq!(Panel::lamp(b"\x02Z\x03Z"), Some(Panel::Lamp(false)));
        let mut board = MessageBoard::default();
        board.command(0, br#"{"output":2,"pulse_ms":500}"#);
        assert!(
            board
                .state(499 * MS, 1)
                .contains("true,false,false,false,false,false]")
        );
        board.state(500 * MS, 1);
        assert_eq!(board.outputs, 0);
        let mut tcp = TcpBoard::default();
        let on = [0, 1, 0, 0, 0, 6, 1, 5, 0, 3, 0xff, 0];
        assert_eq!(tcp.feed(&on, 0), on);
        assert_eq!(tcp.coils, 8);
    }
}

//! One seal or reader on a bench, with its good and its bad days: what it
//! sends, and what it meant by it.

use crate::devices::{jt808, readers, seal};
use crate::rng::Rng;

/// What is on the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instrument {
    /// A JT701 lock.
    Jt701,
    /// A JT709 lock that speaks for itself.
    Jt808,
    /// A seal platform that sends JSON.
    Json,
    /// A UHF reader that tells neither antenna nor strength.
    Uhf18,
    /// A UHF reader that tells both.
    Uhf288,
    /// A card reader.
    Wiegand26,
}

/// How its day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Day {
    /// All is well.
    Good,
    /// Its battery falls by a percent with every report.
    DyingBattery,
    /// Somebody cuts the rope after the third report.
    RopeCut,
    /// It was out of coverage: what it sends is an hour old.
    FromMemory,
}

/// What it meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// A seal's state.
    Seal {
        /// Its number.
        id: String,
        /// Closed and whole.
        sealed: bool,
        /// The rope is cut; a JT709 can only say that it is open.
        cut: bool,
        /// Battery in percent.
        battery_pct: u8,
        /// Sent from memory.
        from_memory: bool,
        /// When it was so, in Unix seconds.
        at_unix_s: i64,
    },
    /// A tag or card: its number as the reader passes it on, in hex capitals.
    Tag {
        /// The number.
        id: String,
        /// Which antenna heard it.
        antenna: Option<u8>,
    },
}

/// Bytes, and what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// As they go onto the wire.
    pub bytes: Vec<u8>,
    /// What was meant.
    pub meant: Vec<Meant>,
}

/// An instrument with a day.
#[derive(Debug, Clone)]
pub struct Bench {
    instrument: Instrument,
    day: Day,
    rng: Rng,
    reports: u16,
}

/// The lock's terminal number, BCD with its leading zeros.
const TERMINAL: &str = "007009102345";
const JT701_ID: &str = "8000620011";

impl Bench {
    /// A new one; the same seed says the same.
    #[must_use]
    pub fn new(instrument: Instrument, day: Day, seed: u64) -> Self {
        Self {
            instrument,
            day,
            rng: Rng::new(seed, 0x5ea1),
            reports: 0,
        }
    }

    /// The protocol's settings this instrument is delivered with.
    #[must_use]
    pub const fn settings(&self) -> &'static [(&'static str, &'static str)] {
        match self.instrument {
            Instrument::Jt808 => &[("cover_closed", "1"), ("id_digits", "10")],
            Instrument::Json => &[
                ("reports", "data[]"),
                ("id", "lock.no"),
                ("state", "lock.state"),
                ("sealed", "1"),
                ("open", "0"),
                ("time", "ts"),
                ("time_unit", "s"),
                ("battery", "bat"),
                ("alarms", "alarms[]"),
                ("alarm_words", "CUT=rope-cut,LOWBAT=low-battery"),
                ("replay", "cached"),
                ("framing", "lines"),
            ],
            Instrument::Jt701 | Instrument::Uhf18 | Instrument::Uhf288 | Instrument::Wiegand26 => {
                &[]
            }
        }
    }

    /// The next thing it sends.
    pub fn say(&mut self, unix_ms: i64) -> Said {
        self.reports += 1;
        match self.instrument {
            Instrument::Jt701 | Instrument::Jt808 | Instrument::Json => self.seal(unix_ms),
            Instrument::Uhf18 | Instrument::Uhf288 => self.tags(),
            Instrument::Wiegand26 => self.card(),
        }
    }

    /// What it answers to bytes it is sent: a reader names its tags only when
    /// asked for them.
    pub fn hear(&mut self, bytes: &[u8]) -> Option<Said> {
        let asked = match self.instrument {
            Instrument::Uhf18 | Instrument::Uhf288 => readers::is_inventory(bytes),
            Instrument::Jt701 | Instrument::Jt808 | Instrument::Json | Instrument::Wiegand26 => {
                false
            }
        };
        asked.then(|| self.tags())
    }

    fn seal(&mut self, unix_ms: i64) -> Said {
        let from_memory = self.day == Day::FromMemory;
        let at_unix_s = unix_ms / 1000 - if from_memory { 3_600 } else { 0 };
        let at_ms = at_unix_s * 1000;
        let cut = self.day == Day::RopeCut && self.reports > 3;
        let open = cut || self.rng.chance(100);
        let spent = u8::try_from(self.reports.min(79)).expect("below 80");
        let battery_pct = match self.day {
            Day::DyingBattery => 80 - spent,
            Day::Good | Day::RopeCut | Day::FromMemory => 80,
        };
        let id = match self.instrument {
            Instrument::Jt701 => JT701_ID,
            Instrument::Jt808
            | Instrument::Json
            | Instrument::Uhf18
            | Instrument::Uhf288
            | Instrument::Wiegand26 => &TERMINAL[2..],
        };
        let meant = Meant::Seal {
            id: id.to_owned(),
            sealed: !open,
            cut: cut && self.instrument != Instrument::Jt808,
            battery_pct,
            from_memory,
            at_unix_s,
        };
        let bytes = match self.instrument {
            Instrument::Jt701 => self.jt701(at_ms, open, cut, battery_pct),
            Instrument::Jt808 => self.jt808(at_ms, open, battery_pct),
            Instrument::Json | Instrument::Uhf18 | Instrument::Uhf288 | Instrument::Wiegand26 => {
                self.json(at_unix_s, open, cut, battery_pct)
            }
        };
        Said {
            bytes,
            meant: vec![meant],
        }
    }

    fn jt701(&self, at_ms: i64, open: bool, cut: bool, battery_pct: u8) -> Vec<u8> {
        let low = battery_pct < 20;
        // Locked, rope in and cover closed, or the rope out.
        let mut status = if open { 0x20a0 } else { 0x20e0 };
        status |= if cut { 0x0008 } else { 0 } | if low { 0x0800 } else { 0 };
        let serial = self.reports.to_be_bytes()[1];
        let mut bytes = seal::position(JT701_ID, Some(at_ms), status, battery_pct, serial);
        if self.day == Day::FromMemory {
            // Low nibble of the kind: 3 stored.
            bytes[7] = 0x13;
        }
        bytes
    }

    fn jt808(&self, at_ms: i64, open: bool, battery_pct: u8) -> Vec<u8> {
        let position = jt808::Position {
            rope_open: open,
            motor_open: false,
            cover_on: true,
            alarm: if battery_pct < 20 { 1 << 7 } else { 0 },
            battery_pct,
            unix_ms: at_ms,
        };
        match self.day {
            Day::FromMemory => jt808::stored(TERMINAL, self.reports, &[position]),
            Day::Good | Day::DyingBattery | Day::RopeCut => {
                jt808::position(TERMINAL, self.reports, &position)
            }
        }
    }

    fn json(&self, at_unix_s: i64, open: bool, cut: bool, battery_pct: u8) -> Vec<u8> {
        let mut alarms = Vec::new();
        alarms.extend(cut.then_some("CUT"));
        alarms.extend((battery_pct < 20).then_some("LOWBAT"));
        let state = u8::from(!open || cut);
        let report = serde_json::json!({"data": [{
            "lock": {"no": TERMINAL[2..], "state": state}, "ts": at_unix_s, "bat": battery_pct,
            "alarms": alarms, "cached": self.day == Day::FromMemory}]});
        format!("{report}\n").into_bytes()
    }

    fn tags(&mut self) -> Said {
        let count = 1 + self.rng.below(3);
        let epcs: Vec<Vec<u8>> = (0..count).map(|_| self.epc()).collect();
        let antenna = (self.instrument == Instrument::Uhf288)
            .then(|| u8::try_from(1 + self.rng.below(4)).expect("at most 4"));
        let more = self.rng.chance(500);
        let bytes = match antenna {
            Some(antenna) => {
                let heard: Vec<(&[u8], u8)> = epcs.iter().map(|epc| (&epc[..], 0x50)).collect();
                readers::uhf288(antenna, &heard, more)
            }
            None => {
                let heard: Vec<&[u8]> = epcs.iter().map(Vec::as_slice).collect();
                readers::uhf18(&heard, more)
            }
        };
        let hex = |epc: &Vec<u8>| epc.iter().map(|byte| format!("{byte:02X}")).collect();
        let meant = epcs.iter().map(|epc| Meant::Tag {
            id: hex(epc),
            antenna,
        });
        Said {
            meant: meant.collect(),
            bytes,
        }
    }

    fn epc(&mut self) -> Vec<u8> {
        let mut epc = vec![0xe2, 0x80, 0x11, 0x60];
        epc.extend(self.rng.next().to_be_bytes());
        epc
    }

    fn card(&mut self) -> Said {
        let [.., facility, high, low] = self.rng.next().to_be_bytes();
        let card = u16::from_be_bytes([high, low]);
        Said {
            bytes: readers::wiegand26(facility, card).into_bytes(),
            meant: vec![Meant::Tag {
                id: format!("{facility:02X}{card:04X}"),
                antenna: None,
            }],
        }
    }
}

/// A heartbeat of the JT709, and whether `answer` confirms it.
#[must_use]
pub fn jt808_heartbeat(serial: u16) -> Vec<u8> {
    jt808::heartbeat(TERMINAL, serial)
}

/// The serial and message an answer confirms to a JT709.
#[must_use]
pub fn jt808_confirmed(answer: &[u8]) -> Option<(u16, u16)> {
    jt808::confirmed(answer)
}

//! A board of a few lines and the line to it, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use lanegate_core::lane::{Event, Lights};
use lanegate_core::model::DeviceId;
use lanegate_core::time::{Clock, Micros, Mono, Now, Wall};
use lanegate_core::wire::Settings;
use lanegate_core::wire::io::board::{BoardWire, Numbers};

use crate::config::{
    ArmDown, ArmDrive, Flow, InputBit, InputMap, IoConfig, Outputs, Parity, PulseTimer, SerialLine,
    Source,
};
use crate::device::{Board, BoardCommand};

pub(super) const UP: u16 = 0;
pub(super) const DOWN: u16 = 1;
pub(super) const RED: u16 = 3;
pub(super) const GREEN: u16 = 4;
/// Inputs, as bits.
pub(super) const INHIBIT: u8 = 0b0010;
pub(super) const ARM_UP: u8 = 0b0100;
pub(super) const ARM_DOWN: u8 = 0b1000;

pub(super) fn bit(number: u16) -> InputBit {
    InputBit {
        number,
        inverted: false,
    }
}

pub(super) fn wire(protocol: &str, set: &[(&str, &str)]) -> BoardWire {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let settings: Settings = set.iter().map(pair).collect();
    let numbers = Numbers {
        inputs: 4,
        outputs: 5,
    };
    BoardWire::of(protocol, &settings, numbers).unwrap()
}

pub(super) fn config(arm: ArmDrive, pulse_timed_by: PulseTimer) -> IoConfig {
    IoConfig {
        id: DeviceId::parse("io-1").unwrap(),
        protocol: "modbus-rtu".to_owned(),
        wire: wire("modbus-rtu", &[]),
        source: Source::Serial(SerialLine {
            path: PathBuf::from("/dev/null"),
            baud: 9600,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: 1,
            flow: Flow::None,
            turn: None,
        }),
        arm,
        pulse: Micros::from_ms(500),
        pulse_timed_by,
        outputs: Outputs {
            exit_red: Some(RED),
            exit_green: Some(GREEN),
            ..Outputs::default()
        },
        inputs: InputMap {
            presence: bit(0),
            inhibit: bit(1),
            arm_up: bit(2),
            arm_down: ArmDown::Input(bit(3)),
            bay: None,
            diverter_bay: None,
            whole: None,
        },
        poll: Micros::from_ms(100),
        answer_max: Micros::from_ms(200),
        late: Micros::from_ms(500),
        lost: Micros::from_ms(2000),
    }
}

pub(super) const SEPARATE: ArmDrive = ArmDrive::UpDown {
    up: UP,
    down: DOWN,
    stop: None,
};

/// What the board of the bench does with a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mood {
    Answers,
    Silent,
    /// Hears and obeys, but its answers are lost.
    Mute,
    Refuses,
    /// Answers reads, refuses writes.
    RefusesWrites,
}

/// The master, a board, and the line between them.
pub(super) struct Bench {
    pub(super) master: Board,
    pub(super) us: u64,
    pub(super) mood: Mood,
    pub(super) inputs: u8,
    pub(super) coils: u8,
    /// Ends of pulses the board times.
    pub(super) flashes: BTreeMap<u16, u64>,
    /// Answers under way, with their time.
    pub(super) answers: VecDeque<(u64, Vec<u8>)>,
    pub(super) delay_us: u64,
    /// Every question, with its time in ms.
    pub(super) asked: Vec<(u64, Vec<u8>)>,
    pub(super) events: Vec<(u64, Event)>,
}

impl Bench {
    pub(super) fn new(config: IoConfig) -> Self {
        let mut bench = Self {
            master: Board::new(config, Mono(0)),
            us: 0,
            mood: Mood::Answers,
            inputs: ARM_DOWN,
            coils: 0,
            flashes: BTreeMap::new(),
            answers: VecDeque::new(),
            delay_us: 20_000,
            asked: Vec::new(),
            events: Vec::new(),
        };
        bench.master.opened(now(0));
        bench.drain();
        bench
    }

    pub(super) fn separate() -> Self {
        Self::new(config(SEPARATE, PulseTimer::Board))
    }

    pub(super) fn by_gateway() -> Self {
        Self::new(config(SEPARATE, PulseTimer::Gateway))
    }

    pub(super) fn command(&mut self, command: BoardCommand) {
        self.master.command(command, now(self.us));
        self.drain();
    }

    /// Lets time pass to `ms`.
    pub(super) fn run(&mut self, ms: u64) {
        let end = ms * 1000;
        let mut turns = 0;
        loop {
            // A unit answers in order.
            let answer = self.answers.front().map(|(at, _)| (*at).max(self.us));
            let timer = self.master.poll_timeout().map(|at| at.0.max(self.us));
            let next = answer.into_iter().chain(timer).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                break;
            };
            turns += u32::from(at == self.us);
            assert!(turns < 10_000, "the master spins at {} us", self.us);
            let answer = answer.is_some_and(|a| a <= at);
            self.us = at;
            if answer {
                let (_, bytes) = self.answers.pop_front().unwrap();
                self.master.bytes(&bytes, now(at));
            } else {
                self.master.handle_timeout(now(at));
            }
            self.drain();
        }
        self.us = end;
    }

    /// Lets time pass until the line is busy.
    pub(super) fn run_to_question(&mut self) {
        let asked = self.asked.len();
        while self.asked.len() == asked {
            self.run(self.us / 1000 + 1);
        }
    }

    pub(super) fn drain(&mut self) {
        while let Some(question) = self.master.poll_transmit() {
            self.asked.push((self.us / 1000, question.clone()));
            if let Some(answer) = self.answer(&question) {
                self.answers.push_back((self.us + self.delay_us, answer));
            }
        }
        while let Some(event) = self.master.poll_event() {
            self.events.push((self.us / 1000, event));
        }
        if self.master.take_reopen() {
            self.master.opened(now(self.us));
            self.drain();
        }
    }

    pub(super) fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        let (function, writes) = (question[1], question[1] == 5);
        match self.mood {
            Mood::Silent => return None,
            Mood::Refuses => return Some(sealed(&[1, function | 0x80, 2])),
            Mood::RefusesWrites if writes => return Some(sealed(&[1, function | 0x80, 2])),
            Mood::Answers | Mood::Mute | Mood::RefusesWrites => {}
        }
        let us = self.us;
        self.flashes.retain(|_, end| *end > us);
        let number = u16::from_be_bytes([question[2], question[3]]);
        let value = u16::from_be_bytes([question[4], question[5]]);
        let answer = match function {
            1 => {
                let flashing = self.flashes.keys().fold(0, |b, n| b | 1 << n);
                sealed(&[1, 1, 1, self.coils | flashing])
            }
            2 => sealed(&[1, 2, 1, self.inputs]),
            5 => {
                if number >= 0x200 {
                    let end = us + u64::from(value) * 100_000;
                    self.flashes.insert(number - 0x200, end);
                } else {
                    self.coils &= !(1 << number);
                    self.coils |= u8::from(value != 0) << number;
                    self.flashes.remove(&number);
                }
                question.to_vec()
            }
            other => panic!("function {other}"),
        };
        (self.mood != Mood::Mute).then_some(answer)
    }

    /// Times in ms of the questions that begin with these bytes.
    pub(super) fn times(&self, head: &[u8]) -> Vec<u64> {
        let asked = self.asked.iter().filter(|(_, q)| q.starts_with(head));
        asked.map(|(ms, _)| *ms).collect()
    }

    pub(super) fn lifts(&self) -> Vec<u64> {
        let mut all = self.times(&FLASH_UP);
        all.extend(self.times(&[1, 5, 0, 0, 0xff, 0]));
        all
    }

    pub(super) fn lowers(&self) -> Vec<u64> {
        let mut all = self.times(&FLASH_DOWN);
        all.extend(self.times(&[1, 5, 0, 1, 0xff, 0]));
        all
    }

    pub(super) fn failed(&self) -> Vec<(u64, &str)> {
        let mut failed = Vec::new();
        for (ms, event) in &self.events {
            if let Event::OutputFailed { what } = event {
                failed.push((*ms, what.as_str()));
            }
        }
        failed
    }

    /// The outputs that failed, without their times.
    pub(super) fn failed_outputs(&self) -> Vec<&str> {
        self.failed().iter().map(|f| f.1).collect()
    }

    pub(super) fn inputs_at(&self) -> Vec<u64> {
        let reading = |(_, e): &&(u64, Event)| matches!(e, Event::Reading(_));
        self.events.iter().filter(reading).map(|e| e.0).collect()
    }
}

pub(super) const FLASH_UP: [u8; 4] = [1, 5, 2, 0];
pub(super) const FLASH_DOWN: [u8; 4] = [1, 5, 2, 1];

pub(super) fn now(us: u64) -> Now {
    Now {
        mono: Mono(us),
        wall: Wall(0),
        clock: Clock::Unknown,
    }
}

pub(super) fn sealed(body: &[u8]) -> Vec<u8> {
    let crc = lanegate_core::wire::checksum::crc16_modbus(body);
    [body, &crc.to_le_bytes()].concat()
}

pub(super) fn lights(exit_green: bool) -> BoardCommand {
    BoardCommand::Lights(Lights {
        exit_green,
        entry_red: false,
        to_bay: false,
        reverse_out: false,
    })
}

//! An ideal gateway of a few lines: it is told the truth about the truck at
//! the line, but moves the arm by the board's inputs alone.

use crc::{CRC_16_MODBUS, Crc};

use super::*;
use crate::options::{Geometry, Must};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// Lowers as soon as a truck is under the arm.
    LowersOntoTruck,
    /// Releases every truck of this story.
    Releases(Story),
    /// Leaves every truck standing.
    NeverAnswers,
    /// Sends every truck back.
    ReturnsAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Vacant,
    Lifted { p_off: bool, i_on: bool, since: Us },
    Lowering,
    Sending,
}

struct Lane {
    io: String,
    state: State,
    clear: u32,
}

pub(super) struct Gateway {
    pub(super) world: World,
    pub(super) now: Us,
    /// Every byte the world sent and every fact, in order.
    pub(super) transcript: Vec<u8>,
    pub(super) facts: Vec<Fact>,
    pub(super) published: Vec<(Us, String, Vec<u8>)>,
    sabotage: Sabotage,
    lanes: Vec<Lane>,
}

const P: u8 = 1;
const I: u8 = 2;
const DOWN: u8 = 8;
const POLL: Us = 100 * MS;

impl Gateway {
    pub(super) fn new(o: WorldOptions, sabotage: Sabotage) -> Gateway {
        let world = World::new(o);
        let lane = |l: &LaneLayout| Lane {
            io: l.io_port.clone(),
            state: State::Vacant,
            clear: 0,
        };
        Gateway {
            lanes: world.lanes().iter().map(lane).collect(),
            world,
            now: 0,
            transcript: Vec::new(),
            facts: Vec::new(),
            published: Vec::new(),
            sabotage,
        }
    }

    /// Runs until the last truck has gone; panics if that takes too long.
    pub(super) fn run(&mut self) {
        let limit = self.world.trucks().len() as Us * 200_000 * MS + 60_000 * MS;
        while !self.world.finished() {
            assert!(
                self.now < limit,
                "the yard is stuck: {:?}",
                self.world.trucks()
            );
            self.poll();
        }
    }

    /// One round over the boards.
    pub(super) fn poll(&mut self) {
        for lane in 0..self.lanes.len() {
            if let Some(inputs) = self.read_inputs(lane) {
                self.decide(lane, inputs);
            }
        }
        let step = POLL - 10 * MS * self.lanes.len() as Us;
        self.wait(step);
    }

    pub(super) fn wait(&mut self, us: Us) {
        let to = self.now + us;
        while let Some(at) = self.world.next_event().filter(|&at| at <= to) {
            self.world.advance(at);
            self.now = at;
            self.drain();
        }
        self.now = to;
        self.world.advance(to);
        self.drain();
    }

    pub(super) fn send(&mut self, topic: &str, payload: &serde_json::Value) {
        let (topic, payload) = (topic.to_owned(), payload.to_string().into_bytes());
        self.world
            .input(self.now, Input::Message { topic, payload });
        self.drain();
    }

    fn drain(&mut self) -> Option<Vec<u8>> {
        let mut answer = None;
        while let Some(output) = self.world.take_output() {
            self.transcript
                .extend(format!("{} {output:?}\n", self.now).bytes());
            match output {
                Output::Serial { port, bytes } if port.ends_with("/io") => answer = Some(bytes),
                Output::Serial { .. } => {}
                Output::Publish { topic, payload, .. } => {
                    self.published.push((self.now, topic, payload))
                }
                Output::Retained { .. } | Output::Port { .. } | Output::Link { .. } => {}
            }
        }
        while let Some(fact) = self.world.take_fact() {
            self.transcript.extend(format!("{fact:?}\n").bytes());
            self.facts.push(fact);
        }
        answer
    }

    fn read_inputs(&mut self, lane: usize) -> Option<u8> {
        let answer = self.ask(lane, &[1, 2, 0, 0, 0, 8])?;
        assert_eq!(answer[..3], [1, 2, 1]);
        Some(answer[3])
    }

    /// A transaction with a lane's board, over within 10 ms.
    fn ask(&mut self, lane: usize, body: &[u8]) -> Option<Vec<u8>> {
        let crc = Crc::<u16>::new(&CRC_16_MODBUS).checksum(body).to_le_bytes();
        let (port, bytes) = (self.lanes[lane].io.clone(), [body, &crc[..]].concat());
        self.world.input(self.now, Input::Serial { port, bytes });
        let to = self.now + 10 * MS;
        let mut answer = None;
        while let Some(at) = self.world.next_event().filter(|&at| at <= to) {
            self.world.advance(at);
            self.now = at;
            answer = self.drain().or(answer);
        }
        self.now = to;
        answer
    }

    fn pulse(&mut self, lane: usize, coil: u8) {
        self.ask(lane, &[1, 5, 2, coil, 0, 5])
            .expect("the board answers");
    }

    /// Lamps: exit red, exit green, entry red, divert, return.
    fn lamps(&mut self, lane: usize, lamps: u8) {
        self.ask(lane, &[1, 15, 0, 3, 0, 5, 1, lamps])
            .expect("the board answers");
    }

    fn decide(&mut self, lane: usize, inputs: u8) {
        let (p, i) = (inputs & P != 0, inputs & I != 0);
        self.lanes[lane].clear = if i { 0 } else { self.lanes[lane].clear + 1 };
        match self.lanes[lane].state {
            State::Vacant => {
                if let Some(truck) = self
                    .world
                    .physical(lane)
                    .at_stop_line
                    .filter(|_| p && inputs & DOWN != 0)
                {
                    self.answer(lane, truck);
                }
            }
            State::Lifted { p_off, i_on, since } => {
                let (p_off, i_on) = (p_off || !p, i_on || i);
                self.lanes[lane].state = State::Lifted { p_off, i_on, since };
                let early = self.sabotage == Sabotage::LowersOntoTruck && i;
                // Passed, or gone without passing.
                let over =
                    p_off && (i_on || self.now > since + 8_000 * MS) && self.lanes[lane].clear >= 3;
                if over || early {
                    self.lamps(lane, 0b00101);
                    self.pulse(lane, 1);
                    self.lanes[lane].state = State::Lowering;
                }
            }
            State::Lowering => {
                if i && self.sabotage == Sabotage::None {
                    self.pulse(lane, 0);
                    self.lanes[lane].state = State::Lifted {
                        p_off: true,
                        i_on: true,
                        since: self.now,
                    };
                } else if inputs & DOWN != 0 {
                    self.lamps(lane, 0b00001);
                    self.lanes[lane].state = State::Vacant;
                }
            }
            State::Sending => {
                if !p {
                    self.lamps(lane, 0b00001);
                    self.lanes[lane].state = State::Vacant;
                }
            }
        }
    }

    fn answer(&mut self, lane: usize, truck: u32) {
        let view = &self.world.trucks()[truck as usize - 1];
        let behind = self.world.lanes()[lane].geometry == Geometry::BehindBarrier;
        let release = view.must != Must::Not || self.sabotage == Sabotage::Releases(view.story);
        match self.sabotage {
            Sabotage::NeverAnswers => return,
            Sabotage::ReturnsAll => {
                self.lamps(lane, 0b10101);
                self.lanes[lane].state = State::Sending;
                return;
            }
            Sabotage::None | Sabotage::LowersOntoTruck | Sabotage::Releases(_) => {}
        }
        if release || behind {
            self.lamps(lane, if release { 0b00110 } else { 0b01101 });
            self.pulse(lane, 0);
            self.lanes[lane].state = State::Lifted {
                p_off: false,
                i_on: false,
                since: self.now,
            };
        } else {
            self.lamps(lane, 0b01101);
            self.lanes[lane].state = State::Sending;
        }
    }
}

//! The same driver over boards that speak something else.

use std::collections::VecDeque;

use lanegate_core::model::{Content, DeviceState, Inputs};

use super::bench::{config, lights, now, wire};
use super::*;
use crate::config::{ArmDown, InputBit, MqttSource, PulseTimer, TcpAddress};

/// A driver and what it writes.
struct Line {
    master: Board,
    ms: u64,
    written: Vec<(u64, Vec<u8>)>,
    events: Vec<(u64, Event)>,
}

impl Line {
    fn new(config: IoConfig) -> Self {
        let mut line = Self {
            master: Board::new(config, Mono(0)),
            ms: 0,
            written: Vec::new(),
            events: Vec::new(),
        };
        line.master.opened(now(0));
        line
    }

    /// What it writes now.
    fn sent(&mut self) -> VecDeque<Vec<u8>> {
        let mut new = VecDeque::new();
        while let Some(bytes) = self.master.poll_transmit() {
            self.written.push((self.ms, bytes.clone()));
            new.push_back(bytes);
        }
        new
    }

    fn drain(&mut self) {
        while let Some(event) = self.master.poll_event() {
            self.events.push((self.ms, event));
        }
        if self.master.take_reopen() {
            self.master.opened(now(self.ms * 1000));
        }
    }

    /// Lets time pass to `ms`; `device` answers what is written at once.
    fn run(&mut self, ms: u64, mut device: impl FnMut(u64, &[u8]) -> Vec<u8>) {
        while self.ms < ms {
            self.ms += 1;
            let at = now(self.ms * 1000);
            if self.master.poll_timeout().is_some_and(|due| due <= at.mono) {
                self.master.handle_timeout(at);
            }
            for question in self.sent() {
                let answer = device(self.ms, &question);
                // As an adapter lumps them.
                for lump in answer.chunks(3) {
                    self.master.bytes(lump, at);
                }
            }
            self.drain();
        }
    }

    fn tell(&mut self, message: &str, retained: bool) {
        let at = now(self.ms * 1000);
        self.master.message(message.as_bytes(), retained, at);
        self.drain();
    }

    fn command(&mut self, command: BoardCommand) {
        self.master.command(command, now(self.ms * 1000));
    }

    fn inputs(&self) -> Vec<(u64, Inputs)> {
        let inputs = |(ms, event): &(u64, Event)| {
            let Event::Reading(reading) = event else {
                return None;
            };
            let Content::Inputs(inputs) = reading.content else {
                return None;
            };
            Some((*ms, inputs))
        };
        self.events.iter().filter_map(inputs).collect()
    }

    fn failed(&self) -> Vec<&str> {
        let mut failed = Vec::new();
        for (_, event) in &self.events {
            if let Event::OutputFailed { what } = event {
                failed.push(what.as_str());
            }
        }
        failed
    }

    fn times(&self, what: &[u8]) -> Vec<u64> {
        let found = self.written.iter().filter(|(_, w)| w.starts_with(what));
        found.map(|(ms, _)| *ms).collect()
    }
}

fn adam() -> IoConfig {
    IoConfig {
        protocol: "adam4000".to_owned(),
        wire: wire("adam4000", &[("module", "4050"), ("address", "01")]),
        ..config(super::bench::SEPARATE, PulseTimer::Gateway)
    }
}

/// A module with relays; inputs as told.
fn module(inputs: u8) -> impl FnMut(u64, &[u8]) -> Vec<u8> {
    let mut outputs = 0_u8;
    move |_, question| match question {
        b"$016\r" => format!("!{outputs:02X}{inputs:02X}00\r").into_bytes(),
        b"$012\r" => b"!01400600\r".to_vec(),
        [b'#', b'0', b'1', b'1', n, b'0', on, b'\r'] => {
            let bit = 1 << (n - b'0');
            outputs = if *on == b'1' {
                outputs | bit
            } else {
                outputs & !bit
            };
            b">\r".to_vec()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pulse_of_a_module_is_closed_and_opened_by_us_and_read_back_with_every_poll() {
    let mut line = Line::new(adam());
    let mut module = module(0b1000);
    line.run(1000, &mut module);
    assert!(line.inputs().len() >= 9);
    assert!(line.inputs()[0].1.arm_down);
    line.command(lights(true));
    line.command(BoardCommand::Lift);
    line.run(3000, &mut module);
    let (on, off) = (line.times(b"#011001\r"), line.times(b"#011000\r"));
    assert_eq!((on.len(), off.len()), (1, 1));
    assert!((500..=520).contains(&(off[0] - on[0])), "{on:?} {off:?}");
    assert_eq!(line.times(b"#011401\r").len(), 1);
    assert!(line.failed().is_empty(), "{:?}", line.failed());
    assert_eq!(
        line.times(b"$012\r"),
        [0; 0],
        "outputs come with the inputs"
    );
}

#[test]
fn a_relay_that_falls_off_is_seen_at_the_next_poll() {
    let mut line = Line::new(adam());
    let mut first = module(0b1000);
    line.run(500, &mut first);
    line.command(lights(true));
    line.run(1000, &mut first);
    // It restarts: everything is off.
    line.run(1200, module(0b1000));
    assert_eq!(line.failed(), ["lights"]);
    assert_eq!(line.times(b"#011401\r").len(), 2, "set again");
}

/// Case c04's kind: an answer that comes after its time-out is nobody's.
#[test]
fn a_module_that_answers_late_is_asked_for_a_sign_of_life_before_its_inputs() {
    let mut line = Line::new(adam());
    let mut well = module(0b1000);
    line.run(1000, &mut well);
    let asked = line.written.len();
    // Once it says nothing in time.
    let mut silent = true;
    line.run(1500, |ms, question| {
        match std::mem::replace(&mut silent, false) {
            true => Vec::new(),
            false => well(ms, question),
        }
    });
    let after: Vec<_> = line.written[asked..]
        .iter()
        .map(|(_, w)| w.clone())
        .collect();
    assert_eq!(after[0], b"$016\r");
    assert_eq!(after[1], b"$012\r");
    assert_eq!(after[2], b"$016\r");
    assert_eq!(line.master.state().0, DeviceState::Ok);
}

fn over_tcp() -> IoConfig {
    IoConfig {
        protocol: "modbus-tcp".to_owned(),
        wire: wire("modbus-tcp", &[]),
        source: Source::Tcp(TcpAddress {
            host: "192.0.2.7".to_owned(),
            port: 502,
        }),
        ..config(super::bench::SEPARATE, PulseTimer::Board)
    }
}

#[test]
fn over_tcp_a_late_answer_never_becomes_inputs_and_costs_no_rest() {
    let mut line = Line::new(over_tcp());
    let answer = |question: &[u8], inputs: u8| {
        let mut answer = question[..4].to_vec();
        answer.extend(match question[7] {
            1 => [0, 4, 1, 1, 1, 0].to_vec(),
            2 => [0, 4, 1, 2, 1, inputs].to_vec(),
            5 => question[4..].to_vec(),
            other => panic!("function {other}"),
        });
        answer
    };
    line.run(1000, |_, question| answer(question, 0b1000));
    assert!(!line.inputs().last().unwrap().1.inhibit);
    // One answer, with a truck under the arm, comes 250 ms late and in front of
    // the next one's.
    let mut late: Option<Vec<u8>> = None;
    let mut held = false;
    line.run(2000, |_, question| {
        if !held && question[7] == 2 {
            held = true;
            late = Some(answer(question, 0b1010));
            return Vec::new();
        }
        let mut bytes = late.take().unwrap_or_default();
        bytes.extend(answer(question, 0b1000));
        bytes
    });
    assert!(held);
    assert!(line.inputs().iter().all(|(_, i)| !i.inhibit));
    let gaps: Vec<u64> = line.inputs().windows(2).map(|w| w[1].0 - w[0].0).collect();
    assert!(gaps.iter().all(|gap| *gap <= 310), "{gaps:?}");
    let numbers: Vec<_> = line.written.iter().map(|(_, w)| [w[0], w[1]]).collect();
    assert!(numbers.windows(2).all(|w| w[0] != w[1]), "each has its own");
}

fn toll_lane() -> IoConfig {
    let input = |number, inverted| InputBit { number, inverted };
    let mut config = config(super::bench::SEPARATE, PulseTimer::Board);
    config.protocol = "xy-lc301".to_owned();
    config.wire = wire("xy-lc301", &[]);
    config.outputs.exit_red = None;
    config.outputs.exit_green = Some(5);
    config.inputs.presence = input(4, true);
    config.inputs.inhibit = input(5, true);
    config.inputs.arm_up = input(3, false);
    config.inputs.arm_down = ArmDown::OffUpFor(Micros::from_ms(2000));
    config
}

fn status(one: u8) -> Vec<u8> {
    vec![2, b'B', b'1', one, 0, 3, b'B' ^ b'1' ^ one]
}

#[test]
fn a_toll_lane_controller_is_driven_by_pulses_and_known_to_be_down_by_time() {
    let mut line = Line::new(toll_lane());
    // Loops free, arm not up.
    line.run(3000, |_, _| status(0b0011_0000));
    assert_eq!(line.written[0].1[3], 0, "the first question moves nothing");
    let down: Vec<_> = line
        .inputs()
        .iter()
        .map(|(ms, i)| (*ms, i.arm_down))
        .collect();
    assert!(
        down.iter().all(|(ms, down)| *down == (*ms > 2000)),
        "{down:?}"
    );
    line.command(BoardCommand::Lift);
    line.run(3200, |_, _| status(0b0011_0000));
    let raises = line.written.iter().filter(|(_, w)| w[3] & 1 == 1).count();
    assert_eq!(raises, 1, "one message raises");
    let (_, last) = *line.inputs().last().unwrap();
    assert!(!last.arm_down && !last.arm_up, "on its way at once");
    line.run(4000, |_, _| status(0b0011_1000));
    assert!(line.inputs().last().unwrap().1.arm_up);
    // It speaks by itself when a truck drives onto the rear loop.
    let told = line.inputs().len();
    line.master.bytes(&status(0b0001_1000), now(line.ms * 1000));
    line.drain();
    assert_eq!(line.inputs().len(), told + 1);
    assert!(line.inputs().last().unwrap().1.inhibit);
    // Never lowered onto it.
    line.command(BoardCommand::Lower);
    line.run(4500, |_, _| status(0b0001_1000));
    assert!(line.written.iter().all(|(_, w)| w[3] & 2 == 0));
    assert_eq!(line.master.withheld(), 1);
    assert!(line.written.iter().all(|(_, w)| w[20] & 1 == 0));
}

#[test]
fn what_a_toll_lane_controller_says_after_a_time_out_is_not_taken_for_now() {
    let mut line = Line::new(toll_lane());
    line.run(1000, |_, _| status(0b0011_0000));
    let before = line.inputs().len();
    // Silent; the answer comes late, when nobody waits for it.
    line.run(1310, |_, _| Vec::new());
    line.master.bytes(&status(0b0000_0000), now(line.ms * 1000));
    line.drain();
    let stale = line.inputs()[before..].iter().any(|(_, i)| i.inhibit);
    assert!(!stale, "{:?}", &line.inputs()[before..]);
    line.run(2000, |_, _| status(0b0011_0000));
    assert_eq!(line.master.state().0, DeviceState::Ok);
}

fn behind_broker(outputs: &str) -> IoConfig {
    IoConfig {
        protocol: "mqtt-io".to_owned(),
        wire: wire("mqtt-io", &[("outputs", outputs)]),
        source: Source::Mqtt(MqttSource {
            topics: vec!["lane/1/state".to_owned()],
            recapture_topics: Vec::new(),
            sn: None,
            command_topic: Some("lane/1/set".to_owned()),
        }),
        ..config(super::bench::SEPARATE, PulseTimer::Board)
    }
}

const QUIET: &str = r#"{"inputs":[0,0,0,1],"outputs":[0,0,0,0,0]}"#;

#[test]
fn a_board_behind_the_broker_is_heard_and_written_only_then() {
    let mut line = Line::new(behind_broker("outputs.*"));
    line.command(lights(true));
    line.run(200, |_, _| Vec::new());
    line.tell(QUIET, true);
    assert!(
        line.written.is_empty(),
        "a retained state is of no known time"
    );
    assert!(line.inputs().is_empty());
    line.tell(QUIET, false);
    assert!(line.inputs()[0].1.arm_down);
    assert_eq!(line.master.state().0, DeviceState::Ok);
    line.run(210, |_, _| Vec::new());
    assert_eq!(line.times(br#"{"output":4,"on":true}"#).len(), 1);
    assert_eq!(line.written.len(), 1, "red is off already");
    line.tell(r#"{"inputs":[0,0,0,1],"outputs":[0,0,0,0,1]}"#, false);
    assert!(line.failed().is_empty());
    line.command(BoardCommand::Lift);
    assert_eq!(line.sent().len(), 1);
    assert_eq!(line.times(br#"{"output":0,"pulse_ms":500}"#).len(), 1);
    // Too few inputs are no inputs: what is missing is not "off".
    let told = line.inputs().len();
    line.tell(r#"{"inputs":[0,0,0]}"#, false);
    assert_eq!(line.inputs().len(), told);
    assert_eq!(line.master.why(), Some(&Why::Inputs(3, 4)));
    line.run(3000, |_, _| Vec::new());
    assert_eq!(line.master.state().0, DeviceState::Lost, "age by messages");
}

#[test]
fn a_board_that_never_shows_its_outputs_is_told_once_and_believed() {
    let mut line = Line::new(behind_broker(""));
    let quiet = r#"{"inputs":[0,0,0,1]}"#;
    line.tell(quiet, false);
    line.command(lights(true));
    line.command(BoardCommand::Lift);
    for ms in (20..1000).step_by(50) {
        line.run(ms, |_, _| Vec::new());
        line.tell(quiet, false);
    }
    assert_eq!(line.times(br#"{"output":0,"pulse_ms":500}"#).len(), 1);
    assert_eq!(line.times(br#"{"output":4,"on":true}"#).len(), 1);
    assert!(line.failed().is_empty(), "{:?}", line.failed());
    assert!(line.master.is_quiet());
}

/// Against simulated firmware, written from the makers' documents by nobody
/// who looked at our codecs.
#[cfg(feature = "sim")]
mod firmware {
    use firmware_sim::boards::{AdamModule, LaneController, MessageBoard, TcpBoard};

    use super::*;

    /// Lifts and lowers once; the lamp is green in between.
    fn drive(line: &mut Line, mut device: impl FnMut(u64, &[u8]) -> Vec<u8>) {
        line.run(3000, &mut device);
        assert_eq!(line.master.state().0, DeviceState::Ok);
        line.command(lights(true));
        line.command(BoardCommand::Lift);
        line.run(6000, &mut device);
        line.command(lights(false));
        line.command(BoardCommand::Lower);
        line.run(10_000, &mut device);
        assert!(line.failed().is_empty(), "{:?}", line.failed());
        let at: Vec<u64> = line.inputs().iter().map(|(ms, _)| *ms).collect();
        assert!(at.windows(2).all(|w| w[1] - w[0] <= 150), "{at:?}");
        assert_eq!(line.master.counts().noise_runs, 0);
    }

    #[test]
    fn a_module_with_checksums() {
        let mut config = adam();
        let set = [("module", "4050"), ("address", "0A"), ("checksum", "yes")];
        config.wire = wire("adam4000", &set);
        let mut module = AdamModule::new(0x0a, true);
        let mut line = Line::new(config);
        let mut on = Vec::new();
        drive(&mut line, |ms, question| {
            let answer = module.feed(question, 0b1000);
            if on
                .last()
                .is_none_or(|(_, outputs)| *outputs != module.outputs)
            {
                on.push((ms, module.outputs));
            }
            answer
        });
        let outputs: Vec<u8> = on.iter().map(|(_, outputs)| *outputs).collect();
        assert_eq!(
            outputs.iter().filter(|o| **o & 1 == 1).max(),
            Some(&0b1_0001)
        );
        assert_eq!(*outputs.last().unwrap(), 0b1000, "red: {outputs:?}");
    }

    #[test]
    fn a_board_with_a_network_port() {
        let mut board = TcpBoard::default();
        let mut config = over_tcp();
        config.pulse_timed_by = PulseTimer::Gateway;
        let mut line = Line::new(config);
        drive(&mut line, |_, question| board.feed(question, 0b1000));
        assert_eq!(board.coils, 0b1000);
    }

    #[test]
    fn a_toll_lane_controller() {
        let mut lane = LaneController::default();
        let mut line = Line::new(toll_lane());
        let mut last = None;
        drive(&mut line, |ms, question| {
            let at = ms * 1000;
            let answer = lane.feed(at, question, false, false);
            last = Some(lane.status(at, false, false));
            answer
        });
        assert_eq!(lane.moves, (1, 1), "each once");
        let ups = line.inputs().iter().filter(|(_, i)| i.arm_up).count();
        assert!(ups > 5, "{ups}");
        let (_, at_the_end) = *line.inputs().last().unwrap();
        assert!(at_the_end.arm_down && !at_the_end.arm_up);
        assert!(last.is_some());
    }

    #[test]
    fn a_board_behind_a_broker() {
        let mut board = MessageBoard::default();
        let mut line = Line::new(behind_broker("outputs.*"));
        let mut lifted = 0;
        for ms in (50..10_000).step_by(50) {
            line.tell(&board.state(ms * 1000, 0b1000), false);
            match ms {
                3000 => {
                    line.command(lights(true));
                    line.command(BoardCommand::Lift);
                }
                6000 => line.command(lights(false)),
                _ => {}
            }
            line.run(ms, |ms, message| {
                lifted += u32::from(message.starts_with(br#"{"output":0,"#));
                board.command(ms * 1000, message);
                Vec::new()
            });
        }
        assert_eq!(lifted, 1);
        assert_eq!(board.outputs, 0b1000);
        assert!(line.failed().is_empty(), "{:?}", line.failed());
    }
}

//! Reads `[lane.io]`: the board the lane's detectors, arm and lamps hang on.

use std::path::Path;

use lanegate_core::model::DeviceId;
use lanegate_core::time::Micros;
use lanegate_core::wire::io::modbus_rtu::Dialect;
use lanegate_core::wire::{ProtocolKind, Settings};

use super::device::{
    ArmDrive, InputBit, InputMap, IoConfig, Outputs, PulseTimer, SerialLine, Source,
};
use super::evidence::{protocol, settings};
use super::keys;
use super::section::{Section, list, number, parsed, text, word};
use super::source::source;

/// The highest coil or input number: boards have 8 to 32.
const NUMBER_MAX: u64 = 63;
/// A longer pulse would be a maintained contact (L11).
const PULSE_MS: std::ops::RangeInclusive<u64> = 100..=5000;
/// Boards time their pulses in units of 100 ms.
const BOARD_UNIT_MS: u64 = 100;

#[derive(Clone, Copy)]
enum Arm {
    UpDown,
    Impulse,
    Maintained,
}

static ARMS: [(&str, Arm); 3] = [
    ("up-down", Arm::UpDown),
    ("impulse", Arm::Impulse),
    ("maintained", Arm::Maintained),
];

/// The table `[lane.io]`.
pub(super) fn io(lane: &Section<'_>, base: &Path) -> Option<IoConfig> {
    if !lane.has("io") {
        lane.fault(
            "io",
            "is missing: write [lane.io], the board of this lane's arm and loops",
        );
        return None;
    }
    let s = lane.section("io", &keys::IO);
    let ms = |name, range| s.need(name, number(range)).map(Micros::from_ms);
    let id = s.need("id", parsed(DeviceId::parse));
    let protocol = protocol(&s, ProtocolKind::Io);
    let settings = settings(&s, protocol, Settings::new());
    let line = protocol.and_then(|p| serial_only(&s, p.name, base));
    let arm = arm(&s);
    let timed_by = s.need("pulse_timed_by", word(&TIMERS));
    let pulse_ms = pulse(&s, timed_by);
    let outputs = outputs(&s.section("outputs", &keys::OUTPUTS));
    let inputs = inputs(&s);
    let (poll, answer_max) = (ms("poll_ms", 20..=1000), ms("answer_ms_max", 20..=2000));
    let (late, lost) = (ms("late_ms", 50..=60_000), ms("lost_ms", 100..=600_000));
    Some(IoConfig {
        id: id?,
        protocol: protocol?.name.to_owned(),
        dialect: Dialect::of(&settings?).ok()?,
        line: line?,
        arm: arm?,
        pulse: Micros::from_ms(pulse_ms?),
        pulse_timed_by: timed_by?,
        outputs: outputs?,
        inputs: inputs?,
        poll: poll?,
        answer_max: answer_max?,
        late: late?,
        lost: lost?,
    })
}

static TIMERS: [(&str, PulseTimer); 2] = [
    ("board", PulseTimer::Board),
    ("gateway", PulseTimer::Gateway),
];

fn serial_only(s: &Section<'_>, protocol: &str, base: &Path) -> Option<SerialLine> {
    match source(s, protocol, base)? {
        Source::Serial(line) => Some(line),
        Source::Mqtt(_) | Source::Http(_) => {
            s.fault(
                "source",
                "lane I/O comes over a serial line, not in messages",
            );
            None
        }
    }
}

fn pulse(s: &Section<'_>, timed_by: Option<PulseTimer>) -> Option<u64> {
    let ms = s.need("pulse_ms", number(PULSE_MS))?;
    if timed_by == Some(PulseTimer::Board) && !ms.is_multiple_of(BOARD_UNIT_MS) {
        s.fault(
            "pulse_ms",
            format!("the board counts in {BOARD_UNIT_MS} ms: write a multiple of it"),
        );
        return None;
    }
    Some(ms)
}

fn arm(s: &Section<'_>) -> Option<ArmDrive> {
    let kind = s.need("arm", word(&ARMS))?;
    let outputs = s.section("outputs", &keys::OUTPUTS);
    let coil = |name: &str| {
        outputs
            .maybe(name, number(0..=NUMBER_MAX))
            .map(|n| n.map(small))
    };
    let wanted = |name: &str| {
        let coil = coil(name)?;
        if coil.is_none() {
            outputs.fault(name, "is missing: write the number of its output, from 0");
        }
        coil
    };
    let refuse = |names: &[&str], word: &str| {
        for name in names.iter().filter(|name| outputs.has(name)) {
            outputs.fault(name, format!("does not go with arm = \"{word}\""));
        }
    };
    match kind {
        Arm::UpDown => {
            refuse(&["arm_impulse"], "up-down");
            let (up, down, stop) = (wanted("arm_up"), wanted("arm_down"), coil("arm_stop"));
            Some(ArmDrive::UpDown {
                up: up?,
                down: down?,
                stop: stop?,
            })
        }
        Arm::Impulse => {
            refuse(&["arm_up", "arm_down", "arm_stop"], "impulse");
            wanted("arm_impulse").map(|coil| ArmDrive::Impulse { coil })
        }
        Arm::Maintained => {
            s.fault(
                "arm",
                "an arm that needs a maintained contact falls when outputs go off at a crash or \
                 stop: wire the barrier's pulse inputs and write \"up-down\" or \"impulse\"",
            );
            None
        }
    }
}

fn outputs(s: &Section<'_>) -> Option<Outputs> {
    let coil = |name| s.maybe(name, number(0..=NUMBER_MAX)).map(|n| n.map(small));
    let lamps = [
        "exit_red",
        "exit_green",
        "entry_red",
        "to_bay",
        "reverse_out",
        "divert",
    ];
    let [exit_red, exit_green, entry_red, to_bay, reverse_out, divert] = lamps.map(coil);
    Some(Outputs {
        exit_red: exit_red?,
        exit_green: exit_green?,
        entry_red: entry_red?,
        to_bay: to_bay?,
        reverse_out: reverse_out?,
        divert: divert?,
    })
}

fn inputs(io: &Section<'_>) -> Option<InputMap> {
    let inverted = io.need("inverted", list(text))?;
    for name in inverted
        .iter()
        .filter(|n| !keys::INPUTS.iter().any(|k| k.name == n.as_str()))
    {
        let known: Vec<_> = keys::INPUTS.iter().map(|key| key.name).collect();
        io.fault(
            "inverted",
            format!("\"{name}\" is no input; known: {}", known.join(", ")),
        );
    }
    let s = io.section("inputs", &keys::INPUTS);
    for name in inverted.iter().filter(|n| !s.has(n)) {
        io.fault(
            "inverted",
            format!("\"{name}\" is not among this lane's inputs"),
        );
    }
    let bit = |name: &str, number: u64| InputBit {
        number: small(number),
        inverted: inverted.iter().any(|n| n == name),
    };
    let need = |name| Some(bit(name, s.need(name, number(0..=NUMBER_MAX))?));
    let maybe = |name| {
        let number = s.maybe(name, number(0..=NUMBER_MAX))?;
        Some(number.map(|n| bit(name, n)))
    };
    let [presence, inhibit, arm_up, arm_down] =
        ["presence", "inhibit", "arm_up", "arm_down"].map(need);
    let [bay, diverter_bay, whole] = ["bay", "diverter_bay", "whole"].map(maybe);
    Some(InputMap {
        presence: presence?,
        inhibit: inhibit?,
        arm_up: arm_up?,
        arm_down: arm_down?,
        bay: bay?,
        diverter_bay: diverter_bay?,
        whole: whole?,
    })
}

fn small(number: u64) -> u16 {
    u16::try_from(number).expect("numbers are read in a range below 64")
}

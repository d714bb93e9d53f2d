//! Inputs and outputs in MQTT messages: one message, one JSON document with
//! the whole state, and one for each thing to switch.
//!
//! The fixed form, which needs no setting:
//!
//! | message | JSON |
//! |---|---|
//! | state | `{"inputs":[false,true,…],"outputs":[false,…]}` |
//! | output n on or off | `{"output":n,"on":true}` |
//! | output n on for a while | `{"output":n,"pulse_ms":500}` |
//!
//! Other firmware is described by a field map: `inputs` and `outputs` list
//! where each one stands (`di.0, di.1` or one path that ends in `*` and names
//! an array), `set` and `pulse` are what is sent, with `$n`, `$on` (true or
//! false), `$01` (1 or 0) and `$ms`.
//!
//! A message that lacks one of the inputs is no state: what it leaves out
//! would be old. A device that tells its state only when it changes is late
//! between two changes: let it repeat the state several times a second.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::settings::{self, Setting, SettingFault, Settings, Values, number, text};
use super::super::{Decoder, Frame, InputsFrame, Item, NoiseWhy, Protocol, ProtocolKind};
use super::board::{
    Answer, Call, CallFault, Can, NUMBERS_MAX, Numbers, Question, ReadBack, Speaks, Told,
};
use crate::time::Micros;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "mqtt-io",
    kind: ProtocolKind::Io,
    about: "Boards behind the devices' broker that tell inputs and outputs in JSON: a fixed form, or the integrator's own by a field map. Each message must carry all inputs, several times a second (`io_stale_ms`); a retained message never counts. Commands are sent once, never kept by the broker (QoS 0, not retained), so that none arrives late. Without outputs in the state nothing is read back: the limit switches alone confirm. Source: this manual.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; 5] = [
    Setting {
        name: "inputs",
        default: "inputs.*",
        values: Values::Text { len_max: 1024 },
        meaning: "where the inputs stand: paths with commas, or one array as path.*",
    },
    Setting {
        name: "outputs",
        default: "outputs.*",
        values: Values::Text { len_max: 1024 },
        meaning: "where the outputs stand; empty: the device does not tell them",
    },
    Setting {
        name: "first",
        default: "0",
        values: Values::Number { min: 0, max: 64 },
        meaning: "what the device calls its first output ($n)",
    },
    Setting {
        name: "set",
        default: "{\"output\":$n,\"on\":$on}",
        values: Values::Text { len_max: 256 },
        meaning: "what switches an output",
    },
    Setting {
        name: "pulse",
        default: "{\"output\":$n,\"pulse_ms\":$ms}",
        values: Values::Text { len_max: 256 },
        meaning: "what switches an output on for a while; empty: the device cannot",
    },
];

/// Largest message looked at.
const LEN_MAX: usize = 16 << 10;
/// Levels of a path.
const DEPTH_MAX: usize = 8;

/// A board behind the broker.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MqttIo {
    inputs: Vec<Place>,
    outputs: Vec<Place>,
    first: u16,
    set: String,
    pulse: String,
}

/// Where a value stands; with `all` it is an array of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Place {
    path: Vec<String>,
    all: bool,
}

impl MqttIo {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingFault> {
        let faults = settings::faults(&SETTINGS, settings);
        match faults.into_iter().chain(agree(settings)).next() {
            Some(fault) => Err(fault),
            None => Ok(checked(settings)),
        }
    }

    fn state(&self, message: &[u8]) -> Result<Told, NoiseWhy> {
        if message.len() > LEN_MAX {
            return Err(NoiseWhy::TooLong);
        }
        let json: Value = serde_json::from_slice(message).map_err(|why| match why.classify() {
            serde_json::error::Category::Io | serde_json::error::Category::Data => NoiseWhy::Field,
            serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
                NoiseWhy::Syntax
            }
        })?;
        let inputs = read(&json, &self.inputs).ok_or(NoiseWhy::Field)?;
        // A device may leave out its outputs; what it says wrongly is wrong.
        let outputs = match self.outputs.is_empty() || !has(&json, &self.outputs) {
            true => None,
            false => Some(read(&json, &self.outputs).ok_or(NoiseWhy::Field)?),
        };
        Ok(Told {
            inputs: Some(inputs),
            outputs,
        })
    }

    fn filled(&self, form: &str, output: u16, on: bool, ms: u32) -> Vec<u8> {
        let n = (self.first + output).to_string();
        let filled = form.replace("$on", if on { "true" } else { "false" });
        let filled = filled.replace("$01", if on { "1" } else { "0" });
        let filled = filled.replace("$ms", &ms.to_string()).replace("$n", &n);
        filled.into_bytes()
    }
}

fn checked(settings: &Settings) -> MqttIo {
    let set = |name| text(&SETTINGS, settings, name);
    MqttIo {
        inputs: places(set("inputs")).unwrap_or_default(),
        outputs: places(set("outputs")).unwrap_or_default(),
        first: u16::try_from(number(&SETTINGS, settings, "first")).expect("the table allows 64"),
        set: set("set").to_owned(),
        pulse: set("pulse").to_owned(),
    }
}

fn agree(settings: &Settings) -> Vec<SettingFault> {
    let set = |name| text(&SETTINGS, settings, name);
    let wrong = |name: &str, why: &str| SettingFault {
        name: name.to_owned(),
        why: why.to_owned(),
    };
    let mut faults = Vec::new();
    for name in ["inputs", "outputs"] {
        match places(set(name)) {
            Some(places) if places.is_empty() && name == "inputs" => {
                faults.push(wrong(name, "is empty: say where the inputs stand"));
            }
            Some(_) => {}
            None => faults.push(wrong(
                name,
                "write paths with commas, like di.0, di.1 (at most 64), or one array like di.*",
            )),
        }
    }
    if !set("set").contains("$n") || !(set("set").contains("$on") || set("set").contains("$01")) {
        faults.push(wrong("set", "needs $n, and $on or $01"));
    }
    let pulse = set("pulse");
    let named = pulse.contains("$n") && pulse.contains("$ms");
    if !(pulse.is_empty() || named) {
        faults.push(wrong("pulse", "needs $n and $ms, or is empty"));
    }
    faults
}

fn places(text: &str) -> Option<Vec<Place>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let place = |text: &str| {
        let mut path: Vec<_> = text.trim().split('.').map(str::to_owned).collect();
        let all = path.last().is_some_and(|last| last == "*");
        if all {
            path.pop();
        }
        let fits = path.len() <= DEPTH_MAX && path.iter().all(|p| !p.is_empty() && p != "*");
        fits.then_some(Place { path, all })
    };
    let places: Vec<_> = text.split(',').map(place).collect::<Option<_>>()?;
    let arrays = places.iter().filter(|p| p.all).count();
    let fits = places.len() <= usize::from(NUMBERS_MAX) && (arrays == 0 || places.len() == 1);
    fits.then_some(places)
}

fn find<'j>(json: &'j Value, place: &Place) -> Option<&'j Value> {
    place.path.iter().try_fold(json, |json, name| match json {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get(name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

fn has(json: &Value, places: &[Place]) -> bool {
    places.iter().any(|place| find(json, place).is_some())
}

fn read(json: &Value, places: &[Place]) -> Option<Vec<bool>> {
    match places {
        [place @ Place { all: true, .. }] => {
            let items = find(json, place)?.as_array()?;
            let fits = items.len() <= usize::from(NUMBERS_MAX);
            fits.then(|| items.iter().map(flag).collect())?
        }
        places => places.iter().map(|p| flag(find(json, p)?)).collect(),
    }
}

/// Yes or no in the spellings firmware uses; anything else is neither.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_u64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "0" | "off" | "false" => Some(false),
            "1" | "on" | "true" => Some(true),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Speaks for MqttIo {
    fn can(&self) -> Can {
        let told = !self.outputs.is_empty();
        Can {
            asked: false,
            speaks: true,
            read_back: if told {
                ReadBack::WithInputs
            } else {
                ReadBack::Never
            },
            answers_writes: told,
            times_pulses: !self.pulse.is_empty(),
            numbered: true,
            asks_outputs: false,
            rest: Micros(0),
        }
    }

    fn ask(
        &self,
        call: Call,
        _: u16,
        _: Numbers,
        _: &BTreeMap<u16, bool>,
    ) -> Result<Vec<u8>, CallFault> {
        match call {
            Call::Inputs | Call::Outputs => Err(CallFault(
                "a device behind the broker tells its state by itself".to_owned(),
            )),
            Call::Set { output, on } => Ok(self.filled(&self.set, output, on, 0)),
            Call::Pulse { .. } if self.pulse.is_empty() => Err(CallFault(
                "the device does not end a pulse by itself: write pulse_timed_by = \"gateway\""
                    .to_owned(),
            )),
            Call::Pulse { output, ms } => Ok(self.filled(&self.pulse, output, true, ms)),
        }
    }

    fn answer(&self, question: &Question, _: Numbers, bytes: &[u8]) -> Answer {
        let Ok(told) = self.state(bytes) else {
            return Answer::Need;
        };
        let shown = |output: u16| {
            let outputs = told.outputs.as_deref().unwrap_or_default();
            outputs.get(usize::from(output)).copied()
        };
        let shows = match question.call {
            Call::Set { output, on } => shown(output) == Some(on),
            // A short pulse may be over before the state is told.
            Call::Pulse { output, .. } => shown(output).is_some(),
            Call::Inputs | Call::Outputs => true,
        };
        if shows {
            Answer::Done(told)
        } else {
            Answer::Heard(told)
        }
    }

    fn told(&self, bytes: &[u8]) -> Option<Told> {
        self.state(bytes).ok()
    }
}

struct Message {
    board: MqttIo,
    bytes: Vec<u8>,
    /// Bytes of the message beyond what is kept.
    excess: usize,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Message {
        board: checked(settings),
        bytes: Vec::new(),
        excess: 0,
    })
}

impl Decoder for Message {
    fn push(&mut self, bytes: &[u8], _: &mut Vec<Item>) {
        let room = LEN_MAX - self.bytes.len();
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        self.bytes.extend_from_slice(kept);
        self.excess += beyond.len();
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        let bytes = std::mem::take(&mut self.bytes);
        let excess = std::mem::take(&mut self.excess);
        let len = bytes.len() + excess;
        if len == 0 {
            return;
        }
        let state = match excess {
            0 => self.board.state(&bytes),
            _ => Err(NoiseWhy::TooLong),
        };
        out.push(match state {
            Ok(told) => Item::Frame(Frame::Inputs(InputsFrame {
                unit: None,
                bits: told.inputs.unwrap_or_default(),
                outputs: told.outputs,
            })),
            Err(why) => Item::Noise {
                len,
                why,
                hint: None,
            },
        });
    }
}

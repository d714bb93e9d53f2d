//! Avery Weigh-Tronix stream, as Rice Lake calls it: blank, gross or net, sign,
//! six characters, blank, unit, CR LF. Source: RL 482 manual p. 37.
//!
//! It has no status: stability is derived.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, SIGNS, UNITS, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "avery-stream",
    kind: ProtocolKind::Scale,
    about: "Avery Weigh-Tronix stream (Rice Lake name): ` G 012345 kg`. **No flag** of motion or range. Source: RL 482 manual p. 37.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [r" {mode:1}{sign:1}{weight:6-7} {unit:1-3}\r\n", "", ""],
    signs: SIGNS,
    status: "",
    status2: "",
    modes: "G=gross N=net g=gross n=net",
    units: UNITS,
    figures: "",
});

//! NCI SCP-01 (Weigh-Tronix, Ohaus): the gateway asks with `W` CR. Source:
//! Ohaus Aviator manual p. 47-49.
//!
//! LF, weight, unit of two letters, CR LF, `S`, two characters of status, CR,
//! 03h; without the weight where it is not valid. The characters are 30h and
//! bits: 0 motion, 1 zero, 2 and 3 memory faults; 0 under, 1 over, 2 and 3
//! faults.

use super::super::super::settings::{Setting, Settings};
use super::super::super::{Ask, Protocol, ProtocolKind};
use super::super::setup::{self, EVERY_MS};
use super::table::{LEN, Make, SIGNS, settings, with};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "nci",
    kind: ProtocolKind::Scale,
    about: "NCI SCP-01 (Weigh-Tronix, Ohaus): the gateway asks with `W` CR. Weight and unit, then status bits: motion, under, over, memory faults. The weight is left out where it is not valid. Whether it is gross it does not say: lock the tare key. Source: Ohaus Aviator manual p. 47-49.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN + 1] = with(
    settings(&Make {
        layouts: [
            r"\n{weight:5-9}{unit:2}\r\nS{status:1}{status2:1}\r\x03",
            r"\nS{status:1}{status2:1}\r\x03",
            "",
        ],
        signs: SIGNS,
        status: "0=stable 1=motion 2=stable 3=motion 4=invalid 5=invalid 6=invalid 7=invalid 8=invalid 9=invalid :=invalid ;=invalid <=invalid \\x3d=invalid >=invalid ?=invalid",
        status2: "0=ok 1=under 2=over 3=invalid 4=invalid 5=invalid 6=invalid 7=invalid 8=invalid 9=invalid :=invalid ;=invalid <=invalid \\x3d=invalid >=invalid ?=invalid",
        modes: "",
        units: "kg=kg KG=kg t=t g=g lb=lb LB=lb oz=unknown OZ=unknown",
        figures: "",
    }),
    EVERY_MS,
);

fn ask(settings: &Settings) -> Ask {
    setup::ask(&SETTINGS, settings, b"W\r")
}

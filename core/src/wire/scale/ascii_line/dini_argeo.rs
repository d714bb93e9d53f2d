//! Dini Argeo lines: `ST,GS,     0.0,kg`, on RS-485 with an address of two
//! digits before. Source: DGT4X manual p. 52, LTP manual p. 43.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, SIGNS, UNITS, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "dini-argeo",
    kind: ProtocolKind::Scale,
    about: "Dini Argeo (DGT, LTP and others): `ST,GS,     0.0,kg`, on RS-485 with two digits of address before it. `OL` overload, `UL` underload, `TL` not level: never stable. Source: DGT4X manual p. 52, LTP manual p. 43.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [
        r"{status:2},{mode:2},{weight:8},{unit:2}\r\n",
        r"{address:2}{status:2},{mode:2},{weight:8},{unit:2}\r\n",
        "",
    ],
    signs: SIGNS,
    status: "ST=stable US=motion OL=over UL=under TL=invalid",
    status2: "",
    modes: "GS=gross NT=net TR=tare",
    units: UNITS,
    figures: "",
});

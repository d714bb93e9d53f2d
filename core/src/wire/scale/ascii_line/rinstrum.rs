//! Rinstrum: 02h, sign, seven characters, status, 03h. Source: PMC3230975,
//! table 1. Status: `G` gross, `N` net, `U` under, `O` over, `M` motion, `E`
//! error.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, SIGNS, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "rinstrum",
    kind: ProtocolKind::Scale,
    about: "Rinstrum and generic indicators: 02h, sign, seven characters, one letter of status, 03h. `G` and `N` are gross and net at rest, `M` motion, `O` over, `U` under, `E` error. No unit. Source: PMC3230975, table 1.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [r"\x02{sign:1}{weight:7}{status:1}\x03", "", ""],
    signs: SIGNS,
    status: "G=gross+stable N=net+stable M=motion U=under O=over E=invalid",
    status2: "",
    modes: "",
    units: "",
    figures: "",
});

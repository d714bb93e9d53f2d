//! Rice Lake stream (IQ+355, 480, 482, 920i; Cardinal 200, Tracer AV).
//! Source: 482 manual p. 37, Cardinal 200 p. 28, Tracer AV p. 38.
//!
//! 02h, sign, seven characters, unit, gross or net, status, CR LF. The Tracer
//! AV writes `^` (over) or `]` (under) for the sign. `T` is tons, and not said
//! which: unknown until `units` says so.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "rice-lake",
    kind: ProtocolKind::Scale,
    about: "Rice Lake stream (IQ+355, 480, 482, 920i; also Cardinal 200 and Tracer AV): 02h, sign, seven characters, `L` `K` `T` `G` or `O`, `G` or `N`, status. `T` is *tons*, short or metric: it counts only after `units = \"K=kg L=lb T=t G=g\"`. Source: 482 manual p. 37, Cardinal 200 p. 28, Tracer AV p. 38.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [
        r"\x02{sign:1}{weight:7}{unit:1}{mode:1}{status:1}\r\n",
        "",
        "",
    ],
    signs: "_=plus -=minus ^=over ]=under",
    status: "_=stable Z=stable M=motion O=out I=invalid",
    status2: "",
    modes: "G=gross N=net",
    units: "K=kg L=lb G=g",
    figures: "",
});

//! Cardinal SB-200: CR, sign, six digits with a point, status, unit, gross or
//! net, 03h. It starts with CR. Source: Cardinal 225 manual p. 128, RL 480
//! manual p. 71.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "cardinal-sb200",
    kind: ProtocolKind::Scale,
    about: "Cardinal 200 series and 225 set to SB-200, Rice Lake 480 set to *Cardinal*: CR, sign, six digits with a point, `m` motion, `o` over or `e` not shown, unit, `G` or `N`, 03h. Source: Cardinal 225 manual p. 128, RL 480 manual p. 71.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [
        r"\r{sign:1}{digits:6-8}{status:1}{unit:2}{mode:1}\x03",
        "",
        "",
    ],
    signs: "_=plus -=minus",
    status: "_=stable m=motion M=motion o=over O=over e=invalid",
    status2: "",
    modes: "G=gross N=net g=gross n=net",
    units: "kg=kg t=t g=g lb=lb tn=unknown oz=unknown",
    figures: "",
});

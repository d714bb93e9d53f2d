//! Cardinal SB-400 (also SB-80, SB-300): sign, six digits with or without a
//! point, unit, gross or net, two letters of status, CR. Source: Cardinal 200
//! manual p. 28.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "cardinal-sb400",
    kind: ProtocolKind::Scale,
    about: "Cardinal 200 series set to SB-400 (also SB-80, SB-300, Computer): sign, six digits with or without a point, unit, `G` or `N`, and `OC` over, `BZ` below zero, `CZ` zero, `MO` motion, `ee` not shown. Below zero is underload. No start and no checksum: a piece of noise right before a line can change its sign, so look for noise on the line. Source: Cardinal 200 manual p. 28.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [
        r"{sign:1}{digits:6}{unit:2}{mode:1}{status:2}\r",
        r"{sign:1}{digits:7}{unit:2}{mode:1}{status:2}\r",
        r"{sign:1}{digits:8}{unit:2}{mode:1}{status:2}\r",
    ],
    signs: "_=plus -=minus",
    status: "_=stable CZ=stable MO=motion OC=over BZ=under ee=invalid EE=invalid",
    status2: "",
    modes: "G=gross N=net g=gross n=net",
    units: "kg=kg t=t g=g lb=lb tn=unknown oz=unknown",
    figures: "",
});

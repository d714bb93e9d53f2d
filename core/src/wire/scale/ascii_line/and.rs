//! A&D lines: AD-4404 and AD4329A (`ST,GS,+0012.34kg`), EK and EJ
//! (`ST,+001234.5  g`). Source: EK-L manual p. 30, AD-4404 p. 82, AD4329A p. 35.
//!
//! Out of range is the header `OL` with nines or without a figure, on the
//! AD-4404 `LO` with blanks.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, SIGNS, UNITS, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "and",
    kind: ProtocolKind::Scale,
    about: "A&D AD-4404, AD4329A, EK, EJ and the many that copy them: `ST,GS,+0012.34kg`, with the header for stable or not, gross or net, and the unit. Overload is `OL`, with nines or no figure; on the AD-4404 `LO` is *out of range*. The second header has another sense on some makes (Sewha, Excell): check it with the tare key and set `modes`. Source: EK-L manual p. 30, AD-4404 p. 82, AD4329A p. 35.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [
        r"{status:2},{mode:2},{weight:5-10}{unit:2}\r\n",
        r"{status:2},{weight:9}{unit:3}\r\n",
        "",
    ],
    signs: SIGNS,
    status: "ST=stable US=motion OL=out LO=out QT=invalid",
    status2: "",
    modes: "GS=gross G=gross NT=net N=net TR=tare T=tare PT=tare",
    units: UNITS,
    figures: "",
});

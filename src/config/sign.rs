//! Reads `[lane.sign]`: what drivers read.

use std::path::Path;

use lanegate_core::model::DeviceId;
use lanegate_core::time::Micros;
use lanegate_core::wire::sign::SignWire;
use lanegate_core::wire::{ProtocolKind, Settings};

use super::device::{Language, SignConfig};
use super::evidence::{protocol, settings};
use super::keys;
use super::section::{Section, list, number, parsed, word};
use super::source::source;

static LANGUAGES: [(&str, Language); 3] = [
    ("zh-Hans", Language::ZhHans),
    ("zh-Hant", Language::ZhHant),
    ("en", Language::En),
];

/// The table `[lane.sign]`; `Some(None)` where the lane has no sign of ours.
pub(super) fn sign(lane: &Section<'_>, base: &Path) -> Option<Option<SignConfig>> {
    if !lane.has("sign") {
        return Some(None);
    }
    let s = lane.section("sign", &keys::SIGN);
    let id = s.need("id", parsed(DeviceId::parse));
    let protocol = protocol(&s, ProtocolKind::Sign);
    let settings = settings(&s, protocol, Settings::new());
    let source = protocol.and_then(|p| source(&s, p.name, base));
    let languages = s.need("languages", list(word(&LANGUAGES)));
    let repeat = s.need("repeat_ms", number(500..=600_000));
    if languages
        .as_ref()
        .is_some_and(|l| l.is_empty() || l.len() > LANGUAGES.len())
    {
        s.fault("languages", "write one to three of zh-Hans, zh-Hant, en");
        return None;
    }
    let protocol = protocol?;
    let wire = match SignWire::of(protocol.name, &settings?) {
        Ok(wire) => wire?,
        Err(why) => {
            s.fault("settings", why.to_string());
            return None;
        }
    };
    Some(Some(SignConfig {
        id: id?,
        protocol: protocol.name.to_owned(),
        wire,
        source: source?,
        languages: languages?,
        repeat: Micros::from_ms(repeat?),
    }))
}

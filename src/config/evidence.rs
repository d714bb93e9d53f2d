//! Reads `[[lane.device]]`: a device's driver and what its evidence is worth.

use std::path::Path;

use lanegate_core::lane::{EvidenceDevice, Role};
use lanegate_core::model::{DeviceId, Kg, WeightUnit};
use lanegate_core::time::Micros;
use lanegate_core::wire::scale::StableRule;
use lanegate_core::wire::{self, Ask, Protocol, ProtocolKind, Settings};
use toml::de::DeValue;

use super::device::{DeviceConfig, ScaleConfig, Source, Undated};
use super::keys;
use super::section::{Section, number, parsed, text, word};
use super::source::source;

/// How long before presence a camera may have seen the truck, unless said.
const CAMERA_LEAD_MS: u64 = 3000;

static ROLES: [(&str, Role); 6] = [
    ("camera", Role::Camera),
    ("scale", Role::Scale),
    ("seal", Role::SealReader),
    ("container", Role::ContainerReader),
    ("tag", Role::TagReader),
    ("card", Role::CardReader),
];
static UNITS: [(&str, WeightUnit); 2] = [("kg", WeightUnit::Kg), ("t", WeightUnit::Tonne)];

static UNDATED: [(&str, Undated); 2] = [("never", Undated::Never), ("arrival", Undated::Arrival)];

/// One device: its driver's configuration and the lane's.
pub(super) fn device(s: &Section<'_>, base: &Path) -> Option<(DeviceConfig, EvidenceDevice)> {
    let ms = |name, range| s.need(name, number(range)).map(Micros::from_ms);
    let id = s.need("id", parsed(DeviceId::parse));
    let role = s.need("role", word(&ROLES));
    let protocol = role.and_then(|role| protocol(s, kind(role)));
    let source = protocol.and_then(|p| source(s, p.name, base));
    let scale = scale(s, role);
    let undated = undated(s, role, source.as_ref());
    let implied = implied(protocol, source.as_ref(), scale.flatten());
    let settings = settings(s, protocol, implied);
    let (late, lost) = (ms("late_ms", 100..=600_000), ms("lost_ms", 200..=3_600_000));
    if let (Some(Undated::Never), Some(settings)) = (undated, settings.as_ref()) {
        dated(s, protocol, settings);
    }
    let evidence = evidence(s, role, source.as_ref());
    let question = protocol.and_then(|p| p.ask).zip(settings.as_ref());
    if let Some(ask) = question.map(|(ask, settings)| ask(settings)) {
        asked(s, &ask, late, scale.flatten());
    }
    let driver = DeviceConfig {
        id: id?,
        role: role?,
        protocol: protocol?.name.to_owned(),
        settings: settings?,
        source: source?.closed_after(lost?),
        scale: scale?,
        undated: undated?,
        late: late?,
        lost: lost?,
    };
    Some((driver, evidence?))
}

/// A camera's messages may lie with the camera, a proxy or a broker before they
/// come, and arrive as if they were new: one without a time proves nothing
/// unless the site says that its cameras keep none.
fn undated(s: &Section<'_>, role: Option<Role>, source: Option<&Source>) -> Option<Undated> {
    let said = s.maybe("undated", word(&UNDATED));
    if !sees(role?) {
        if s.has("undated") {
            s.fault(
                "undated",
                "goes with role = \"camera\" or \"container\" only",
            );
        }
        return Some(Undated::Arrival);
    }
    let otherwise = match source? {
        Source::Serial(_) | Source::Tcp(_) | Source::Listen(_) => Undated::Arrival,
        Source::Mqtt(_) | Source::Http(_) | Source::Pull(_) => Undated::Never,
    };
    said.map(|said| said.unwrap_or(otherwise))
}

/// A camera whose messages have no time at all would never be believed.
fn dated(s: &Section<'_>, protocol: Option<&Protocol>, settings: &Settings) {
    let own_fields = protocol.is_some_and(|p| p.name == "json-camera");
    if own_fields && settings.get("time").is_none_or(String::is_empty) {
        let why = "has no `time`: name the field that says when the picture was taken, or set \
                   undated = \"arrival\" if neither the camera nor anything behind it keeps messages";
        s.fault("settings", why);
    }
}

const fn kind(role: Role) -> ProtocolKind {
    match role {
        // A reader of boxes is a camera that reads another text.
        Role::Camera | Role::ContainerReader => ProtocolKind::Camera,
        Role::Scale => ProtocolKind::Scale,
        Role::SealReader => ProtocolKind::Seal,
        Role::TagReader | Role::CardReader => ProtocolKind::Tag,
    }
}

/// Whether it takes pictures, maybe before the truck stands.
const fn sees(role: Role) -> bool {
    matches!(role, Role::Camera | Role::ContainerReader)
}

fn evidence(
    s: &Section<'_>,
    role: Option<Role>,
    source: Option<&Source>,
) -> Option<EvidenceDevice> {
    let lead = s.maybe("lead_ms_max", number(0..=30_000));
    let evidence = s.need("evidence_ms_max", number(100..=60_000));
    let reads_min = s.need("reads_min", number(1..=10));
    let side = s.maybe("side", text);
    let role = role?;
    let lead_default = if sees(role) { CAMERA_LEAD_MS } else { 0 };
    let mqtt = source?.mqtt();
    let can_recapture = mqtt.is_some_and(|mqtt| !mqtt.recapture_topics.is_empty());
    // With a serial number the topics are the make's; written out they are meant.
    if can_recapture && role != Role::Camera && mqtt.is_some_and(|mqtt| mqtt.sn.is_none()) {
        let why = "has a recapture_topic, and only a camera of plates is asked to read again";
        s.fault("source", why);
    }
    Some(EvidenceDevice {
        role,
        lead: Micros::from_ms(lead?.unwrap_or(lead_default)),
        evidence: Micros::from_ms(evidence?),
        side: side?,
        reads_min: u32::try_from(reads_min?).expect("read in a range up to 10"),
        can_recapture,
    })
}

/// What a device that is asked needs besides.
fn asked(s: &Section<'_>, ask: &Ask, late: Option<Micros>, scale: Option<ScaleConfig>) {
    if late.is_some_and(|late| late <= ask.every) {
        let why = "is not above the time between two questions: it would be late by then";
        s.fault("late_ms", why);
    }
    if scale.is_some_and(|scale| scale.stable.gap_max < ask.every) {
        let why =
            "stable_gap_ms_max is below the time between two questions: nothing would be stable";
        s.fault("scale", why);
    }
}

/// Some(None) for a device that is no scale.
fn scale(s: &Section<'_>, role: Option<Role>) -> Option<Option<ScaleConfig>> {
    match (role?, s.has("scale")) {
        (Role::Scale, true) => {}
        (Role::Scale, false) => {
            s.fault(
                "scale",
                "is missing: write [lane.device.scale] with unit, division and more",
            );
            return None;
        }
        (_, true) => {
            s.fault("scale", "goes with role = \"scale\" only");
            return None;
        }
        (_, false) => return Some(None),
    }
    let s = s.section("scale", &keys::SCALE);
    let unit = s.need("unit", word(&UNITS));
    let division = s.need("division_kg", number(1..=200));
    let capacity = s.need("capacity_kg", number(1000..=300_000));
    let values = s.need("stable_values_min", number(2..=100));
    let over = s.need("stable_over_ms", number(200..=10_000));
    let gap = s.need("stable_gap_ms_max", number(50..=10_000));
    let kg = |n: u64| Kg(i64::try_from(n).expect("read in a range far below"));
    Some(Some(ScaleConfig {
        unit: unit?,
        division: kg(division?),
        capacity: kg(capacity?),
        stable: StableRule {
            values_min: u32::try_from(values?).expect("read in a range up to 100"),
            over: Micros::from_ms(over?),
            division: kg(division?),
            gap_max: Micros::from_ms(gap?),
        },
    }))
}

/// What the codec need not be told twice: line and unit.
fn implied(
    protocol: Option<&Protocol>,
    source: Option<&Source>,
    scale: Option<ScaleConfig>,
) -> Settings {
    let mut said = Settings::new();
    if let Some(line) = source.and_then(Source::serial) {
        said.insert("data_bits".to_owned(), line.data_bits.to_string());
        said.insert("parity".to_owned(), line.parity.word().to_owned());
    }
    if let Some(scale) = scale {
        let word = UNITS.iter().find(|(_, unit)| *unit == scale.unit);
        said.extend(word.map(|(word, _)| ("unit".to_owned(), (*word).to_owned())));
    }
    let known = |name: &str| protocol.is_some_and(|p| p.settings.iter().any(|s| s.name == name));
    said.retain(|name, _| known(name));
    said
}

/// The codec `protocol`, if it is one of a kind.
pub(super) fn protocol(s: &Section<'_>, kind: ProtocolKind) -> Option<&'static Protocol> {
    let name = s.need("protocol", text)?;
    match wire::protocol(&name) {
        Some(protocol) if protocol.kind == kind => Some(protocol),
        Some(_) | None => {
            let fit = wire::protocols().iter().filter(|p| p.kind == kind);
            let fit: Vec<_> = fit.map(|p| p.name).collect();
            let why = format!("\"{name}\" does not fit here; known: {}", fit.join(", "));
            s.fault("protocol", why);
            None
        }
    }
}

/// The codec's settings, on top of what is implied by the rest.
pub(super) fn settings(
    s: &Section<'_>,
    protocol: Option<&Protocol>,
    implied: Settings,
) -> Option<Settings> {
    let own = s.maybe("settings", table_of_texts)?.unwrap_or_default();
    let protocol = protocol?;
    for name in own.keys().filter(|name| implied.contains_key(*name)) {
        s.fault(
            "settings",
            format!("{name} follows from the source or scale: take it out"),
        );
    }
    let mut settings = implied;
    settings.extend(own);
    let faults = protocol.faults(&settings);
    for fault in &faults {
        s.fault("settings", fault.to_string());
    }
    faults.is_empty().then_some(settings)
}

fn table_of_texts(value: &DeValue<'_>) -> Result<Settings, String> {
    let wrong = || "write a table, like { slave = 1 }".to_owned();
    let table = value.as_table().ok_or_else(wrong)?;
    let text = |value: &DeValue<'_>| match (value.as_str(), value.as_integer()) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, Some(number)) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        (None, _) => Err("each setting is a text or a whole number".to_owned()),
    };
    table
        .iter()
        .map(|(name, value)| Ok((name.get_ref().to_string(), text(value.get_ref())?)))
        .collect()
}

//! The officer's line: what is wrong in a sentence, with the figures that were
//! compared. A code without a sentence of its own lists what was observed and
//! what was expected.

use super::table::Text;
use crate::model::{Code, Datum, Reason, Values};

/// The five road ports' names beside their customs codes (DOMAIN 2).
const PORTS: [(&str, &str); 5] = [
    ("5301", "皇岗"),
    ("5303", "沙头角"),
    ("5320", "文锦渡"),
    ("5345", "深圳湾"),
    ("5354", "莲塘"),
];

pub(super) fn officer(reason: &Reason, t: &Text) -> String {
    let says = sentence(reason).unwrap_or_else(|| listed(reason, t));
    let covered = reason.observed.get("covered_by").map(shown);
    let covered = covered.map_or_else(String::new, |id| format!("; covered by finding {id}"));
    format!("{} {}: {says}{covered}", reason.code, t.title)
}

/// The sentence of a code; none where a value it needs is not there.
type Sentence = fn(&Said<'_>) -> Option<String>;

const SENTENCES: &[(Code, Sentence)] = &[
    (Code::WeightWholeTruckOver, |s| s.weight("on the scale")),
    (Code::WeightWholeTruckUnder, |s| s.weight("on the scale")),
    (Code::WeightContainerOver, |s| s.weight("by the scale")),
    (Code::WeightContainerUnder, |s| s.weight("by the scale")),
    (Code::WeightGoodsOver, |s| s.weight("by the scale")),
    (Code::WeightGoodsUnder, |s| s.weight("by the scale")),
    (Code::DeclarationNotYet, |s| {
        let (from, at) = (s.expected("valid_from")?, s.observed("at")?);
        Some(format!("valid from {from}, it is {at}"))
    }),
    (Code::DeclarationExpired, |s| {
        let (until, at) = (s.expected("valid_until")?, s.observed("at")?);
        Some(format!("was valid until {until}, it is {at}"))
    }),
    (Code::DeclarationOtherPort, |s| {
        let (there, here) = (s.expected("port")?, s.observed("port")?);
        Some(format!("valid at port {there}, this is port {here}"))
    }),
    (Code::DeclarationOtherDirection, |s| {
        let (declared, here) = (s.expected("direction")?, s.observed("direction")?);
        Some(format!("declared for {declared}, this lane is {here}"))
    }),
    (Code::DeclarationSpent, |s| spent(s.0)),
    (Code::DeclarationWrongKind, |s| wrong_kind(s.0)),
    (Code::DeclarationUnsettled, |s| {
        let passage = s.expected("settled")?;
        Some(format!(
            "nobody saw how passage {passage} of this vehicle ended"
        ))
    }),
    (Code::ListTripsOver, |s| {
        let (issued, trips) = (s.observed("issued")?, s.expected("trips")?);
        let (passed, kept) = (s.observed("passed")?, s.observed("reserved")?);
        Some(format!(
            "{issued} of {trips} trips issued, {passed} passed, {kept} kept for trucks in the bay"
        ))
    }),
    (Code::ListQuantityOver, |s| {
        let (takes, left) = (s.observed("goods_kg")?, s.expected("left_kg")?);
        let (kg, trips) = (s.observed("issued_kg")?, s.observed("issued")?);
        Some(format!(
            "this trip takes {takes}, {left} is left of the list ({kg} issued in {trips} trips)"
        ))
    }),
    (Code::ConvoyIncomplete, |s| {
        let (come, members) = (s.observed("arrived")?, s.expected("members")?);
        let (no, missing) = (s.observed("convoy")?, s.observed("missing")?);
        Some(format!(
            "{come} of {members} trucks of convoy {no} have come, {missing} missing or late"
        ))
    }),
    (Code::ControlActive, |s| {
        let (id, act) = (s.observed("control")?, s.observed("act")?);
        let (kind, value) = (s.observed("subject")?, s.observed("value")?);
        let why = s.observed("reason").map(|why| format!(": {why}"));
        let why = why.unwrap_or_default();
        Some(format!("control {id} ({act}) on {kind} {value}{why}"))
    }),
];

/// A reason's values as words.
struct Said<'a>(&'a Reason);

impl Said<'_> {
    fn expected(&self, key: &str) -> Option<String> {
        self.0.expected.get(key).map(|v| said(key, v))
    }

    fn observed(&self, key: &str) -> Option<String> {
        self.0.observed.get(key).map(|v| said(key, v))
    }

    fn weight(&self, by: &str) -> Option<String> {
        let (seen, declared) = (self.observed("kg")?, self.expected("kg")?);
        let over = self.expected("over_kg").map(|kg| format!("{kg} over"));
        let under = || self.expected("under_kg").map(|kg| format!("{kg} under"));
        let allowed = over.or_else(under)?;
        Some(format!(
            "{seen} {by}, {declared} declared, {allowed} allowed"
        ))
    }
}

fn sentence(reason: &Reason) -> Option<String> {
    let (_, of) = SENTENCES.iter().find(|(code, _)| *code == reason.code)?;
    of(&Said(reason))
}

/// "already passed at 14:02 in lane 3" where the ledger knows.
fn spent(reason: &Reason) -> Option<String> {
    let o = |key: &str| reason.observed.get(key).map(|v| said(key, v));
    if let Some(passage) = reason.expected.get("finding_of") {
        let passage = shown(passage);
        return Some(format!(
            "sent to the bay by passage {passage}, which has no finding yet"
        ));
    }
    let passed = reason.observed.get("passed").and_then(Datum::as_bool)?;
    let how = if passed {
        "already passed"
    } else {
        "already taken, not seen passing,"
    };
    Some(format!(
        "{how} at {} in lane {} (passage {})",
        o("at")?,
        o("lane")?,
        o("passage")?
    ))
}

fn wrong_kind(reason: &Reason) -> Option<String> {
    let has = shown(reason.observed.get("has")?);
    let Some(form) = reason.expected.get("form") else {
        return Some(format!("the document is {has}, this class may not use one"));
    };
    Some(format!("a document of form {} has {has}", shown(form)))
}

fn listed(reason: &Reason, t: &Text) -> String {
    let mut line = t.means.to_owned();
    let observed = values(&reason.observed);
    let expected = values(&reason.expected);
    if !observed.is_empty() {
        line += &format!(": {observed}");
    }
    if !expected.is_empty() {
        line += &format!(" (expected {expected})");
    }
    line
}

fn values(values: &Values) -> String {
    let kept = values.iter().filter(|(key, _)| *key != "covered_by");
    let one = |(key, value): (&str, &Datum)| {
        let limit = ["_max", "_min"].iter().find(|end| key.ends_with(**end));
        let bare = limit.map_or(key, |end| key.trim_end_matches(end));
        let bare = bare.trim_end_matches("_s").trim_end_matches("_pct");
        let limit = match limit.copied() {
            Some("_max") => " at most",
            Some(_) => " at least",
            None => "",
        };
        format!("{}{limit} {}", bare.replace('_', " "), said(key, value))
    };
    kept.map(one).collect::<Vec<_>>().join(", ")
}

/// A value with its unit, as its key names it.
fn said(key: &str, value: &Datum) -> String {
    let ends = |end: &str| {
        key.trim_end_matches("_max")
            .trim_end_matches("_min")
            .ends_with(end)
    };
    if key == "port" {
        let code = shown(value);
        let name = PORTS
            .iter()
            .find(|(c, _)| *c == code)
            .map(|(_, name)| *name);
        return name.map_or_else(|| code.clone(), |name| format!("{code} {name}"));
    }
    match value.as_i64() {
        Some(n) if ends("kg") => format!("{} kg", thousands(n)),
        Some(n) if ends("_s") => format!("{} s", thousands(n)),
        Some(n) if ends("_pct") => format!("{n} %"),
        Some(n) => thousands(n),
        None => shown(value),
    }
}

fn shown(value: &Datum) -> String {
    match value {
        Datum::Null => "none".to_owned(),
        Datum::Bool(true) => "yes".to_owned(),
        Datum::Bool(false) => "no".to_owned(),
        Datum::Text(text) => minute(text).unwrap_or_else(|| text.to_string()),
        Datum::At(at) => shown(&Datum::from(at.to_string())),
        Datum::Int(n) => n.to_string(),
        Datum::List(all) if all.is_empty() => "none".to_owned(),
        Datum::List(all) => all.iter().map(shown).collect::<Vec<_>>().join(" "),
        Datum::Named(_) => value.to_string(),
    }
}

/// A time as people at the port say it: `2026-11-24 14:02`.
fn minute(text: &str) -> Option<String> {
    let (day, rest) = text.split_once('T')?;
    let shaped = day.len() == 10 && rest.len() >= 14 && rest.ends_with("+08:00");
    shaped.then(|| format!("{day} {}", &rest[..5]))
}

/// 38240 as `38,240`.
fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if n < 0 {
        format!("-{grouped}")
    } else {
        grouped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::lines::table::text;
    use crate::clearance::sheet::{nothing, values};

    fn line(code: Code, expected: Values, observed: Values) -> String {
        let reason = Reason {
            code,
            severity: code.severity(),
            expected,
            observed,
            for_driver: None,
            for_officer: None,
        };
        officer(&reason, text(code))
    }

    #[test]
    fn a_weight_reads_as_a_sentence_with_its_figures() {
        let expected = values([("kg", 36_000.into()), ("over_kg", 1_800.into())]);
        let observed = values([("kg", 38_240.into())]);
        assert_eq!(
            line(Code::WeightWholeTruckOver, expected, observed),
            "weight.whole-truck-over 整车超重 whole truck too heavy: \
             38,240 kg on the scale, 36,000 kg declared, 1,800 kg over allowed"
        );
        let expected = values([("kg", 3_750.into()), ("under_kg", 500.into())]);
        let observed = values([("kg", (-12).into())]);
        assert!(
            line(Code::WeightContainerUnder, expected, observed)
                .ends_with(": -12 kg by the scale, 3,750 kg declared, 500 kg under allowed")
        );
    }

    #[test]
    fn a_spent_declaration_says_when_and_in_which_lane() {
        let observed = |passed: bool| {
            values([
                ("at", "2026-11-24T14:02:33.120+08:00".into()),
                ("lane", "SZB-X-03".into()),
                ("passage", "SZB-X-03-412-3".into()),
                ("passed", passed.into()),
                ("left", 0.into()),
            ])
        };
        assert!(
            line(Code::DeclarationSpent, nothing(), observed(true)).ends_with(
                ": already passed at 2026-11-24 14:02 in lane SZB-X-03 (passage SZB-X-03-412-3)"
            )
        );
        assert!(
            line(Code::DeclarationSpent, nothing(), observed(false))
                .contains("already taken, not seen passing, at 2026-11-24 14:02")
        );
        let expected = values([("finding_of", "P-1".into())]);
        assert!(line(Code::DeclarationSpent, expected, nothing()).ends_with("no finding yet"));
        // Without a ledger that knows: what was compared.
        let observed = values([("left", 0.into())]);
        let told = line(
            Code::DeclarationSpent,
            values([("left", 1.into())]),
            observed,
        );
        assert!(
            told.ends_with("no finding yet: left 0 (expected left 1)"),
            "{told}"
        );
    }

    #[test]
    fn a_document_of_another_day_port_or_direction_says_which() {
        let expected = values([("valid_from", "2026-11-25T00:00:00+08:00".into())]);
        let observed = || values([("at", "2026-11-24T08:00:03+08:00".into())]);
        assert!(
            line(Code::DeclarationNotYet, expected, observed())
                .ends_with(": valid from 2026-11-25 00:00, it is 2026-11-24 08:00")
        );
        let expected = values([("valid_until", "2026-11-24T00:00:00+08:00".into())]);
        assert!(
            line(Code::DeclarationExpired, expected, observed())
                .ends_with(": was valid until 2026-11-24 00:00, it is 2026-11-24 08:00")
        );
        let (expected, observed) = (
            values([("port", "5301".into())]),
            values([("port", "9999".into())]),
        );
        assert!(
            line(Code::DeclarationOtherPort, expected, observed)
                .ends_with(": valid at port 5301 皇岗, this is port 9999")
        );
        let (expected, observed) = (
            values([("form", "rmft".into())]),
            values([("has", "a 报关单 number of 18 digits".into())]),
        );
        assert!(
            line(Code::DeclarationWrongKind, expected, observed)
                .ends_with(": a document of form rmft has a 报关单 number of 18 digits")
        );
        let observed = values([("has", "a consolidated list".into())]);
        assert!(
            line(Code::DeclarationWrongKind, nothing(), observed)
                .ends_with("a consolidated list, this class may not use one")
        );
    }

    #[test]
    fn other_reasons_list_what_was_observed_and_expected_with_units() {
        let expected = values([("age_s_max", 60.into())]);
        let observed = values([("age_s", 4_000.into()), ("link", "up".into())]);
        assert!(
            line(Code::CacheStale, expected, observed).ends_with(
                "than the class allows: age 4,000 s, link up (expected age at most 60 s)"
            )
        );
        let observed = values([("plates", vec!["AB1234", "MX7742"].into())]);
        assert!(line(Code::DeclarationNone, nothing(), observed).ends_with("plates AB1234 MX7742"));
        let observed = values([("battery_pct", 9.into()), ("covered_by", "f-1".into())]);
        assert!(
            line(Code::SealBatteryLow, nothing(), observed)
                .ends_with(": battery 9 %; covered by finding f-1")
        );
        let observed = values([("seal", Datum::Null), ("replay", true.into())]);
        assert!(line(Code::SealStale, nothing(), observed).ends_with("replay yes, seal none"));
    }

    #[test]
    fn figures_are_grouped_by_thousands() {
        let all = [0, 999, 1_000, 38_240, 1_234_567, -4_000].map(thousands);
        assert_eq!(all, ["0", "999", "1,000", "38,240", "1,234,567", "-4,000"]);
    }
}

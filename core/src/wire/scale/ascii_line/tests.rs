use std::path::Path;

use super::super::super::{Item, ProtocolKind, Settings, decode_line, protocol, protocols};
use super::layout::Layout;
use super::words::Words;

/// Every make, described by settings as an integrator would, reads every line
/// of that make's golden file as the make itself does.
#[test]
fn a_make_described_by_settings_reads_as_the_make_does() {
    let own = protocol("ascii-line").unwrap();
    let mut compared = 0;
    for make in protocols().iter().filter(|p| is_a_make(p.name)) {
        for line in goldens(make.name) {
            let set: Settings = match line.get("set") {
                Some(set) => serde_json::from_value(set.clone()).unwrap(),
                None => Settings::new(),
            };
            let mut described = Settings::new();
            let known = |name: &str| own.settings.iter().any(|s| s.name == name);
            for setting in make.settings.iter().filter(|s| known(s.name)) {
                described.insert(setting.name.to_owned(), setting.default.to_owned());
            }
            described.extend(set.clone());
            let hex = line["hex"].as_str().unwrap();
            let read = |protocol: &super::super::super::Protocol, set| -> Vec<Item> {
                let mut decoder = protocol.decoder(set).unwrap();
                decode_line(decoder.as_mut(), hex).unwrap()
            };
            assert_eq!(
                read(own, &described),
                read(make, &set),
                "{}: {}",
                make.name,
                line["source"]
            );
            compared += 1;
        }
    }
    assert!(compared > 80, "{compared}");
}

fn is_a_make(name: &str) -> bool {
    let found = protocol(name).unwrap();
    let lines = |s: &&crate::wire::Setting| s.name == "layout";
    found.kind == ProtocolKind::Scale && found.settings.iter().any(|s| lines(&s))
}

fn goldens(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/frames/{name}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The faults of `ascii-line` with these settings.
fn faults(set: &[(&str, &str)]) -> Vec<String> {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let set = set.iter().map(text).collect();
    let faults = protocol("ascii-line").unwrap().faults(&set);
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn what_cannot_be_a_layout_or_a_table_is_refused_with_what_to_write() {
    let fits = (r"{weight:7}\r\n", "");
    assert_eq!(faults(&[("layout", fits.0)]), Vec::<String>::new());
    for (layout, says) in [
        ("", "write a line"),
        (r"ST\r\n", "write a line"),
        ("{weight:7}", "write what ends the line"),
        (r"{weight:7\r\n", "not closed"),
        (r"{weight}\r\n", "{name:length}"),
        (r"{weight:0}\r\n", "{name:length}"),
        (r"{weight:9-5}\r\n", "{name:length}"),
        (r"{wait:7}\r\n", "known fields"),
        (r"{weight:5-9}{unit:1-3}\r\n", "without a text between"),
        (r"{weight:5}{weight:6}\r\n", "two weights"),
        (r"{weight:7}{skip:1-96}\r\n", "the most"),
        (r"\q{weight:7}\r\n", "\\q is not known"),
        (r"\xg1{weight:7}\r\n", "two hex digits"),
        (r"\x00{weight:7}\r\n", "parity error"),
        ("é{weight:7}\\r\\n", "no ASCII"),
    ] {
        let faults = faults(&[("layout", layout)]);
        assert_eq!(faults.len(), 1, "{layout}: {faults:?}");
        assert!(faults[0].starts_with("setting layout: "), "{faults:?}");
        assert!(faults[0].contains(says), "{layout}: {faults:?}");
    }
    for (words, says) in [
        ("ST", "write WORD=meaning"),
        ("ST=steady", "means nothing here"),
        ("ST=stable ST=motion", "twice"),
        ("=stable", "empty word"),
    ] {
        let faults = faults(&[("layout", fits.0), ("status", words)]);
        assert_eq!(faults.len(), 1, "{words}: {faults:?}");
        assert!(faults[0].contains(says), "{words}: {faults:?}");
    }
    let both = faults(&[("layout", "{weight:7}"), ("modes", "G"), ("address", "x")]);
    assert_eq!(both.len(), 3, "all are listed: {both:?}");
}

#[test]
fn a_word_may_hold_blanks_an_equals_sign_and_any_byte() {
    let words = Words::parse(r"_=plus A_B=motion ==over \x3d\x41=under").unwrap();
    assert!(words.say(b"  ").is_some());
    assert!(words.say(b" A B ").unwrap().motion);
    assert!(words.say(b"=").unwrap().over);
    assert!(words.say(b"=A").unwrap().under);
    assert_eq!(words.say(b"A"), None);
}

#[test]
fn the_layouts_of_all_makes_have_a_weight_and_an_end() {
    for make in protocols().iter().filter(|p| is_a_make(p.name)) {
        let first = make.settings.iter().find(|s| s.name == "layout").unwrap();
        let layout = Layout::parse(first.default).unwrap();
        assert!(layout.unwrap().has_weight(), "{}", make.name);
    }
}

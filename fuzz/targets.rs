//! What is fuzzed, and what must hold whatever comes: no panic, and
//!
//! | target | also |
//! |---|---|
//! | `wire-<protocol>` | however the bytes are cut, the same frames come |
//! | `declarations`, `enterprises`, `controls`, `cases` | what is read is written and read again the same |
//! | `declarations-csv` | what is read is no longer than what was handed in |
//! | `policy` | a text that is read has the version it says; one that is not has faults with lines |
//! | `config` | the same for `lane.toml` |
//! | `journal` | what recovery keeps verifies, every reader reads it the same, in one file or in two, and a second recovery cuts nothing more |
//! | `snapshot` | a start from it has the ledger of a start without |
//! | `mqtt-feed`, `mqtt-orders`, `mqtt-ack`, `mqtt-reconcile` | the conversation stays within its limits |

#[path = "journal.rs"]
mod journal;

use std::path::Path;

use lanegate::authority::{Ask, Session, Topic};
use lanegate::config::Config;
use lanegate::store::{parse_csv, parse_json_lines};
use lanegate_core::clearance::Policy;
use lanegate_core::model::{Case, Control, Enterprise, HandedIn, parse_handed_in};
use lanegate_core::wire::{Frame, Item, Protocol, Settings, protocol};
use serde::Serialize;

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Targets that are no codec.
pub const TARGETS: &[Target] = &[
    ("cases", |data| handed_in::<Case>(data)),
    ("config", config),
    ("controls", |data| handed_in::<Control>(data)),
    ("declarations", declarations),
    ("declarations-csv", declarations_csv),
    ("enterprises", |data| handed_in::<Enterprise>(data)),
    ("journal", journal::segment),
    ("mqtt-ack", |data| message(Topic::RecordsAck, data)),
    ("mqtt-feed", |data| message(Topic::Feed, data)),
    ("mqtt-orders", |data| message(Topic::Orders, data)),
    ("mqtt-reconcile", |data| message(Topic::Reconcile, data)),
    ("policy", policy),
    ("snapshot", journal::snapshot),
];

/// Most things one message may ask for at once.
const ASKS_MAX: usize = 1_024;

/// Gives `data` to the target of this name.
///
/// # Panics
/// The target found something, or there is none of this name.
pub fn run(name: &str, data: &[u8]) {
    if let Some(codec) = name.strip_prefix("wire-") {
        return wire(protocol(codec).expect("a protocol of the registry"), data);
    }
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.expect("a target of this name").1(data);
}

fn wire(protocol: &Protocol, data: &[u8]) {
    let whole = frames(protocol, &[data]);
    let (a, b) = data.split_at(data.len() / 3);
    assert_eq!(frames(protocol, &[a, b]), whole, "cut in two");
    if data.len() <= 4_096 {
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        assert_eq!(frames(protocol, &bytes), whole, "byte by byte");
    }
}

fn frames(protocol: &Protocol, chunks: &[&[u8]]) -> Vec<Frame> {
    let mut decoder = protocol
        .decoder(&Settings::new())
        .expect("the defaults are a setting");
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut items);
    }
    decoder.idle(&mut items);
    let frame = |item| match item {
        Item::Frame(frame) => Some(frame),
        Item::Noise { .. } => None,
    };
    items.into_iter().filter_map(frame).collect()
}

fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}

fn handed_in<T: HandedIn + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match parse_handed_in::<T>(text) {
        Ok(read) => {
            let written = serde_json::to_string(&read).expect("what was read can be written");
            assert_eq!(parse_handed_in::<T>(&written).as_ref(), Ok(&read));
        }
        Err(faults) => assert!(!faults.is_empty(), "refused without a fault"),
    }
}

fn declarations(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match parse_json_lines(text) {
        Ok(read) => {
            let lines = read
                .iter()
                .map(|d| serde_json::to_string(d).expect("it was read"));
            let written = lines.collect::<Vec<_>>().join("\n");
            assert_eq!(parse_json_lines(&written).as_ref(), Ok(&read));
        }
        Err(faults) => assert!(!faults.is_empty(), "refused without a fault"),
    }
}

fn declarations_csv(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match parse_csv(text) {
        Ok(read) => assert!(read.len() <= text.lines().count()),
        Err(faults) => assert!(!faults.is_empty(), "refused without a fault"),
    }
}

fn policy(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match Policy::parse(text) {
        Ok(policy) => assert!(text.contains(&policy.version)),
        Err(faults) => assert!(!faults.is_empty(), "refused without a fault"),
    }
}

fn config(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match Config::parse(text, Path::new("/etc/lanegate")) {
        Ok(config) => assert!(!config.lanes.is_empty()),
        Err(faults) => assert!(!faults.is_empty(), "refused without a fault"),
    }
}

/// One message of the authority, lines apart, in a conversation that has begun.
fn message(topic: Topic, data: &[u8]) {
    let mut session = Session::new("szb-1", &"0".repeat(64), None, 0, 9);
    session.connected();
    let topic = session.topics().outgoing(topic);
    for line in data.split(|b| *b == b'\n') {
        for retained in [true, false] {
            session.message(&topic, line, retained);
            let mut asks = 0;
            while let Some(ask) = session.poll_ask() {
                asks += 1;
                assert!(asks < ASKS_MAX, "one message asks for more and more");
                match ask {
                    Ask::Apply(batch) => session.applied(&batch),
                    Ask::Reconcile(_) => session.reconciled(None),
                    Ask::Read { .. } => session.records(Vec::new()),
                    Ask::Publish { .. }
                    | Ask::Current { .. }
                    | Ask::Acknowledged(_)
                    | Ask::Blocked(_)
                    | Ask::Order(_)
                    | Ask::LaneOrder(_)
                    | Ask::Odd { .. } => {}
                }
            }
        }
    }
}

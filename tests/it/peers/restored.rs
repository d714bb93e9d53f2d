//! A replaced disk and a restored backup, through Mosquitto: the authority
//! holds more than the journal. Nothing is released until its ledger is taken
//! over, nothing already spent is spent again, and no number it holds, of a
//! record or of a passage, is given out again (laws L2, L5).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::authority::{is_release, list};
use super::programs::Board;
use super::yard::{ARM_UP, PRESENCE, Yard, readme_blocks};
use super::{Authority, drives_away, ready_in};
use crate::order::frames;

/// The README's feed with a declaration for `trips` trips of its truck.
pub(super) fn feed(trips: u32) -> String {
    let block = readme_blocks().remove(0);
    let one = "\"binding\":{\"kind\":\"single\"}";
    assert!(block.contains(one), "{block}");
    let many = format!("\"binding\":{{\"kind\":\"trips\",\"trips\":{trips}}}");
    block.replace(one, &many)
}

/// Only the camera's message, each a read of its own.
fn plate() -> String {
    static READS: AtomicU32 = AtomicU32::new(1);
    let block = readme_blocks().remove(1);
    let (plate, _) = block.split_once("lanegate status").unwrap();
    let first = "\"plateid\":1";
    assert!(plate.contains(first), "{plate}");
    let n = READS.fetch_add(1, Ordering::Relaxed);
    plate.replace(first, &format!("\"plateid\":{n}"))
}

/// The truck drives onto the scale and is read.
pub(super) fn arrives(yard: &mut Yard) {
    yard.weighs(0);
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600);
    yard.by_hand(&plate());
}

/// It is released, passes, and the authority knows.
pub(super) fn passes(yard: &mut Yard, authority: &mut Authority) {
    let outcomes = |a: &Authority| {
        let all = a.records.values();
        all.filter(|r| r["body"]["how"] == "passed").count()
    };
    let before = outcomes(authority);
    arrives(yard);
    yard.until_lane_is("passing");
    drives_away(yard);
    yard.until_lane_is("vacant");
    authority.until(&yard.broker, "it has passed", |a| {
        (outcomes(a) > before).then_some(())
    });
}

/// Stops the daemon once the authority holds all there is; the last record
/// it holds.
fn stops(yard: &mut Yard, authority: &mut Authority) -> u64 {
    let head = last_seq(yard);
    authority.until(&yard.broker, "every record", |a| {
        (a.through()? >= head).then_some(())
    });
    yard.stop();
    authority.through().unwrap()
}

pub(super) fn records(yard: &Yard) -> Vec<Value> {
    let bytes = yard.journal();
    let (records, rest) = frames(&bytes);
    assert!(rest.is_empty());
    records
}

fn last_seq(yard: &Yard) -> u64 {
    records(yard).last().unwrap()["seq"].as_u64().unwrap()
}

pub(super) fn codes(verdict: &Value) -> Vec<&str> {
    let reasons = list(&verdict["body"]["verdict"]["reasons"]);
    reasons
        .map(|reason| reason["code"].as_str().unwrap())
        .collect()
}

pub(super) fn verdicts(yard: &Yard) -> Vec<Value> {
    let all = records(yard).into_iter();
    all.filter(|record| record["kind"] == "verdict").collect()
}

/// The same truck again, over a line on which the authority has said that it
/// holds more: it is held; once the ledger is there it is judged again, and
/// its trips are spent.
fn is_held_until_reconciled_and_then_not_released(yard: &mut Yard, authority: &mut Authority) {
    let (written, lifted) = (records(yard).len(), yard.board.lines.all().len());
    let seen: BTreeSet<String> = authority.passages();
    arrives(yard);
    yard.until_lane_is("held");
    let held = verdicts(yard).pop().unwrap();
    assert_eq!(codes(&held), ["journal.unavailable"], "{held:#}");
    let passage = held["passage"].as_str().unwrap();
    assert!(!seen.contains(passage), "{passage} was another truck's");

    authority.reconcile(&yard.broker);
    yard.until_lane_is("diverting");
    let judged = verdicts(yard).pop().unwrap();
    assert_eq!(judged["passage"], passage);
    assert_eq!(codes(&judged), ["list.trips-over"], "{judged:#}");
    let released = verdicts(yard).into_iter().filter(is_release);
    let ours = |record: &Value| record["seq"].as_u64() > Some(written as u64);
    assert_eq!(released.filter(ours).count(), 0);
    let lines = yard.board.lines.all();
    assert!(Board::closed(&lines[lifted..], ARM_UP).is_empty());
    drives_away(yard);
    yard.until_lane_is("vacant");
}

/// Starts the daemon on what is in its directory now; the authority differs.
fn starts_and_differs(yard: &mut Yard, authority: &mut Authority) {
    yard.daemon.start().unwrap();
    authority.until(&yard.broker, "a hello that differs", |a| {
        a.differs.then_some(())
    });
    yard.by_hand(&feed(2));
    let marked = |yard: &Yard| records(yard).iter().any(|r| r["body"]["open"] == true);
    super::programs::until("that it must be reconciled is on record", || {
        marked(yard).then_some(())
    });
    yard.until_lane_is("vacant");
}

fn is_intact(yard: &Yard) {
    let verify = ["journal", "verify", "config/dev/state"];
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lanegate"));
    let output = command
        .args(verify)
        .current_dir(&yard.dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

/// Two trips, both driven.
fn two_trips() -> (Yard, Authority) {
    let (mut yard, mut authority) = ready_in(Yard::open(|_| String::new()), &feed(2));
    passes(&mut yard, &mut authority);
    (yard, authority)
}

#[test]
fn a_replaced_disk_releases_nothing_until_reconciled_and_spends_nothing_again() {
    let (mut yard, mut authority) = two_trips();
    passes(&mut yard, &mut authority);
    stops(&mut yard, &mut authority);
    fs::rename(yard.state_dir(), yard.dir.join("old")).unwrap();

    starts_and_differs(&mut yard, &mut authority);
    is_held_until_reconciled_and_then_not_released(&mut yard, &mut authority);
    stops(&mut yard, &mut authority);
    assert_eq!(authority.beside, Vec::<Value>::new(), "another journal's");
    assert_eq!(records(&yard).len() as u64, last_seq(&yard) + 1);
    is_intact(&yard);
    fs::remove_dir_all(&yard.dir).unwrap();
}

#[test]
fn a_restored_backup_releases_nothing_until_reconciled_and_gives_no_number_out_again() {
    let (mut yard, mut authority) = two_trips();
    let saved = stops(&mut yard, &mut authority);
    let backup = yard.dir.join("backup");
    copy(&yard.state_dir(), &backup);
    // Two starts and one trip that the backup does not know.
    yard.daemon.start().unwrap();
    yard.until_lane_is("vacant");
    stops(&mut yard, &mut authority);
    yard.daemon.start().unwrap();
    yard.until_lane_is("vacant");
    yard.by_hand(&feed(2));
    passes(&mut yard, &mut authority);
    let lost = stops(&mut yard, &mut authority);
    assert!(lost > saved);
    fs::remove_dir_all(yard.state_dir()).unwrap();
    copy(&backup, &yard.state_dir());

    starts_and_differs(&mut yard, &mut authority);
    is_held_until_reconciled_and_then_not_released(&mut yard, &mut authority);
    let head = stops(&mut yard, &mut authority);
    assert!(head > lost + 1, "{head}");
    // What was written before the line told of it is there, beside.
    let beside = authority.beside.iter().map(|r| r["seq"].as_u64().unwrap());
    assert!(beside.clone().count() > 0);
    assert!(beside.max() < Some(lost));
    let numbers: Vec<u64> = records(&yard)
        .iter()
        .map(|record| record["seq"].as_u64().unwrap())
        .collect();
    assert!(numbers.windows(2).all(|w| w[0] < w[1]), "{numbers:?}");
    assert!(numbers.contains(&(lost + 1)));
    is_intact(&yard);
    fs::remove_dir_all(&yard.dir).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

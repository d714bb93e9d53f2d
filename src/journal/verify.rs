//! The whole journal checked, as an auditor would.

use std::collections::BTreeMap;

use lanegate_core::record::{
    Body, DrawAudit, DrawReport, Kind, Link, NO_PREV, Record, canonical, sha256_hex,
};
use serde::Serialize;

use super::reader::{Segment, Tail, segments, walk};
use super::{Disk, JournalError, is_signed, snapshot};

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Report {
    /// Whether every record is whole and in its place.
    pub ok: bool,
    /// Whose journal.
    pub controller: Option<String>,
    /// Which journal.
    pub genesis: Option<String>,
    /// The first record here; above 0 the beginning was archived, and is not
    /// looked at.
    pub begins: u64,
    /// Whole records.
    pub records: u64,
    /// The last whole record before the first that is wrong.
    #[serde(skip)]
    last_whole: Option<u64>,
    /// The last of them.
    pub head_seq: Option<u64>,
    /// Its SHA-256.
    pub head_sha256: Option<String>,
    /// Bytes at the end that are the beginning of a record and no more: it is
    /// being written, or a crash tore it. The next start cuts them.
    pub torn_bytes: u64,
    /// Bytes at the end that are no record and no beginning of one. A power cut
    /// can leave them, and so can damage to records that were answered: that is
    /// the fault then. The next start cuts them.
    pub damaged_bytes: u64,
    /// Records by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Checkpoints whose signature was verified, by the public key.
    pub signed: BTreeMap<String, u64>,
    /// Checkpoints that name no key, which one has to be told.
    pub unsigned: u64,
    /// The draws, computed again.
    pub draws: DrawReport,
    /// The first thing that is wrong.
    pub fault: Option<String>,
}

impl Report {
    /// Records below are whole.
    #[must_use]
    pub fn whole_until(&self) -> u64 {
        self.last_whole.map_or(0, |last| last + 1)
    }
}

/// Checks every record of the journal on `disk`: frames, checksums, canonical
/// form, sequence, chain, bodies, draws, and the snapshots that are still there.
///
/// # Errors
/// The disk cannot be read; damage is in the report.
pub fn verify<D: Disk>(disk: &D) -> Result<Report, JournalError> {
    verify_signed(disk, None)
}

/// The same; every checkpoint must be signed with `key`, a public one in hex.
///
/// # Errors
/// The disk cannot be read; damage is in the report.
pub fn verify_signed<D: Disk>(disk: &D, key: Option<&str>) -> Result<Report, JournalError> {
    let mut report = Report::default();
    match check(disk, key, &mut report) {
        Ok(()) => report.ok = report.fault.is_none(),
        Err(JournalError::Io { name, what, source }) => {
            return Err(JournalError::Io { name, what, source });
        }
        Err(damage) => report.fault = Some(damage.to_string()),
    }
    Ok(report)
}

fn check<D: Disk>(disk: &D, key: Option<&str>, report: &mut Report) -> Result<(), JournalError> {
    let segments = segments(disk)?;
    let mut link: Option<Link> = None;
    let begins = segments.first().ok_or(JournalError::Missing { seq: 0 })?;
    report.begins = begins.first;
    let mut named = BTreeMap::new();
    let mut tail_fault = None;
    let mut draws = match report.begins {
        0 => DrawAudit::default(),
        _ => DrawAudit::of_a_remainder(),
    };
    for (i, segment) in segments.iter().enumerate() {
        let read = disk.read(&segment.name);
        let bytes = read.map_err(JournalError::io(&segment.name, "read"))?;
        let last = i + 1 == segments.len();
        let walked = walk(segment, &bytes, last, link.take(), |record, text| {
            look_at(record, text, report, &mut named, &mut draws)?;
            look_at_checkpoint(record, key, report)
        })?;
        link = walked.link;
        if let Some(tail) = walked.tail {
            tail_fault = look_at_tail(segment, walked.len, &tail, report);
        }
    }
    if report.records == 0 {
        if let Some(fault) = tail_fault {
            report.fault = Some(fault);
            return Ok(());
        }
        return Err(JournalError::Missing { seq: 0 });
    }
    report.draws = draws.report();
    report.fault.clone_from(&report.draws.fault);
    if let Some(link) = link {
        report.head_seq = link.seq.checked_sub(1);
        report.head_sha256 = Some(link.prev);
    }
    // Only behind a recorded snapshot does a segment leave.
    if report.begins > 0 && !named.keys().any(|seq| *seq >= report.begins) {
        return Err(JournalError::Headless {
            first: report.begins,
        });
    }
    for name in snapshot::names(disk)? {
        let bytes = disk.read(&name).map_err(JournalError::io(&name, "read"))?;
        let said = name
            .trim_matches(|c: char| !c.is_ascii_digit())
            .parse::<u64>();
        let found = said.ok().and_then(|seq| named.get(&seq));
        if found.is_some_and(|sha256| *sha256 != sha256_hex(&bytes)) {
            report.fault = Some(format!("{name} is not the file its record names"));
        }
    }
    // Of all that is wrong it comes last.
    report.fault = report.fault.take().or(tail_fault);
    Ok(())
}

/// Counts what follows the last whole record, and says what is wrong with it.
fn look_at_tail(segment: &Segment, at: u64, tail: &Tail, report: &mut Report) -> Option<String> {
    let Some(why) = tail.damage else {
        report.torn_bytes = tail.bytes;
        return None;
    };
    report.damaged_bytes = tail.bytes;
    Some(format!(
        "the journal is damaged at record {} ({}, byte {at}): {why}, and no whole record follows. \
         A power cut while a record was written can leave this, and so can later damage to one \
         that was answered: only the last checkpoint the authority got tells (--checkpoint). The \
         next start cuts these {} bytes and keeps a copy of them",
        tail.seq, segment.name, tail.bytes
    ))
}

fn look_at(
    record: &Record,
    text: &str,
    report: &mut Report,
    named: &mut BTreeMap<u64, String>,
    draws: &mut DrawAudit,
) -> Result<(), String> {
    if canonical(record) != text {
        return Err("the text is not canonical".to_owned());
    }
    let draft = record.draft().map_err(|fault| fault.to_string())?;
    if record.seq == 0 {
        let body = sha256_hex(canonical(&record.body).as_bytes());
        if record.kind != Kind::Genesis || record.prev != NO_PREV || record.genesis != body {
            return Err("the first record is no genesis that names itself".to_owned());
        }
    }
    if report.records == 0 {
        report.controller = Some(record.controller.to_string());
        report.genesis = Some(record.genesis.clone());
    }
    if let Body::Snapshot(body) = &draft.body {
        named.insert(body.seq, body.sha256.clone());
    }
    if let Body::DrawKey(body) = &draft.body {
        draws.key(record.seq, body);
    }
    if let Body::Verdict(body) = &draft.body {
        draws.verdict(record.seq, body);
    }
    report.records += 1;
    report.last_whole = Some(record.seq);
    *report
        .kinds
        .entry(record.kind.as_str().to_owned())
        .or_default() += 1;
    Ok(())
}

/// A checkpoint names the record before it, and its signature fits.
fn look_at_checkpoint(
    record: &Record,
    key: Option<&str>,
    report: &mut Report,
) -> Result<(), String> {
    let draft = record.draft().map_err(|fault| fault.to_string())?;
    let Body::Checkpoint(body) = &draft.body else {
        return Ok(());
    };
    if body.sha256 != record.prev || body.seq >= record.seq {
        return Err("a checkpoint of another record than the one before it".to_owned());
    }
    let Some(by) = key.or(body.key.as_deref()) else {
        report.unsigned += 1;
        return Ok(());
    };
    if !is_signed(body, record.controller.as_str(), &record.genesis, by) {
        return Err(format!("the checkpoint is not signed with the key {by}"));
    }
    *report.signed.entry(by.to_owned()).or_default() += 1;
    Ok(())
}

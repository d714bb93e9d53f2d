//! `journal verify|show|export DIR`: reads beside whoever writes, without the
//! lock, and needs neither daemon nor configuration.

mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lanegate_core::model::PassageId;
use lanegate_core::record::{Kind, Record};
use serde_json::Value;

use super::output::{chain, line, range};
use super::{Done, Exit, No};
use crate::journal::{Joined, JournalError, JournalReader, RealDisk, verify as verify_chain};
use verify::VerifyArgs;

/// Records read at once.
const PAGE_LEN: usize = 1000;

/// What to do with it.
#[derive(Subcommand)]
pub(crate) enum JournalCommand {
    /// Check every record and the hash chain; name the first bad record.
    Verify(VerifyArgs),
    /// Print records, one a line.
    Show(ShowArgs),
    /// Print records as they were written, one JSON object a line.
    Export(SelectArgs),
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Print the records as they were written.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct SelectArgs {
    /// The journal's directory, or the state directory around it.
    dir: PathBuf,
    /// Where old segments were moved, read before the journal's.
    #[arg(long)]
    archive: Option<PathBuf>,
    /// Records A..B, B left out.
    #[arg(long, value_name = "A..B", value_parser = seq_range)]
    seq: Option<std::ops::Range<u64>>,
    /// Of one passage.
    #[arg(long, value_parser = PassageId::parse)]
    passage: Option<PassageId>,
    /// Of one kind, like `verdict`.
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
}

fn seq_range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let found = range(text).filter(|range| range.start < range.end);
    found.ok_or_else(|| "write A..B with A below B, like 90..100; B is left out".to_owned())
}

fn kind(text: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().find(|kind| kind.as_str() == text);
    found.copied().ok_or_else(|| {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("no such kind; write one of {}", known.join(", "))
    })
}

pub(crate) fn journal(command: JournalCommand) -> Done {
    match command {
        JournalCommand::Verify(args) => verify::verify(&args),
        JournalCommand::Show(args) => select(&args.select, args.json),
        JournalCommand::Export(args) => select(&args, true),
    }
}

/// The directory with the segment files, and the archive beside it.
fn open(dir: &Path, archive: Option<&Path>) -> Result<Joined<RealDisk>, No> {
    let inner = dir.join("journal");
    let dir = if inner.is_dir() { inner.as_path() } else { dir };
    let open = |dir: &Path| {
        RealDisk::beside(dir).map_err(|error| {
            let why = format!("{}: {error}; name the journal's directory", dir.display());
            No::new(Exit::Io, why)
        })
    };
    let archive = archive.map(open).transpose()?;
    Ok(Joined::of(
        archive.into_iter().chain([open(dir)?]).collect(),
    ))
}

fn io(error: &JournalError) -> No {
    No::new(Exit::Io, chain(error))
}

/// Prints what is selected of a journal, whole or not; a damaged one is said
/// to be, behind what could be read.
fn select(args: &SelectArgs, as_json: bool) -> Done {
    let disk = open(&args.dir, args.archive.as_deref())?;
    let report = verify_chain(&disk).map_err(|e| io(&e))?;
    let mut reader = JournalReader::new(disk);
    let mut next = args.seq.as_ref().map_or(0, |range| range.start);
    let until = args.seq.as_ref().map_or(u64::MAX, |range| range.end);
    let until = until.min(report.whole_until());
    while let Some(durable) = until.checked_sub(1).filter(|last| next <= *last) {
        let page = reader.records_from(next, durable, PAGE_LEN);
        let page = page.map_err(|e| io(&e))?;
        for (seq, text) in &page {
            next = seq + 1;
            if !show(args, text, as_json)? {
                return Ok(Exit::Done);
            }
        }
    }
    match report.fault {
        Some(fault) => Err(No::new(Exit::No, format!("NOT intact: {fault}"))),
        None => Ok(Exit::Done),
    }
}

/// False once nobody reads any more.
fn show(args: &SelectArgs, text: &str, as_json: bool) -> Result<bool, No> {
    let record = Record::read(text).map_err(|e| No::new(Exit::No, e.to_string()))?;
    let passage = args.passage.as_ref();
    let selected = passage.is_none_or(|id| record.passage.as_ref() == Some(id))
        && args.kind.is_none_or(|kind| record.kind == kind);
    if !selected {
        return Ok(true);
    }
    Ok(match as_json {
        true => line(text),
        false => line(one_line(&record)),
    })
}

fn one_line(record: &Record) -> String {
    let who = match (&record.passage, &record.lane) {
        (Some(passage), _) => passage.as_str(),
        (None, Some(lane)) => lane.as_str(),
        (None, None) => "-",
    };
    let kind = record.kind.as_str();
    let said = said(record.kind, &record.body.value());
    let text = format!("{:>8} {} {who} {kind} {said}", record.seq, record.at);
    text.trim_end().to_owned()
}

/// What a reader looks for first in a record of that kind.
fn said(kind: Kind, body: &Value) -> String {
    let answered = || {
        let how = if body["accepted"] == true {
            "accepted"
        } else {
            "refused"
        };
        let order = &body["order"];
        let (kind, officer) = (word(&order["kind"]), word(&order["officer"]));
        let why = body["why"].as_str().map(|why| format!(" ({why})"));
        format!("{kind} by {officer}: {how}{}", why.unwrap_or_default())
    };
    match kind {
        Kind::Verdict => {
            let reasons = body["verdict"]["reasons"].as_array();
            let codes: Vec<_> = reasons
                .into_iter()
                .flatten()
                .map(|r| word(&r["code"]))
                .collect();
            let text = format!("{} {}", word(&body["verdict"]["verdict"]), codes.join(" "));
            text.trim_end().to_owned()
        }
        Kind::Order | Kind::LaneOrder => answered(),
        Kind::Outcome => word(&body["how"]),
        Kind::Start => format!("{} of {}", word(&body["start"]), word(&body["program"])),
        Kind::Stop | Kind::GiveBack => word(&body["why"]),
        Kind::Fault => format!("{} in {}", word(&body["cause"]), word(&body["state"])),
        Kind::UnpairedLift | Kind::Tailgate => format!("in {}", word(&body["state"])),
        Kind::Edge => {
            let way = if body["on"] == true { "on" } else { "off" };
            format!("{} {way} in {}", word(&body["place"]), word(&body["state"]))
        }
        Kind::Feed => {
            let n = |name: &str| body[name].as_array().map_or(0, Vec::len);
            format!(
                "{}/{}: {} declarations, {} controls, {} enterprises, {} findings",
                body["epoch"],
                body["seq"],
                n("declarations"),
                n("controls"),
                n("enterprises"),
                n("findings")
            )
        }
        Kind::Policy => said_policy(body),
        Kind::DrawKey => {
            let begins = !body["chain"].is_null();
            let chain = if begins { ", a new chain" } else { "" };
            format!("of {}{chain}", word(&body["day"]))
        }
        Kind::Resumed => word(&body["resumes"]),
        Kind::ControlLate => word(&body["control"]),
        Kind::Genesis
        | Kind::ArmUp
        | Kind::ArmDown
        | Kind::Finding
        | Kind::Reconciled
        | Kind::Snapshot
        | Kind::Checkpoint => String::new(),
    }
}
fn said_policy(body: &Value) -> String {
    let version = word(&body["policy"]["version"]);
    let by = body["officer"].as_str().map(|who| format!(" by {who}"));
    let source = body["source"].as_str().map(|from| format!(" from {from}"));
    let standing = body["standing"].as_str().unwrap_or("active");
    let (by, source) = (by.unwrap_or_default(), source.unwrap_or_default());
    format!("{version} {standing}{source}{by}")
}

/// A text without its quotes.
fn word(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

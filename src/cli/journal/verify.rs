//! `journal verify DIR [--checkpoint FILE]`: the chain, and what of it a head
//! kept elsewhere proves.

use std::path::{Path, PathBuf};

use clap::Args;
use lanegate_core::model::parse_json;
use lanegate_core::record::{CheckpointBody, Record, sha256_hex};

use super::super::files::{self, FileFault};
use super::super::output::{complain, line, note};
use super::super::{Done, Exit, No};
use super::{io, open};
use crate::journal::{Disk, JournalReader, Report, is_signed, verify_signed};

/// Largest checkpoint file read (L9).
const CHECKPOINT_LEN_MAX: u64 = 1 << 16;

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// The journal's directory, or the state directory around it.
    dir: PathBuf,
    /// A checkpoint kept elsewhere, as the record or its body: tells a tail
    /// that was cut, or a journal written anew.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Where old segments were moved, read before the journal's.
    #[arg(long)]
    archive: Option<PathBuf>,
    /// The public key every checkpoint must be signed with, 64 hex digits;
    /// without it the one each names.
    #[arg(long)]
    key: Option<String>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// What became of the checkpoint handed in.
#[derive(PartialEq, Eq)]
enum Compared {
    /// There was none, or the journal is not intact by itself.
    Not,
    /// It fits, and is signed.
    Signed,
    /// It fits; no key was there to tell whether it is signed.
    Unsigned,
}

pub(super) fn verify(args: &VerifyArgs) -> Done {
    let disk = open(&args.dir, args.archive.as_deref())?;
    let checkpoint = match &args.checkpoint {
        Some(file) => Some(Checkpoint::read(file)?),
        None => None,
    };
    let key = args.key.as_deref();
    let mut report = verify_signed(&disk, key).map_err(|e| io(&e))?;
    let mut compared = Compared::Not;
    // A damaged end leaves the records before it to be compared.
    let comparable = report.ok || report.damaged_bytes > 0 && report.records > 0;
    if let (Some(checkpoint), true) = (&checkpoint, comparable) {
        let signed = checkpoint.is_signed(&report, key);
        let contradiction = match signed {
            Some(false) => Some("the checkpoint handed in is not signed with that key".to_owned()),
            Some(true) | None => checkpoint.contradicts(&report, disk)?,
        };
        compared = match (&contradiction, signed) {
            (Some(_), _) => Compared::Not,
            (None, Some(_)) => Compared::Signed,
            (None, None) => Compared::Unsigned,
        };
        let faults: Vec<_> = report
            .fault
            .take()
            .into_iter()
            .chain(contradiction)
            .collect();
        report.fault = Some(faults.join("; ")).filter(|faults| !faults.is_empty());
        report.ok = report.fault.is_none();
    }
    if args.json {
        let text = serde_json::to_string(&report).expect("a report is plain");
        line(text);
    } else {
        tell(&report, &compared);
    }
    Ok(if report.ok { Exit::Done } else { Exit::No })
}

fn tell(report: &Report, compared: &Compared) {
    let unknown = "unknown".to_owned();
    line(format!(
        "controller {}, journal {}",
        report.controller.as_ref().unwrap_or(&unknown),
        report.genesis.as_ref().unwrap_or(&unknown)
    ));
    line(format!("{} whole records", report.records));
    for (kind, n) in &report.kinds {
        line(format!("  {n:>9} {kind}"));
    }
    let draws = &report.draws;
    line(format!(
        "draws: {} verified, {} not open yet, {} without a key; {} chains of keys",
        draws.verified, draws.not_open, draws.without_key, draws.chains
    ));
    for (key, n) in &report.signed {
        line(format!("checkpoints: {n} signed with the key {key}"));
    }
    if report.unsigned > 0 {
        note(format!(
            "{} checkpoints name no key: their signature was not checked, hand it in with --key",
            report.unsigned
        ));
    }
    if let (Some(seq), Some(sha256)) = (report.head_seq, &report.head_sha256) {
        line(format!("head: record {seq}, sha256 {sha256}"));
    }
    if report.torn_bytes > 0 {
        note(format!(
            "{} bytes at the end are the beginning of record {} and no more: it is being written, \
             or a crash tore it. The next start cuts them. A record that was answered and cut \
             later looks the same: only the last checkpoint the authority got (--checkpoint) \
             proves that none was",
            report.torn_bytes,
            report.head_seq.map_or(0, |head| head + 1)
        ));
    }
    if report.begins > 0 {
        note(format!(
            "it begins with record {}: what was before is not here; if it was archived, name \
             where with --archive",
            report.begins
        ));
    }
    tell_end(report, compared);
}

fn tell_end(report: &Report, compared: &Compared) {
    if let Some(fault) = &report.fault {
        complain(format!("NOT intact: {fault}"));
        if *compared != Compared::Not {
            note("the checkpoint fits: what it knows is here as it was");
        }
        return;
    }
    let from = match report.begins {
        0 => String::new(),
        begins => format!(" from record {begins} on"),
    };
    match compared {
        Compared::Not => {
            line(format!("intact{from}"));
        }
        Compared::Signed => {
            line(format!("intact{from}, and the checkpoint fits"));
        }
        Compared::Unsigned => {
            line(format!("intact{from}, and the checkpoint fits"));
            note("the checkpoint's signature was not checked: that needs the key, --key");
        }
    }
}

/// A signed head, kept where the journal's owner cannot reach.
struct Checkpoint {
    body: CheckpointBody,
    /// Of the record around it, if it is one.
    genesis: Option<String>,
}

impl Checkpoint {
    fn read(file: &Path) -> Result<Self, No> {
        let refuse = |fault: &FileFault, exit| {
            let then = "hand in a checkpoint record, or its body";
            files::refuse(exit, std::slice::from_ref(fault), then)
        };
        let text = files::text(file, CHECKPOINT_LEN_MAX).map_err(|f| refuse(&f, Exit::Io))?;
        let of_record = parse_json::<Record>(&text);
        let (value, genesis) = match of_record {
            Ok(record) => (record.body.text().to_owned(), Some(record.genesis)),
            Err(_) => (text, None),
        };
        let body = parse_json(&value).map_err(|fault| {
            let fault = FileFault {
                path: fault.path,
                ..FileFault::whole(file, fault.why)
            };
            refuse(&fault, Exit::Data)
        })?;
        Ok(Self { body, genesis })
    }

    /// Whether it is signed; none if there is no key to tell by.
    fn is_signed(&self, report: &Report, key: Option<&str>) -> Option<bool> {
        let key = key.or(self.body.key.as_deref())?;
        let controller = report.controller.as_deref()?;
        let genesis = self.genesis.as_deref().or(report.genesis.as_deref())?;
        Some(is_signed(&self.body, controller, genesis, key))
    }

    /// What of the journal cannot be, if this checkpoint is real.
    fn contradicts<D: Disk>(&self, report: &Report, disk: D) -> Result<Option<String>, No> {
        let seq = self.body.seq;
        if self.genesis.is_some() && self.genesis != report.genesis {
            return Ok(Some("the checkpoint is of another journal".to_owned()));
        }
        let head = report.head_seq.unwrap_or(0);
        if report.head_seq.is_none_or(|head| head < seq) && report.damaged_bytes > 0 {
            return Ok(Some(format!(
                "the checkpoint knows record {seq}, whole records end at {head}: what is damaged \
                 was answered"
            )));
        }
        if report.head_seq.is_none_or(|head| head < seq) {
            return Ok(Some(format!(
                "the checkpoint knows record {seq}, the journal ends at {head}: its tail was cut"
            )));
        }
        if seq < report.begins {
            return Ok(Some(format!(
                "the checkpoint knows record {seq}, the journal begins at {}: name its archive \
                 with --archive",
                report.begins
            )));
        }
        let found = JournalReader::new(disk).records_from(seq, seq, 1);
        let found = found.map_err(|e| io(&e))?;
        let same = |(_, text): &(u64, String)| sha256_hex(text.as_bytes()) == self.body.sha256;
        Ok((!found.iter().any(same)).then(|| {
            format!("record {seq} is not the one the checkpoint knows: the journal was rewritten")
        }))
    }
}

//! `recheck list`: releases to look at again after the fact (批量复核), out of
//! the journal, each with why it was selected.
//!
//! Everything released while the line was not known to be up, what a control,
//! a revocation or a finding that came later would have changed, officers'
//! releases that spent nothing, trucks nobody saw passing; and on request by
//! rule and by a sample that anyone can draw again.

mod look;
mod selection;

use std::path::{Path, PathBuf};

use clap::Args;
use lanegate_core::model::Code;
use serde_json::json;

use super::output::{chain, complain, line};
use super::{Done, Exit, No, files};
use crate::journal::{JournalError, Pages, RealDisk};
use look::{Entry, Look};
use selection::Rules;

/// Where the packaged daemon keeps its state.
const DEFAULT_STATE: &str = "/var/lib/lanegate";
/// Records read at once.
const PAGE_LEN: usize = 1000;

/// What to do.
#[derive(clap::Subcommand)]
pub(crate) enum RecheckCommand {
    /// Print the releases to look at again, in the order of the journal.
    List(ListArgs),
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// The journal's directory, or the state directory around it; it is read
    /// beside a running daemon.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    journal: Option<PathBuf>,
    /// The controller's lane.toml, which names it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also every release that says this reason, be it as a warning.
    #[arg(long, value_name = "CODE", value_parser = code)]
    reason: Vec<Code>,
    /// Also every release of this class.
    #[arg(long, value_name = "CLASS")]
    class: Vec<String>,
    /// Also N of D releases, by the hash of their record: the same ones
    /// whoever asks.
    #[arg(long, value_name = "N/D", value_parser = sample)]
    sample: Option<Sample>,
    /// Print them as JSON, one a line.
    #[arg(long)]
    json: bool,
}

/// So many of so many.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    n: u64,
    of: u64,
}

fn code(text: &str) -> Result<Code, String> {
    let found = Code::ALL.iter().find(|code| code.as_str() == text);
    let unknown = || "no such reason; docs/reasons.md has them all".to_owned();
    found.copied().ok_or_else(unknown)
}

fn sample(text: &str) -> Result<Sample, String> {
    let (n, of) = text.split_once('/').unwrap_or_default();
    match (n.parse(), of.parse()) {
        (Ok(n), Ok(of)) if of > 0 && n <= of => Ok(Sample { n, of }),
        (_, _) => Err("write N/D with N at most D, like 1/100".to_owned()),
    }
}

pub(crate) fn recheck(command: &RecheckCommand) -> Done {
    match command {
        RecheckCommand::List(args) => list(args),
    }
}

fn list(args: &ListArgs) -> Done {
    let dir = match (&args.journal, &args.config) {
        (Some(dir), _) => dir.clone(),
        (None, Some(file)) => files::config_or_refuse(file)?.controller.state_dir,
        (None, None) => PathBuf::from(DEFAULT_STATE),
    };
    let rules = Rules {
        reasons: args.reason.clone(),
        classes: args.class.clone(),
        sample: args.sample,
    };
    let mut look = Look::new(rules);
    let damage = walk(&dir, &mut look)?;
    if look.forgotten() > 0 {
        complain(format!(
            "{} releases are so far back that nothing that came later was held against them",
            look.forgotten()
        ));
    }
    for entry in look.finish() {
        if !line(if args.json {
            as_json(&entry)
        } else {
            told(&entry)
        }) {
            break;
        }
    }
    match damage {
        Some(why) => Err(No::new(Exit::No, why)),
        None => Ok(Exit::Done),
    }
}

/// Looks at every record that can be read; what cannot is said behind them.
fn walk(dir: &Path, look: &mut Look) -> Result<Option<String>, No> {
    let inner = dir.join("journal");
    let dir = if inner.is_dir() { inner.as_path() } else { dir };
    let io = |why: String| No::new(Exit::Io, format!("{}: {why}", dir.display()));
    let disk = RealDisk::beside(dir)
        .map_err(|e| io(format!("{e}; name the journal's directory with --journal")))?;
    let mut pages = Pages::new(disk).map_err(|e| io(chain(&e)))?;
    loop {
        let page = match pages.next_page(PAGE_LEN) {
            Ok(page) => page,
            Err(error @ JournalError::Io { .. }) => return Err(io(chain(&error))),
            Err(damage) => return Ok(Some(format!("NOT intact: {}", chain(&damage)))),
        };
        if page.is_empty() {
            return Ok(None);
        }
        for (seq, text) in page {
            if let Err(fault) = look.at(&text) {
                return Ok(Some(format!("NOT intact: record {seq}: {fault}")));
            }
        }
    }
}

fn as_json(entry: &Entry) -> String {
    let why = entry
        .why
        .iter()
        .map(|why| json!({"why": why.word, "says": why.says}));
    json!({
        "seq": entry.seq, "at": entry.at, "lane": entry.lane, "passage": entry.passage,
        "released_by": entry.officer.as_deref().unwrap_or("rules"), "class": entry.class,
        "declarations": entry.declarations, "why": why.collect::<Vec<_>>(),
    })
    .to_string()
}

fn told(entry: &Entry) -> String {
    let by = match &entry.officer {
        Some(officer) => format!("officer {officer}"),
        None => "rules".to_owned(),
    };
    let why: Vec<_> = entry
        .why
        .iter()
        .map(|why| format!("{}: {}", why.word, why.says))
        .collect();
    let declarations: Vec<_> = entry.declarations.iter().map(|id| id.as_str()).collect();
    format!(
        "{:>8} {} {} by {by} [{}] {}",
        entry.seq,
        entry.at,
        entry.passage,
        declarations.join(" "),
        why.join("; ")
    )
}

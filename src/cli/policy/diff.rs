//! `policy diff A B`: what would change, measure by measure.

use std::path::{Path, PathBuf};

use clap::Args;
use lanegate_core::clearance::{Policy, PolicyChange, PolicyDiff};
use lanegate_core::ledger::Policies;
use lanegate_core::record::{Body, Record};
use serde_json::{Value, json};

use crate::cli::declarations::{Where, WhereArgs};
use crate::cli::files;
use crate::cli::output::{chain, line};
use crate::cli::{Done, Exit, No};
use crate::config::Config;
use crate::journal::{JournalReader, RealDisk, verify};

/// What stands for the policy in force.
const ACTIVE: &str = "active";
/// Records read at once.
const PAGE_LEN: usize = 1000;

#[derive(Args)]
pub(crate) struct DiffArgs {
    /// A policy file, or `active` for the one in force.
    old: PathBuf,
    /// Another, or `active`.
    new: PathBuf,
    /// Print the differences as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

pub(crate) fn diff(args: &DiffArgs) -> Done {
    let old = read(&args.old, &args.at)?;
    let new = read(&args.new, &args.at)?;
    let diff = old.diff(&new);
    if args.json {
        let text = serde_json::to_string(&diff).expect("a difference is plain");
        line(text);
        return Ok(Exit::Done);
    }
    for text in told(&diff) {
        line(text);
    }
    Ok(Exit::Done)
}

fn read(file: &Path, at: &WhereArgs) -> Result<Policy, No> {
    if file != Path::new(ACTIVE) {
        let then = "nothing was compared";
        return files::policy(file).map_err(|faults| files::refuse(Exit::Config, &faults, then));
    }
    let text = match at.resolve()? {
        Where::Daemon(mut client) => {
            let answer = client.ask(&json!({"op": "policy-active"}))?;
            answer["text"].as_str().map(str::to_owned)
        }
        Where::Files(config) => on_record(&config)?.active().map(|a| a.text.to_string()),
    };
    let text = text.ok_or_else(|| {
        let why = "no policy is on record yet: the first start of the daemon puts one in force";
        No::new(Exit::Io, why)
    })?;
    Policy::parse(&text).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let why = format!("the policy in force cannot be read: {}", lines.join("; "));
        No::new(Exit::Config, why)
    })
}

/// The policies of a journal nobody holds; read beside, nothing is written.
fn on_record(config: &Config) -> Result<Policies, No> {
    let dir = config.controller.state_dir.join("journal");
    let unread = |why: String| No::new(Exit::Io, format!("{}: {why}", dir.display()));
    let disk = RealDisk::beside(&dir).map_err(|e| unread(e.to_string()))?;
    let report = verify(&disk).map_err(|e| unread(chain(&e)))?;
    if let Some(fault) = report.fault {
        return Err(No::new(Exit::No, format!("NOT intact: {fault}")));
    }
    let mut reader = JournalReader::new(disk);
    let mut policies = Policies::default();
    let mut next = 0;
    while let Some(head) = report.head_seq.filter(|head| next <= *head) {
        let page = reader.records_from(next, head, PAGE_LEN);
        for (seq, text) in page.map_err(|e| unread(chain(&e)))? {
            next = seq + 1;
            // Most records are none, and a feed's may be long.
            if !text.contains("\"kind\":\"policy\"") {
                continue;
            }
            let wrong = |why: String| unread(format!("record {seq}: {why}"));
            let record = Record::read(&text).map_err(|e| wrong(e.to_string()))?;
            let body = Body::read(record.kind, &record.body).map_err(|e| wrong(e.to_string()))?;
            if let Body::Policy(body) = body {
                policies = policies.after(seq, record.at, &body);
            }
        }
    }
    Ok(policies)
}

fn told(diff: &PolicyDiff) -> Vec<String> {
    let shown = |policy: &lanegate_core::model::PolicyRef| {
        let digits = policy.sha256.get(..12).unwrap_or(&policy.sha256);
        format!("{} ({digits})", policy.version)
    };
    let mut lines = vec![format!("{} -> {}", shown(&diff.old), shown(&diff.new))];
    if diff.is_empty() {
        lines.push("no measure differs".to_owned());
    }
    for (word, classes) in [
        ("added", &diff.classes_added),
        ("removed", &diff.classes_removed),
    ] {
        if !classes.is_empty() {
            lines.push(format!("classes {word}: {}", classes.join(", ")));
        }
    }
    if let Some(order) = &diff.reordered {
        let (old, new) = (order.old.join(", "), order.new.join(", "));
        lines.push(format!(
            "classes in another order, best first: {old} -> {new}"
        ));
    }
    lines.extend(diff.changes.iter().map(told_change));
    lines
}

fn told_change(change: &PolicyChange) -> String {
    let PolicyChange {
        part,
        of,
        key,
        old,
        new,
    } = change;
    let value = |value: &Option<Value>| match value {
        None => "not set".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            let words = list
                .iter()
                .map(|v| v.as_str().map_or(v.to_string(), str::to_owned));
            words.collect::<Vec<_>>().join(" then ")
        }
        Some(other) => other.to_string(),
    };
    let (old, new) = (value(old), value(new));
    match of.as_str() {
        "" => format!("{part}: {key} {old} -> {new}"),
        of => format!("{part} {of}: {key} {old} -> {new}"),
    }
}

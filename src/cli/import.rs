//! `declarations import FILE`: whole or not at all, every faulty line listed.

use std::path::PathBuf;

use clap::Args;
use lanegate_core::model::Declaration;
use lanegate_core::time::Wall;
use serde_json::json;

use super::declarations::{Where, WhereArgs};
use super::output::{line, note};
use super::socket::Client;
use super::{Done, Exit, No, files, lines};
use crate::clock::wall_now;
use crate::config::Config;
use crate::gateway::socket::{Imported, LINE_LEN_MAX};
use crate::store::rounded_looking;

/// Bytes of declarations sent to the daemon at once, with room for the rest of
/// the line.
const PART_LEN_MAX: usize = LINE_LEN_MAX / 2;
/// So many ids in a hundred that end in 000 are told.
const ROUNDED_PCT: usize = 20;

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// JSON Lines; CSV if the name ends in .csv, with the columns of
    /// docs/imports.md.
    file: PathBuf,
    /// How old the file is: the moment at which it held everything released.
    #[arg(long, value_name = "TIME", value_parser = Wall::parse)]
    as_of: Option<Wall>,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

pub(crate) fn import(args: &ImportArgs) -> Done {
    if let Some(as_of) = args.as_of.filter(|at| *at > wall_now()) {
        let why = format!("--as-of {as_of} lies in the future by this machine's clock");
        return Err(No::new(Exit::Usage, why));
    }
    let declarations = lines::declarations(&args.file).map_err(|unread| {
        let then = "nothing was imported; mend the lines listed and import the file again";
        unread.refuse(then)
    })?;
    let looking = rounded_looking(&declarations);
    if looking > 1 && looking * 100 >= declarations.len() * ROUNDED_PCT {
        note(format!(
            "warning: {}: {looking} of {} ids end in 000, as spreadsheets round long numbers; \
             compare some with the originals",
            args.file.display(),
            declarations.len()
        ));
    }
    let imported = match args.at.resolve()? {
        Where::Daemon(client) => send(client, &declarations, args.as_of)?,
        Where::Files(config) => offline(&config, declarations, args.as_of)?,
    };
    if args.json {
        let text = serde_json::to_string(&imported).expect("counts are plain");
        line(text);
    } else {
        line(told(&imported));
    }
    Ok(Exit::Done)
}

fn offline(
    config: &Config,
    declarations: Vec<Declaration>,
    as_of: Option<Wall>,
) -> Result<Imported, No> {
    let then = "nothing was imported; the journal names the policy, so it must be right first";
    let policy = files::policy(&config.controller.policy);
    let policy = policy.map_err(|faults| files::refuse(Exit::Config, &faults, then))?;
    let owned = super::offline::Offline::take_or_make(config)?;
    owned.import(config, &policy, declarations, as_of)
}

/// Part by part, since a line is bounded; each part is whole or not at all.
fn send(
    mut client: Client,
    declarations: &[Declaration],
    as_of: Option<Wall>,
) -> Result<Imported, No> {
    let parts = parts(declarations)?;
    let mut sum = Imported::default();
    for (n, part) in parts.iter().enumerate() {
        let request = json!({
            "op": "declarations-import",
            "declarations": part,
            // The age holds for the whole file, so it comes with its end.
            "as_of": as_of.filter(|_| n + 1 == parts.len()),
        });
        let answer = client.ask_bulk(&request).map_err(|mut no| {
            let done = format!(
                "{n} of {} parts of the file were imported; importing it again does no harm",
                parts.len()
            );
            no.why.push(done);
            no
        })?;
        let imported: Imported = serde_json::from_value(answer).map_err(|error| {
            let why = format!("the daemon answered something else than counts: {error}");
            No::new(Exit::Io, why)
        })?;
        sum = Imported {
            kept: sum.kept + imported.kept,
            stale: sum.stale + imported.stale,
            ended: sum.ended + imported.ended,
            count: imported.count,
        };
    }
    Ok(sum)
}

fn parts(declarations: &[Declaration]) -> Result<Vec<&[Declaration]>, No> {
    let mut parts = Vec::new();
    let (mut begin, mut len) = (0, 0);
    for (i, declaration) in declarations.iter().enumerate() {
        let text = serde_json::to_string(declaration).map_err(|error| {
            let why = format!("declaration {}: {error}", declaration.id);
            No::new(Exit::Data, why)
        })?;
        if len + text.len() > PART_LEN_MAX {
            parts.push(&declarations[begin..i]);
            (begin, len) = (i, 0);
        }
        len += text.len();
    }
    parts.push(&declarations[begin..]);
    Ok(parts)
}

fn told(imported: &Imported) -> String {
    let Imported {
        kept,
        stale,
        ended,
        count,
    } = imported;
    let mut text = format!("{kept} imported");
    if *stale > 0 {
        text += &format!(", {stale} left: a newer version is held");
    }
    if *ended > 0 {
        text += &format!(", {ended} left: their window ended more than a day ago");
    }
    text + &format!("; {count} held now")
}

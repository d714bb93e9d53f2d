//! `enterprises import FILE`: whole or not at all, every faulty line listed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lanegate_core::model::Enterprise;
use lanegate_core::time::Wall;
use serde_json::json;

use super::declarations::{Where, WhereArgs};
use super::offline::Offline;
use super::output::line;
use super::socket::Client;
use super::{Done, Exit, No, files, lines};
use crate::clock::wall_now;
use crate::config::Config;
use crate::gateway::socket::{ImportedEnterprises, LINE_LEN_MAX};

/// Bytes of enterprises sent to the daemon at once.
const PART_LEN_MAX: usize = LINE_LEN_MAX / 2;

/// What to do with them.
#[derive(Subcommand)]
pub(crate) enum EnterprisesCommand {
    /// Take in a file of enterprises, one JSON object a line, whole or not at
    /// all.
    Import(ImportArgs),
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// JSON Lines.
    file: PathBuf,
    /// How old the file is. It never makes the cache of declarations younger:
    /// that is what their own import says.
    #[arg(long, value_name = "TIME", value_parser = Wall::parse)]
    as_of: Option<Wall>,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

pub(crate) fn enterprises(command: EnterprisesCommand) -> Done {
    match command {
        EnterprisesCommand::Import(args) => import(&args),
    }
}

fn import(args: &ImportArgs) -> Done {
    if let Some(as_of) = args.as_of.filter(|at| *at > wall_now()) {
        let why = format!("--as-of {as_of} lies in the future by this machine's clock");
        return Err(No::new(Exit::Usage, why));
    }
    let enterprises = lines::enterprises(&args.file).map_err(|unread| {
        let then = "nothing was imported; mend the lines listed and import the file again";
        unread.refuse(then)
    })?;
    let imported = match args.at.resolve()? {
        Where::Daemon(client) => send(client, &enterprises)?,
        Where::Files(config) => offline(&config, enterprises)?,
    };
    let ImportedEnterprises { kept, stale, count } = imported;
    line(match (args.json, stale) {
        (true, _) => json!(imported).to_string(),
        (false, 0) => format!("{kept} imported; {count} known now"),
        (false, _) => {
            format!("{kept} imported, {stale} left: a newer version is known; {count} known now")
        }
    });
    Ok(Exit::Done)
}

fn offline(config: &Config, enterprises: Vec<Enterprise>) -> Result<ImportedEnterprises, No> {
    let then = "nothing was imported; the journal names the policy, so it must be right first";
    let policy = files::policy(&config.controller.policy);
    let policy = policy.map_err(|faults| files::refuse(Exit::Config, &faults, then))?;
    let owned = Offline::take_or_make(config)?;
    owned.import_enterprises(config, &policy, enterprises)
}

/// Part by part, since a line is bounded; each part is whole or not at all.
fn send(mut client: Client, enterprises: &[Enterprise]) -> Result<ImportedEnterprises, No> {
    let mut sum = ImportedEnterprises::default();
    let mut rest = enterprises;
    while !rest.is_empty() {
        let mut len = 0;
        let fits = |enterprise: &&Enterprise| {
            len += json!(enterprise).to_string().len() + 1;
            len <= PART_LEN_MAX
        };
        let n = rest.iter().take_while(fits).count().max(1);
        let (part, behind) = rest.split_at(n);
        let request = json!({"op": "enterprises-import", "enterprises": part});
        let answer = client.ask_bulk(&request).map_err(|mut no| {
            let done = enterprises.len() - rest.len();
            no.why.push(format!(
                "{done} of {} enterprises were imported; importing the file again does no harm",
                enterprises.len()
            ));
            no
        })?;
        let imported: ImportedEnterprises = serde_json::from_value(answer).map_err(|error| {
            let why = format!("the daemon answered something else than counts: {error}");
            No::new(Exit::Io, why)
        })?;
        sum = ImportedEnterprises {
            kept: sum.kept + imported.kept,
            stale: sum.stale + imported.stale,
            count: imported.count,
        };
        rest = behind;
    }
    Ok(sum)
}

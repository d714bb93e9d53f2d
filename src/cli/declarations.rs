//! `declarations import|export|show|count`: through the daemon if it is up,
//! else in its directory under its lock.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lanegate_core::model::{Declaration, DeclarationId};
use lanegate_core::record::canonical;
use serde_json::{Value, json};

use super::import::{ImportArgs, import};
use super::offline::Offline;
use super::output::{chain, line};
use super::socket::{Client, Unreachable};
use super::{DEFAULT_SOCKET, Done, Exit, No, files};
use crate::config::Config;
use crate::store::{Store as _, StoreError};

/// Declarations asked for at once.
const PAGE_LEN: usize = 1000;

/// What to do with them.
#[derive(Subcommand)]
pub(crate) enum DeclarationsCommand {
    /// Take in a file of released declarations, whole or not at all.
    Import(ImportArgs),
    /// Print all of them, one JSON object a line, by id.
    Export(ExportArgs),
    /// Print one of them.
    Show(ShowArgs),
    /// How many are held.
    Count(CountArgs),
}

/// Whom to ask.
#[derive(Args)]
pub(crate) struct WhereArgs {
    /// The controller's lane.toml: its daemon is asked if it is up, else its
    /// directory is opened.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The daemon's local socket.
    #[arg(long, conflicts_with = "config")]
    socket: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    at: WhereArgs,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Its number.
    #[arg(value_parser = DeclarationId::parse)]
    id: DeclarationId,
    /// Print it in one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

#[derive(Args)]
pub(crate) struct CountArgs {
    /// Print the number as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

/// Who has the declarations.
pub(crate) enum Where {
    Daemon(Client),
    Files(Box<Config>),
}

impl WhereArgs {
    /// The daemon if it answers; its directory only if nobody listens.
    pub(crate) fn resolve(&self) -> Result<Where, No> {
        let Some(file) = &self.config else {
            let socket = self.socket.as_deref();
            let socket = socket.unwrap_or(Path::new(DEFAULT_SOCKET));
            let client = Client::connect(socket).map_err(|unreachable| {
                let mut no = unreachable.no();
                let then = "without a daemon, name the controller's files with --config FILE";
                no.why.push(then.to_owned());
                no
            })?;
            return Ok(Where::Daemon(client));
        };
        let config = files::config_or_refuse(file)?;
        match Client::connect(&config.socket) {
            Ok(client) => Ok(Where::Daemon(client)),
            Err(Unreachable::Nobody(_)) => Ok(Where::Files(Box::new(config))),
            Err(Unreachable::Refused(no)) => Err(no),
        }
    }
}

pub(crate) fn declarations(command: DeclarationsCommand) -> Done {
    match command {
        DeclarationsCommand::Import(args) => import(&args),
        DeclarationsCommand::Export(args) => export(&args),
        DeclarationsCommand::Show(args) => show(&args),
        DeclarationsCommand::Count(args) => count(&args),
    }
}

fn count(args: &CountArgs) -> Done {
    let count = match args.at.resolve()? {
        Where::Daemon(mut client) => client.ask(&json!({"op": "declarations-count"}))?["count"]
            .as_u64()
            .ok_or_else(|| No::new(Exit::Io, "the daemon answered no count"))?,
        Where::Files(config) => Offline::take(&config)?.store().count() as u64,
    };
    line(match args.json {
        true => json!({"count": count}).to_string(),
        false => count.to_string(),
    });
    Ok(Exit::Done)
}

fn show(args: &ShowArgs) -> Done {
    let found = match args.at.resolve()? {
        Where::Daemon(mut client) => {
            let request = json!({"op": "declarations-show", "id": args.id});
            Some(client.ask(&request)?).filter(|found| !found.is_null())
        }
        Where::Files(config) => {
            let mut owned = Offline::take(&config)?;
            let found = owned.store().get(&args.id).map_err(|e| unread(&e))?;
            found.map(|declaration| json!(declaration))
        }
    };
    let Some(found) = found else {
        let why = format!("no declaration {} is held here", args.id);
        return Err(No::new(Exit::No, why));
    };
    line(match args.json {
        true => canonical(&found),
        false => format!("{found:#}"),
    });
    Ok(Exit::Done)
}

fn export(args: &ExportArgs) -> Done {
    match args.at.resolve()? {
        Where::Daemon(mut client) => pages(|after| {
            let request = json!({"op": "declarations-export", "after": after, "limit": PAGE_LEN});
            let mut answer = client.ask_bulk(&request)?;
            let Value::Array(page) = answer["declarations"].take() else {
                return Err(No::new(Exit::Io, "the daemon answered no declarations"));
            };
            Ok(page)
        }),
        Where::Files(config) => {
            let mut owned = Offline::take(&config)?;
            pages(|after| {
                let after = after.map(|id| DeclarationId::parse(id).expect("it was an id"));
                let page = owned.store().export(after.as_ref(), PAGE_LEN);
                let page: Vec<Declaration> = page.map_err(|e| unread(&e))?;
                Ok(page.iter().map(|declaration| json!(declaration)).collect())
            })
        }
    }
}

/// Prints page after page, until one is empty or nobody reads any more.
fn pages(mut page: impl FnMut(Option<&str>) -> Result<Vec<Value>, No>) -> Done {
    let mut after: Option<String> = None;
    loop {
        let found = page(after.as_deref())?;
        let Some(last) = found.last().and_then(|d| d["id"].as_str()) else {
            return Ok(Exit::Done);
        };
        after = Some(last.to_owned());
        if !found.iter().all(|declaration| line(canonical(declaration))) {
            return Ok(Exit::Done);
        }
    }
}

fn unread(error: &StoreError) -> No {
    No::new(Exit::Io, chain(error))
}

//! `controls list`: which inspection orders are in force.

use clap::{Args, Subcommand};
use lanegate_core::model::Control;
use lanegate_core::record::canonical;
use lanegate_core::time::Wall;
use serde_json::json;

use super::declarations::{Where, WhereArgs};
use super::output::line;
use super::socket::Client;
use super::{Done, Exit, No, offline};
use crate::clock::wall_now;

/// Controls asked for at once.
const PAGE_LEN: usize = 1000;

/// What to do with them.
#[derive(Subcommand)]
pub(crate) enum ControlsCommand {
    /// Print the controls that are in force or will be, by id.
    List(ListArgs),
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Those that have not ended at this moment; without it, now.
    #[arg(long, value_name = "TIME", value_parser = Wall::parse)]
    as_of: Option<Wall>,
    /// Print them as JSON, one a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: WhereArgs,
}

pub(crate) fn controls(command: ControlsCommand) -> Done {
    match command {
        ControlsCommand::List(args) => list(&args),
    }
}

fn list(args: &ListArgs) -> Done {
    let at = args.as_of.unwrap_or_else(wall_now);
    let controls = match args.at.resolve()? {
        Where::Daemon(client) => ask(client)?,
        Where::Files(config) => offline::ledger(&config)?.controls().cloned().collect(),
    };
    let ends = |c: &&Control| c.expires.is_none_or(|until| at < until);
    for control in controls.iter().filter(ends) {
        let text = match args.json {
            true => canonical(control),
            false => told(control, at),
        };
        if !line(text) {
            break;
        }
    }
    Ok(Exit::Done)
}

fn ask(mut client: Client) -> Result<Vec<Control>, No> {
    let mut controls: Vec<Control> = Vec::new();
    loop {
        let after = controls.last().map(|c| &c.id);
        let request = json!({"op": "controls-list", "after": after, "limit": PAGE_LEN});
        let mut answer = client.ask(&request)?;
        let page: Vec<Control> = serde_json::from_value(answer["controls"].take())
            .map_err(|e| No::new(Exit::Io, format!("the daemon answered no controls: {e}")))?;
        if page.is_empty() {
            return Ok(controls);
        }
        controls.extend(page);
    }
}

fn told(control: &Control, at: Wall) -> String {
    let Control {
        id,
        version,
        subject,
        act,
        ..
    } = control;
    let mut text = format!("{id} v{version} {act} {} {}", subject.kind, subject.value);
    if !control.stops.is_empty() {
        let stops: Vec<_> = control.stops.iter().map(|stop| stop.as_str()).collect();
        text += &format!(" stops {}", stops.join(","));
    }
    if let Some(from) = control.from.filter(|from| *from > at) {
        text += &format!(" from {from}");
    }
    if let Some(until) = control.expires {
        text += &format!(" until {until}");
    }
    if let Some(reason) = &control.reason {
        text += &format!(": {reason}");
    }
    text
}

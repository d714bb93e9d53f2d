//! `lane close|open|reset|keep-up|…`: an officer handles a lane.

use clap::{Args, Subcommand, ValueEnum};
use lanegate_core::model::LaneOrder;
use serde_json::json;

use super::order::{answer, well_formed};
use super::output::order_id;
use super::{Done, SocketArgs};

/// What the officer does.
#[derive(Subcommand)]
pub(crate) enum LaneCommand {
    /// Take no further trucks.
    Close(LaneArgs),
    /// Take trucks again.
    Open(LaneArgs),
    /// Leave a fault behind.
    Reset(LaneArgs),
    /// Emergency: arm up and kept up.
    KeepUp(LaneArgs),
    /// End the keep-up.
    EndKeepUp(LaneArgs),
    /// Work on the lane: moves by hand are expected.
    Maintenance(LaneArgs),
    /// End the maintenance.
    EndMaintenance(LaneArgs),
    /// Move the arm, in maintenance only.
    Move(MoveArgs),
}

#[derive(Args)]
pub(crate) struct LaneArgs {
    /// The lane.
    #[arg(long)]
    lane: String,
    /// Your officer number.
    #[arg(long)]
    officer: String,
    /// Why; stays on the record.
    #[arg(long)]
    reason: String,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Args)]
pub(crate) struct MoveArgs {
    /// Which way.
    way: Way,
    #[command(flatten)]
    lane: LaneArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Up,
    Down,
    Stop,
}

pub(crate) fn lane(command: LaneCommand) -> Done {
    let (kind, args) = match command {
        LaneCommand::Close(args) => ("close", args),
        LaneCommand::Open(args) => ("open", args),
        LaneCommand::Reset(args) => ("reset", args),
        LaneCommand::KeepUp(args) => ("keep-up", args),
        LaneCommand::EndKeepUp(args) => ("end-keep-up", args),
        LaneCommand::Maintenance(args) => ("maintenance", args),
        LaneCommand::EndMaintenance(args) => ("end-maintenance", args),
        LaneCommand::Move(MoveArgs { way, lane }) => {
            let kind = match way {
                Way::Up => "move up",
                Way::Down => "move down",
                Way::Stop => "move stop",
            };
            (kind, lane)
        }
    };
    send(kind, &args)
}

fn send(kind: &str, args: &LaneArgs) -> Done {
    let order = json!({
        "id": order_id(),
        "lane": args.lane,
        "kind": kind,
        "officer": args.officer,
        "reason": args.reason,
    });
    // Read back before it is sent, so that a slip is told with its path.
    well_formed::<LaneOrder>(&order)?;
    let request = json!({"op": "lane-order", "order": order});
    answer(&args.socket, &request, args.json)
}

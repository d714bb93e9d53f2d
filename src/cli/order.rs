//! `order release|inspect|return|supply`: an officer decides about a truck.

use clap::{Args, Subcommand};
use lanegate_core::model::{Order, parse_json};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::output::{complain, line, order_id};
use super::{Done, Exit, No, SocketArgs, socket};

/// What the officer decides.
#[derive(Subcommand)]
pub(crate) enum OrderCommand {
    /// Let it go.
    Release(ReleaseArgs),
    /// To the bay.
    Inspect(InspectArgs),
    /// Back out.
    Return(OrderArgs),
    /// Facts you can see; the rules judge again.
    Supply(SupplyArgs),
}

/// What every order says.
#[derive(Args)]
pub(crate) struct OrderArgs {
    /// The lane.
    #[arg(long)]
    lane: String,
    /// The passage, as `status` shows it.
    #[arg(long)]
    passage: String,
    /// Your officer number.
    #[arg(long)]
    officer: String,
    /// Why; stays on the record.
    #[arg(long)]
    reason: String,
    /// The verdict record you answer; refused if another came since.
    #[arg(long)]
    verdict_seq: Option<u64>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// An unsettled passage this one goes on with; nothing is spent again.
    #[arg(long)]
    resumes: Option<String>,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// A stop, like `xray@bay-2`; in the order written.
    #[arg(long = "stop", value_name = "KIND@PLACE")]
    stops: Vec<String>,
}

#[derive(Args)]
pub(crate) struct SupplyArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    facts: Facts,
}

/// At least one of them.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Facts {
    /// A plate you can see.
    #[arg(long = "plate")]
    plates: Vec<String>,
    /// A container number you can see.
    #[arg(long = "container")]
    containers: Vec<String>,
    /// The driver's card.
    #[arg(long)]
    driver_card: Option<String>,
}

pub(crate) fn order(command: OrderCommand) -> Done {
    match command {
        OrderCommand::Release(ReleaseArgs { order, resumes }) => {
            send(&order, "release", &json!({"resumes": resumes}))
        }
        OrderCommand::Inspect(InspectArgs { order, stops }) => {
            let stops: Value = (1..).zip(&stops).map(stop).collect();
            send(&order, "inspect", &json!({"stops": stops}))
        }
        OrderCommand::Return(order) => send(&order, "return", &json!({})),
        OrderCommand::Supply(SupplyArgs { order, facts }) => {
            let supply = json!({
                "plates": facts.plates,
                "containers": facts.containers,
                "driver_card": facts.driver_card,
            });
            send(&order, "supply", &json!({"supply": supply}))
        }
    }
}

fn stop((n, text): (u32, &String)) -> Value {
    let (kind, place) = match text.split_once('@') {
        Some((kind, place)) => (kind, Some(place)),
        None => (text.as_str(), None),
    };
    json!({"order": n, "kind": kind, "place": place})
}

fn send(args: &OrderArgs, kind: &str, more: &Value) -> Done {
    let mut order = json!({
        "id": order_id(),
        "passage": args.passage,
        "verdict_seq": args.verdict_seq,
        "kind": kind,
        "officer": args.officer,
        "reason": args.reason,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        order[name] = value.clone();
    }
    // Read back before it is sent, so that a slip is told with its path.
    well_formed::<Order>(&order)?;
    let request = json!({"op": "order", "lane": args.lane, "order": order});
    answer(&args.socket, &request, args.json)
}

/// Refuses an order whose words have the wrong shape.
pub(crate) fn well_formed<T: DeserializeOwned>(order: &Value) -> Result<(), No> {
    let reason = order["reason"].as_str().unwrap_or_default();
    if reason.trim().is_empty() {
        let why = "--reason may not be empty: it is what the record will say";
        return Err(No::new(Exit::Usage, why));
    }
    let read = parse_json::<T>(&order.to_string());
    read.map(drop)
        .map_err(|fault| No::new(Exit::Usage, format!("{fault}; nothing was sent")))
}

/// Sends an order and says how it was answered.
pub(crate) fn answer(socket: &SocketArgs, request: &Value, as_json: bool) -> Done {
    let answer = socket::ask(&socket.socket, request)?;
    if as_json {
        line(answer.to_string());
    }
    if answer["accepted"] == true {
        if !as_json {
            line("accepted");
        }
        return Ok(Exit::Done);
    }
    if !as_json {
        let why = answer["why"].as_str().unwrap_or("no reason given");
        complain(format!(
            "refused: {why}; `lanegate status` shows what is there now"
        ));
    }
    Ok(Exit::No)
}

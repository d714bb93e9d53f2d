//! Reading what a client asks. Refused whole, with every fault of a list (L10).

use std::collections::BTreeSet;

use lanegate_core::ledger::PolicyBy;
use lanegate_core::model::{
    ControlId, Declaration, DeclarationId, Enterprise, Fault, HandedIn, LaneId, LaneOrder,
    OfficerId, Order, id_of, parse_handed_in, parse_json,
};
use lanegate_core::record::PolicySource;
use lanegate_core::time::Wall;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answer::No;
use super::{DeclarationsAsk, EXPORT_LEN_MAX, InForceAsk, PolicyAsk, PolicyBack};

/// Faults of one import listed (L9).
const FAULTS_MAX: usize = 100;

/// Longest reason of a change of policy (L9).
const REASON_LEN_MAX: usize = 1000;

/// What a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Status(Option<String>),
    Order(Box<Order>),
    LaneOrder(Box<LaneOrder>),
    Declarations(DeclarationsAsk),
    Policy(PolicyAsk),
    InForce(InForceAsk),
}

#[derive(Deserialize)]
struct Named {
    op: String,
}

macro_rules! ops {
    ($($name:ident { $($field:ident : $ty:ty),* $(,)? })+) => {$(
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name { #[serde(rename = "op")] _op: String, $(#[serde(default)] $field: $ty),* }
    )+};
}

ops! {
    Plain {}
    StatusOf { passage: Option<String> }
    Show { id: Option<DeclarationId> }
    Export { after: Option<DeclarationId>, limit: Option<usize> }
    Controls { after: Option<ControlId>, limit: Option<usize> }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Activate {
    #[serde(rename = "op")]
    _op: String,
    text: String,
    #[serde(default)]
    shadow: bool,
    officer: OfficerId,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    #[serde(rename = "op")]
    _op: String,
    #[serde(default)]
    waiting: Option<String>,
    #[serde(default)]
    shadow: bool,
    officer: OfficerId,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderOf {
    #[serde(rename = "op")]
    _op: String,
    lane: LaneId,
    order: Order,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LaneOrderOf {
    #[serde(rename = "op")]
    _op: String,
    order: LaneOrder,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import<'a> {
    #[serde(rename = "op")]
    _op: &'a str,
    #[serde(borrow)]
    declarations: Vec<&'a RawValue>,
    #[serde(default)]
    as_of: Option<Wall>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportEnterprises<'a> {
    #[serde(rename = "op")]
    _op: &'a str,
    #[serde(borrow)]
    enterprises: Vec<&'a RawValue>,
}

/// Reads one line.
pub(super) fn read(line: &[u8]) -> Result<Ask, No> {
    let text = std::str::from_utf8(line).map_err(|e| No::data(format!("no UTF-8 text: {e}")))?;
    let named: Named = serde_json::from_str(text).map_err(|e| {
        No::usage(format!(
            "one JSON object a line with an \"op\" is expected: {e}"
        ))
    })?;
    match named.op.as_str() {
        "status" => of::<StatusOf>(text).map(|ask| Ask::Status(ask.passage)),
        "order" => order(of(text)?),
        "lane-order" => lane_order(of(text)?),
        "declarations-count" => {
            of::<Plain>(text).map(|_| Ask::Declarations(DeclarationsAsk::Count))
        }
        "declarations-show" => {
            let id = of::<Show>(text)?.id;
            let id = id.ok_or_else(|| No::usage("id: which declaration is missing"))?;
            Ok(Ask::Declarations(DeclarationsAsk::Show(id)))
        }
        "declarations-export" => of::<Export>(text).map(|ask| {
            let limit = ask.limit.unwrap_or(EXPORT_LEN_MAX).min(EXPORT_LEN_MAX);
            let after = ask.after;
            Ask::Declarations(DeclarationsAsk::Export { after, limit })
        }),
        "declarations-import" => import(text),
        "policy-active" => of::<Plain>(text).map(|_| Ask::Policy(PolicyAsk::Active)),
        "policy-activate" => {
            let ask = of::<Activate>(text)?;
            let by = by(PolicySource::Officer, ask.officer, ask.reason)?;
            let (text, shadow) = (ask.text, ask.shadow);
            Ok(Ask::Policy(PolicyAsk::Activate { text, shadow, by }))
        }
        "policy-rollback" => {
            let ask = of::<RollBack>(text)?;
            let by = by(PolicySource::Rollback, ask.officer, ask.reason)?;
            let back = match (ask.waiting, ask.shadow) {
                (None, false) => PolicyBack::Before,
                (Some(name), false) => PolicyBack::Waiting(name),
                (None, true) => PolicyBack::Shadow,
                (Some(_), true) => {
                    return Err(No::usage("one of waiting and shadow, not both"));
                }
            };
            Ok(Ask::Policy(PolicyAsk::RollBack { back, by }))
        }
        "controls-list" => of::<Controls>(text).map(|ask| {
            let limit = ask.limit.unwrap_or(EXPORT_LEN_MAX).min(EXPORT_LEN_MAX);
            let after = ask.after;
            Ask::InForce(InForceAsk::Controls { after, limit })
        }),
        "enterprises-import" => enterprises(text),
        other => {
            let other: String = other.chars().take(40).collect();
            Err(No::usage(format!(
                "op \"{other}\" is not known by this daemon; use the lanegate of its version"
            )))
        }
    }
}

fn by(source: PolicySource, officer: OfficerId, reason: String) -> Result<PolicyBy, No> {
    if reason.trim().is_empty() || reason.len() > REASON_LEN_MAX {
        let why = format!("reason: 1 to {REASON_LEN_MAX} bytes, it is what the record will say");
        return Err(No::data(why));
    }
    Ok(PolicyBy {
        source,
        officer: Some(officer),
        reason: Some(reason),
        uid: None,
    })
}

fn of<T: DeserializeOwned>(text: &str) -> Result<T, No> {
    parse_json(text).map_err(|fault| No::data(fault.to_string()))
}

/// A passage's id begins with its lane's: an order meant for another lane is
/// a slip of the hand.
fn order(ask: OrderOf) -> Result<Ask, No> {
    let OrderOf { lane, order, .. } = ask;
    if let Some(fault) = order.too_long() {
        return Err(No::data(fault.to_string()));
    }
    let of_lane = order.passage.as_str().strip_prefix(lane.as_str());
    if of_lane.is_some_and(|rest| rest.starts_with('-')) {
        return Ok(Ask::Order(Box::new(order)));
    }
    Err(No::data(format!(
        "passage {} is not of lane {lane}; `lanegate status` shows which is there",
        order.passage
    )))
}

fn lane_order(ask: LaneOrderOf) -> Result<Ask, No> {
    match ask.order.too_long() {
        Some(fault) => Err(No::data(fault.to_string())),
        None => Ok(Ask::LaneOrder(Box::new(ask.order))),
    }
}

fn import(text: &str) -> Result<Ask, No> {
    let ask: Import<'_> = serde_json::from_str(text).map_err(|e| No::data(e.to_string()))?;
    let as_of = ask.as_of;
    let declarations = list("declarations", &ask.declarations, |d: &Declaration| {
        d.id.as_str()
    })?;
    Ok(Ask::Declarations(DeclarationsAsk::Import {
        declarations,
        as_of,
    }))
}

fn enterprises(text: &str) -> Result<Ask, No> {
    let ask: ImportEnterprises<'_> =
        serde_json::from_str(text).map_err(|e| No::data(e.to_string()))?;
    let enterprises = list("enterprises", &ask.enterprises, |e: &Enterprise| {
        e.id.as_str()
    })?;
    Ok(Ask::InForce(InForceAsk::Enterprises(enterprises)))
}

/// Every one of a list, each id once, or the faults of all of them.
fn list<T: HandedIn>(name: &str, raw: &[&RawValue], id: impl Fn(&T) -> &str) -> Result<Vec<T>, No> {
    let mut items: Vec<T> = Vec::with_capacity(raw.len());
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (i, raw) in raw.iter().enumerate() {
        let named = match parse_handed_in::<T>(raw.get()) {
            Ok(item) => {
                let named = id(&item).to_owned();
                items.push(item);
                Some(named)
            }
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| (i, fault)));
                id_of(raw.get())
            }
        };
        if named.is_some_and(|id| !seen.insert(id)) {
            faults.push((i, Fault::new("id", "the same id comes twice")));
        }
    }
    if faults.is_empty() {
        return Ok(items);
    }
    let mut lines: Vec<String> = faults
        .iter()
        .take(FAULTS_MAX)
        .map(|(i, fault)| format!("{name}[{i}]: {fault}"))
        .collect();
    if faults.len() > FAULTS_MAX {
        lines.push(format!("and {} more", faults.len() - FAULTS_MAX));
    }
    Err(No::data(lines.join("\n")))
}

//! From a line to the daemon and back.

use std::time::Duration;

use lanegate_core::record::canonical;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::ask::{self, Ask};
use super::{Answer, Backend, PolicyAsk, PolicyNo};

/// An order is answered within this, or nobody knows whether it was obeyed.
const ORDER_MAX: Duration = Duration::from_secs(10);
/// Declarations are answered within this: a part of an import is journalled
/// and flushed.
const DECLARATIONS_MAX: Duration = Duration::from_secs(120);

/// Why there is no answer, with the exit code that says it (FORMATS 1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct No {
    exit: u8,
    why: String,
}

impl No {
    /// The answer is no.
    fn negative(why: impl Into<String>) -> Self {
        Self {
            exit: 1,
            why: why.into(),
        }
    }

    /// No such question.
    pub(super) fn usage(why: impl Into<String>) -> Self {
        Self {
            exit: 64,
            why: why.into(),
        }
    }

    /// What was handed in cannot be used.
    pub(super) fn data(why: impl Into<String>) -> Self {
        Self {
            exit: 65,
            why: why.into(),
        }
    }

    /// A policy or configuration is wrong.
    fn config(why: impl Into<String>) -> Self {
        Self {
            exit: 78,
            why: why.into(),
        }
    }

    /// The daemon cannot.
    pub(super) fn io(why: impl Into<String>) -> Self {
        Self {
            exit: 74,
            why: why.into(),
        }
    }
}

pub(super) type Said = Result<Value, No>;

/// The line that says it.
pub(super) fn line_of(said: Said) -> String {
    let answer = match said {
        Ok(data) => json!({"ok": true, "data": data}),
        Err(No { exit, why }) => json!({"ok": false, "exit": exit, "why": why}),
    };
    let mut line = canonical(&answer);
    line.push('\n');
    line
}

/// The answer to `line`, sent by a process of user `uid`.
pub(super) async fn to(line: &[u8], uid: u32, backend: &dyn Backend) -> Said {
    match ask::read(line)? {
        Ask::Status(None) => Ok(backend.status()),
        Ask::Status(Some(id)) => backend.passage(&id).ok_or_else(|| {
            No::negative(format!(
                "no passage {id} is known here; `lanegate status` lists those under way"
            ))
        }),
        Ask::Order(mut order) => {
            order.uid = Some(uid);
            let (tell, told) = oneshot::channel();
            backend.order(*order, Box::new(move |answer| hand(tell, answer)));
            ordered(told).await
        }
        Ask::LaneOrder(mut order) => {
            order.uid = Some(uid);
            let (tell, told) = oneshot::channel();
            backend.lane_order(*order, Box::new(move |answer| hand(tell, answer)));
            ordered(told).await
        }
        Ask::Declarations(ask) => {
            let (tell, told) = oneshot::channel();
            backend.declarations(ask, Box::new(move |answer| hand(tell, answer)));
            let answer = wait(told, DECLARATIONS_MAX, "try again").await?;
            answer.map_err(No::io)
        }
        Ask::InForce(ask) => {
            let (tell, told) = oneshot::channel();
            backend.in_force(ask, Box::new(move |answer| hand(tell, answer)));
            let answer = wait(told, DECLARATIONS_MAX, "try again").await?;
            answer.map_err(No::io)
        }
        Ask::Policy(mut ask) => {
            ask.stamp(uid);
            let (tell, told) = oneshot::channel();
            backend.policy(ask, Box::new(move |answer| hand(tell, answer)));
            let then = "look at `lanegate status` before you ask again";
            let answer = wait(told, ORDER_MAX, then).await?;
            answer.map_err(no_policy)
        }
    }
}

fn no_policy(no: PolicyNo) -> No {
    match no {
        PolicyNo::Refused(why) => No::negative(why),
        PolicyNo::Faults(faults) => {
            let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
            No::config(lines.join("\n"))
        }
        PolicyNo::Io(why) => No::io(why),
    }
}

impl PolicyAsk {
    /// Who asked is the kernel's word.
    fn stamp(&mut self, uid: u32) {
        match self {
            Self::Active => {}
            Self::Activate { by, .. } | Self::RollBack { by, .. } => by.uid = Some(uid),
        }
    }
}

/// The client may be gone: then nobody is there to be told.
fn hand<T>(tell: oneshot::Sender<T>, answer: T) {
    drop(tell.send(answer));
}

async fn ordered(told: oneshot::Receiver<Answer>) -> Said {
    let then = "look at `lanegate status` before you send it again, it may yet be obeyed";
    let answer = wait(told, ORDER_MAX, then).await?;
    Ok(serde_json::to_value(answer).expect("an answer is a plain object"))
}

async fn wait<T>(told: oneshot::Receiver<T>, limit: Duration, then: &str) -> Result<T, No> {
    match timeout(limit, told).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(No::io(format!("the daemon is stopping; {then}"))),
        Err(_) => Err(No::io(format!(
            "no answer within {} s; {then}",
            limit.as_secs()
        ))),
    }
}

//! Orders: what a named officer decides about a passage or a lane (FORMATS 6).

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{ContainerNo, Fault, LaneId, OfficerId, OrderId, PassageId, Plate, Stop};
use crate::time::Wall;

/// Characters of an officer's reason (L9): a paragraph. It goes into a record,
/// a log line and the hands of the next officer.
pub const REASON_LEN_MAX: usize = 1_000;
/// Bytes of a whole order as a record has it (L9).
pub const ORDER_LEN_MAX: usize = 16 << 10;

word! {
    /// What an order about a passage asks for.
    OrderKind {
        /// Let it go.
        Release = "release",
        /// To the bay.
        Inspect = "inspect",
        /// Back out.
        Return = "return",
        /// Facts an officer saw; the rules judge again.
        Supply = "supply",
    }
}

/// Facts an officer supplies.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supply {
    /// Plates.
    #[serde(default)]
    pub plates: Vec<Plate>,
    /// Containers.
    #[serde(default)]
    pub containers: Vec<ContainerNo>,
    /// Driver's card.
    #[serde(default)]
    pub driver_card: Option<String>,
}

/// An order about a passage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its number; a copy gets the first one's answer.
    pub id: OrderId,
    /// The passage.
    pub passage: PassageId,
    /// The verdict record it answers.
    #[serde(default)]
    pub verdict_seq: Option<u64>,
    /// What it asks for.
    pub kind: OrderKind,
    /// Who.
    pub officer: OfficerId,
    /// Why.
    pub reason: String,
    /// Facts, for `supply`.
    #[serde(default)]
    pub supply: Option<Supply>,
    /// Inspection stops, for `inspect`.
    #[serde(default)]
    pub stops: Vec<Stop>,
    /// An unsettled passage this release goes on with; nothing is spent again.
    #[serde(default)]
    pub resumes: Option<PassageId>,
    /// Not to be obeyed from then on.
    #[serde(default)]
    pub expires: Option<Wall>,
    /// User id of the local peer that sent it, recorded beside the officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

impl Order {
    /// Why it is too long to be taken; none = it is not.
    #[must_use]
    pub fn too_long(&self) -> Option<Fault> {
        too_long(&self.reason, self)
    }
}

fn too_long(reason: &str, order: &impl Serialize) -> Option<Fault> {
    let chars = reason.chars().count();
    if chars > REASON_LEN_MAX {
        let why = format!("has {chars} characters; shorten it to at most {REASON_LEN_MAX}");
        return Some(Fault::new("reason", why));
    }
    let len = crate::record::canonical(order).len();
    (len > ORDER_LEN_MAX).then(|| {
        let why = format!("the order has {len} bytes; name fewer stops, plates or containers");
        Fault::new("", why)
    })
}

word! {
    /// What an order about a lane asks for: the words of `lanegate lane`.
    LaneOrderKind {
        /// Take no further passages.
        Close = "close",
        /// Take passages again.
        Open = "open",
        /// Leave a fault behind.
        Reset = "reset",
        /// Emergency: arm up and kept up.
        KeepUp = "keep-up",
        /// End of it.
        EndKeepUp = "end-keep-up",
        /// Maintenance: moves by hand are expected.
        Maintenance = "maintenance",
        /// End of it.
        EndMaintenance = "end-maintenance",
        /// Arm up, in maintenance only.
        MoveUp = "move up",
        /// Arm down, in maintenance only.
        MoveDown = "move down",
        /// Arm stop, in maintenance only.
        MoveStop = "move stop",
    }
}

/// An order about a lane.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneOrder {
    /// Its number.
    pub id: OrderId,
    /// The lane.
    pub lane: LaneId,
    /// What it asks for.
    pub kind: LaneOrderKind,
    /// Who.
    pub officer: OfficerId,
    /// Why.
    pub reason: String,
    /// Not to be obeyed from then on.
    #[serde(default)]
    pub expires: Option<Wall>,
    /// User id of the local peer that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

impl LaneOrder {
    /// Why it is too long to be taken; none = it is not.
    #[must_use]
    pub fn too_long(&self) -> Option<Fault> {
        too_long(&self.reason, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(reason_len: usize, stops: usize) -> Order {
        let stop = serde_json::json!({"order": 1, "kind": "xray", "place": "bay-2"});
        let order = serde_json::json!({
            "id": "o-1", "passage": "SZB-X-01-412-17", "kind": "inspect", "officer": "4711",
            "reason": "箱".repeat(reason_len), "stops": vec![stop; stops],
        });
        serde_json::from_value(order).unwrap()
    }

    #[test]
    fn an_order_is_as_long_as_it_may_be_and_no_longer() {
        assert_eq!(order(REASON_LEN_MAX, 2).too_long(), None);
        let fault = order(REASON_LEN_MAX + 1, 2).too_long().unwrap();
        assert_eq!(fault.path, "reason");
        assert!(fault.why.contains("at most 1000"), "{fault}");
        let fault = order(1, 1000).too_long().unwrap();
        assert!(fault.why.contains("fewer stops"), "{fault}");
    }
}

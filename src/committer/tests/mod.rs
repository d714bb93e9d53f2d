//! The gatekeeper over a disk in memory that crashes, fills and fails, and
//! over a real one.

mod answers;
mod archive;
mod checkpoints;
mod crash;
mod damage;
mod draws;
mod ends;
mod fails;
mod full;
mod older;
mod page_cache;
mod policies;
mod real;
mod reconcile;
mod tamper;
mod threads;

use lanegate_core::lane::{Guard, Query};
use lanegate_core::model::{
    Case, Control, ControllerId, Declaration, Facts, LaneId, MatchKind, Matched, Outcome,
    PassageId, PolicyRef, PortCode, Spend, StoreState, Verdict, VerdictKind, parse_json,
};
use lanegate_core::record::{
    ArmDownBody, ArmUpBody, Body, DeclarationMark, Draft, FeedBody, OutcomeBody, Prepared,
    VerdictBody, canonical, sha256_hex,
};
use lanegate_core::time::Wall;
use serde_json::json;

use super::*;
use crate::journal::{Disk, MemDisk};

const PLATE: &str = "粤ZAB12港";

fn now() -> Wall {
    Wall::parse("2026-11-24T08:00:00+08:00").unwrap()
}

fn policy() -> PolicyRef {
    PolicyRef {
        version: "1".into(),
        sha256: "0".into(),
    }
}

fn options() -> Options {
    let mut options = Options::new(
        ControllerId::parse("SZB-X").unwrap(),
        PortCode::parse("5345").unwrap(),
        now(),
        "nonce".into(),
        "0.1.0".into(),
        policy(),
    );
    options.free_floor_bytes = 0;
    options
}

fn open<D: Disk>(disk: D) -> Gatekeeper<D, u32> {
    Gatekeeper::open(disk, options()).unwrap().0
}

fn lane() -> LaneId {
    LaneId::parse("L1").unwrap()
}

fn passage(start: u64, n: u64) -> PassageId {
    PassageId::of(&lane(), start, n)
}

/// A list of many trips: every release takes one.
fn list(trips: u32) -> Declaration {
    let text = json!({"id": "list", "form": "cdl", "version": 1, "status": "released", "direction": "export",
        "port": "5345", "enterprise": "4403161234", "class": "advanced",
        "vehicles": [{"plates": [PLATE], "tare_kg": 8600}], "load": "break-bulk", "goods_gross_kg": 1000,
        "valid_from": "2026-11-24T00:00:00+08:00", "valid_until": "2026-11-25T00:00:00+08:00",
        "binding": {"kind": "trips", "trips": trips}});
    parse_json(&text.to_string()).unwrap()
}

fn batch(seq: u64) -> FeedBody {
    let text = json!({"epoch": 1, "seq": seq, "sent_at": now(), "snapshot": false, "declarations": [],
        "enterprises": [], "controls": [], "findings": [], "unusable": {}, "unusable_ids": [],
        "control_unreadable": false});
    parse_json(&text.to_string()).unwrap()
}

fn batch_of(seq: u64, declaration: &Declaration) -> FeedBody {
    let mark = DeclarationMark {
        id: declaration.id.clone(),
        version: declaration.version,
        status: declaration.status,
        valid_until: declaration.valid_until,
        digest: sha256_hex(canonical(declaration).as_bytes()),
    };
    FeedBody {
        declarations: vec![mark],
        ..batch(seq)
    }
}

fn control(id: &str) -> Control {
    let text = json!({"id": id, "version": 1, "subject": {"kind": "vehicle", "value": PLATE}, "act": "hold"});
    parse_json(&text.to_string()).unwrap()
}

fn draft(passage: &PassageId, body: Body) -> Draft {
    Draft {
        at: now(),
        lane: Some(lane()),
        passage: Some(passage.clone()),
        body,
    }
}

fn facts(view: &View, declaration: &Declaration) -> Facts {
    let query = Query {
        plates: vec![PLATE.into()],
        ..Query::default()
    };
    view.facts(vec![declaration.clone()], StoreState::Ok, &query)
}

/// A verdict on `declaration`, judged on the view as it is.
fn verdict(
    view: &View,
    passage: &PassageId,
    declaration: &Declaration,
    kind: VerdictKind,
) -> Draft {
    let text = json!({"passage": passage, "lane": "L1", "port": "5345", "direction": "export",
        "arrived_at": now(), "judged_at": now(), "clock": "trusted",
        "plates": [{"text": PLATE, "confidence_pct": 98}]});
    let mut case: Case = parse_json(&text.to_string()).unwrap();
    case.facts = facts(view, declaration);
    let spend = (kind != VerdictKind::Hold).then_some(Spend {
        trips: 1,
        goods_kg: declaration.goods_gross_kg,
    });
    let matched = Matched {
        id: declaration.id.clone(),
        version: declaration.version,
        kind: MatchKind::Exact,
        spend,
        vehicle: Some(PLATE.into()),
    };
    let verdict = Verdict {
        passage: passage.clone(),
        verdict: kind,
        declarations: vec![matched],
        reasons: Vec::new(),
        checks: Vec::new(),
        stops: Vec::new(),
        draw: None,
        policy: policy(),
        rules: 1,
    };
    draft(passage, VerdictBody { case, verdict }.into())
}

fn outcome(passage: &PassageId, how: Outcome) -> Prepared {
    draft(passage, OutcomeBody { how }.into()).into()
}

impl<D: Disk> Gatekeeper<D, u32> {
    fn view(&self) -> std::sync::Arc<View> {
        self.published().read()
    }

    /// Asks for a verdict on the view as it is.
    fn ask(
        &mut self,
        token: u32,
        passage: &PassageId,
        declaration: &Declaration,
        kind: VerdictKind,
    ) {
        let draft = verdict(&self.view(), passage, declaration, kind);
        self.submit(token, vec![draft.into()], Guard::Verdict);
    }

    fn issued(&self) -> u32 {
        let list = lanegate_core::model::DeclarationId::parse("list").unwrap();
        self.ledger().balance(&list).unwrap_or_default().issued
    }
}

//! Scenarios: what happens to a truck, in records, and what the ledger then
//! says. The bench judges by hand, so that the rules are no part of it.

mod beside;
mod in_force;
mod keeping;
mod laws;
mod orders;
mod policies;
mod sampling;
mod spends;
mod subjects;
mod unusable;

use serde_json::json;

use super::*;
use crate::lane::{Guard, Query, Refusal};
use crate::model::{
    Case, Declaration, Facts, Finding, MatchKind, Matched, Order, Outcome, Part, PolicyRef, Spend,
    StoreState, Verdict, VerdictKind, parse_json,
};
use crate::record::{
    ArmDownBody, DeclarationMark, FeedBody, GenesisBody, GiveBackBody, OrderBody, OutcomeBody,
    ReconciledBody, ResumedBody, SpendOf, StartBody, VerdictBody, canonical, sha256_hex,
};

const PLATE: &str = "粤ZAB12港";
const OTHER: &str = "粤ZCD34港";

fn wall(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

/// The time of everything unless said.
fn now() -> Wall {
    wall("2026-11-24T08:00:00+08:00")
}

fn passage(n: u32) -> PassageId {
    PassageId::parse(&format!("L1-1-{n}")).unwrap()
}

fn declaration(id: &str, plates: &[&str], binding: &serde_json::Value) -> Declaration {
    let vehicles: Vec<_> = plates
        .iter()
        .map(|p| json!({"plates": [p], "tare_kg": 8600}))
        .collect();
    let text = json!({"id": id, "form": "cdl", "version": 1, "status": "released", "direction": "export",
        "port": "5345", "enterprise": "4403161234", "class": "advanced", "vehicles": vehicles,
        "load": "break-bulk", "goods_gross_kg": 1000,
        "valid_from": "2026-11-24T00:00:00+08:00", "valid_until": "2026-11-25T00:00:00+08:00",
        "binding": binding});
    parse_json(&text.to_string()).unwrap()
}

fn single() -> Declaration {
    declaration("single", &[PLATE], &json!({"kind": "single"}))
}

fn list(trips: u32, goods_kg: i64) -> Declaration {
    let binding = json!({"kind": "trips", "trips": trips, "goods_kg": goods_kg});
    declaration("list", &[PLATE, OTHER], &binding)
}

fn mark(declaration: &Declaration) -> DeclarationMark {
    DeclarationMark {
        id: declaration.id.clone(),
        version: declaration.version,
        status: declaration.status,
        valid_until: declaration.valid_until,
        digest: sha256_hex(canonical(declaration).as_bytes()),
    }
}

fn batch(seq: u64) -> FeedBody {
    FeedBody::heartbeat(Position { epoch: 1, seq }, now())
}

fn control(id: &str, kind: &str, value: &str, act: &str) -> Control {
    let text =
        json!({"id": id, "version": 1, "subject": {"kind": kind, "value": value}, "act": act});
    parse_json(&text.to_string()).unwrap()
}

fn finding(id: &str, of: &PassageId, declaration: &str, then: &str) -> Finding {
    let text = json!({"id": id, "version": 1, "passage": of, "declaration": declaration,
        "enterprise": "4403161234", "vehicle": PLATE, "result": "conforms", "then": then,
        "covers": ["weight"], "officer": "o", "at": "2026-11-24T09:00:00+08:00"});
    parse_json(&text.to_string()).unwrap()
}

/// A ledger and the records that made it.
#[derive(Clone)]
struct Bench {
    ledger: Ledger,
    records: Vec<Draft>,
    feed: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            ledger: Ledger::default(),
            records: Vec::new(),
            feed: 0,
        };
        let body = GenesisBody {
            controller: ControllerId::parse("SZB-X").unwrap(),
            port: crate::model::PortCode::parse("5345").unwrap(),
            created: now(),
            nonce: "0".into(),
            v: 1,
        };
        bench.put(None, body.into());
        bench.start();
        bench
    }

    fn start(&mut self) {
        let body = StartBody {
            start: self.ledger.starts() + 1,
            program: "0".into(),
            policy: policy(),
        };
        self.put(None, body.into());
    }

    fn put(&mut self, passage: Option<&PassageId>, body: Body) -> Took {
        self.put_at(now(), passage, body)
    }

    fn put_at(&mut self, at: Wall, passage: Option<&PassageId>, body: Body) -> Took {
        let draft = Draft {
            at,
            ..draft(passage, body)
        };
        let seq = self.records.len() as u64;
        self.records.push(draft.clone());
        self.ledger.apply(seq, &draft)
    }

    fn feed(&mut self, change: impl FnOnce(&mut FeedBody)) {
        self.feed += 1;
        let mut body = batch(self.feed);
        change(&mut body);
        self.put(None, body.into());
    }

    /// The feed sends `declarations`.
    fn sends(&mut self, declarations: &[&Declaration]) {
        self.feed(|b| b.declarations = declarations.iter().map(|d| mark(d)).collect());
    }

    fn facts(&self, declaration: &Declaration) -> Facts {
        self.ledger
            .facts(vec![declaration.clone()], StoreState::Ok, &query(&[PLATE]))
    }

    /// A verdict on `declaration` as the rules would make it: what the vehicle
    /// has reserved is not taken again.
    fn verdict(
        &self,
        n: u32,
        declaration: &Declaration,
        vehicle: &str,
        kind: VerdictKind,
    ) -> VerdictBody {
        let facts = self.facts(declaration);
        let balance = facts.ledger.get(&declaration.id);
        let reserved = balance.is_some_and(|b| b.reserved.iter().any(|r| r.vehicle == vehicle));
        let spend = (kind != VerdictKind::Hold && !reserved).then_some(Spend {
            trips: 1,
            goods_kg: declaration.goods_gross_kg,
        });
        verdict_of(n, declaration, vehicle, kind, spend, facts)
    }

    /// Commits a verdict as a lane would; the answer.
    fn judge(
        &mut self,
        n: u32,
        declaration: &Declaration,
        vehicle: &str,
        kind: VerdictKind,
    ) -> Result<Took, Refusal> {
        let body = self.verdict(n, declaration, vehicle, kind);
        self.commit(n, body.into(), &Guard::Verdict)
    }

    fn release(&mut self, n: u32, declaration: &Declaration) -> Result<Took, Refusal> {
        self.judge(n, declaration, PLATE, VerdictKind::Release)
    }

    fn commit(&mut self, n: u32, body: Body, guard: &Guard) -> Result<Took, Refusal> {
        let asked = draft(Some(&passage(n)), body);
        self.ledger.check(&asked, guard)?;
        let written = self.ledger.settle(&asked).unwrap_or(asked);
        Ok(self.put(written.passage.as_ref(), written.body))
    }

    fn end(&mut self, n: u32, how: Outcome) {
        self.put(Some(&passage(n)), OutcomeBody { how }.into());
    }

    fn give_back(&mut self, n: u32) {
        let why = "never under the arm".to_owned();
        self.put(Some(&passage(n)), GiveBackBody { why }.into());
    }

    fn last_seq(&self) -> u64 {
        self.records.len() as u64 - 1
    }

    fn balance(&self, id: &str) -> Balance {
        let id = DeclarationId::parse(id).unwrap();
        self.ledger.balance(&id).unwrap_or_default()
    }

    /// The same records, folded afresh.
    fn replayed(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for (seq, draft) in self.records.iter().enumerate() {
            ledger.apply(seq as u64, draft);
        }
        ledger
    }
}

fn policy() -> PolicyRef {
    PolicyRef {
        version: "1".into(),
        sha256: "0".into(),
    }
}

/// Part `part` of a snapshot at seq 50.
fn part(b: &mut Bench, part: u32, parts: u32, change: impl FnOnce(&mut FeedBody)) {
    let mut body = batch(50);
    let of = Part { part, parts };
    (body.part, body.snapshot) = (Some(of), of.is_last());
    change(&mut body);
    b.put(None, body.into());
}

fn query(plates: &[&str]) -> Query {
    Query {
        plates: plates.iter().map(|p| (*p).to_owned()).collect(),
        ..Query::default()
    }
}

fn draft(passage: Option<&PassageId>, body: Body) -> Draft {
    Draft {
        at: now(),
        lane: passage.map(|_| LaneId::parse("L1").unwrap()),
        passage: passage.cloned(),
        body,
    }
}

fn verdict_of(
    n: u32,
    declaration: &Declaration,
    vehicle: &str,
    kind: VerdictKind,
    spend: Option<Spend>,
    facts: Facts,
) -> VerdictBody {
    let text = json!({"passage": passage(n), "lane": "L1", "port": "5345", "direction": "export",
        "arrived_at": now(), "judged_at": now(), "clock": "trusted",
        "plates": [{"text": vehicle, "confidence_pct": 98}]});
    let mut case: Case = parse_json(&text.to_string()).unwrap();
    case.facts = facts;
    let matched = Matched {
        id: declaration.id.clone(),
        version: declaration.version,
        kind: MatchKind::Exact,
        spend,
        vehicle: Some(vehicle.to_owned()),
    };
    let verdict = Verdict {
        passage: passage(n),
        verdict: kind,
        declarations: vec![matched],
        reasons: Vec::new(),
        checks: Vec::new(),
        stops: Vec::new(),
        draw: None,
        policy: policy(),
        rules: 1,
    };
    VerdictBody { case, verdict }
}

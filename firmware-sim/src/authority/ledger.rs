//! What has been spent, as a fold over the records: the authority's own
//! count, sent to a controller whose disk was replaced (FORMATS 6,
//! Reconcile). Written from the formats, as a second opinion on the
//! controller's ledger.
//!
//! ```text
//!  verdict release / order release --> spent     --outcome passed--> passed
//!                                                --give-back--> free again
//!                                                --not-seen-passing, unknown--> unsettled --resumed--> spent
//!  verdict inspect / order inspect --> reserved  --finding released-at-bay--> passed
//!                                                --finding refused--> free again
//!                                                --released on its way back--> spent, nothing issued anew
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    balances: BTreeMap<String, Balance>,
    /// What each open passage has taken.
    passages: BTreeMap<String, Vec<Taken>>,
    /// Unsettled passages, with what they took.
    unsettled: BTreeMap<String, Vec<Taken>>,
    /// Which unsettled passage a passage goes on with.
    resumed: BTreeMap<String, String>,
    /// Declarations whose vehicles go once each.
    shared: BTreeSet<String>,
    findings: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Balance {
    issued: u64,
    passed: u64,
    goods_kg_issued: u64,
    vehicles: Vec<String>,
    reserved: Vec<Taken>,
}

/// One trip of one declaration, by one vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    declaration: String,
    vehicle: String,
    passage: String,
    trips: u64,
    goods_kg: u64,
}

/// What a verdict or an order says about one declaration.
struct Claim<'a> {
    declaration: &'a str,
    vehicle: &'a str,
    /// None = no new trip: the vehicle's reservation, or nothing.
    spend: Option<(u64, u64)>,
}

impl Ledger {
    /// Takes what the feed says about bindings.
    pub(super) fn learn(&mut self, items: &[Value]) {
        for item in items {
            let declaration = &item["declaration"];
            if let (Some(id), "shared") = (
                declaration["id"].as_str(),
                declaration["binding"]["kind"].as_str().unwrap_or_default(),
            ) {
                self.shared.insert(id.to_owned());
            }
        }
    }

    /// Folds one more record in.
    pub(super) fn apply(&mut self, record: &Value) {
        let body = &record["body"];
        let passage = record["passage"].as_str().unwrap_or_default();
        match record["kind"].as_str().unwrap_or_default() {
            "verdict" => self.verdict(passage, &body["verdict"]),
            "order" if body["accepted"] == true => self.order(passage, body),
            "outcome" => self.outcome(passage, body["how"].as_str().unwrap_or_default()),
            "give-back" => self.give_back(passage),
            "resumed" => self.resume(passage, body["resumes"].as_str().unwrap_or_default()),
            "finding" => self.finding(body),
            "feed" => {
                for finding in body["findings"].as_array().into_iter().flatten() {
                    self.finding(finding);
                }
            }
            _ => {}
        }
    }

    /// The entries of a reconcile message, in the order of ids.
    pub(super) fn entries(&self) -> Vec<Value> {
        let unsettled: Vec<&Taken> = self.unsettled.values().flatten().collect();
        let entry = |(id, b): (&String, &Balance)| {
            let of = unsettled.iter().filter(|t| t.declaration == *id);
            json!({
                "declaration": id, "issued": b.issued, "passed": b.passed,
                "goods_kg_issued": b.goods_kg_issued, "vehicles": b.vehicles,
                "reserved": b.reserved.iter().map(Taken::named).collect::<Vec<_>>(),
                "unsettled": of.map(|t| t.named()).collect::<Vec<_>>(),
            })
        };
        self.balances.iter().map(entry).collect()
    }

    fn verdict(&mut self, passage: &str, verdict: &Value) {
        let claims = verdict["declarations"].as_array().into_iter().flatten();
        let claims = claims.filter_map(|d| Some(claim(d["id"].as_str()?, d)));
        match verdict["verdict"].as_str().unwrap_or_default() {
            "release" => claims.for_each(|c| self.spend(passage, &c)),
            "inspect" => claims.for_each(|c| self.reserve(passage, &c)),
            _ => {}
        }
    }

    fn order(&mut self, passage: &str, body: &Value) {
        for d in body["spends"].as_array().into_iter().flatten() {
            if let Some(id) = d["declaration"].as_str() {
                self.spend(passage, &claim(id, d));
            }
        }
        for d in body["reserves"].as_array().into_iter().flatten() {
            if let Some(id) = d["declaration"].as_str() {
                self.reserve(passage, &claim(id, d));
            }
        }
    }

    /// A reservation of this passage or vehicle becomes the spend; else a new
    /// trip is issued.
    fn spend(&mut self, passage: &str, claim: &Claim<'_>) {
        if self.holds(passage, claim.declaration) {
            return;
        }
        let taken = match self.take_reservation(passage, claim) {
            Some(reserved) => Taken {
                passage: passage.to_owned(),
                ..reserved
            },
            None => match self.issue(passage, claim) {
                Some(taken) => taken,
                None => return,
            },
        };
        self.passages
            .entry(passage.to_owned())
            .or_default()
            .push(taken);
    }

    fn reserve(&mut self, passage: &str, claim: &Claim<'_>) {
        // A cleared passage that is sent to the bay after all keeps its trip,
        // now reserved.
        let held = self.passages.get_mut(passage).and_then(|held| {
            let at = held
                .iter()
                .position(|t| t.declaration == claim.declaration)?;
            Some(held.remove(at))
        });
        let reserved = self.balance(claim.declaration).reserved.iter();
        if reserved.clone().any(|t| t.passage == passage) {
            return;
        }
        let Some(taken) = held.or_else(|| self.issue(passage, claim)) else {
            return;
        };
        self.balance(claim.declaration).reserved.push(taken);
    }

    fn issue(&mut self, passage: &str, claim: &Claim<'_>) -> Option<Taken> {
        let (trips, goods_kg) = claim.spend?;
        let shared = self.shared.contains(claim.declaration);
        let balance = self.balance(claim.declaration);
        balance.issued += trips;
        balance.goods_kg_issued += goods_kg;
        if shared && !claim.vehicle.is_empty() {
            balance.vehicles.push(claim.vehicle.to_owned());
        }
        Some(Taken {
            declaration: claim.declaration.to_owned(),
            vehicle: claim.vehicle.to_owned(),
            passage: passage.to_owned(),
            trips,
            goods_kg,
        })
    }

    fn take_reservation(&mut self, passage: &str, claim: &Claim<'_>) -> Option<Taken> {
        let reserved = &mut self.balance(claim.declaration).reserved;
        let same_vehicle = |t: &Taken| claim.spend.is_none() && t.vehicle == claim.vehicle;
        let at = reserved
            .iter()
            .position(|t| t.passage == passage || same_vehicle(t))?;
        Some(reserved.remove(at))
    }

    fn outcome(&mut self, passage: &str, how: &str) {
        let resumed = self.resumed.remove(passage);
        let Some(taken) = self.passages.remove(passage) else {
            return;
        };
        match how {
            "passed" => {
                for t in &taken {
                    self.balance(&t.declaration).passed += t.trips;
                }
            }
            // Nobody saw how it ended; the spend is kept.
            "not-seen-passing" | "unknown" => {
                self.unsettled.insert(passage.to_owned(), taken);
            }
            // A give-back comes as a record of its own, before or after: it
            // finds the spend here.
            _ => {
                self.passages.insert(passage.to_owned(), taken);
                if let Some(old) = resumed {
                    self.resumed.insert(passage.to_owned(), old);
                }
            }
        }
    }

    fn give_back(&mut self, passage: &str) {
        let taken = self.passages.remove(passage);
        let taken = taken.or_else(|| self.unsettled.remove(passage));
        let Some(taken) = taken else { return };
        // A passage that had resumed an unsettled one leaves that unsettled.
        if let Some(old) = self.resumed.remove(passage) {
            self.unsettled.insert(old, taken);
            return;
        }
        for t in &taken {
            self.free(t);
        }
    }

    fn resume(&mut self, passage: &str, old: &str) {
        if let Some(taken) = self.unsettled.remove(old) {
            self.passages.insert(passage.to_owned(), taken);
            self.resumed.insert(passage.to_owned(), old.to_owned());
        }
    }

    fn finding(&mut self, finding: &Value) {
        let (Some(id), Some(passage)) = (finding["id"].as_str(), finding["passage"].as_str())
        else {
            return;
        };
        let version = &finding["version"];
        if !self.findings.insert(format!("{id}/{version}")) {
            return;
        }
        let then = finding["then"].as_str().unwrap_or_default();
        if then == "back-to-lane" {
            return;
        }
        let declaration = finding["declaration"].as_str().unwrap_or_default();
        let reserved = &mut self.balance(declaration).reserved;
        let Some(at) = reserved.iter().position(|t| t.passage == passage) else {
            return;
        };
        let taken = reserved.remove(at);
        match then {
            "released-at-bay" => self.balance(declaration).passed += taken.trips,
            "refused" => self.free(&taken),
            // Detained: the trip is gone, and nobody drove it.
            _ => {}
        }
    }

    fn free(&mut self, taken: &Taken) {
        let balance = self.balance(&taken.declaration);
        balance.issued = balance.issued.saturating_sub(taken.trips);
        balance.goods_kg_issued = balance.goods_kg_issued.saturating_sub(taken.goods_kg);
        balance.vehicles.retain(|v| *v != taken.vehicle);
    }

    fn holds(&self, passage: &str, declaration: &str) -> bool {
        let taken = self.passages.get(passage).into_iter().flatten();
        taken.into_iter().any(|t| t.declaration == declaration)
    }

    fn balance(&mut self, declaration: &str) -> &mut Balance {
        self.balances.entry(declaration.to_owned()).or_default()
    }
}

impl Taken {
    fn named(&self) -> Value {
        json!({"vehicle": self.vehicle, "passage": self.passage})
    }
}

fn claim<'a>(declaration: &'a str, said: &'a Value) -> Claim<'a> {
    let spend = &said["spend"];
    Claim {
        declaration,
        vehicle: said["vehicle"].as_str().unwrap_or_default(),
        spend: match (spend["trips"].as_u64(), spend["goods_kg"].as_u64()) {
            (Some(trips), goods_kg) => Some((trips, goods_kg.unwrap_or(0))),
            (None, _) => None,
        },
    }
}

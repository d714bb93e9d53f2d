//! The long-run fraction inspected against the closed form of CSP-1 (Dodge
//! 1943, MIL-STD-1235): the shipped selection under real keyed draws, and the
//! shipped fold of findings, at zero feedback delay.
//!
//! ```text
//!  q = 1 - p    u = (1 - q^i) / (p q^i)    v = 1 / (f p)    AFI = (u + f v) / (u + v)
//! ```
//!
//! u is the mean number of trucks inspected one after another until i in a row
//! conform, v the mean number that pass in the fraction until one inspected
//! does not. One batch is one enterprise with a key, a declaration and faults
//! of its own; the error is that of 100 batch means.

use lanegate_core::clearance::{DayKey, DrawDay, Plan, Ratio, SamplingPlan, Start, select};
use lanegate_core::ledger::Ledger;
use lanegate_core::model::{
    DeclarationId, Enterprise, Finding, FindingId, FindingResult, parse_json,
};
use lanegate_core::record::{Draft, FeedBody};
use lanegate_core::time::Wall;
use serde_json::json;

const ENTERPRISES: u64 = 100;
const TRUCKS: u32 = 10_000;

/// SplitMix64: whether a truck is as declared has nothing to do with the draw.
struct Faults(u64);

impl Faults {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn occurs(&mut self, p: f64) -> bool {
        ((self.next() >> 11) as f64 / (1_u64 << 53) as f64) < p
    }
}

/// One enterprise's lane: its ledger, its declaration and its findings.
struct Batch {
    ledger: Ledger,
    enterprise: Enterprise,
    finding: Finding,
    seq: u64,
    today: DrawDay,
    faults: Faults,
}

impl Batch {
    fn new(seed: u64) -> Self {
        let at = "2026-11-24T08:00:00+08:00";
        let id = format!("44031{seed:05}");
        let enterprise = json!({"id": id, "version": 1, "class": "regular", "state": "normal",
            "sampling": {"plan": "csp1", "phase": "fraction", "run": 0}});
        let finding = json!({"id": "f-0", "version": 1, "passage": "L1-1-1",
            "declaration": format!("5345202600{seed:08}"), "enterprise": id, "vehicle": "粤ZAB12港",
            "result": "conforms", "then": "released-at-bay", "officer": "o", "at": at});
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        let mut batch = Self {
            ledger: Ledger::default(),
            enterprise: parse_json(&enterprise.to_string()).expect("it is written well above"),
            finding: parse_json(&finding.to_string()).expect("it is written well above"),
            seq: 0,
            today: DrawDay {
                day: "2026-11-24".parse().expect("a day"),
                key: Some(DayKey::new(key).previous()),
            },
            faults: Faults(seed ^ 0x00c0_ffee),
        };
        let feed = json!({"epoch": 1, "seq": 1, "sent_at": at, "snapshot": false, "declarations": [],
            "enterprises": [batch.enterprise], "controls": [], "findings": [], "unusable": {},
            "unusable_ids": [], "control_unreadable": false});
        let feed: FeedBody = parse_json(&feed.to_string()).expect("it is written well above");
        batch.apply(feed.into());
        batch
    }

    fn apply(&mut self, body: lanegate_core::record::Body) {
        let draft = Draft {
            at: Wall::default(),
            lane: None,
            passage: None,
            body,
        };
        self.ledger.apply(self.seq, &draft);
        self.seq += 1;
    }

    /// One truck: drawn for, and if it is selected inspected at once.
    fn truck(&mut self, plan: &SamplingPlan, trip: u32, p: f64) -> bool {
        let faulty = self.faults.occurs(p);
        let state = self.ledger.sampling(&self.enterprise.id);
        let draw = self.today.draw(&self.finding.declaration, trip);
        let selected = select(plan, state, Some(&draw), None).selected;
        if selected {
            self.finding.id = FindingId::parse(&format!("f-{trip}")).expect("an id");
            self.finding.result = if faulty {
                FindingResult::Nonconforms
            } else {
                FindingResult::Conforms
            };
            // Findings live under their declaration: a fresh one keeps that
            // list as short as a real one.
            let declaration = format!("{}-{}", self.enterprise.id, trip / 64);
            let about = Finding {
                declaration: DeclarationId::parse(&declaration).expect("an id"),
                ..self.finding.clone()
            };
            self.apply(about.into());
        }
        selected
    }

    /// The fraction inspected, after the start has worn off.
    fn fraction(&mut self, plan: &SamplingPlan, p: f64, burn_in: u32) -> f64 {
        let mut inspected = 0_u32;
        for trip in 1..=burn_in + TRUCKS {
            let selected = self.truck(plan, trip, p);
            inspected += u32::from(selected && trip > burn_in);
        }
        f64::from(inspected) / f64::from(TRUCKS)
    }
}

/// Average fraction inspected by the closed form.
fn closed_form(i: u32, f: f64, p: f64) -> f64 {
    let through = (1.0 - p).powf(f64::from(i));
    let u = (1.0 - through) / (p * through);
    let v = 1.0 / (f * p);
    (u + f * v) / (u + v)
}

/// Mean of the batches and its standard error, over two threads.
fn simulated(plan: &SamplingPlan, p: f64, burn_in: u32) -> (f64, f64) {
    let half = |from: u64, to: u64| -> Vec<f64> {
        (from..to)
            .map(|seed| Batch::new(seed).fraction(plan, p, burn_in))
            .collect()
    };
    let middle = ENTERPRISES / 2;
    let mut means = Vec::new();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| half(0, middle));
        means.extend(half(middle, ENTERPRISES));
        means.extend(first.join().expect("the other half ran through"));
    });
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this test is read for"
)]
fn agrees(i: u32, den: u32, p: f64) {
    let f = Ratio { num: 1, den };
    let start = Start::Fraction;
    let plan: SamplingPlan = Plan::Csp1 { i, f, start }.into();
    let expected = closed_form(i, 1.0 / f64::from(den), p);
    let (mean, error) = simulated(&plan, p, 2_000);
    let off = (mean - expected) / error;
    println!(
        "i = {i}, f = 1/{den}, p = {p}: {mean:.5} for {expected:.5}, {off:+.2} standard errors of {error:.5}"
    );
    assert!(error > 0.0 && error < 0.02, "{error}");
    assert!(
        off.abs() < 3.0,
        "i {i}, f 1/{den}, p {p}: {mean} for {expected}, {off} standard errors"
    );
}

#[test]
fn the_fraction_inspected_is_that_of_csp_1_for_i_8_f_1_in_20() {
    agrees(8, 20, 0.05);
}

#[test]
fn the_fraction_inspected_is_that_of_csp_1_for_i_15_f_1_in_50() {
    agrees(15, 50, 0.05);
}

#[test]
fn the_fraction_inspected_is_that_of_csp_1_for_i_30_f_1_in_20() {
    agrees(30, 20, 0.03);
}

#[test]
fn the_fraction_inspected_is_that_of_csp_1_for_i_10_f_1_in_10() {
    agrees(10, 10, 0.1);
}

#[test]
fn the_fraction_inspected_is_that_of_csp_1_for_i_5_f_1_in_4() {
    agrees(5, 4, 0.2);
}

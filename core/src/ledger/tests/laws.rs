//! Any order of events: nothing is overspent, nothing is forgotten, and the
//! same records give the same ledger (laws L2, L5).

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Judge(u8, bool, u8),
    Order(u8, bool),
    GiveBack(u8),
    End(u8, u8),
    Find(u8, u8),
    Resume(u8, u8),
    Restart,
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..12, any::<bool>(), 0u8..3).prop_map(|(n, other, k)| Step::Judge(n, other, k)),
        2 => (0u8..12, any::<bool>()).prop_map(|(n, release)| Step::Order(n, release)),
        2 => (0u8..12).prop_map(Step::GiveBack),
        4 => (0u8..12, 0u8..4).prop_map(|(n, how)| Step::End(n, how)),
        2 => (0u8..12, 0u8..4).prop_map(|(n, then)| Step::Find(n, then)),
        1 => (0u8..12, 0u8..12).prop_map(|(n, old)| Step::Resume(n, old)),
        1 => Just(Step::Restart),
        1 => Just(Step::Snapshot),
    ]
}

/// A count kept apart from the ledger: which trips were let go to the road and
/// not proven back.
#[derive(Default)]
struct Truth {
    /// Passages let go, each with what it stands on.
    gone: BTreeMap<u32, u32>,
}

fn order_body(n: u32, d: &Declaration, release: bool, resumes: Option<&PassageId>) -> OrderBody {
    let kind = if release { "release" } else { "inspect" };
    let text = json!({"id": format!("o{n}{kind}"), "passage": passage(n), "kind": kind, "officer": "o",
        "reason": "r", "resumes": resumes});
    let takes = vec![SpendOf {
        declaration: d.id.clone(),
        spend: Spend {
            trips: 1,
            goods_kg: d.goods_gross_kg,
        },
        vehicle: Some(PLATE.into()),
    }];
    let takes = Some(takes).filter(|_| resumes.is_none());
    OrderBody {
        order: parse_json(&text.to_string()).unwrap(),
        accepted: true,
        why: None,
        spends: takes.clone().filter(|_| release),
        reserves: takes.filter(|_| !release),
        lifts: release,
    }
}

impl Bench {
    fn is_open(&self, n: u32) -> bool {
        self.ledger.open_passages().any(|(id, _)| *id == passage(n))
    }

    fn verdict_seq(&self, n: u32) -> Option<u64> {
        let records = self.records.iter().enumerate().rev();
        let mut verdicts = records
            .filter(|(_, d)| matches!(&d.body, Body::Verdict(_)) && d.passage == Some(passage(n)));
        verdicts.next().map(|(seq, _)| seq as u64)
    }

    fn run(&mut self, truth: &mut Truth, d: &Declaration, step: &Step) {
        match step {
            Step::Judge(n, other, kind) => {
                let vehicle = if *other { OTHER } else { PLATE };
                self.run_judge(truth, d, u32::from(*n), vehicle, usize::from(*kind));
            }
            Step::Order(n, release) => self.run_order(truth, d, u32::from(*n), *release),
            Step::GiveBack(n) => {
                let n = u32::from(*n);
                if self.is_open(n) {
                    self.give_back(n);
                    if let Some(stands_on) = truth.gone.remove(&n).filter(|old| *old != n) {
                        truth.gone.insert(stands_on, stands_on);
                    }
                }
            }
            Step::End(n, how) => {
                let how = [
                    Outcome::Passed,
                    Outcome::Unknown,
                    Outcome::Left,
                    Outcome::ToBay,
                ][usize::from(*how)];
                self.end(u32::from(*n), how);
            }
            Step::Find(n, then) => {
                let then =
                    ["released-at-bay", "back-to-lane", "detained", "refused"][usize::from(*then)];
                let id = format!("f-{}", self.last_seq());
                self.put(
                    None,
                    finding(&id, &passage(u32::from(*n)), "list", then).into(),
                );
            }
            Step::Resume(n, old) => self.run_resume(truth, d, u32::from(*n), u32::from(*old)),
            Step::Restart => self.restart(),
            Step::Snapshot => {
                let text = serde_json::to_string(&self.ledger).unwrap();
                self.ledger = serde_json::from_str::<Ledger>(&text).unwrap().reindexed();
            }
        }
    }

    fn run_judge(
        &mut self,
        truth: &mut Truth,
        d: &Declaration,
        n: u32,
        vehicle: &str,
        kind: usize,
    ) {
        if truth.gone.contains_key(&n) {
            return;
        }
        let kinds = [
            VerdictKind::Release,
            VerdictKind::Hold,
            VerdictKind::Inspect,
        ];
        let took = self.judge(n, d, vehicle, kinds[kind]);
        if kinds[kind] == VerdictKind::Release && took.is_ok() {
            truth.gone.insert(n, n);
        }
    }

    fn run_order(&mut self, truth: &mut Truth, d: &Declaration, n: u32, release: bool) {
        let Some(seq) = self.verdict_seq(n).filter(|_| self.is_open(n)) else {
            return;
        };
        if truth.gone.contains_key(&n) {
            return;
        }
        let guard = Guard::Order {
            verdict_seq: seq,
            plate_since: false,
        };
        let took = self.commit(n, order_body(n, d, release, None).into(), &guard);
        if release && took == Ok(Took::Spent) {
            truth.gone.insert(n, n);
        }
    }

    /// As the daemon does: what was left open ends unknown.
    fn restart(&mut self) {
        let open = self.ledger.open_passages();
        let open: Vec<_> = open.map(|(id, _)| id.clone()).collect();
        self.start();
        let how = Outcome::Unknown;
        for id in open {
            self.put(Some(&id), OutcomeBody { how }.into());
        }
    }

    fn run_resume(&mut self, truth: &mut Truth, d: &Declaration, n: u32, old: u32) {
        let Some(seq) = self.verdict_seq(n).filter(|_| self.is_open(n)) else {
            return;
        };
        if truth.gone.contains_key(&n) || n == old {
            return;
        }
        let guard = Guard::Order {
            verdict_seq: seq,
            plate_since: false,
        };
        let order = order_body(n, d, true, Some(&passage(old)));
        let id = order.order.id.clone();
        if self.commit(n, order.into(), &guard).is_ok() {
            let body = ResumedBody {
                resumes: passage(old),
                order: id,
            };
            self.put(Some(&passage(n)), body.into());
            truth.gone.remove(&old);
            truth.gone.insert(n, old);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_is_overspent_and_the_fold_is_a_function_of_the_records(
        trips in 1u32..5, goods in 1i64..6, steps in proptest::collection::vec(step(), 1..60)
    ) {
        let d = list(trips, goods * 1000);
        let most = trips.min(goods as u32);
        let (mut b, mut truth) = (Bench::new(), Truth::default());
        b.sends(&[&d]);
        for step in &steps {
            b.run(&mut truth, &d, step);
            let balance = b.balance("list");
            prop_assert!(balance.issued <= most, "{step:?} {balance:?}");
            prop_assert!(balance.goods_kg_issued.0 <= goods * 1000);
            let settled = balance.passed as usize + balance.reserved.len() + balance.unsettled.len();
            prop_assert!(settled <= balance.issued as usize, "{step:?} {balance:?}");
        }
        let replayed = b.replayed();
        let stood_for = serde_json::to_value(b.ledger.reindexed()).unwrap();
        let replayed = serde_json::to_value(replayed.reindexed()).unwrap();
        prop_assert_eq!(stood_for, replayed);
    }

    /// What was let go to the road and never proven back is never more than
    /// the list allows, whatever findings, restarts and officers do. Findings
    /// are left out: "refused" is an officer's word that a truck turned back.
    #[test]
    fn no_more_trucks_are_let_go_than_the_list_has_trips(
        trips in 1u32..4, steps in proptest::collection::vec(step(), 1..80)
    ) {
        let d = list(trips, 1_000_000);
        let (mut b, mut truth) = (Bench::new(), Truth::default());
        b.sends(&[&d]);
        for step in steps.iter().filter(|s| !matches!(s, Step::Find(..))) {
            b.run(&mut truth, &d, step);
            prop_assert!(truth.gone.len() <= trips as usize, "{step:?} {:?}", truth.gone);
        }
    }
}

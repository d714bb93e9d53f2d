//! Officers' orders, resumed passages, and what a lane is told at start.

use super::*;
use crate::lane::Geometry;
use crate::model::LaneOrder;
use crate::record::{LaneOrderBody, UnpairedLiftBody};
use VerdictKind::{Hold, Inspect};

fn order(n: u32, kind: &str, resumes: Option<&PassageId>) -> Order {
    let text = json!({"id": format!("o-{n}-{kind}"), "passage": passage(n), "kind": kind, "officer": "o",
        "reason": "seen", "resumes": resumes});
    parse_json(&text.to_string()).unwrap()
}

impl Bench {
    /// An officer's order as the lane drafts it.
    fn order(
        &mut self,
        n: u32,
        kind: &str,
        d: &Declaration,
        verdict_seq: u64,
    ) -> Result<Took, Refusal> {
        let takes = vec![SpendOf {
            declaration: d.id.clone(),
            spend: Spend {
                trips: 1,
                goods_kg: d.goods_gross_kg,
            },
            vehicle: Some(PLATE.into()),
        }];
        let body = OrderBody {
            order: order(n, kind, None),
            accepted: true,
            why: None,
            spends: (kind == "release").then(|| takes.clone()),
            reserves: (kind == "inspect").then_some(takes),
            lifts: kind == "release",
        };
        let guard = Guard::Order {
            verdict_seq,
            plate_since: false,
        };
        self.commit(n, body.into(), &guard)
    }

    fn last_order(&self) -> &OrderBody {
        let Body::Order(body) = &self.records.last().unwrap().body else {
            panic!("the last record is no order");
        };
        body
    }

    fn resume(&mut self, n: u32, old: u32) -> Result<Took, Refusal> {
        let verdict_seq = self.last_seq();
        let body = OrderBody {
            order: order(n, "release", Some(&passage(old))),
            accepted: true,
            why: None,
            spends: None,
            reserves: None,
            lifts: true,
        };
        let guard = Guard::Order {
            verdict_seq,
            plate_since: false,
        };
        self.commit(n, body.into(), &guard)?;
        let body = ResumedBody {
            resumes: passage(old),
            order: order(n, "release", None).id,
        };
        Ok(self.put(Some(&passage(n)), body.into()))
    }
}

#[test]
fn an_officers_release_spends_what_the_balance_allows_and_never_overdraws() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.order(1, "release", &d, b.last_seq()), Ok(Took::Spent));
    assert_eq!(b.last_order().spends.as_ref().unwrap().len(), 1);
    assert_eq!(b.judge(2, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.order(2, "release", &d, b.last_seq()), Ok(Took::Nothing));
    assert_eq!(b.last_order().spends, None, "flagged");
    assert_eq!(b.balance("single").issued, 1);
}

#[test]
fn an_officers_release_uses_the_vehicles_reservation() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.order(2, "release", &d, b.last_seq()), Ok(Took::Spent));
    assert_eq!(b.last_order().spends, Some(Vec::new()));
    b.end(2, Outcome::Passed);
    let balance = b.balance("single");
    assert_eq!(
        (balance.issued, balance.passed, balance.reserved.len()),
        (1, 1, 0)
    );
}

#[test]
fn an_officers_inspect_reserves() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.order(1, "inspect", &d, b.last_seq()), Ok(Took::Spent));
    assert_eq!(b.balance("single").reserved.len(), 1);
}

#[test]
fn an_order_is_refused_if_a_control_is_younger_than_the_verdict() {
    let d = single();
    for (act, kind, value, expected) in [
        ("hold", "vehicle", PLATE, Err(Refusal::ControlSince)),
        (
            "inspect",
            "enterprise",
            "4403161234",
            Err(Refusal::ControlSince),
        ),
        ("inspect", "vehicle", OTHER, Ok(Took::Spent)),
        ("inform", "vehicle", PLATE, Ok(Took::Spent)),
    ] {
        let mut b = Bench::new();
        assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
        let seq = b.last_seq();
        b.feed(|f| f.controls = vec![control("c-1", kind, value, act)]);
        assert_eq!(
            b.order(1, "release", &d, seq),
            expected,
            "{act} {kind} {value}"
        );
    }
}

#[test]
fn an_order_is_refused_if_it_answers_another_verdict_or_a_plate_came_since() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    let seq = b.last_seq();
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.order(1, "release", &d, seq), Err(Refusal::Changed));
    let body = OrderBody {
        order: order(1, "release", None),
        accepted: true,
        why: None,
        spends: Some(Vec::new()),
        reserves: None,
        lifts: true,
    };
    let guard = Guard::Order {
        verdict_seq: b.last_seq(),
        plate_since: true,
    };
    assert_eq!(b.commit(1, body.into(), &guard), Err(Refusal::PlateSince));
    assert_eq!(b.ledger.order_answer(&order(1, "release", None).id), None);
}

#[test]
fn a_resumed_passage_spends_nothing_again_and_a_give_back_makes_it_unsettled_again() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    b.end(1, Outcome::Unknown);
    assert_eq!(b.judge(2, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.resume(2, 1), Ok(Took::Spent));
    assert_eq!(b.balance("single").issued, 1);
    assert!(b.balance("single").unsettled.is_empty());
    b.give_back(2);
    b.end(2, Outcome::GivenBack);
    let balance = b.balance("single");
    assert_eq!(
        (balance.issued, balance.unsettled[0].passage.clone()),
        (1, passage(1))
    );
    assert_eq!(b.judge(3, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.resume(3, 1), Ok(Took::Spent));
    b.end(3, Outcome::Passed);
    assert_eq!(
        (b.balance("single").issued, b.balance("single").passed),
        (1, 1)
    );
}

#[test]
fn what_is_not_unsettled_or_another_trucks_is_not_resumed() {
    let (d, other) = (single(), list(3, 100_000));
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    b.end(1, Outcome::Passed);
    assert_eq!(b.judge(2, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.resume(2, 1), Err(Refusal::NotUnsettled));
    assert_eq!(b.release(3, &other), Ok(Took::Spent));
    b.end(3, Outcome::Unknown);
    assert_eq!(b.judge(4, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.resume(4, 3), Err(Refusal::NotUnsettled));
}

#[test]
fn an_order_is_remembered_with_its_answer() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.order(1, "release", &d, b.last_seq()), Ok(Took::Spent));
    let answer = b
        .ledger
        .order_answer(&order(1, "release", None).id)
        .unwrap();
    assert!(answer.accepted);
    assert_eq!(answer.seq, b.last_seq());
}

#[test]
fn orders_remembered_are_bounded_and_the_oldest_go() {
    let mut b = Bench::new();
    for n in 0..=ORDERS_MAX as u32 {
        let body = OrderBody {
            order: order(n, "release", None),
            accepted: false,
            why: Some("passage-over".into()),
            spends: None,
            reserves: None,
            lifts: false,
        };
        b.put(Some(&passage(n)), body.into());
    }
    assert_eq!(b.ledger.orders.len(), ORDERS_MAX);
    let all = b.ledger.order_answers();
    assert_eq!(all.len(), ORDERS_MAX);
    assert!(all.is_sorted_by_key(|(_, answer)| answer.seq));
    assert!(
        b.ledger
            .order_answer(&order(0, "release", None).id)
            .is_none()
    );
    assert!(
        b.ledger
            .order_answer(&order(1, "release", None).id)
            .is_some()
    );
    assert_eq!(
        b.ledger.open_passages().count(),
        0,
        "a refused order opens no passage"
    );
}

fn lane() -> LaneId {
    LaneId::parse("L1").unwrap()
}

fn lane_order(b: &mut Bench, kind: &str, accepted: bool) {
    let id = format!("lo-{}", b.last_seq());
    let text = json!({"id": id, "lane": "L1", "kind": kind, "officer": "o", "reason": "r"});
    let order: LaneOrder = parse_json(&text.to_string()).unwrap();
    let body = LaneOrderBody {
        order,
        accepted,
        why: None,
    };
    let mut draft = draft(None, body.into());
    draft.lane = Some(lane());
    let seq = b.records.len() as u64;
    b.records.push(draft.clone());
    b.ledger.apply(seq, &draft);
}

#[test]
fn an_arm_is_ours_from_a_lift_record_until_it_is_seen_down_or_up_unpaired() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    let ours = |b: &Bench, g| b.ledger.recovery(&lane(), g).ours_up;
    assert!(!ours(&b, Geometry::SideExit));
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert!(ours(&b, Geometry::SideExit));
    b.put(Some(&passage(1)), ArmDownBody { took_ms: None }.into());
    assert!(!ours(&b, Geometry::SideExit));
    assert_eq!(b.judge(2, &d, PLATE, Inspect), Ok(Took::Spent));
    assert!(!ours(&b, Geometry::SideExit));
    assert!(ours(&b, Geometry::BehindBarrier));
    assert!(ours(&b, Geometry::DiverterArm));
    b.put(
        Some(&passage(2)),
        UnpairedLiftBody {
            state: "vacant".into(),
        }
        .into(),
    );
    assert!(!ours(&b, Geometry::BehindBarrier));
    assert_eq!(b.judge(3, &d, PLATE, Hold), Ok(Took::Nothing));
    assert!(!ours(&b, Geometry::BehindBarrier));
    lane_order(&mut b, "keep-up", false);
    assert!(!ours(&b, Geometry::SideExit));
    lane_order(&mut b, "keep-up", true);
    assert!(ours(&b, Geometry::SideExit));
}

#[test]
fn a_close_keep_up_and_maintenance_outlive_a_restart_until_they_are_ended() {
    let mut b = Bench::new();
    for (order, end) in [
        ("close", "open"),
        ("keep-up", "end-keep-up"),
        ("maintenance", "end-maintenance"),
    ] {
        lane_order(&mut b, order, true);
        b.start();
        let r = b.ledger.recovery(&lane(), Geometry::SideExit);
        assert_eq!(r.start, b.ledger.starts());
        assert_eq!(
            [r.closed, r.keep_up, r.maintenance]
                .iter()
                .filter(|set| **set)
                .count(),
            1,
            "{order}"
        );
        lane_order(&mut b, end, false);
        assert_eq!(
            b.ledger.recovery(&lane(), Geometry::SideExit),
            r,
            "a refused order ends nothing"
        );
        lane_order(&mut b, end, true);
        let r = b.ledger.recovery(&lane(), Geometry::SideExit);
        assert!(!r.closed && !r.keep_up && !r.maintenance, "{end}");
    }
}

#[test]
fn a_passage_is_open_from_its_verdict_to_its_outcome() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.ledger.open_on(&lane()), [passage(1)]);
    b.end(1, Outcome::Passed);
    assert!(b.ledger.open_on(&lane()).is_empty());
    b.end(2, Outcome::LeftBeforeVerdict);
    assert!(b.ledger.open_on(&lane()).is_empty());
}

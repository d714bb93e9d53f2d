//! What a control may be about: everything read of a truck and everything its
//! documents name, whether facts are gathered or a verdict is committed. And
//! what is forgotten in the end.

use super::*;
use crate::lane::Geometry;
use VerdictKind::{Hold, Inspect, Release};

/// Declares something of every kind a control can name.
fn full() -> Declaration {
    let text = json!({"id": "full", "form": "rmft", "version": 1, "status": "released",
        "direction": "export", "port": "5345", "enterprise": "4403161234", "class": "advanced",
        "vehicles": [{"plates": [PLATE, "AB1234"], "tare_kg": 8600}],
        "trailers": [{"plate": "粤B1234挂", "tare_kg": 5200}], "driver": {"card": "4403000123"},
        "load": "container", "goods_gross_kg": 1000,
        "containers": [{"no": "CSQU3054383", "tare_kg": 3750, "seals": ["8000620011"]}],
        "seals": ["8000620012"],
        "valid_from": "2026-11-24T00:00:00+08:00", "valid_until": "2026-11-25T00:00:00+08:00",
        "binding": {"kind": "single"}});
    parse_json(&text.to_string()).unwrap()
}

const DECLARED: [(&str, &str); 9] = [
    ("vehicle", PLATE),
    ("vehicle", "AB1234"),
    ("vehicle", "粤B1234挂"),
    ("declaration", "full"),
    ("enterprise", "4403161234"),
    ("driver", "4403000123"),
    ("container", "CSQU3054383"),
    ("seal", "8000620011"),
    ("seal", "8000620012"),
];

const READ: [(&str, &str); 4] = [
    ("vehicle", OTHER),
    ("seal", "8000990017"),
    ("container", "MSKU6011672"),
    ("driver", "4403999999"),
];

fn asked() -> Query {
    Query {
        plates: vec![OTHER.into()],
        seals: vec!["8000990017".into()],
        containers: vec!["msku 601167-2".into()],
        tags: Vec::new(),
        driver_card: Some(" 4403999999 ".into()),
    }
}

#[test]
fn facts_carry_a_control_on_anything_read_or_declared() {
    let d = full();
    let on = |kind: &str, value: &str| {
        let mut b = Bench::new();
        b.feed(|f| {
            f.controls = vec![control("c-1", kind, value, "hold")];
            f.declarations = vec![mark(&d)];
        });
        let facts = b.ledger.facts(vec![d.clone()], StoreState::Ok, &asked());
        facts.controls.len()
    };
    for (kind, value) in DECLARED.iter().chain(&READ) {
        assert_eq!(on(kind, value), 1, "{kind} {value}");
    }
    for (kind, value) in [("driver", "1"), ("seal", "9"), ("container", "TOLU4734787")] {
        assert_eq!(on(kind, value), 0, "{kind} {value}");
    }
}

#[test]
fn a_verdict_is_refused_for_a_newer_control_on_anything_read_or_declared() {
    let d = full();
    let commit = |kind: &str, value: &str| {
        let mut b = Bench::new();
        b.sends(&[&d]);
        let mut body = b.verdict(1, &d, PLATE, Release);
        let case = json!({"seals": [{"id": "8000990017", "state": "sealed"}],
            "containers": [{"no": "MSKU6011672"}]});
        body.case.seals = serde_json::from_value(case["seals"].clone()).unwrap();
        body.case.containers = serde_json::from_value(case["containers"].clone()).unwrap();
        body.case.driver_card = Some("4403999999".into());
        let mut read = body.case.plates[0].clone();
        read.text = OTHER.into();
        body.case.plates.push(read);
        b.feed(|f| f.controls = vec![control("c-1", kind, value, "inform")]);
        b.commit(1, body.into(), &Guard::Verdict)
    };
    for (kind, value) in DECLARED.iter().chain(&READ) {
        assert_eq!(commit(kind, value), Err(Refusal::Changed), "{kind} {value}");
    }
    assert_eq!(commit("driver", "1"), Ok(Took::Spent));
}

/// Of two reservations each vehicle uses its own.
#[test]
fn a_vehicle_uses_its_own_reservation_and_leaves_the_others() {
    let d = list(9, 100_000);
    for (vehicle, left) in [(PLATE, OTHER), (OTHER, PLATE)] {
        let mut b = Bench::new();
        assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
        assert_eq!(b.judge(2, &d, OTHER, Inspect), Ok(Took::Spent));
        assert_eq!(b.judge(3, &d, vehicle, Release), Ok(Took::Spent));
        let kept = b.balance("list").reserved;
        let kept: Vec<_> = kept.iter().map(|r| r.vehicle.as_str()).collect();
        assert_eq!(kept, [left]);
        b.give_back(3);
        assert_eq!(b.balance("list").reserved.len(), 2);
    }
}

/// The record a ledger stands at is the last one folded in.
#[test]
fn a_ledger_knows_its_last_record() {
    let mut b = Bench::new();
    assert_eq!(Ledger::default().seq(), None);
    assert_eq!(b.ledger.seq(), Some(b.last_seq()));
    b.feed(|_| {});
    assert_eq!(b.ledger.seq(), Some(b.last_seq()));
    assert_eq!(b.last_seq(), 2);
}

/// An order lifts if it was obeyed and says so.
#[test]
fn an_officers_order_makes_the_arm_ours_only_if_it_lifts() {
    for (kind, accepted, lifts, ours) in [
        ("release", true, true, true),
        ("release", false, true, false),
        ("inspect", true, false, false),
        ("inspect", true, true, true),
        ("return", true, true, false),
    ] {
        let mut b = Bench::new();
        let text = json!({"id": "o-1", "passage": passage(1), "kind": kind, "officer": "o",
            "reason": "seen"});
        let body = OrderBody {
            order: parse_json(&text.to_string()).unwrap(),
            accepted,
            why: None,
            spends: None,
            reserves: None,
            lifts,
        };
        b.put(Some(&passage(1)), body.into());
        let lane = LaneId::parse("L1").unwrap();
        let recovery = b.ledger.recovery(&lane, Geometry::SideExit);
        assert_eq!(recovery.ours_up, ours, "{kind} {accepted} {lifts}");
    }
}

/// A convoy is forgotten once the last window of its trucks is purged, and no
/// other one with it.
#[test]
fn a_convoy_is_forgotten_after_its_window_and_not_before() {
    let convoy = |id: &str, until: &str| {
        let mut d = declaration(id, &[PLATE], &json!({"kind": "single"}));
        d.convoy = Some(crate::model::ConvoyRef {
            no: id.into(),
            members: 2,
        });
        d.valid_until = wall(until);
        d
    };
    let first = convoy("first", "2026-11-25T00:00:00+08:00");
    let second = convoy("second", "2026-11-28T00:00:00+08:00");
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &first, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.judge(2, &second, PLATE, Hold), Ok(Took::Nothing));
    let come = |b: &Bench| {
        let of = |d| b.facts(d).convoy.unwrap().arrived.len();
        [of(&first), of(&second)]
    };
    assert_eq!(come(&b), [1, 1]);
    let later = |b: &mut Bench, seq: u64, at: &str| {
        let mut body = batch(seq);
        body.sent_at = wall(at);
        b.put_at(wall(at), None, body.into());
    };
    later(&mut b, 7, "2026-11-25T23:00:00+08:00");
    assert_eq!(come(&b), [1, 1]);
    later(&mut b, 8, "2026-11-27T00:00:00+08:00");
    assert_eq!(come(&b), [0, 1]);
    later(&mut b, 9, "2026-12-02T00:00:00+08:00");
    assert_eq!(come(&b), [0, 0]);
}

/// Judging by hand: what files say stands in the ledger, without a feed.
#[test]
fn a_ledger_of_files_holds_what_they_say() {
    let d = list(9, 100_000);
    let enterprise: crate::model::Enterprise =
        parse_json(r#"{"id":"4403161234","version":1,"class":"advanced","state":"normal"}"#)
            .unwrap();
    let held: Balance = parse_json(
        r#"{"issued":2,"passed":1,"goods_kg_issued":2000,"vehicles":["粤ZAB12港"],
            "unsettled":[{"vehicle":"粤ZAB12港","passage":"L1-1-9"}]}"#,
    )
    .unwrap();
    let on = control("c-1", "vehicle", PLATE, "hold");
    let ledger = Ledger::given(
        std::slice::from_ref(&on),
        std::slice::from_ref(&enterprise),
        &[(d.id.clone(), held.clone())].into(),
    );
    let facts = ledger.facts(vec![d.clone()], StoreState::Ok, &query(&[PLATE]));
    assert_eq!(facts.controls, [on]);
    assert_eq!(facts.enterprises, [enterprise]);
    assert_eq!(facts.candidates, std::slice::from_ref(&d));
    assert_eq!(facts.ledger.get(&d.id), Some(&held));
    assert_eq!(ledger.position(), None);
}

/// A control on any plate of the vehicle that was let go is late, be it one
/// that was not read; one on another vehicle of its document is not.
#[test]
fn a_control_on_an_unread_plate_of_the_truck_that_went_is_late() {
    let mut d = list(9, 100_000);
    let second = crate::model::Plate::parse("AB1234").unwrap();
    d.vehicles[0].plates.push(second);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Release), Ok(Took::Spent));
    let late = |value: &str| {
        let mut body = batch(9);
        body.controls = vec![control("c-9", "vehicle", value, "hold")];
        b.ledger.late(&body).len()
    };
    assert_eq!((late("AB1234"), late(PLATE), late(OTHER)), (1, 1, 0));
}

/// What is not there takes no room in a snapshot, and what is comes back.
#[test]
fn a_snapshot_of_the_ledger_leaves_out_what_is_not_there_and_nothing_else() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Release), Ok(Took::Spent));
    let text = |b: &Bench| serde_json::to_string(&b.ledger).unwrap();
    for key in [
        "\"returned\"",
        "\"selected\"",
        "\"sampling\"",
        "\"draw_key\"",
    ] {
        assert!(!text(&b).contains(key), "{key}");
    }
    b.give_back(1);
    let read: Ledger = serde_json::from_str(&text(&b)).unwrap();
    let draws = |ledger: &Ledger| {
        let facts = ledger.facts(vec![d.clone()], StoreState::Ok, &query(&[PLATE]));
        let today = crate::clearance::DrawDay {
            day: "2026-11-24".parse().unwrap(),
            key: Some(crate::clearance::DayKey::new([7; 32])),
        };
        let draws = ledger.draws(&facts, Some(&today));
        draws.of(&d.id).unwrap().next.clone()
    };
    let read = read.reindexed();
    assert_eq!(draws(&read), draws(&b.ledger));
    assert_eq!(draws(&read).unwrap().trip, 2, "a trip is drawn for once");
}

/// All that was taken, by declaration; passages that have no outcome.
#[test]
fn every_balance_and_every_open_passage_is_told() {
    let (d, other) = (list(9, 100_000), single());
    let mut b = Bench::new();
    assert_eq!(b.ledger.balances().count(), 0);
    let controller = b.facts(&d).controller;
    assert_eq!(controller, Some(ControllerId::parse("SZB-X").unwrap()));
    assert_eq!(b.judge(1, &d, PLATE, Release), Ok(Took::Spent));
    assert_eq!(b.judge(2, &other, PLATE, Release), Ok(Took::Spent));
    b.end(1, Outcome::Passed);
    let mut all: Vec<_> = b.ledger.balances().collect();
    all.sort_by_key(|(id, _)| id.to_string());
    let told: Vec<_> = all
        .iter()
        .map(|(id, balance)| (id.as_str(), balance.issued, balance.passed))
        .collect();
    assert_eq!(told, [("list", 1, 1), ("single", 1, 0)]);
    let lane = LaneId::parse("L1").unwrap();
    let open: Vec<_> = b.ledger.open_passages().collect();
    assert_eq!(open, [(&passage(2), Some(&lane))]);
    assert_eq!(b.ledger.open_on(&lane), [passage(2)]);
    assert!(b.ledger.open_on(&LaneId::parse("L2").unwrap()).is_empty());
}

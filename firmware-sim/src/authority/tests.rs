use super::*;
use sha2::{Digest as _, Sha256};

const START_MS: i64 = 1_795_478_403_000; // 2026-11-24T08:00:03+08:00

fn declaration(id: &str, version: u64) -> Value {
    json!({"declaration": {"id": id, "version": version, "binding": {"kind": "single"}}})
}

fn control(id: &str, withdrawn: bool) -> Value {
    json!({"control": {"id": id, "version": 1, "act": "inspect", "withdrawn": withdrawn}})
}

fn authority(items: Vec<Value>) -> Authority {
    let options = AuthorityOptions {
        controller: "SZB".to_owned(),
        epoch: 7,
        start_wall_ms: START_MS,
    };
    Authority::new(options, items)
}

/// Says `value` to the authority and returns what it sends.
fn say(a: &mut Authority, at: Us, tail: &str, value: &Value) -> Vec<(String, Value)> {
    a.message(
        at,
        &format!("lanegate/SZB/{tail}"),
        value.to_string().as_bytes(),
    );
    sent(a)
}

fn sent(a: &mut Authority) -> Vec<(String, Value)> {
    std::iter::from_fn(|| a.take_output())
        .map(|m| {
            let tail = m.topic.strip_prefix("lanegate/SZB/").unwrap().to_owned();
            (tail, serde_json::from_slice(&m.payload).unwrap())
        })
        .collect()
}

/// Writes records as a controller does.
struct Controller {
    genesis: &'static str,
    seq: u64,
    prev: String,
}

impl Controller {
    fn new(genesis: &'static str) -> Self {
        Self {
            genesis,
            seq: 0,
            prev: "0".repeat(64),
        }
    }

    fn hello(&self, seq: u64) -> Value {
        json!({"controller": "SZB", "genesis": self.genesis, "seq": seq})
    }

    fn record(&mut self, kind: &str, passage: Option<&str>, body: Value) -> Value {
        let record = json!({
            "controller": "SZB", "genesis": self.genesis, "seq": self.seq, "prev": self.prev,
            "lane": "SZB-X-01", "passage": passage, "kind": kind,
            "at": "2026-11-24T08:00:04.000+08:00", "body": body,
        });
        self.seq += 1;
        self.prev = Sha256::digest(record.to_string())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        record
    }

    fn verdict(&mut self, passage: &str, verdict: &str, codes: &[&str]) -> Value {
        let reasons: Vec<Value> = codes.iter().map(|c| json!({"code": c})).collect();
        let declarations = match verdict {
            "hold" => json!([]),
            _ => json!([{"id": "D1", "version": 1, "match": "exact", "vehicle": "粤ZAB12港",
                "spend": {"trips": 1, "goods_kg": 18450}}]),
        };
        let body = json!({"case": {}, "verdict": {"passage": passage, "verdict": verdict,
            "declarations": declarations, "reasons": reasons}});
        self.record("verdict", Some(passage), body)
    }

    fn outcome(&mut self, passage: &str, how: &str) -> Value {
        self.record("outcome", Some(passage), json!({"how": how}))
    }
}

fn acks(messages: &[(String, Value)]) -> Vec<&Value> {
    let acks = messages.iter().filter(|(tail, _)| tail == "records/ack");
    acks.map(|(_, v)| v).collect()
}

#[test]
fn a_controller_that_has_nothing_gets_a_snapshot_with_the_hash_of_its_items() {
    let mut a = authority(vec![declaration("D1", 1)]);
    let out = say(&mut a, 0, "feed/request", &json!({"epoch": 0, "have": 0}));
    // Oracle: Python's json.dumps and hashlib.
    let hash = "80bc0ac788d3ad8b76443df7d3a9fb0fea760387298e7dc462b6720d8ef9ccf9";
    let expected = json!({"epoch": 7, "snapshot": 1, "part": 1, "parts": 1,
        "items": [declaration("D1", 1)], "sha256": hash});
    assert_eq!(out, [("feed".to_owned(), expected)]);
}

#[test]
fn a_snapshot_names_the_newest_versions_in_parts_and_no_withdrawn_control() {
    let filler = "x".repeat(200);
    let mut items: Vec<Value> = (0..3000)
        .map(
            |n| json!({"declaration": {"id": format!("D{n}"), "version": 1, "ext": {"f": filler}}}),
        )
        .collect();
    items.push(control("c-1", false));
    let mut a = authority(items);
    a.publish(1000, vec![declaration("D5", 2), control("c-1", true)]);
    sent(&mut a);
    let out = say(
        &mut a,
        2000,
        "feed/request",
        &json!({"epoch": 6, "have": 2}),
    );
    assert!(out.len() > 1, "one part would not test parts");
    let mut seen = Vec::new();
    for (n, (_, part)) in out.iter().enumerate() {
        assert_eq!(part["part"], n + 1);
        assert_eq!(part["parts"], out.len());
        assert_eq!(part["snapshot"], 2);
        assert!(part.to_string().len() < 1024 * 1024);
        seen.extend(part["items"].as_array().unwrap().clone());
    }
    assert_eq!(seen.len(), 3000);
    assert_eq!(seen[5], declaration("D5", 2));
}

#[test]
fn missing_batches_are_sent_again_in_order_and_a_controller_up_to_date_gets_a_heartbeat() {
    let mut a = authority(vec![]);
    for n in 0..3 {
        a.publish(n, vec![control(&format!("c-{n}"), false)]);
    }
    let live = sent(&mut a);
    let again = say(
        &mut a,
        9_000,
        "feed/request",
        &json!({"epoch": 7, "have": 2}),
    );
    let seqs: Vec<&Value> = again.iter().map(|(_, v)| &v["seq"]).collect();
    assert_eq!(seqs, [3, 4]);
    assert_eq!(again[0].1["items"], live[1].1["items"]);
    assert_eq!(again[0].1["sha256"], live[1].1["sha256"]);

    let beat = say(
        &mut a,
        9_000,
        "feed/request",
        &json!({"epoch": 7, "have": 4}),
    );
    assert_eq!(beat.len(), 1);
    assert_eq!(beat[0].1["items"], json!([]));
    assert_eq!(beat[0].1["seq"], 4);
    assert!(a.faults().is_empty());
}

#[test]
fn heartbeats_come_every_five_seconds_with_the_current_sequence_and_time() {
    let mut a = authority(vec![]);
    a.publish(1, vec![control("c-1", false)]);
    sent(&mut a);
    assert_eq!(a.next_event(), Some(5_000_000));
    a.advance(10_000_000);
    let out = sent(&mut a);
    let beats: Vec<(&Value, &Value)> = out
        .iter()
        .map(|(_, v)| (&v["seq"], &v["sent_at"]))
        .collect();
    let at = [
        json!("2026-11-24T08:00:08+08:00"),
        json!("2026-11-24T08:00:13+08:00"),
    ];
    assert_eq!(beats, [(&json!(2), &at[0]), (&json!(2), &at[1])]);
    assert_eq!(a.next_event(), Some(15_000_000));
}

#[test]
fn a_position_that_was_never_sent_is_a_fault() {
    let mut a = authority(vec![]);
    say(&mut a, 0, "feed/request", &json!({"epoch": 7, "have": 5}));
    let answer = json!({"epoch": 7, "seq": 9, "applied": true, "unusable": []});
    say(&mut a, 0, "feed/answer", &answer);
    assert_eq!(a.faults().len(), 2);
    assert_eq!(a.feed_position(), (1, None));
    say(
        &mut a,
        0,
        "feed/answer",
        &json!({"epoch": 7, "seq": 1, "applied": true,
        "unusable": [{"path": "items[0]", "why": "x"}]}),
    );
    assert_eq!(a.feed_position(), (1, Some(1)));
    assert_eq!(a.unusable().len(), 1);
}

#[test]
fn records_are_kept_once_and_acknowledged_up_to_the_last() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    let out = say(&mut a, 0, "hello", &c.hello(2));
    assert_eq!(acks(&out), [&json!({"genesis": "g1", "through": null})]);
    let records = [
        c.record("genesis", None, json!({})),
        c.record("start", None, json!({})),
        c.verdict("p-1", "release", &[]),
    ];
    for r in &records {
        say(&mut a, 1, "records", r);
    }
    let out = say(&mut a, 1, "records", &records[1]);
    assert_eq!(acks(&out), [&json!({"through": 2, "refused": []})]);
    assert_eq!(a.records(), records);
    let out = say(&mut a, 2, "hello", &c.hello(2));
    assert_eq!(
        out,
        [(
            "records/ack".to_owned(),
            json!({"genesis": "g1", "through": 2})
        )]
    );
    assert!(a.faults().is_empty(), "{:?}", a.faults());
}

#[test]
fn a_gap_is_a_fault_and_is_not_acknowledged() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(2));
    let first = c.record("genesis", None, json!({}));
    let skipped = c.record("start", None, json!({}));
    let third = c.record("stop", None, json!({}));
    say(&mut a, 0, "records", &first);
    let out = say(&mut a, 0, "records", &third);
    assert_eq!(acks(&out), [&json!({"through": 0, "refused": []})]);
    assert_eq!(a.faults(), ["record 2: gap: 1 is missing"]);
    say(&mut a, 0, "records", &skipped);
    say(&mut a, 0, "records", &third);
    assert_eq!(a.records().len(), 3);
}

#[test]
fn a_record_that_does_not_chain_is_refused_with_its_sequence_but_advances() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(1));
    say(&mut a, 0, "records", &c.record("genesis", None, json!({})));
    c.prev = "f".repeat(64);
    let out = say(&mut a, 0, "records", &c.record("start", None, json!({})));
    let why = "prev is not the hash of the record before";
    let ack = json!({"through": 1, "refused": [{"seq": 1, "why": why}]});
    assert_eq!(acks(&out), [&ack]);
    assert_eq!(a.faults(), [format!("record 1: {why}")]);
}

#[test]
fn the_same_sequence_with_other_content_is_a_fault_and_the_first_is_kept() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(0));
    let first = c.record("genesis", None, json!({"nonce": "a"}));
    let mut other = first.clone();
    other["body"]["nonce"] = json!("b");
    say(&mut a, 0, "records", &first);
    say(&mut a, 0, "records", &other);
    assert_eq!(a.records(), [first]);
    assert_eq!(a.faults(), ["record 0: other content under a held seq"]);
}

#[test]
fn a_replaced_disk_is_told_what_was_held_and_gets_the_ledger() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(3));
    say(&mut a, 0, "records", &c.record("genesis", None, json!({})));
    say(&mut a, 0, "records", &c.verdict("p-1", "release", &[]));
    say(&mut a, 0, "records", &c.outcome("p-1", "passed"));
    let mut fresh = Controller::new("g2");
    // Twice: a hello without records does not hide what is held.
    for _ in 0..2 {
        let out = say(&mut a, 1, "hello", &fresh.hello(1));
        assert_eq!(out[0].1, json!({"genesis": "g1", "through": 2}));
        assert_eq!(out[1].0, "reconcile");
        assert_eq!(
            out[1].1,
            json!({"genesis": "g1", "through": 2, "ledger": [{"declaration": "D1", "issued": 1,
                "passed": 1, "goods_kg_issued": 18450, "vehicles": [], "reserved": [],
                "unsettled": []}]})
        );
    }
    say(
        &mut a,
        2,
        "records",
        &fresh.record("genesis", None, json!({})),
    );
    let out = say(&mut a, 3, "hello", &fresh.hello(1));
    assert_eq!(
        out,
        [(
            "records/ack".to_owned(),
            json!({"genesis": "g2", "through": 0})
        )]
    );
    assert_eq!(a.records().len(), 4);
    assert!(a.faults().is_empty(), "{:?}", a.faults());
}

#[test]
fn a_journal_that_lost_its_tail_is_reconciled_and_keeps_both_tails() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(0));
    say(&mut a, 0, "records", &c.record("genesis", None, json!({})));
    let (seq, prev) = (c.seq, c.prev.clone());
    let start = |n: u64| json!({"start": n});
    say(&mut a, 0, "records", &c.record("start", None, start(1)));
    say(&mut a, 0, "records", &c.record("stop", None, json!({})));
    (c.seq, c.prev) = (seq, prev);
    // Written before the line was up, under a number that is held.
    let beside = c.record("start", None, start(2));
    let out = say(&mut a, 1, "hello", &c.hello(1));
    assert_eq!(out[1].0, "reconcile");
    assert_eq!(out[1].1["through"], 2);
    assert_eq!(a.lost_tails(), 1);
    for _ in 0..2 {
        let out = say(&mut a, 2, "records", &beside);
        assert_eq!(acks(&out), [&json!({"through": 2, "refused": []})]);
    }
    c.seq = 3;
    let body = json!({"genesis": "g1", "through": 2, "ledger": []});
    let out = say(&mut a, 3, "records", &c.record("reconciled", None, body));
    assert_eq!(acks(&out), [&json!({"through": 3, "refused": []})]);
    assert_eq!(a.records().len(), 5);
    assert!(a.faults().is_empty(), "{:?}", a.faults());
}

#[test]
fn a_checkpoint_of_another_head_is_a_fault() {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(0));
    say(&mut a, 0, "records", &c.record("genesis", None, json!({})));
    let right = json!({"seq": 0, "sha256": c.prev, "signature": "00"});
    say(&mut a, 0, "records", &c.record("checkpoint", None, right));
    assert!(a.faults().is_empty(), "{:?}", a.faults());
    let wrong = json!({"seq": 1, "sha256": "0".repeat(64), "signature": "00"});
    say(&mut a, 0, "records", &c.record("checkpoint", None, wrong));
    assert_eq!(a.faults().len(), 1, "{:?}", a.faults());
}

/// An authority that has heard of a hold, with its controller and question.
fn held(codes: &[&str]) -> (Authority, Controller, Question) {
    let mut a = authority(vec![]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(0));
    say(&mut a, 0, "records", &c.record("genesis", None, json!({})));
    say(&mut a, 1_000, "records", &c.verdict("p-1", "hold", codes));
    let q = a.take_question().expect("a hold is a question");
    (a, c, q)
}

#[test]
fn a_hold_becomes_a_question_and_its_answer_an_order_that_expires() {
    let (mut a, _, q) = held(&["plate.unread", "seal.stale"]);
    let expected = Question {
        at: 1_000,
        lane: "SZB-X-01".to_owned(),
        passage: "p-1".to_owned(),
        verdict_seq: 1,
        codes: vec!["plate.unread".to_owned(), "seal.stale".to_owned()],
    };
    assert_eq!(q, expected);
    let plates = vec!["粤ZAB12港".to_owned()];
    assert!(a.answer(2_000_000, &q, Answer::Supply { plates }));
    let out = sent(&mut a);
    let order = json!({"id": "o-1", "passage": "p-1", "verdict_seq": 1, "kind": "supply",
        "officer": "p-4", "reason": "seen at the lane",
        "supply": {"plates": ["粤ZAB12港"], "containers": [], "driver_card": null},
        "stops": [], "resumes": null, "expires": "2026-11-24T08:01:05+08:00"});
    assert_eq!(out, [("orders".to_owned(), order)]);
}

#[test]
fn an_answer_to_a_hold_that_no_longer_stands_is_not_sent() {
    let (mut a, mut c, q) = held(&["plate.unread"]);
    say(
        &mut a,
        2_000,
        "records",
        &c.verdict("p-1", "hold", &["clock.unknown"]),
    );
    assert!(!a.answer(3_000, &q, Answer::Release));
    let newer = a.take_question().unwrap();
    assert_eq!(newer.verdict_seq, 2);
    assert!(a.stands(&newer));
    say(&mut a, 4_000, "records", &c.outcome("p-1", "left"));
    assert!(!a.answer(5_000, &newer, Answer::Release));
    assert!(sent(&mut a).is_empty());
}

#[test]
fn a_settled_hold_is_not_asked_about_any_more() {
    let (mut a, mut c, _) = held(&["plate.unread"]);
    say(
        &mut a,
        2_000,
        "records",
        &c.verdict("p-2", "hold", &["clock.unknown"]),
    );
    say(&mut a, 3_000, "records", &c.verdict("p-2", "release", &[]));
    assert_eq!(a.take_question(), None);
}

#[test]
fn a_refused_order_is_asked_again_at_most_twice_more() {
    let (mut a, _, mut q) = held(&["plate.unread"]);
    for n in 1..=3 {
        assert!(a.answer(10, &q, Answer::Release));
        sent(&mut a);
        let answer = json!({"id": format!("o-{n}"), "accepted": false, "why": "control-since"});
        say(&mut a, 20, "orders/answer", &answer);
        // The same answer twice is one answer.
        say(&mut a, 20, "orders/answer", &answer);
        match a.take_question() {
            Some(again) if n < 3 => q = again,
            other => assert_eq!((n, other), (3, None)),
        }
    }
    assert!(a.faults().is_empty(), "{:?}", a.faults());
    assert_eq!(a.order_answers()["o-3"]["why"], "control-since");
}

#[test]
fn an_order_nobody_answers_is_asked_again_when_it_expires() {
    let (mut a, _, q) = held(&["plate.unread"]);
    a.advance(60_000_000);
    assert!(a.answer(60_000_000, &q, Answer::Inspect));
    let mut at = 0;
    while a.take_question().is_none() {
        at = a.next_event().unwrap();
        assert!(at <= 120_000_000, "the question never came again");
        a.advance(at);
    }
    assert_eq!(at, 120_000_000);
}

#[test]
fn an_answer_to_an_order_that_was_never_sent_is_a_fault_and_so_are_two_answers() {
    let (mut a, _, q) = held(&["plate.unread"]);
    a.answer(0, &q, Answer::Return);
    sent(&mut a);
    say(
        &mut a,
        0,
        "orders/answer",
        &json!({"id": "o-9", "accepted": true}),
    );
    say(
        &mut a,
        0,
        "orders/answer",
        &json!({"id": "o-1", "accepted": true}),
    );
    say(
        &mut a,
        0,
        "orders/answer",
        &json!({"id": "o-1", "accepted": false, "why": "late"}),
    );
    let faults = [
        "orders/answer: order o-9 was never sent",
        "orders/answer: order o-1: two answers",
    ];
    assert_eq!(a.faults(), faults);
}

#[test]
fn a_lane_order_carries_the_words_of_the_lane_command() {
    let mut a = authority(vec![]);
    a.lane_order(0, "SZB-X-01", "reset", "fault seen");
    a.lane_order(0, "SZB-X-01", "move up", "test");
    let out = sent(&mut a);
    assert_eq!(out[0].1["kind"], "reset");
    assert_eq!(out[0].1["lane"], "SZB-X-01");
    assert_eq!(out[0].1["id"], "o-1");
    assert_eq!(out[1].1["kind"], json!("move up"));
}

#[test]
fn lane_states_are_handed_on_and_garbage_is_a_fault() {
    let mut a = authority(vec![]);
    say(&mut a, 0, "lanes/SZB-X-02", &json!({"state": "faulted"}));
    say(&mut a, 0, "state", &json!({"state": "offline"}));
    a.message(0, "lanegate/SZB/records", b"{");
    a.message(0, "lanegate/SZB/lanes/SZB-X-02", b"");
    a.message(0, "lanegate/OTHER/records", b"{");
    a.message(0, "lanegate/SZB/feed", b"{}");
    let state = Some(("SZB-X-02".to_owned(), json!({"state": "faulted"})));
    assert_eq!(a.take_lane_state(), state);
    assert_eq!(a.take_lane_state(), None);
    assert_eq!(a.last_state(), Some(&json!({"state": "offline"})));
    assert_eq!(a.faults(), ["records: not a JSON object"]);
}

/// Plays `records` (made by a controller) and returns the one ledger entry.
fn balance(play: impl Fn(&mut Controller) -> Vec<Value>) -> Value {
    let mut a = authority(vec![json!({"declaration": {"id": "D1", "version": 1,
        "binding": {"kind": "shared"}}})]);
    let mut c = Controller::new("g1");
    say(&mut a, 0, "hello", &c.hello(0));
    for r in play(&mut c) {
        say(&mut a, 0, "records", &r);
    }
    assert!(a.faults().is_empty(), "{:?}", a.faults());
    let mut entries = a.ledger();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn summary(b: &Value) -> (u64, u64, u64, usize, usize, usize) {
    let n = |k: &str| b[k].as_u64().unwrap();
    let len = |k: &str| b[k].as_array().unwrap().len();
    let kg = n("goods_kg_issued");
    (
        n("issued"),
        n("passed"),
        kg,
        len("vehicles"),
        len("reserved"),
        len("unsettled"),
    )
}

#[test]
fn a_given_back_spend_is_free_again_whatever_the_order_of_the_two_records() {
    let give_back = |c: &mut Controller| c.record("give-back", Some("p-1"), json!({"why": "x"}));
    let before = balance(|c| {
        vec![
            c.verdict("p-1", "release", &[]),
            give_back(c),
            c.outcome("p-1", "given-back"),
        ]
    });
    let after = balance(|c| {
        vec![
            c.verdict("p-1", "release", &[]),
            c.outcome("p-1", "given-back"),
            give_back(c),
        ]
    });
    assert_eq!(summary(&before), (0, 0, 0, 0, 0, 0));
    assert_eq!(summary(&after), (0, 0, 0, 0, 0, 0));
}

#[test]
fn a_passage_nobody_saw_end_is_unsettled_until_it_is_resumed() {
    let unseen = |c: &mut Controller| {
        vec![
            c.verdict("p-1", "release", &[]),
            c.outcome("p-1", "not-seen-passing"),
        ]
    };
    let b = balance(unseen);
    assert_eq!(summary(&b), (1, 0, 18450, 1, 0, 1));
    assert_eq!(
        b["unsettled"][0],
        json!({"vehicle": "粤ZAB12港", "passage": "p-1"})
    );
    let resumed = |c: &mut Controller| {
        let mut records = unseen(c);
        records.push(c.record(
            "resumed",
            Some("p-2"),
            json!({"resumes": "p-1", "order": "o-1"}),
        ));
        records
    };
    let passed = balance(|c| {
        let mut records = resumed(c);
        records.push(c.outcome("p-2", "passed"));
        records
    });
    assert_eq!(summary(&passed), (1, 1, 18450, 1, 0, 0));
    let given_back = balance(|c| {
        let mut records = resumed(c);
        records.push(c.record("give-back", Some("p-2"), json!({"why": "x"})));
        records
    });
    assert_eq!(summary(&given_back), (1, 0, 18450, 1, 0, 1));
    assert_eq!(given_back["unsettled"][0]["passage"], "p-1");
}

#[test]
fn an_inspected_truck_keeps_its_trip_until_a_finding_settles_it_once() {
    let inspected = |c: &mut Controller| {
        vec![
            c.verdict("p-1", "inspect", &["weight.whole-truck-over"]),
            c.outcome("p-1", "to-bay"),
        ]
    };
    let b = balance(inspected);
    assert_eq!(summary(&b), (1, 0, 18450, 1, 1, 0));
    let settled = |then: &'static str| {
        balance(move |c| {
            let finding = json!({"id": "f-1", "version": 1, "passage": "p-1",
                "declaration": "D1", "then": then});
            let mut records = inspected(c);
            records.push(c.record("feed", None, json!({"findings": [finding]})));
            records.push(c.record("finding", Some("p-1"), finding));
            records
        })
    };
    assert_eq!(summary(&settled("released-at-bay")), (1, 1, 18450, 1, 0, 0));
    assert_eq!(summary(&settled("refused")), (0, 0, 0, 0, 0, 0));
    assert_eq!(summary(&settled("detained")), (1, 0, 18450, 1, 0, 0));
    assert_eq!(summary(&settled("back-to-lane")), (1, 0, 18450, 1, 1, 0));
}

#[test]
fn a_truck_back_from_the_bay_uses_its_reservation_and_an_order_spends_only_what_it_says() {
    let back = balance(|c| {
        let mut records = vec![c.verdict("p-1", "inspect", &[]), c.outcome("p-1", "to-bay")];
        let mut release = c.verdict("p-2", "release", &[]);
        release["body"]["verdict"]["declarations"][0]["spend"] = Value::Null;
        c.prev = Sha256::digest(release.to_string())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        records.push(release);
        records.push(c.outcome("p-2", "passed"));
        records
    });
    assert_eq!(summary(&back), (1, 1, 18450, 1, 0, 0));
    let ordered = balance(|c| {
        let spend = json!([{"declaration": "D1", "vehicle": "粤ZAB12港",
            "spend": {"trips": 1, "goods_kg": 7}}]);
        let refused = json!({"order": {}, "accepted": false, "spends": spend});
        let accepted = json!({"order": {}, "accepted": true, "spends": spend, "reserves": null});
        vec![
            c.record("order", Some("p-1"), refused),
            c.record("order", Some("p-1"), accepted),
        ]
    });
    assert_eq!(summary(&ordered), (1, 0, 7, 1, 0, 0));
}

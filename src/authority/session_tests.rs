use super::*;
use serde_json::json;

const GENESIS: &str = "aa";

fn session(acked: u64, head: u64) -> Session {
    Session::new("szb-1", GENESIS, None, acked, head)
}

fn asks(s: &mut Session) -> Vec<Ask> {
    std::iter::from_fn(|| s.poll_ask()).collect()
}

/// Topics and payloads published, in order.
fn published(asks: &[Ask]) -> Vec<(String, Value)> {
    let of = |ask: &Ask| match ask {
        Ask::Publish { topic, payload, .. } => {
            let tail = topic.strip_prefix("lanegate/szb-1/").unwrap().to_owned();
            Some((tail, serde_json::from_str(payload).unwrap()))
        }
        Ask::Apply(_)
        | Ask::Current { .. }
        | Ask::Read { .. }
        | Ask::Acknowledged(_)
        | Ask::Blocked(_)
        | Ask::Reconcile(_)
        | Ask::Order(_)
        | Ask::LaneOrder(_)
        | Ask::Odd { .. } => None,
    };
    asks.iter().filter_map(of).collect()
}

fn say(s: &mut Session, tail: &str, payload: &Value) -> Vec<Ask> {
    let topic = format!("lanegate/szb-1/{tail}");
    s.message(&topic, payload.to_string().as_bytes(), false);
    asks(s)
}

fn greet(s: &mut Session, through: Option<u64>) -> Vec<Ask> {
    s.connected();
    asks(s);
    say(
        s,
        "records/ack",
        &json!({"genesis": GENESIS, "through": through}),
    )
}

fn heartbeat(seq: u64) -> Value {
    let sha256 = lanegate_core::record::sha256_hex(b"[]");
    json!({"epoch":7,"seq":seq,"sent_at":"2026-11-24T08:00:00+08:00","items":[],"sha256":sha256,"sig":null})
}

#[test]
fn on_connect_it_says_what_it_has_and_asks_for_what_it_misses() {
    let mut s = session(3, 10);
    s.connected();
    let said = published(&asks(&mut s));
    assert_eq!(
        said,
        [
            (
                "hello".to_owned(),
                json!({"controller": "szb-1", "genesis": GENESIS, "seq": 9})
            ),
            ("feed/request".to_owned(), json!({"epoch": 0, "have": 0})),
        ]
    );
}

#[test]
fn no_record_is_sent_before_the_authority_has_said_what_it_holds() {
    let mut s = session(0, 10);
    s.connected();
    s.durable(12);
    assert!(!asks(&mut s).iter().any(|a| matches!(a, Ask::Read { .. })));
    let asked = greet(&mut s, None);
    assert!(asked.contains(&Ask::Read { from: 0, max: 12 }), "{asked:?}");
}

#[test]
fn records_go_out_in_order_and_leave_the_outbox_by_acknowledgement_only() {
    let mut s = session(0, 3);
    greet(&mut s, None);
    let records = (0..3).map(|n| (n, json!({"seq": n}).to_string())).collect();
    s.records(records);
    let said = published(&asks(&mut s));
    assert_eq!(said.len(), 3);
    assert_eq!(s.outbox_depth(), 3);
    let asked = say(&mut s, "records/ack", &json!({"through": 1, "refused": []}));
    assert!(asked.contains(&Ask::Acknowledged(2)));
    assert_eq!(s.outbox_depth(), 1);
}

#[test]
fn a_refused_record_is_told_and_advances() {
    let mut s = session(0, 3);
    greet(&mut s, None);
    let refused = json!({"through": 1, "refused": [{"seq": 1, "why": "bad prev"}]});
    let asked = say(&mut s, "records/ack", &refused);
    assert!(asked.contains(&Ask::Acknowledged(2)));
    assert!(asked.iter().any(|a| matches!(
        a,
        Ask::Odd {
            what: "record-refused",
            ..
        }
    )));
}

#[test]
fn after_a_reconnect_everything_unacknowledged_is_sent_again() {
    let mut s = session(0, 4);
    greet(&mut s, None);
    s.records((0..4).map(|n| (n, format!("{{\"seq\":{n}}}"))).collect());
    asks(&mut s);
    s.disconnected();
    let asked = greet(&mut s, Some(1));
    assert!(asked.contains(&Ask::Read { from: 2, max: 2 }), "{asked:?}");
}

#[test]
fn no_more_than_the_limit_is_in_flight() {
    let mut s = session(0, 10_000);
    let asked = greet(&mut s, None);
    assert!(asked.contains(&Ask::Read {
        from: 0,
        max: IN_FLIGHT_MAX
    }));
    s.records((0..IN_FLIGHT_MAX).map(|n| (n, "{}".to_owned())).collect());
    assert!(!asks(&mut s).iter().any(|a| matches!(a, Ask::Read { .. })));
    let asked = say(&mut s, "records/ack", &json!({"through": 9}));
    assert!(asked.contains(&Ask::Read {
        from: IN_FLIGHT_MAX,
        max: 10
    }));
}

#[test]
fn an_acknowledgement_of_records_that_do_not_exist_is_no_acknowledgement() {
    let mut s = session(0, 3);
    greet(&mut s, None);
    let asked = say(&mut s, "records/ack", &json!({"through": 77}));
    assert!(!asked.iter().any(|a| matches!(a, Ask::Acknowledged(_))));
    assert_eq!(s.outbox_depth(), 3);
}

fn blocked(genesis: &str, through: u64) -> Ask {
    let genesis = genesis.to_owned();
    Ask::Blocked(Some(Held { genesis, through }))
}

fn reconciliation(genesis: &str, through: u64, ours: u64, open: bool) -> Reconciliation {
    Reconciliation {
        genesis: genesis.to_owned(),
        through,
        ours: Some(ours),
        next: through + 1,
        open,
    }
}

#[test]
fn another_journal_at_the_authority_blocks_until_reconciled() {
    let mut s = session(0, 3);
    s.connected();
    asks(&mut s);
    let asked = say(
        &mut s,
        "records/ack",
        &json!({"genesis": "bb", "through": 50}),
    );
    assert_eq!(asked, [blocked("bb", 50)]);
    let ledger = json!({"genesis": "bb", "through": 50, "ledger": []});
    let asked = say(&mut s, "reconcile", &ledger);
    assert!(matches!(asked[..], [Ask::Reconcile(_)]));
    s.reconciled(Some(reconciliation("bb", 50, 2, false)));
    let asked = asks(&mut s);
    assert!(asked.contains(&Ask::Blocked(None)));
    assert!(asked.contains(&Ask::Read { from: 0, max: 3 }));
}

#[test]
fn an_authority_that_holds_more_than_our_journal_blocks_too() {
    let mut s = session(0, 3);
    let asked = greet(&mut s, Some(9));
    assert_eq!(asked, [blocked(GENESIS, 9)]);
}

/// On record it would be the last number there is.
#[test]
fn a_number_no_journal_reaches_neither_blocks_nor_reconciles() {
    let odd = |asked: &[Ask]| matches!(asked, [Ask::Odd { why, .. }] if why == NO_SUCH_NUMBER);
    for through in [THROUGH_MAX + 1, u64::MAX] {
        let mut s = session(0, 3);
        for genesis in ["bb", GENESIS] {
            let held = json!({"genesis": genesis, "through": through});
            s.connected();
            asks(&mut s);
            let asked = say(&mut s, "records/ack", &held);
            assert!(odd(&asked), "{asked:?}");
        }
        greet(&mut s, Some(9));
        let ledger = json!({"genesis": "bb", "through": through, "ledger": []});
        let asked = say(&mut s, "reconcile", &ledger);
        assert!(odd(&asked), "{asked:?}");
    }
}

#[test]
fn a_reconcile_nobody_needs_is_not_taken() {
    let mut s = session(0, 3);
    greet(&mut s, None);
    let ledger = json!({"genesis": "bb", "through": 50, "ledger": []});
    let asked = say(&mut s, "reconcile", &ledger);
    assert!(matches!(
        asked[..],
        [Ask::Odd {
            what: "reconcile",
            ..
        }]
    ));
}

#[test]
fn an_order_is_handed_on_and_one_that_cannot_be_read_is_answered() {
    let mut s = session(0, 1);
    greet(&mut s, None);
    let order = json!({"id":"o-1","passage":"SZB-X-01-1-1","kind":"release","officer":"p-4","reason":"seen"});
    assert!(matches!(say(&mut s, "orders", &order)[..], [Ask::Order(_)]));
    let lane = json!({"id":"o-2","lane":"SZB-X-01","kind":"reset","officer":"p-4","reason":"seen"});
    assert!(matches!(
        say(&mut s, "orders", &lane)[..],
        [Ask::LaneOrder(_)]
    ));
    let bad = json!({"id":"o-3","passage":"SZB-X-01-1-1","kind":"lift"});
    let said = published(&say(&mut s, "orders", &bad));
    assert_eq!(said[0].0, "orders/answer");
    assert_eq!(said[0].1["accepted"], false);
}

#[test]
fn retained_messages_are_the_past() {
    let mut s = session(0, 3);
    s.connected();
    asks(&mut s);
    for tail in ["orders", "records/ack", "reconcile", "feed"] {
        let payload = match tail {
            "feed" => heartbeat(1),
            _ => json!({"genesis": GENESIS, "through": 1}),
        };
        let topic = format!("lanegate/szb-1/{tail}");
        s.message(&topic, payload.to_string().as_bytes(), true);
        let asked = asks(&mut s);
        assert!(matches!(asked[..], [Ask::Odd { .. }]), "{tail}: {asked:?}");
    }
}

#[test]
fn a_heartbeat_of_what_is_not_applied_asks_again_and_one_of_what_is_counts() {
    let mut s = Session::new("szb-1", GENESIS, Some(Position { epoch: 7, seq: 4 }), 0, 1);
    greet(&mut s, None);
    let asked = say(&mut s, "feed", &heartbeat(4));
    assert!(
        matches!(asked[..], [Ask::Current { sent_at: Some(_) }]),
        "{asked:?}"
    );
    let said = published(&say(&mut s, "feed", &heartbeat(6)));
    assert_eq!(
        said,
        [("feed/request".to_owned(), json!({"epoch": 7, "have": 4}))]
    );
}

#[test]
fn a_message_on_a_topic_of_somebody_else_is_counted_only() {
    let mut s = session(0, 1);
    s.message("lanegate/other/orders", b"{}", false);
    s.message("lanegate/szb-1/records", b"{}", false);
    let asked = asks(&mut s);
    assert!(
        asked.iter().all(|a| matches!(a, Ask::Odd { .. })),
        "{asked:?}"
    );
    assert_eq!(asked.len(), 2);
}

/// An officer who writes too much is told so: silence would look like a lane
/// that does not obey.
#[test]
fn an_order_that_is_too_long_is_answered_and_reaches_no_lane() {
    let mut s = session(0, 0);
    greet(&mut s, None);
    let order = |id: &str, reason_len: usize| {
        json!({"id": id, "passage": "SZB-X-01-412-17", "kind": "release", "officer": "4711",
               "reason": "x".repeat(reason_len)})
    };
    let lane_order = |id: &str, reason_len: usize| {
        json!({"id": id, "lane": "SZB-X-01", "kind": "close", "officer": "4711",
               "reason": "x".repeat(reason_len)})
    };
    for long in [order("o-1", 5_000), lane_order("o-1", 5_000)] {
        let asked = say(&mut s, "orders", &long);
        let to_lane = |a: &Ask| matches!(a, Ask::Order(_) | Ask::LaneOrder(_));
        assert!(!asked.iter().any(to_lane), "{asked:?}");
        let said = published(&asked);
        let (topic, answer) = &said[0];
        assert_eq!((topic.as_str(), said.len()), ("orders/answer", 1));
        assert_eq!(answer["id"], "o-1");
        assert_eq!(answer["accepted"], false);
        let why = answer["why"].as_str().unwrap();
        assert_eq!(
            why,
            "too-long: reason: has 5000 characters; shorten it to at most 1000"
        );
    }
    assert!(matches!(
        say(&mut s, "orders", &order("o-2", 1_000))[..],
        [Ask::Order(_)]
    ));
    assert!(matches!(
        say(&mut s, "orders", &lane_order("o-3", 1_000))[..],
        [Ask::LaneOrder(_)]
    ));
}

/// The same batch would come back at once if it were asked for at once.
#[test]
fn a_batch_that_can_never_be_applied_is_refused_with_its_reason_and_asked_for_at_the_next_heartbeat()
 {
    let mut s = session(0, 0);
    greet(&mut s, None);
    let batch = json!({"epoch": 7, "seq": 1, "items": [{"x": 1}]});
    let batch = batch.to_string();
    s.message(
        "lanegate/szb-1/feed",
        br#"{"epoch":7,"seq":0,"items":[]}"#,
        false,
    );
    asks(&mut s);
    let batch = feed::parse(batch.as_bytes()).unwrap();
    s.refused(&batch, None, "too long");
    let asked = asks(&mut s);
    assert_eq!(
        published(&asked),
        [(
            "feed/answer".to_owned(),
            json!({"epoch": 7, "seq": 1, "applied": false, "unusable": [], "why": "too long"})
        )]
    );
    assert_eq!(asked.len(), 1, "nothing is asked for yet: {asked:?}");
    let asked = published(&say(&mut s, "feed", &heartbeat(1)));
    assert_eq!(
        asked,
        [("feed/request".to_owned(), json!({"epoch": 0, "have": 0}))]
    );
}

/// A full disk is still full when the same batch comes back.
#[test]
fn a_batch_that_could_not_be_kept_is_asked_for_at_the_next_heartbeat_from_what_is_held() {
    let mut s = session(0, 0);
    greet(&mut s, None);
    let batch = feed::parse(br#"{"epoch":7,"seq":5,"items":[]}"#).unwrap();
    let held = Position { epoch: 7, seq: 4 };
    s.not_applied(&batch, Some(held));
    let asked = asks(&mut s);
    let said = published(&asked);
    assert_eq!((said.len(), asked.len()), (1, 1), "{asked:?}");
    assert_eq!(said[0].0, "feed/answer");
    assert_eq!(said[0].1["applied"], json!(false));
    let asked = published(&say(&mut s, "feed", &heartbeat(5)));
    assert_eq!(
        asked,
        [("feed/request".to_owned(), json!({"epoch": 7, "have": 4}))]
    );
}

#[test]
fn a_snapshot_asked_for_out_of_turn_leaves_the_feed_where_it_is() {
    let mut s = session(0, 0);
    greet(&mut s, None);
    s.ask_snapshot();
    assert_eq!(
        published(&asks(&mut s)),
        [("feed/request".to_owned(), json!({"epoch": 0, "have": 0}))]
    );
    s.disconnected();
    s.ask_snapshot();
    assert_eq!(asks(&mut s), []);
}

#[test]
fn a_difference_on_record_blocks_from_the_start_and_our_hello_says_what_we_had() {
    let mut s = session(0, 99).remembering(Some(reconciliation(GENESIS, 91, 85, true)));
    s.connected();
    let said = published(&asks(&mut s));
    assert_eq!(
        (said[0].0.as_str(), &said[0].1["seq"]),
        ("hello", &json!(85))
    );
    // Our own later records do not make us level with it.
    let asked = say(
        &mut s,
        "records/ack",
        &json!({"genesis": GENESIS, "through": 91}),
    );
    assert_eq!(asked, [], "no record goes out");
    let ledger = json!({"genesis": GENESIS, "through": 91, "ledger": []});
    let asked = say(&mut s, "reconcile", &ledger);
    assert!(matches!(asked[..], [Ask::Reconcile(_)]), "{asked:?}");
}

/// After a restored backup: the authority holds 81 to 91 with other content.
#[test]
fn records_under_numbers_the_authority_holds_are_all_sent_and_skipped_by_no_acknowledgement() {
    let mut s = session(81, 94).remembering(Some(reconciliation(GENESIS, 91, 82, false)));
    let asked = greet(&mut s, Some(91));
    assert_eq!(asked, [Ask::Read { from: 81, max: 1 }]);
    s.records(vec![(81, "{}".to_owned())]);
    asks(&mut s);
    let asked = say(&mut s, "records/ack", &json!({"through": 91}));
    assert_eq!(
        asked,
        [Ask::Acknowledged(82), Ask::Read { from: 82, max: 1 }]
    );
    s.records(vec![(82, "{}".to_owned())]);
    asks(&mut s);
    let asked = say(&mut s, "records/ack", &json!({"through": 91}));
    // Record 83 does not exist: the next one is 92.
    assert_eq!(asked.last(), Some(&Ask::Read { from: 83, max: 1 }));
    s.records(vec![(92, "{}".to_owned())]);
    let asked = asks(&mut s);
    assert_eq!(asked.last(), Some(&Ask::Read { from: 93, max: 1 }));
    let asked = say(&mut s, "records/ack", &json!({"through": 92}));
    assert!(asked.contains(&Ask::Acknowledged(93)), "{asked:?}");
}

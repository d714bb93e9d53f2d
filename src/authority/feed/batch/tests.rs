use super::*;
use crate::store::testing::EXAMPLE;
use lanegate_core::model::{Act, SubjectKind};
use proptest::prelude::*;

const HASH_OF_TWO: &str = "6966a7ef75c4820957ca9a3589f20fd6e30258d9f44aac6c31e0172d63dca93a";
const HASH_OF_LONG: &str = "8c154ea131dda20e433e7be29145357b9d7fc202406b0d0e8a062e5b237e0e6a";

fn read(text: &str) -> Batch {
    parse(text.as_bytes()).unwrap()
}

fn paths(batch: &Batch) -> Vec<&str> {
    batch.unusable.iter().map(|u| u.path.as_str()).collect()
}

/// The hash is what Python's hashlib gives for its own canonical JSON of these
/// items; the message has them in another order and with blanks.
#[test]
fn a_batch_whose_hash_is_that_of_its_canonical_items_is_read() {
    let text = r#"{"epoch":7,"seq":8812,"sent_at":"2026-11-24T08:00:00+08:00","sig":null,
        "sha256":"HASH","items":[
        {"control" : {"version":1,"id":"c-1","act":"inspect","subject":{"value":"粤 z·ab12港","kind":"vehicle"}}},
        {"enterprise":{"state":"normal","id":"4403161234","class":"advanced","version":9}}]}"#;
    let right = text.replace("HASH", HASH_OF_TWO);
    let batch = read(&right);
    assert_eq!((batch.controls.len(), batch.enterprises.len()), (1, 1));
    assert_eq!(batch.controls[0].subject.value, "粤ZAB12港");
    assert_eq!(batch.sent_at, Wall::parse("2026-11-24T08:00:00+08:00").ok());
    assert!(batch.unusable.is_empty());
    let wrong = right.replace("\"version\":9", "\"version\":8");
    assert!(matches!(
        parse(wrong.as_bytes()),
        Err(EnvelopeFault::Digest { .. })
    ));
}

/// Case c71, to the letter.
#[test]
fn an_id_sent_as_a_number_is_unusable_alone_and_the_sequence_advances() {
    let batch = read(
        r#"{"epoch":7,"seq":8813,"items":[{"declaration":{"id":534520261000123457,"version":1}},{"declaration":{"id":"534520261000123458","version":1}}]}"#,
    );
    assert_eq!(batch.seq, 8813);
    assert_eq!(batch.unusable[0].path, "items[0].declaration.id");
    assert!(batch.unusable[0].why.contains("expected a string"));
    // Item 1 is judged on its own: it lacks the rest, and its id is readable.
    let second = DeclarationId::parse("534520261000123458").unwrap();
    assert_eq!(batch.unusable_ids, [second]);
    assert!(!format!("{batch:?}{}", batch.answer(true)).contains("534520261000123456"));
}

/// L10: the subject of a bad item holds, so what can be read of it is kept.
#[test]
fn plates_that_can_be_read_stay_with_a_declaration_that_cannot_be_used() {
    let with = |id: &str, plates: &str| {
        let body = EXAMPLE.replace("\"5345202600012345\"", id);
        let body = body.replace("\"粤ZAB12港\",\"AB1234\"", plates);
        assert!(body.contains(plates), "the example has changed: {body}");
        read(&format!(
            r#"{{"epoch":7,"seq":2,"items":[{{"declaration":{body}}}]}}"#
        ))
    };
    let plates = |batch: &Batch| {
        let all = batch.unusable_vehicles.iter();
        all.flat_map(|v| v.plates.iter().map(|p| p.as_str().to_owned()))
            .collect::<Vec<_>>()
    };
    // One that cannot be read does not hide the one beside it.
    let half = with("\"5345202600012345\"", "\"粤 z·ab12港\",\"??\"");
    assert_eq!(half.declarations.len(), 0);
    assert_eq!(plates(&half), ["粤ZAB12港"]);
    let id = half.unusable_ids.first();
    assert_eq!(half.unusable_vehicles[0].declaration.as_ref(), id);
    // Nor does a number that cannot be read (c71) hide the truck.
    let nameless = with("534520261000123457", "\"粤ZAB12港\",\"AB1234\"");
    assert!(nameless.unusable_ids.is_empty());
    assert_eq!(plates(&nameless), ["AB1234", "粤ZAB12港"]);
    assert_eq!(nameless.unusable_vehicles[0].declaration, None);
    assert!(!nameless.feed_body(Wall::default()).is_heartbeat());
    // A good one later in the batch mends it.
    let bad = EXAMPLE.replace("\"port\":\"5345\"", "\"port\":\"X\"");
    let mended = read(&format!(
        r#"{{"epoch":7,"seq":2,"items":[{{"declaration":{bad}}},{{"declaration":{EXAMPLE}}}]}}"#
    ));
    assert_eq!(plates(&mended), Vec::<String>::new());
}

/// One item with very many faults must not make its batch's record too long.
#[test]
fn of_one_item_only_so_many_faults_are_told() {
    let containers: Vec<_> = (0..5_000)
        .map(|_| serde_json::json!({"no": "CSQU3054383", "tare_kg": -1}))
        .collect();
    let mut item: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    item["containers"] = containers.into();
    let batch = read(&format!(
        r#"{{"epoch":7,"seq":1,"items":[{{"declaration":{item}}}]}}"#
    ));
    assert!(
        (1..=9).contains(&batch.unusable.len()),
        "{}",
        batch.unusable.len()
    );
    let last = batch.unusable.last().unwrap();
    let told = batch.unusable.len();
    assert!(told == 1 || last.why.ends_with("more faults"), "{last:?}");
    assert!(batch.feed_body(Wall(0)).unusable.len() <= 9);
}

/// A number too long for any machine word spoils its item and not the batch's
/// hash (Python's again).
#[test]
fn a_number_no_machine_word_holds_spoils_its_item_alone() {
    let batch = read(&format!(
        r#"{{"epoch":7,"seq":1,"sha256":"{HASH_OF_LONG}","items":[{{"declaration":{{"x":1.50,"id":123456789012345678901234567890}}}}]}}"#
    ));
    assert_eq!(batch.unusable.len(), 1);
    assert!(batch.declarations.is_empty() && batch.unusable_ids.is_empty());
}

#[test]
fn a_bad_item_between_good_ones_takes_nothing_with_it() {
    let bad = EXAMPLE.replace("\"port\":\"5345\"", "\"port\":\"X\"");
    let bad = bad.replace("5345202600012345", "5345202600099999");
    let batch = read(&format!(
        r#"{{"epoch":7,"seq":2,"items":[{{"declaration":{EXAMPLE}}},{{"declaration":{bad}}},{{"weather":{{}}}},7,{{"finding":{{}}}}]}}"#
    ));
    assert_eq!(batch.declarations.len(), 1);
    assert_eq!(
        paths(&batch),
        [
            "items[1].declaration.port",
            "items[2]",
            "items[3]",
            "items[4].finding"
        ]
    );
    assert_eq!(batch.unusable_ids[0].as_str(), "5345202600099999");
    assert!(!batch.control_unreadable);
}

#[test]
fn a_later_good_item_of_the_same_declaration_makes_it_usable_again() {
    let bad = EXAMPLE.replace("\"port\":\"5345\"", "\"port\":\"X\"");
    let good_last = format!(
        r#"{{"epoch":7,"seq":2,"items":[{{"declaration":{bad}}},{{"declaration":{EXAMPLE}}}]}}"#
    );
    assert!(read(&good_last).unusable_ids.is_empty());
    let bad_last = format!(
        r#"{{"epoch":7,"seq":2,"items":[{{"declaration":{EXAMPLE}}},{{"declaration":{bad}}}]}}"#
    );
    assert_eq!(read(&bad_last).unusable_ids.len(), 1);
}

#[test]
fn a_control_that_cannot_be_used_holds_its_subject_or_else_the_port() {
    let item = |body: &str| {
        read(&format!(
            r#"{{"epoch":7,"seq":2,"items":[{{"control":{body}}}]}}"#
        ))
    };
    let readable = item(
        r#"{"id":"c-1","version":2,"subject":{"kind":"container","value":"csqu3054383"},"act":"burn"}"#,
    );
    assert_eq!(paths(&readable), ["items[0].control.act"]);
    assert!(!readable.control_unreadable);
    let control = &readable.controls[0];
    assert_eq!(
        (control.id.as_str(), control.version, control.act),
        ("c-1", 2, Act::Hold)
    );
    assert_eq!(control.subject.kind, SubjectKind::Container);
    assert_eq!(control.subject.value, "CSQU3054383");
    assert!(control.in_force(None));

    for unreadable in [
        r#"{"id":"c-1","version":2,"subject":{"kind":"container","value":"CSQU3054384"},"act":"hold"}"#,
        r#"{"id":"c-1","version":2,"act":"hold"}"#,
        r#"{"version":2,"subject":{"kind":"driver","value":"1"},"act":"burn"}"#,
        "7",
    ] {
        let batch = item(unreadable);
        assert!(batch.control_unreadable, "{unreadable}");
        assert!(batch.controls.is_empty());
        assert_eq!(batch.unusable.len(), 1);
    }
    let two_kinds = read(r#"{"epoch":7,"seq":2,"items":[{"control":{},"finding":{}}]}"#);
    assert!(two_kinds.control_unreadable);
}

#[test]
fn unusable_items_are_counted_by_kind_each_once() {
    let batch = read(
        r#"{"epoch":7,"seq":1,"items":[{"declaration":{"id":"D-1","version":1,"port":5}},{"declaration":{"id":7}},
            {"control":{"id":"c-1"}},{"parcel":{}},{},{"enterprise":{"id":"x"}}]}"#,
    );
    let counted: Vec<_> = batch.unusable_kinds().into_iter().collect();
    let expected = [
        ("control", 1),
        ("declaration", 2),
        ("enterprise", 1),
        ("other", 2),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn an_enterprise_that_cannot_be_used_is_named() {
    let batch = read(
        r#"{"epoch":7,"seq":2,"items":[{"enterprise":{"id":"4403161234","version":9,"class":"","state":"normal"}}]}"#,
    );
    assert_eq!(paths(&batch), ["items[0].enterprise.class"]);
    assert_eq!(batch.unusable_enterprises[0].as_str(), "4403161234");
}

#[test]
fn a_bad_envelope_is_refused_whole() {
    for bad in [
        "",
        "{}",
        "[]",
        r#"{"epoch":7,"items":[]}"#,
        r#"{"epoch":7,"seq":1,"snapshot":1,"part":1,"parts":1,"items":[]}"#,
        r#"{"epoch":7,"snapshot":1,"part":2,"parts":1,"items":[]}"#,
        r#"{"epoch":7,"snapshot":1,"part":0,"parts":1,"items":[]}"#,
        r#"{"epoch":7,"seq":-1,"items":[]}"#,
        r#"{"epoch":7,"seq":1,"items":[],"more":1}"#,
        r#"{"epoch":7,"seq":1,"items":[],"v":2}"#,
        r#"{"epoch":7,"seq":1,"items":[],"sha256":"00"}"#,
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(parse(b"{\"epoch\":7,\"seq\":1,\"items\":[\"\xff\"]}").is_err());
    let many = vec!["0"; ITEMS_MAX + 1].join(",");
    let many = format!(r#"{{"epoch":7,"seq":1,"items":[{many}]}}"#);
    assert!(matches!(
        parse(many.as_bytes()),
        Err(EnvelopeFault::TooManyItems(_))
    ));
    let long = vec![b' '; PAYLOAD_LEN_MAX + 1];
    assert!(matches!(parse(&long), Err(EnvelopeFault::TooLong(_))));
}

#[test]
fn a_heartbeat_and_a_part_are_told_apart_and_answered() {
    let beat = read(r#"{"epoch":7,"seq":8812,"items":[]}"#);
    assert!(beat.is_heartbeat());
    assert_eq!(
        beat.answer(true),
        r#"{"applied":true,"epoch":7,"seq":8812,"unusable":[]}"#
    );
    let part = read(r#"{"epoch":7,"snapshot":8812,"part":2,"parts":2,"items":[]}"#);
    assert!(!part.is_heartbeat());
    assert!(part.feed_body(Wall(0)).snapshot);
}

#[test]
fn the_feed_record_keeps_of_a_declaration_a_mark_with_its_digest() {
    let batch = read(&format!(
        r#"{{"epoch":7,"seq":2,"items":[{{"declaration":{EXAMPLE}}}]}}"#
    ));
    let body = batch.feed_body(Wall(1000));
    let want = sha256_hex(canonical(&batch.declarations[0]).as_bytes());
    assert_eq!(body.declarations[0].digest, want);
    assert_eq!(body.sent_at, Wall(1000));
    assert_eq!(batch.into_apply().upserts.len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes).is_ok();
    }

    /// A good message with one byte changed is read as something or refused,
    /// never believed to have the old hash unless its meaning is the same.
    #[test]
    fn a_changed_byte_under_a_hash_never_changes_what_is_read(at in 0_usize..600, to in any::<u8>()) {
        let item = format!("[{{\"declaration\":{EXAMPLE}}}]");
        let value: serde_json::Value = serde_json::from_str(&item).unwrap();
        let hash = sha256_hex(canonical(&value).as_bytes());
        let text = format!("{{\"epoch\":7,\"seq\":2,\"sha256\":\"{hash}\",\"items\":{item}}}");
        let start = text.find("\"items\"").unwrap() + 9;
        let mut bytes = text.clone().into_bytes();
        let at = start + at % (bytes.len() - start - 1);
        bytes[at] = to;
        if let Ok(batch) = parse(&bytes) {
            prop_assert_eq!(batch.declarations, read(&text).declarations);
        }
    }
}

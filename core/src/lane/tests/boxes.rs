//! Numbers of containers: which reads are the truck's, and what a misread says.

use super::evidence::{boxed, boxed_at, boxes_of, cases, with_readers};
use super::seals::sealed_twice;
use super::*;

/// Case c52: what a reader of boxes misreads is no number. It is shown to the
/// officer in place of the declared one, and says nothing once that was read.
#[test]
fn a_misread_box_holds_until_it_is_read_right() {
    let misread = "CSQU3054388";
    for right in [false, true] {
        let mut b = Bench::vacant_with(with_readers());
        b.facts.candidates = vec![sealed_twice()];
        b.arrive();
        boxed_at(&mut b, misread, 99);
        boxed_at(&mut b, "msku 663987 0", 60);
        boxed_at(&mut b, "MSCU 663987-0", 60);
        if right {
            boxed_at(&mut b, "csqu 305438 3", 40);
        }
        b.run(6000);
        let digit = b.codes().contains(&"container.check-digit");
        assert_eq!(digit, !right, "{:?}", b.codes());
        let case = cases(&b).pop().unwrap();
        let boxes: Vec<_> = case.containers.iter().map(|c| c.no.as_str()).collect();
        assert_eq!(boxes[0], misread);
        assert_eq!(boxes.contains(&"CSQU3054383"), right);
        assert!(boxes.contains(&"MSCU6639870"));
    }
}

/// What decided can be looked at: the pictures of the numbers that stand.
#[test]
fn the_pictures_of_a_box_stand_in_the_case() {
    let mut b = Bench::vacant_with(with_readers());
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    let content = Content::Boxes(crate::model::BoxesReading {
        event: None,
        reads: vec![("CSQU 305438 3".to_owned(), 90)],
        pictures: vec!["roof".to_owned()],
    });
    b.event(reading("box-1", b.ms, Taken::OnArrival, content));
    b.run(6000);
    let case = cases(&b).pop().unwrap();
    let pictures = case.ext.get("pictures").unwrap().as_array().unwrap();
    let of_box = serde_json::json!({"device": "box-1", "text": "CSQU3054383", "sha256": ["roof"]});
    assert!(pictures.contains(&of_box), "{pictures:?}");
}

/// What cannot be a misread number is none, whatever stands around a good one.
#[test]
fn a_text_that_is_no_number_explains_no_missing_box() {
    let padded = format!("CSQU3054383{}45G1", " ".repeat(14));
    for text in ["45G1", "MAX GROSS 30480 KG", &padded] {
        let mut b = Bench::vacant_with(with_readers());
        b.facts.candidates = vec![sealed_twice()];
        b.arrive();
        boxed(&mut b, "MSCU6639870");
        boxed_at(&mut b, text, 99);
        assert_eq!(b.dropped("no-box-number"), 1, "{text}");
        b.run(6000);
        let codes = b.codes();
        assert!(codes.contains(&"container.missing"), "{text}: {codes:?}");
        assert!(
            !codes.contains(&"container.check-digit"),
            "{text}: {codes:?}"
        );
    }
}

/// A reader's event that began with the truck before is never this one's.
#[test]
fn a_box_of_an_event_of_the_truck_before_is_nobody_elses() {
    let mut b = Bench::vacant_with(with_readers());
    b.inputs.presence = true;
    b.poll();
    boxes_of(&mut b, Some("e1"), &[("CSQU3054383", 97)], Taken::OnArrival);
    b.run(100);
    b.inputs.presence = false;
    b.run(900);
    assert_eq!(b.state(), "vacant");
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    boxes_of(&mut b, Some("e1"), &[("CSQU3054383", 97)], Taken::OnArrival);
    assert_eq!(b.dropped("old-event"), 1);
    boxes_of(&mut b, Some("e2"), &[("MSCU6639870", 97)], Taken::OnArrival);
    b.run(6000);
    let case = cases(&b).pop().unwrap();
    let boxes: Vec<_> = case.containers.iter().map(|c| c.no.as_str()).collect();
    assert_eq!(boxes, ["MSCU6639870"]);
}

#[test]
fn a_box_counts_as_often_as_its_reader_must_read_it_and_with_its_best_confidence() {
    let mut config = with_readers();
    let reader = DeviceId::parse("box-1").unwrap();
    config.devices.get_mut(&reader).unwrap().reads_min = 2;
    let mut b = Bench::vacant_with(config);
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    for (text, pct) in [
        ("CSQU3054383", 70),
        ("CSQU 3054383", 90),
        ("MSCU6639870", 99),
    ] {
        boxed_at(&mut b, text, pct);
    }
    b.run(6000);
    let case = cases(&b).pop().unwrap();
    let boxes: Vec<_> = case
        .containers
        .iter()
        .map(|c| (c.no.as_str(), c.confidence_pct))
        .collect();
    assert_eq!(boxes, [("CSQU3054383", Some(90))]);
    assert!(b.codes().contains(&"container.missing"), "{:?}", b.codes());
}

//! Tags and cards are where their readers are (L7): they count for the truck
//! that stands there, once, and name it without proving anything.

use super::*;

/// The bench with a reader of tags and one of cards.
fn bench() -> Bench {
    let mut config = config(Geometry::SideExit);
    for (id, role) in [("tag-1", Role::TagReader), ("card-1", Role::CardReader)] {
        let reader = EvidenceDevice {
            role,
            lead: Micros(0),
            evidence: Micros::from_ms(1500),
            side: None,
            reads_min: 1,
            can_recapture: false,
        };
        config.devices.insert(DeviceId::parse(id).unwrap(), reader);
    }
    Bench::vacant_with(config)
}

fn tag(b: &mut Bench, epc: &str, taken: Taken) {
    let content = Content::Tag(epc.to_owned());
    b.event(reading("tag-1", b.ms, taken, content));
}

fn card(b: &mut Bench, number: &str, taken: Taken) {
    let content = Content::Card(number.to_owned());
    b.event(reading("card-1", b.ms, taken, content));
}

/// Tags and card of the last case judged.
fn judged(b: &Bench) -> (Vec<String>, Option<String>) {
    let of = |(_, command): &(u64, Command)| match command {
        Command::Commit { drafts, .. } => match &drafts.first()?.body {
            Body::Verdict(v) => Some(v.case.clone()),
            _ => None,
        },
        _ => None,
    };
    let case = b.log.iter().rev().find_map(of).expect("a case was judged");
    let tags = case.tags.iter().map(|tag| tag.id.to_string()).collect();
    (tags, case.driver_card.clone())
}

const EPC: &str = "E28011606000020500AA0001";
const NEIGHBOUR: &str = "E28011606000020500AA0002";

#[test]
fn a_tag_and_a_swipe_of_the_truck_that_stands_there_are_its_evidence() {
    let mut b = bench();
    b.arrive();
    tag(&mut b, EPC, Taken::OnArrival);
    tag(&mut b, EPC, Taken::OnArrival);
    card(&mut b, "0005898564", Taken::OnArrival);
    b.run(3000);
    let found = judged(&b);
    assert_eq!(found, (vec![EPC.to_owned()], Some("0005898564".to_owned())));
}

#[test]
fn what_was_read_before_the_truck_came_or_after_a_reconnect_is_not_its_evidence() {
    let mut b = bench();
    b.run(3000);
    tag(&mut b, EPC, Taken::OnArrival);
    card(&mut b, "0005898564", Taken::OnArrival);
    b.run(100);
    b.arrive();
    tag(&mut b, NEIGHBOUR, Taken::Unusable);
    b.run(3000);
    assert_eq!(judged(&b), (Vec::new(), None));
    assert_eq!(b.dropped("undated"), 1);
    assert_eq!(b.dropped("old-read"), 2);
}

/// The swipe of the driver before is an event of the past.
#[test]
fn a_swipe_of_the_truck_before_is_nobody_elses() {
    let mut b = bench();
    b.arrive();
    card(&mut b, "0005898564", Taken::OnArrival);
    b.run(3000);
    assert_eq!(judged(&b).1.as_deref(), Some("0005898564"));
    let swiped = Taken::At(Mono((b.ms - 2000) * 1000));
    b.inputs.presence = false;
    b.run(3000);
    b.arrive();
    card(&mut b, "0005898564", swiped);
    b.run(6000);
    assert_eq!(judged(&b).1, None);
}

/// Case c47: an antenna hears the next lane. Both tags are on the record, and
/// neither says which truck this is.
#[test]
fn two_tags_at_once_are_both_told() {
    let mut b = bench();
    b.arrive();
    tag(&mut b, EPC, Taken::OnArrival);
    tag(&mut b, NEIGHBOUR, Taken::OnArrival);
    b.run(3000);
    assert_eq!(judged(&b).0, [EPC, NEIGHBOUR]);
}

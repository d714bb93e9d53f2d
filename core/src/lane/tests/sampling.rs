//! Which of the candidates' draws reaches the case.

use super::*;
use crate::model::{Case, DeclarationId, Draw, Sampling};

fn draw(trip: u32, value: &str) -> Draw {
    Draw {
        day: "2026-11-24".to_owned(),
        trip,
        value: value.repeat(64),
        selected: None,
    }
}

fn chosen() -> DeclarationId {
    let declaration: Declaration = parse_json(DECLARATION).unwrap();
    declaration.id
}

fn vehicle() -> String {
    let declaration: Declaration = parse_json(DECLARATION).unwrap();
    declaration.vehicles[0].plates[0].as_str().to_owned()
}

fn fraction() -> Option<Sampling> {
    Some(parse_json(r#"{"plan":"csp1","phase":"fraction","run":9}"#).unwrap())
}

fn next(trip: u32, value: &str) -> CandidateDraws {
    CandidateDraws {
        sampling: fraction(),
        next: Some(draw(trip, value)),
        ..CandidateDraws::default()
    }
}

/// A truck comes, with these draws known of its candidates; its case.
fn judged(of: Vec<(DeclarationId, CandidateDraws)>) -> (Bench, Case) {
    let mut b = Bench::vacant();
    b.draws = of.into_iter().collect();
    b.arrive();
    b.run(200);
    let case = |(_, c): &(u64, Command)| match c {
        Command::Commit { drafts, .. } => match &drafts.first()?.body {
            Body::Verdict(v) => Some(v.case.clone()),
            _ => None,
        },
        _ => None,
    };
    let case = b.log.iter().find_map(case).unwrap();
    (b, case)
}

#[test]
fn the_draw_of_the_declaration_the_rules_choose_is_the_cases() {
    let other = DeclarationId::parse("other").unwrap();
    let (b, case) = judged(vec![(other, next(1, "0")), (chosen(), next(4, "f"))]);
    assert_eq!(case.facts.draw, Some(draw(4, "f")));
    assert_eq!(case.facts.sampling, fraction());
    assert_eq!(b.state(), "cleared");
}

#[test]
fn a_draw_below_the_rate_sends_the_truck_to_inspection() {
    let (b, _) = judged(vec![(chosen(), next(4, "0"))]);
    assert_eq!(b.codes(), ["sampling.selected"]);
    assert_eq!(b.state(), "diverting");
}

#[test]
fn a_vehicle_that_holds_a_trip_is_drawn_for_that_trip() {
    let mut known = next(4, "f");
    known.held.insert(vehicle(), draw(2, "f"));
    known.held.insert("粤ZCD34港".to_owned(), draw(3, "f"));
    let (_, case) = judged(vec![(chosen(), known)]);
    assert_eq!(case.facts.draw, Some(draw(2, "f")));
}

#[test]
fn selected_once_is_selected_again_whatever_the_draw() {
    for of in [None, Some(vehicle())] {
        let mut known = next(4, "f");
        known.selected.insert(of);
        let (b, case) = judged(vec![(chosen(), known)]);
        assert_eq!(case.facts.draw.unwrap().selected, Some(true));
        assert_eq!(b.codes(), ["sampling.selected"]);
    }
    let mut known = next(4, "f");
    known.selected.insert(Some("粤ZCD34港".to_owned()));
    let (b, case) = judged(vec![(chosen(), known)]);
    assert_eq!(case.facts.draw, Some(draw(4, "f")), "another vehicle is");
    assert_eq!(b.state(), "cleared");
}

#[test]
fn without_a_key_the_truck_is_inspected_and_without_a_day_nothing_is_drawn() {
    let mut known = next(4, "");
    let (b, _) = judged(vec![(chosen(), known.clone())]);
    assert_eq!(b.codes(), ["sampling.selected"]);
    known.next = None;
    let (b, case) = judged(vec![(chosen(), known)]);
    assert_eq!(case.facts.draw, None);
    assert_eq!(b.state(), "cleared");
}

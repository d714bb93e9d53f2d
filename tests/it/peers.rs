//! The daemon among programs nobody here wrote: Eclipse Mosquitto and its
//! clients, pymodbus, a scale's bytes as its vendor documents them.

mod authority;
mod programs;
mod yard;

use self::authority::Authority;
use self::programs::{Board, until};
use self::yard::{ARM_DOWN, ARM_UP, INHIBIT, PRESENCE, Yard, readme_blocks};
use crate::order::frames;

/// A lane that is ready, its authority listening and its feed applied.
fn ready(more: &str) -> (Yard, Authority) {
    let mut yard = Yard::open(more);
    let mut authority = Authority::listen(&yard.broker);
    yard.daemon.start().unwrap();
    authority.until(&yard.broker, "the first record", |a| {
        a.last("start").map(drop)
    });
    yard.by_hand(&readme_blocks()[0]);
    authority.until(&yard.broker, "the feed is answered", |a| {
        let answers = a.on_topic("feed/answer");
        answers
            .iter()
            .any(|answer| answer["applied"] == true)
            .then_some(())
    });
    yard.until_lane_is("vacant");
    yard.weighs(0);
    (yard, authority)
}

/// The truck drives over the loop under the arm and away.
fn drives_away(yard: &mut Yard) {
    yard.inputs(&[PRESENCE, INHIBIT]);
    yard.inputs(&[INHIBIT]);
    yard.scale.shows(0);
    yard.inputs(&[]);
}

#[test]
fn a_lane_of_other_peoples_programs_releases_a_truck() {
    let (mut yard, mut authority) = ready("");
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600);
    let blocks = readme_blocks();
    let (plate, _) = blocks[1].split_once("lanegate status").unwrap();
    yard.by_hand(plate);

    let verdict = authority.until(&yard.broker, "a verdict", |a| a.last("verdict").cloned());
    assert_eq!(
        verdict["body"]["verdict"]["verdict"], "release",
        "{verdict:#}"
    );
    let lift = |lines: &[String]| Board::closed(lines, ARM_UP).first().copied();
    let written = yard.board.lines.until("the arm is lifted", lift);
    let (records, _) = frames(&yard.journal()[..written]);
    assert!(
        records.contains(&verdict),
        "the arm rose before its record: {verdict}"
    );
    let shown = yard.by_hand(&blocks[1][plate.len()..]);
    assert!(shown.contains("release"), "{shown}");

    drives_away(&mut yard);
    let outcome = authority.until(&yard.broker, "an outcome", |a| a.last("outcome").cloned());
    assert_eq!(outcome["body"]["how"], "passed", "{outcome:#}");
    assert_eq!(outcome["passage"], verdict["passage"]);
    let lines = yard.board.lines.all();
    let lowered = Board::closed(&lines, ARM_DOWN).len();
    assert_eq!(
        (Board::closed(&lines, ARM_UP).len(), lowered),
        (1, 1),
        "{lines:#?}"
    );
    yard.until_lane_is("vacant");
    yard.close();
}

#[test]
fn mosquitto_killed_and_restarted_in_the_middle_loses_no_record() {
    let (mut yard, mut authority) = ready("");
    let lane = |yard: &Yard, word: &str| {
        let arguments = [
            "lane",
            word,
            "--lane",
            "SZB-X-01",
            "--officer",
            "4711",
            "--reason",
            "x",
        ];
        let output = yard.lanegate(&arguments).output().unwrap();
        assert!(output.status.success(), "{word}: {output:?}");
    };
    // What is said now is heard after the broker is gone, and not acknowledged.
    lane(&yard, "close");
    yard.until_lane_is("closed");
    yard.broker.kill();
    let link = |yard: &Yard, wanted: &str| {
        until(&format!("the link is {wanted}"), || {
            (yard.status()?["link"] == wanted).then_some(())
        });
    };
    link(&yard, "down");
    for _ in 0..3 {
        lane(&yard, "open");
        yard.until_lane_is("vacant");
        lane(&yard, "close");
        yard.until_lane_is("closed");
    }
    let held = authority.records.len();
    yard.broker.start_again();
    authority.listen_again(&yard.broker);

    let head = yard.status().unwrap()["journal"]["seq"].as_u64().unwrap();
    authority.until(&yard.broker, "every record", |a| {
        (a.through()? >= head).then_some(())
    });
    let acknowledged = || (yard.status()?["outbox"] == 0).then_some(());
    until("the outbox is empty", acknowledged);
    assert!(
        authority.records.len() >= held + 7,
        "{held}: {:?}",
        authority.arrived
    );
    let arrived: Vec<u64> = (0..authority.records.len() as u64).collect();
    assert_eq!(
        authority.arrived, arrived,
        "first arrivals are dense and in order"
    );
    let bytes = yard.journal();
    let (journal, rest) = frames(&bytes);
    assert!(rest.is_empty());
    let heard: Vec<_> = authority.records.values().cloned().collect();
    assert_eq!(
        heard,
        journal[..heard.len()],
        "what was heard is what is written"
    );
    assert!(journal.len() as u64 > head);
    yard.close();
}

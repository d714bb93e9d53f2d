//! The watchdog and the outputs (laws L3, L11), on a board nobody here wrote.

use crate::watchdog::{Ended, Manager};

use super::programs::Board;
use super::yard::{ARM_DOWN, ARM_UP, EXIT_GREEN, INHIBIT, PRESENCE, Yard, readme_blocks};
use super::{Authority, ready_in};

/// How a coil was last written, in lines of the board.
fn last(lines: &[String], coil: u16) -> Option<bool> {
    let start = format!("coil {coil} ");
    let said = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix(&start));
    said.map(|rest| rest.starts_with('1'))
}

/// The board's thread stands still with a truck under the arm. Nothing can be
/// commanded then; the restart the watchdog asks for switches off what was on,
/// and lifts and lowers nothing.
#[test]
fn a_daemon_the_watchdog_ended_comes_back_with_outputs_off_and_moves_nothing() {
    let mut yard = Yard::open(|_| String::new());
    let dir = yard.dir.clone();
    let manager = Manager::of(&mut yard.daemon, &dir, "io-1");
    let (mut yard, mut authority) = ready_in(yard, &readme_blocks()[0]);
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600);
    let blocks = readme_blocks();
    let (plate, _) = blocks[1].split_once("lanegate status").unwrap();
    yard.by_hand(plate);
    yard.until_lane_is("passing");
    yard.inputs(&[PRESENCE, INHIBIT]);
    let green = |lines: &[String]| (last(lines, EXIT_GREEN) == Some(true)).then_some(());
    yard.board.lines.until("the light is green", green);

    let (ended, pats) = manager.ends_it(&mut yard.daemon);
    let said = yard.daemon.last_words(30).join("\n");
    assert_eq!(ended, Ended::Asked, "{said}");
    assert!(pats <= 2, "{pats} pats");
    let before = yard.board.lines.all().len();
    assert!(
        green(&yard.board.lines.all()).is_some(),
        "nobody was there to switch it off"
    );

    yard.daemon.start().unwrap();
    let off = |lines: &[String]| (last(&lines[before..], EXIT_GREEN) == Some(false)).then_some(());
    yard.board.lines.until("the light goes off", off);
    manager.until_ready(&yard.daemon);
    yard.until_lane_is("securing");
    let lines = yard.board.lines.all();
    for arm in [ARM_UP, ARM_DOWN] {
        let closed = Board::closed(&lines[before..], arm);
        assert!(closed.is_empty(), "{arm}: {lines:#?}");
    }
    ends_unknown(&yard, &mut authority);
    yard.close();
}

/// The passage the end cut in two has its one outcome.
fn ends_unknown(yard: &Yard, authority: &mut Authority) {
    let outcome = authority.until(&yard.broker, "an outcome", |a| a.last("outcome").cloned());
    assert_eq!(outcome["body"]["how"], "unknown", "{outcome:#}");
}

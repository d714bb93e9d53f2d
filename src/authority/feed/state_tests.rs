use super::*;
use crate::authority::feed::parse;
use proptest::prelude::*;

fn changes(epoch: u64, seq: u64) -> Batch {
    parse(format!(r#"{{"epoch":{epoch},"seq":{seq},"items":[{{}}]}}"#).as_bytes()).unwrap()
}

fn beat(epoch: u64, seq: u64) -> Batch {
    parse(format!(r#"{{"epoch":{epoch},"seq":{seq},"items":[]}}"#).as_bytes()).unwrap()
}

fn part(seq: u64, part: u32, parts: u32) -> Batch {
    let text =
        format!(r#"{{"epoch":7,"snapshot":{seq},"part":{part},"parts":{parts},"items":[]}}"#);
    parse(text.as_bytes()).unwrap()
}

/// Steps in words, with everything applied told at once.
fn feed(state: &mut FeedState, batch: Batch) -> Vec<String> {
    let steps = state.message(batch, false);
    let word = |step: FeedStep| match step {
        FeedStep::Apply(batch) => {
            if batch.part.is_none_or(Part::is_last) {
                state.applied(batch.position());
            }
            format!("apply {}", batch.seq)
        }
        FeedStep::AnswerAgain(batch) => format!("again {}", batch.seq),
        FeedStep::Ask(request) => request.to_json(),
        FeedStep::Current { .. } => "current".to_owned(),
        FeedStep::Ignore(why) => why.as_str().to_owned(),
    };
    steps.into_iter().map(word).collect()
}

fn at(seq: u64) -> FeedState {
    FeedState::new(Some(Position { epoch: 7, seq }))
}

#[test]
fn batches_in_order_are_applied_once_and_a_repeated_one_is_answered_again() {
    let mut state = at(5);
    assert_eq!(feed(&mut state, changes(7, 6)), ["apply 6"]);
    assert_eq!(feed(&mut state, changes(7, 6)), ["again 6"]);
    assert_eq!(feed(&mut state, changes(7, 7)), ["apply 7"]);
    assert_eq!(state.position(), Some(Position { epoch: 7, seq: 7 }));
}

#[test]
fn a_gap_asks_once_and_what_came_after_is_applied_when_it_is_filled() {
    let mut state = at(5);
    let ask = r#"{"epoch":7,"have":5}"#;
    assert_eq!(feed(&mut state, changes(7, 8)), ["waiting", ask]);
    assert_eq!(feed(&mut state, changes(7, 7)), ["waiting"]);
    assert_eq!(
        feed(&mut state, changes(7, 6)),
        ["apply 6", "apply 7", "apply 8"]
    );
}

#[test]
fn a_heartbeat_counts_only_when_it_names_the_last_batch_applied() {
    let mut state = at(5);
    assert_eq!(feed(&mut state, beat(7, 5)), ["current"]);
    assert_eq!(feed(&mut state, beat(7, 4)), ["not-current"]);
    assert_eq!(feed(&mut state, beat(7, 6)), [r#"{"epoch":7,"have":5}"#]);
    // Handed out, but not yet durable.
    let _ = state.message(changes(7, 6), false);
    assert_eq!(feed(&mut state, beat(7, 6)), ["not-current"]);
    state.applied(Position { epoch: 7, seq: 6 });
    assert_eq!(feed(&mut state, beat(7, 6)), ["current"]);
}

#[test]
fn a_request_whose_answer_does_not_come_is_repeated_after_a_heartbeats_grace() {
    let mut state = at(5);
    let ask = r#"{"epoch":7,"have":5}"#;
    assert_eq!(feed(&mut state, beat(7, 9)), [ask]);
    assert_eq!(feed(&mut state, beat(7, 9)), ["not-current"]);
    assert_eq!(feed(&mut state, beat(7, 9)), [ask]);
}

#[test]
fn retained_messages_and_those_of_an_old_epoch_never_count() {
    let mut state = at(5);
    let retained = state.message(changes(7, 6), true);
    assert_eq!(retained, [FeedStep::Ignore(IgnoreWhy::Retained)]);
    assert_eq!(feed(&mut state, changes(6, 6)), ["old-epoch"]);
    assert_eq!(feed(&mut state, beat(6, 99)), ["old-epoch"]);
    assert_eq!(feed(&mut state, changes(7, 6)), ["apply 6"]);
}

#[test]
fn a_controller_with_nothing_takes_the_first_batch_or_asks() {
    let mut state = FeedState::new(None);
    assert_eq!(
        state.connected(),
        FeedStep::Ask(Request { epoch: 0, have: 0 })
    );
    assert_eq!(feed(&mut state, changes(7, 1)), ["apply 1"]);
    let mut state = FeedState::new(None);
    assert_eq!(feed(&mut state, changes(7, 2))[0], "waiting");
}

#[test]
fn later_batches_wait_for_the_last_part_of_a_snapshot() {
    let mut state = at(5);
    assert_eq!(feed(&mut state, part(20, 1, 3)), ["apply 20"]);
    assert_eq!(feed(&mut state, changes(7, 21)), ["waiting"]);
    assert_eq!(feed(&mut state, part(20, 2, 3)), ["apply 20"]);
    assert_eq!(feed(&mut state, part(20, 2, 3)), ["old-part"]);
    assert_eq!(state.position(), Some(Position { epoch: 7, seq: 5 }));
    assert_eq!(feed(&mut state, part(20, 3, 3)), ["apply 20", "apply 21"]);
    assert_eq!(feed(&mut state, beat(7, 21)), ["current"]);
}

#[test]
fn the_lag_is_what_the_authority_has_and_we_do_not() {
    let mut state = at(5);
    assert_eq!(state.lag(), 0);
    feed(&mut state, beat(7, 9));
    assert_eq!(state.lag(), 4);
    feed(&mut state, changes(7, 6));
    assert_eq!(state.lag(), 3);
    state.restart(None);
    assert_eq!(state.lag(), 9);
    assert_eq!(feed(&mut state, beat(6, 90)).len(), 1);
}

/// Asked for because a control could not be read: the feed goes on meanwhile.
#[test]
fn a_snapshot_of_what_is_applied_is_taken_out_of_turn() {
    let mut state = at(5);
    assert_eq!(feed(&mut state, part(5, 1, 2)), ["apply 5"]);
    assert_eq!(feed(&mut state, changes(7, 6)), ["waiting"]);
    assert_eq!(feed(&mut state, part(5, 2, 2)), ["apply 5", "apply 6"]);
}

#[test]
fn a_part_that_is_missing_asks_for_the_snapshot_again() {
    let mut state = at(5);
    assert_eq!(feed(&mut state, part(20, 1, 3)), ["apply 20"]);
    assert_eq!(
        feed(&mut state, part(20, 3, 3)),
        [r#"{"epoch":7,"have":5}"#]
    );
    assert_eq!(feed(&mut state, part(20, 2, 3)), ["old-part"]);
    assert_eq!(feed(&mut state, part(20, 1, 1)), ["apply 20"]);
}

#[test]
fn a_snapshot_of_the_past_is_ignored_and_one_of_a_new_epoch_is_taken() {
    let mut state = at(50);
    assert_eq!(feed(&mut state, part(20, 1, 1)), ["old-part"]);
    let newer = r#"{"epoch":8,"snapshot":3,"part":1,"parts":1,"items":[]}"#;
    assert_eq!(feed(&mut state, changes(8, 4))[0], "waiting");
    assert_eq!(
        feed(&mut state, parse(newer.as_bytes()).unwrap()),
        ["apply 3", "apply 4"]
    );
    assert_eq!(state.position(), Some(Position { epoch: 8, seq: 4 }));
}

/// Found by `simulate --seeds 8484..8485 --passages 100 --faults hostile`: the
/// store's writes failed, so everything was asked for from before, and an older
/// snapshot that came late took back what the newer one had said.
#[test]
fn a_snapshot_of_less_than_is_on_record_is_ignored_whatever_the_store_has() {
    for mut state in [FeedState::new(None), at(2)] {
        assert_eq!(feed(&mut state, part(4, 1, 1)), ["apply 4"]);
        state.restart(Some(Position { epoch: 7, seq: 2 }));
        assert_eq!(feed(&mut state, part(3, 1, 1)), ["old-part"]);
        assert_eq!(feed(&mut state, part(3, 1, 2)), ["old-part"]);
        assert_ne!(feed(&mut state, beat(7, 2)), ["current"]);
        assert_eq!(feed(&mut state, part(4, 1, 1)), ["apply 4"]);
    }
    let mut state = at(2).on_record(Some(Position { epoch: 7, seq: 5 }));
    assert_eq!(feed(&mut state, part(4, 1, 1)), ["old-part"]);
    // Changes may come again: what they bring is known by its version.
    assert_eq!(feed(&mut state, changes(7, 3)), ["apply 3"]);
    assert_eq!(feed(&mut state, part(5, 1, 1)), ["apply 5"]);
}

#[test]
fn as_many_batches_wait_as_may_and_the_rest_is_asked_for_later() {
    let mut state = at(0);
    let waiting = u64::try_from(WAITING_MAX).unwrap();
    for seq in 2..2 + waiting {
        assert_eq!(feed(&mut state, changes(7, seq))[0], "waiting");
    }
    assert_eq!(feed(&mut state, changes(7, 2 + waiting)), ["waiting-full"]);
    let steps = feed(&mut state, changes(7, 1));
    assert_eq!(steps.len(), WAITING_MAX + 1);
    let ask = format!(r#"{{"epoch":7,"have":{}}}"#, waiting + 1);
    assert_eq!(feed(&mut state, beat(7, waiting + 2)), [ask]);
}

proptest! {
    /// However the broker repeats and reorders, each batch is applied once and
    /// in order, and answering the requests gets everything there.
    #[test]
    fn every_batch_is_applied_once_in_order(order in proptest::collection::vec(1_u64..40, 0..200)) {
        let mut state = at(0);
        let mut applied = Vec::new();
        let mut send = |state: &mut FeedState, batch: Batch| {
            for step in state.message(batch, false) {
                if let FeedStep::Apply(batch) = step {
                    state.applied(batch.position());
                    applied.push(batch.seq);
                }
            }
        };
        for seq in order {
            send(&mut state, changes(7, seq));
        }
        for seq in 1..40 {
            send(&mut state, changes(7, seq));
        }
        prop_assert_eq!(applied, (1..40).collect::<Vec<_>>());
    }
}

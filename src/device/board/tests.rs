//! The master against a board of a few lines, in virtual time.

mod bench;
mod impulse;
mod others;

use lanegate_core::model::Content;

use super::*;
use bench::{ARM_DOWN, ARM_UP, Bench, DOWN, GREEN, INHIBIT, Mood, RED, UP, lights, now};

#[test]
fn inputs_are_read_ten_times_a_second_and_each_is_a_reading() {
    let mut b = Bench::separate();
    b.inputs = ARM_DOWN | 1;
    b.run(2000);
    let at = b.inputs_at();
    assert!((19..=21).contains(&at.len()), "{at:?}");
    assert!(at.windows(2).all(|w| w[1] - w[0] <= 130), "{at:?}");
    let Some((_, Event::Reading(reading))) = b.events.last() else {
        panic!("{:?}", b.events.last());
    };
    let Content::Inputs(inputs) = reading.content else {
        panic!("{reading:?}");
    };
    assert!(inputs.presence && inputs.arm_down && !inputs.inhibit && !inputs.arm_up);
    assert_eq!(b.events[0].1, Event::DeviceBack(b.master.id().clone()));
}

/// Cases c20 and c43: nothing but reads before the board has answered, and
/// nothing but reads without a command.
#[test]
fn a_board_that_never_answers_is_never_written_to() {
    let mut b = Bench::separate();
    b.mood = Mood::Silent;
    b.answers.clear();
    b.command(lights(true));
    b.command(BoardCommand::Lift);
    b.run(5000);
    let writes = b.asked.iter().filter(|(_, q)| q[1] == 5).count();
    assert_eq!(writes, 0, "{:?}", b.asked);
    assert_eq!(b.failed(), [(1000, "arm-up")]);
    assert_eq!(b.master.state().0, DeviceState::Lost);
    assert_eq!(b.master.why(), Some(&Why::NoAnswer(Via::Line)));
}

#[test]
fn nothing_is_written_at_start_without_a_command() {
    let mut b = Bench::separate();
    b.run(3000);
    assert!(b.asked.iter().all(|(_, q)| q[1] != 5), "{:?}", b.asked);
}

#[test]
fn a_lift_is_the_next_transaction_whatever_else_waits() {
    let mut b = Bench::separate();
    b.run(1000);
    b.command(lights(true));
    b.run(1010);
    b.command(BoardCommand::Lift);
    b.run(2000);
    let lift = b.lifts()[0];
    let asked: Vec<u64> = b.asked.iter().map(|(ms, _)| *ms).collect();
    let between = asked.iter().filter(|ms| (1010..lift).contains(*ms)).count();
    assert_eq!(between, 0, "{asked:?}");
    assert!(lift <= 1030, "{lift}");
    assert_eq!(b.lifts().len(), 1);
    let waited = b.master.bus_wait().unwrap().as_ms();
    assert!((lift - 1011..=lift - 1010).contains(&waited), "{waited}");
}

/// Case c37: a dead unit costs a lift one timeout at most, not its retries.
#[test]
fn a_lift_waits_for_one_timeout_at_most_and_no_state_survives_it() {
    let mut b = Bench::separate();
    b.run(1000);
    b.mood = Mood::Silent;
    b.answers.clear();
    b.run(1150);
    b.command(BoardCommand::Lift);
    b.mood = Mood::Answers;
    b.run(2000);
    let lift = b.lifts()[0];
    assert!(lift <= 1150 + 205, "{lift}");
    assert!(b.failed().is_empty());
    let fresh = b.inputs_at();
    let after = fresh.iter().find(|ms| **ms > lift).unwrap();
    assert!(after - lift <= 60, "inputs again at {after}");
}

/// Case c04's kind: an answer that comes after its timeout never passes for
/// the answer to a later question.
#[test]
fn inputs_that_come_late_are_never_taken_for_fresh_ones() {
    for late_by in [201_000, 230_000, 260_000, 300_000, 450_000] {
        let mut b = Bench::separate();
        b.run(1000);
        // A truck stands under the arm; the answer that says so is on its way
        // when the truck leaves.
        b.inputs = ARM_UP | INHIBIT;
        b.delay_us = late_by;
        b.run(1100);
        b.inputs = ARM_UP;
        b.delay_us = 20_000;
        let asked = b.us / 1000;
        b.run(2900);
        let stale = b.events.iter().filter(|(ms, e)| {
            let inhibit = matches!(e, Event::Reading(r)
                if matches!(r.content, Content::Inputs(i) if i.inhibit));
            *ms > asked + 200 && inhibit
        });
        assert_eq!(stale.count(), 0, "late by {late_by} us");
        let last = b.inputs_at().last().copied().unwrap();
        assert!(last > 2600, "late by {late_by} us: {:?}", b.asked);
    }
}

/// One read may hold what a line picked up and the answer behind it.
#[test]
fn an_answer_behind_stray_bytes_in_one_read_is_taken() {
    for strays in [5, 40, 700] {
        let mut b = Bench::separate();
        b.run(1000);
        b.run_to_question();
        let answers = std::mem::take(&mut b.answers);
        let answer: Vec<u8> = answers.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let before = b.master.counts();
        let read = [vec![0xf0; strays], answer].concat();
        b.master.bytes(&read, now(b.us));
        b.drain();
        assert_eq!(
            b.master.counts().frames,
            before.frames + 1,
            "{strays} strays"
        );
        b.run(b.us / 1000 + 300);
        assert_eq!(
            b.master.counts().timeouts,
            before.timeouts,
            "{strays} strays"
        );
    }
}

#[test]
fn a_question_after_a_failure_has_another_function() {
    let mut b = Bench::separate();
    b.run(500);
    b.mood = Mood::Silent;
    b.answers.clear();
    b.run(6000);
    let after: Vec<u8> = b
        .asked
        .iter()
        .filter(|(ms, _)| *ms > 600)
        .map(|(_, q)| q[1])
        .collect();
    assert!(after.len() > 4);
    let same = after.windows(2).filter(|w| w[0] == w[1]).count();
    assert_eq!(same, 0, "{after:?}");
}

#[test]
fn a_lift_without_an_answer_is_written_again_and_given_up_after_three() {
    let mut b = Bench::separate();
    b.run(1000);
    b.mood = Mood::Mute;
    b.answers.clear();
    b.command(BoardCommand::Lift);
    b.run(3000);
    assert!((1..=3).contains(&b.lifts().len()), "{:?}", b.lifts());
    assert_eq!(b.failed().len(), 1);
    assert_eq!(b.failed()[0].1, "arm-up");
    assert!(b.failed()[0].0 <= 2000, "{:?}", b.failed());
}

/// Case c61's kind: a refusal is a failure, and is not argued with.
#[test]
fn a_refused_pulse_is_a_failed_output_and_not_repeated() {
    let mut b = Bench::separate();
    b.run(1000);
    b.mood = Mood::RefusesWrites;
    b.command(BoardCommand::Lift);
    b.run(3000);
    assert_eq!(b.lifts().len(), 1);
    assert_eq!(b.failed_outputs(), ["arm-up"]);
    assert_eq!(b.master.counts().refusals, 1);
}

#[test]
fn a_board_that_refuses_every_question_gives_no_inputs_and_is_lost() {
    let mut b = Bench::separate();
    b.mood = Mood::Refuses;
    b.answers.clear();
    b.master.opened(now(b.us));
    b.drain();
    b.run(4000);
    assert!(b.inputs_at().is_empty());
    assert_eq!(b.master.state().0, DeviceState::Lost);
    assert_eq!(b.master.why(), Some(&Why::Exception(Some(2))));
}

#[test]
fn a_lower_order_is_withheld_while_the_inhibit_is_on() {
    let mut b = Bench::separate();
    b.inputs = ARM_UP | INHIBIT;
    b.run(1000);
    b.command(BoardCommand::Lower);
    b.run(3000);
    assert!(b.lowers().is_empty());
    assert_eq!(b.master.withheld(), 1);
    assert!(
        b.failed().is_empty(),
        "the lane sees the same input and raises"
    );
}

#[test]
fn a_lower_order_that_is_not_answered_is_repeated_only_behind_fresh_clear_inputs() {
    let mut b = Bench::separate();
    b.inputs = ARM_UP;
    b.run(1000);
    b.mood = Mood::Mute;
    b.answers.clear();
    b.command(BoardCommand::Lower);
    b.run(1100);
    b.mood = Mood::Answers;
    // A truck drives in meanwhile.
    b.inputs = ARM_UP | INHIBIT;
    b.run(3000);
    assert_eq!(b.lowers().len(), 1, "{:?}", b.lowers());
}

#[test]
fn an_order_that_cannot_go_out_in_time_is_void() {
    let mut b = Bench::separate();
    b.run(1000);
    b.mood = Mood::Silent;
    b.answers.clear();
    b.command(BoardCommand::Lower);
    b.run(2500);
    assert_eq!(b.failed_outputs(), ["arm-down"]);
    b.mood = Mood::Answers;
    let before = b.lowers().len();
    b.run(6000);
    assert_eq!(b.lowers().len(), before, "not after it was given up");
}

#[test]
fn a_raise_opens_the_lower_contact_first_and_voids_a_lower_not_yet_written() {
    let mut b = Bench::separate();
    b.inputs = ARM_UP;
    b.run(1000);
    b.command(BoardCommand::Lower);
    b.run(1100);
    assert_eq!(b.lowers().len(), 1);
    b.inputs = INHIBIT;
    b.command(BoardCommand::Lift);
    b.run(1500);
    let open = b.times(&[1, 5, 0, 1, 0, 0]);
    assert_eq!(open.len(), 1, "{:?}", b.asked);
    assert!(open[0] <= b.lifts()[0] && b.lifts()[0] - open[0] <= 30);
    assert!(!b.flashes.contains_key(&DOWN));
    b.run(3000);
    b.inputs = ARM_UP;
    b.run(3500);
    b.run_to_question();
    b.command(BoardCommand::Lower);
    b.command(BoardCommand::Lift);
    b.run(5000);
    assert_eq!((b.lowers().len(), b.lifts().len()), (1, 2));
}

#[test]
fn a_pulse_timed_by_the_gateway_is_closed_for_its_time_and_opened_whatever_happens() {
    let mut b = Bench::by_gateway();
    b.run(1000);
    b.command(BoardCommand::Lift);
    b.run(1050);
    let lift = b.lifts()[0];
    b.run(1400);
    assert_eq!(b.coils & 1, 1);
    b.mood = Mood::Mute;
    b.answers.clear();
    b.run(1800);
    b.mood = Mood::Answers;
    b.run(3000);
    let open = b.times(&[1, 5, 0, 0, 0, 0]);
    assert!((lift + 495..=lift + 730).contains(&open[0]), "{open:?}");
    assert_eq!(b.coils & 1, 0);
    assert!(b.failed().is_empty(), "{:?}", b.failed());
}

#[test]
fn a_closed_contact_that_did_not_close_is_a_failed_output() {
    let mut b = Bench::by_gateway();
    b.run(1000);
    b.command(BoardCommand::Lift);
    b.run(1050);
    assert_eq!(b.lifts().len(), 1);
    // The relay does not follow.
    b.coils = 0;
    b.run(1400);
    assert_eq!(b.failed_outputs(), ["arm-up"]);
}

#[test]
fn an_arm_contact_found_closed_is_opened_and_at_start_without_a_word() {
    let mut b = Bench::separate();
    b.coils = 1 << UP;
    b.run(1000);
    assert_eq!(b.coils & 1, 0);
    assert!(b.failed().is_empty());
    b.coils = 1 << DOWN;
    b.run(3000);
    assert_eq!(b.coils & 2, 0);
    assert_eq!(b.failed_outputs(), ["arm-down"]);
    assert!(b.lifts().is_empty() && b.lowers().is_empty());
}

/// Case c43 at t = 90 s: the board alone restarts.
#[test]
fn lamps_a_board_forgot_are_told_and_set_again_and_a_lift_never() {
    let mut b = Bench::separate();
    b.run(500);
    b.command(lights(true));
    b.command(BoardCommand::Lift);
    b.run(3000);
    assert_eq!(b.coils & (1 << GREEN), 1 << GREEN);
    let lifts = b.lifts().len();
    b.coils = 0;
    b.run(5000);
    assert_eq!(b.coils & (1 << GREEN), 1 << GREEN);
    assert_eq!(b.failed_outputs(), ["lights"]);
    assert_eq!(b.lifts().len(), lifts);
}

#[test]
fn a_lamp_goes_out_before_the_other_one_comes_on() {
    let mut b = Bench::separate();
    b.run(500);
    b.command(lights(true));
    b.run(1000);
    b.command(lights(false));
    b.run(1500);
    let out = b.times(&[1, 5, 0, GREEN as u8, 0, 0]);
    let on = b.times(&[1, 5, 0, RED as u8, 0xff, 0]);
    assert!(out.last().unwrap() < on.last().unwrap(), "{out:?} {on:?}");
}

#[test]
fn lamps_that_never_take_do_not_keep_the_inputs_from_being_read() {
    let mut b = Bench::separate();
    b.run(500);
    b.mood = Mood::Answers;
    b.command(lights(true));
    for ms in (500..6000).step_by(20) {
        // The relays fall off at once, again and again.
        b.coils = 0;
        b.run(ms);
    }
    let at = b.inputs_at();
    assert!(at.windows(2).all(|w| w[1] - w[0] <= 200), "{at:?}");
    assert!(b.failed().len() <= 3, "told now and then: {:?}", b.failed());
}

#[test]
fn after_all_off_every_contact_and_lamp_is_open() {
    let mut b = Bench::by_gateway();
    b.run(500);
    b.command(lights(true));
    b.run(1000);
    b.command(BoardCommand::Lift);
    b.run(1100);
    assert_eq!(b.coils, 1 | 1 << GREEN);
    b.command(BoardCommand::AllOff);
    assert!(!b.master.is_quiet());
    b.run(1400);
    assert_eq!(b.coils, 0);
    assert!(b.master.is_quiet());
}

#[test]
fn a_lost_port_voids_an_order_and_a_board_that_is_back_gets_its_lamps() {
    let mut b = Bench::separate();
    b.run(500);
    b.command(lights(true));
    b.run(1000);
    b.master.closed(Why::Gone, now(b.us));
    b.command(BoardCommand::Lift);
    b.answers.clear();
    b.coils = 0;
    b.run(4000);
    assert_eq!(b.failed(), [(2000, "arm-up")]);
    b.master.opened(now(b.us));
    b.drain();
    b.run(5000);
    assert_eq!(b.coils & (1 << GREEN), 1 << GREEN);
    assert!(b.lifts().is_empty());
    let other = |e: &Event| matches!(e, Event::Reading(_) | Event::OutputFailed { .. });
    let states: Vec<_> = b.events.iter().filter(|(_, e)| !other(e)).collect();
    assert_eq!(states.len(), 3, "back, lost, back: {states:?}");
}

/// A second master, an echo, a bus without termination.
#[test]
fn bytes_nobody_asked_for_are_runs_of_noise_with_their_share() {
    let mut b = Bench::separate();
    b.run(1000);
    let before = b.master.counts();
    assert_eq!((before.noise_runs, b.master.noise_permille()), (0, 0));
    let mut master = Board::new(b.master.config.clone(), Mono(0));
    master.opened(now(0));
    // Its first question times out; what comes then is no answer.
    let late = now(60_000_000);
    master.bytes(&[0xff; 30], late);
    let counts = master.counts();
    assert_eq!(
        (counts.noise_runs, counts.noise_bytes, counts.bytes),
        (1, 30, 30)
    );
    assert_eq!(master.noise_permille(), 1000);
}

//! An arm driven by one impulse input.

use super::super::BoardCommand;
use super::bench::{ARM_UP, Bench, INHIBIT, Mood, UP, config};
use crate::config::{ArmDrive, PulseTimer};

fn bench() -> Bench {
    Bench::new(config(ArmDrive::Impulse { coil: UP }, PulseTimer::Board))
}

/// Case c06.
#[test]
fn a_second_lift_before_the_arm_is_confirmed_gives_no_second_impulse() {
    let mut b = bench();
    b.run(500);
    b.command(BoardCommand::Lift);
    b.run(700);
    b.command(BoardCommand::Lift);
    b.inputs = 0;
    b.run(1500);
    b.command(BoardCommand::Lift);
    b.inputs = ARM_UP;
    b.run(2500);
    b.command(BoardCommand::Lift);
    b.run(4000);
    assert_eq!(b.lifts().len(), 1);
    assert!(b.failed().is_empty(), "{:?}", b.failed());
}

#[test]
fn an_impulse_that_was_not_answered_is_not_repeated() {
    let mut b = bench();
    b.run(500);
    b.mood = Mood::Mute;
    b.answers.clear();
    b.command(BoardCommand::Lift);
    b.run(900);
    b.mood = Mood::Answers;
    b.run(4000);
    assert_eq!(b.lifts().len(), 1);
}

#[test]
fn a_raise_of_an_arm_on_its_way_down_cannot_be_given_and_is_told() {
    let mut b = bench();
    b.inputs = ARM_UP;
    b.run(500);
    b.command(BoardCommand::Lower);
    b.run(700);
    b.inputs = INHIBIT;
    b.command(BoardCommand::Lift);
    b.run(1500);
    assert_eq!(b.lifts().len(), 1, "the lower impulse alone");
    assert_eq!(b.failed_outputs(), ["arm-up"]);
}

#[test]
fn an_arm_between_its_limits_gets_no_impulse() {
    let mut b = bench();
    b.inputs = 0;
    b.run(500);
    b.command(BoardCommand::Lift);
    b.run(1500);
    assert!(b.lifts().is_empty());
    assert_eq!(b.failed().len(), 1);
}

#[test]
fn an_arm_that_did_not_move_may_be_tried_again_once_that_is_certain() {
    let mut b = bench();
    b.run(500);
    b.command(BoardCommand::Lift);
    b.run(9_000);
    b.command(BoardCommand::Lift);
    b.run(11_000);
    assert_eq!(b.lifts().len(), 1);
    b.command(BoardCommand::Lift);
    b.run(12_000);
    assert_eq!(b.lifts().len(), 2);
}

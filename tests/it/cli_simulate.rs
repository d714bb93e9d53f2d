//! `simulate`: the world in virtual time, from the command line.

use lanegate::sim::Sabotage;

use crate::cli_support::Site;

const SMALL: [&str; 5] = ["simulate", "--seeds", "3..5", "--passages", "6"];

#[test]
fn the_same_seeds_print_the_same_bytes_but_for_the_speed() {
    let site = Site::new();
    let once = || {
        let mut json = site.run(&[&SMALL[..], &["--json"]].concat()).ends(0).json();
        let speed = json
            .as_object_mut()
            .unwrap()
            .remove("passages_per_second")
            .unwrap();
        assert!(speed.as_f64().unwrap() > 0.0);
        json
    };
    let first = once();
    assert_eq!(first["passages"], 12);
    assert_eq!(first, once());
    let text = || site.run(&SMALL).ends(0);
    assert_eq!(text().out, text().out);
    assert!(text().err.contains("trucks a second"), "{:?}", text().err);
}

#[test]
fn the_journal_of_every_seed_verifies_and_none_is_written_over() {
    let site = Site::new();
    let args = [&SMALL[..], &["--journal", "kept"]].concat();
    site.run(&args).ends(0);
    for seed in ["kept/seed-3", "kept/seed-4"] {
        let ran = site.run(&["journal", "verify", seed]).ends(0);
        assert!(ran.out.ends_with("intact\n"), "{ran:#?}");
        let json = site.run(&["journal", "verify", seed, "--json"]).ends(0);
        let draws = &json.json()["draws"];
        // Every truck with a declaration was drawn for, on one day.
        assert!(draws["not_open"].as_u64() > Some(0), "{draws}");
        assert_eq!(draws["chains"], 1, "{draws}");
        assert_eq!(draws["without_key"], 0, "{draws}");
    }
    // Seeds run side by side: whichever is first to find its directory says so.
    site.run(&args).ends(74).says("kept/seed-");
}

#[test]
fn a_law_broken_on_purpose_is_named_with_the_command_that_shows_it_again() {
    let site = Site::new();
    // These show without any fault; `sim::simulate::tests` has all of them.
    let plain = [
        Sabotage::LiftBeforeDurable,
        Sabotage::LedgerForgotten,
        Sabotage::IgnoreInhibit,
    ];
    for sabotage in plain {
        let name = sabotage.as_str();
        let args = [
            "simulate",
            "--seeds",
            "0..60",
            "--passages",
            "20",
            "--json",
            "--sabotage",
            name,
        ];
        let json = site.run(&args).ends(1).json();
        let failure = &json["first_failure"];
        assert_eq!(failure["law"], sabotage.law(), "{name}: {json}");
        let replay = failure["replay"].as_str().unwrap();
        assert!(replay.ends_with(&format!("--sabotage {name}")), "{replay}");
    }
}

/// What is printed behind `again:`, given as it stands, breaks the same law.
#[test]
fn the_command_that_is_printed_shows_the_failure_again() {
    let site = Site::new();
    let args = "simulate --seeds 1..2 --passages 20 --faults hostile --sabotage";
    let name = Sabotage::LiftBeforeDurable.as_str();
    let args: Vec<_> = args.split(' ').chain([name]).collect();
    let told = |args: &[&str]| {
        let ran = site.run(args).ends(1);
        let told = |head: &str| {
            let mut lines = ran.out.lines();
            let line = lines.find(|line| line.starts_with(head));
            line.unwrap_or_else(|| panic!("{head}: {ran:#?}"))
                .to_owned()
        };
        (told("seed 1, law L1: "), told("again: cargo "))
    };
    let first = told(&args);
    let again = first.1.strip_prefix("again: cargo ").unwrap();
    let again: Vec<_> = again.split(' ').collect();
    assert!(again.contains(&"--without"), "{again:?}");
    assert_eq!(told(&again), first);
}

/// A row of `--accuracy`: false releases, and the shares of conforming trucks
/// that need a person for a misread plate, here and by one plate alone.
fn row(out: &str, right: &str) -> (u64, f64, f64) {
    let mut rows = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows
        .find(|row| row.first() == Some(&right) && row.last() == Some(&"%"))
        .unwrap_or_else(|| panic!("{right}: {out}"));
    let percent = |from_end: usize| row[row.len() - from_end].parse().unwrap();
    (row[1].parse().unwrap(), percent(4), percent(2))
}

#[test]
fn misread_plates_need_a_person_far_less_often_than_by_one_plate_alone() {
    let site = Site::new();
    let args = [
        "simulate",
        "--accuracy",
        "--seeds",
        "0..10",
        "--passages",
        "100",
    ];
    let out = site.run(&args).ends(0).out;
    for right in ["99.5", "98.0", "95.0", "90.0"] {
        assert_eq!(row(&out, right).0, 0, "{out}");
    }
    for right in ["98.0", "95.0", "90.0"] {
        let (_, here, one_plate) = row(&out, right);
        assert!(one_plate > 1.0 && here * 2.0 < one_plate, "{right}: {out}");
    }
    let causes = out.lines().rfind(|line| line.starts_with(" 90.0"));
    assert!(causes.unwrap().contains("plate.contradiction"), "{out}");
}

#[test]
fn nonsense_is_wrong_usage() {
    let site = Site::new();
    for args in [
        &["simulate", "--seeds", "5..3", "--passages", "1"][..],
        &["simulate", "--seeds", "0..1", "--passages", "0"],
        &[
            "simulate",
            "--seeds",
            "0..1",
            "--passages",
            "1",
            "--lanes",
            "33",
        ],
        &[
            "simulate",
            "--seeds",
            "0..1",
            "--passages",
            "1",
            "--sabotage",
            "everything",
        ],
    ] {
        site.run(args).ends(64);
    }
}

/// The last truck of a lane comes when all is well, and is released in time; one
/// whose plate a camera reads wrong now and then may need a person all the same.
#[test]
fn a_last_truck_whose_plate_is_misread_breaks_no_law() {
    let site = Site::new();
    let args = "simulate --accuracy --seeds 12..13 --passages 100 --faults field";
    let args: Vec<_> = args.split(' ').collect();
    let ran = site.run(&args).ends(0);
    assert!(!ran.err.contains("law"), "{ran:#?}");
}

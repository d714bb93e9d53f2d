//! `decode`: hex in, one JSON object a frame out.

use crate::cli_support::Site;

#[test]
fn a_message_in_hex_becomes_one_object_a_frame_and_noise_is_said() {
    let site = Site::new();
    // tests/frames/yaohua-tf0.jsonl has the manual's own example.
    let frames = include_str!("../frames/yaohua-tf0.jsonl");
    let case: serde_json::Value = serde_json::from_str(frames.lines().next().unwrap()).unwrap();
    let hex = case["hex"].as_str().unwrap();
    let input = format!("{hex}\n00ff\n");
    let ran = site
        .run_on(&["decode", "--protocol", "yaohua-tf0"], &input)
        .ends(0);
    let lines: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.first().unwrap()["kind"], "weight", "{ran:#?}");
    assert_eq!(lines.last().unwrap()["kind"], "noise", "{ran:#?}");
    assert_eq!(lines.last().unwrap()["len"], 2, "{ran:#?}");
}

#[test]
fn an_unknown_protocol_names_the_known_ones_and_bad_hex_names_its_line() {
    let site = Site::new();
    site.run(&["decode", "--protocol", "abacus"])
        .ends(64)
        .says("yaohua-tf0");
    let args = ["decode", "--protocol", "yaohua-tf0"];
    site.run_on(&args, "02\n0g\n").ends(65).says("line 2");
    let args = ["decode", "--protocol", "yaohua-tf0", "--set", "colour=red"];
    site.run(&args).ends(64).says("colour");
}

//! What is typed wrong ends with 64 and sends nothing.

use crate::cli_support::Site;

#[test]
fn an_unknown_word_or_a_missing_argument_is_wrong_usage_and_help_is_not() {
    let site = Site::new();
    for args in [
        &["dance"][..],
        &[],
        &["check"],
        &["order", "release", "--lane", "L"],
        &["lane", "move", "sideways"],
        &["journal", "show", ".", "--seq", "9..3"],
        &["journal", "show", ".", "--kind", "gossip"],
        &["declarations", "count", "--config", "c", "--socket", "s"],
        &["declarations", "import", "f", "--as-of", "yesterday"],
    ] {
        let ran = site.run(args).ends(64);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran:#?}");
    }
    assert!(site.run(&["--help"]).ends(0).out.contains("declarations"));
    assert!(
        site.run(&["--version"])
            .ends(0)
            .out
            .starts_with("lanegate ")
    );
}

#[test]
fn completions_and_manual_pages_name_every_subcommand() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = site.run(&["completions", shell]).ends(0);
        assert!(
            ran.out.contains("doctor") && ran.out.contains("keep-up"),
            "{shell}"
        );
    }
    site.run(&["completions", "cmd"]).ends(64);
    assert!(site.run(&["man"]).ends(0).out.contains(".TH lanegate 1"));
    site.run(&["man", "--dir", "man1"]).ends(0);
    let page = |name: &str| std::fs::read_to_string(site.path("man1").join(name)).unwrap();
    assert!(page("lanegate.1").contains("doctor"));
    assert!(page("lanegate-order-release.1").contains("officer"));
}

/// The socket named does not exist: 74 would show that it was tried.
#[test]
fn an_order_that_makes_no_sense_is_refused_before_anybody_is_asked() {
    let site = Site::new();
    let common = [
        "--lane",
        "SZB-X-01",
        "--passage",
        "SZB-X-01-1-1",
        "--officer",
        "4711",
        "--socket",
        "no.sock",
        "--reason",
    ];
    let run = |kind: &str, reason: &str, more: &[&str]| {
        let mut args = vec!["order", kind];
        args.extend(common);
        args.push(reason);
        args.extend(more);
        site.run(&args)
    };
    run("supply", "plate muddy", &[]).ends(64);
    run("release", " ", &[]).ends(64).says("--reason");
    run("release", "seen", &["--plate", "粤ZAB12港"]).ends(64);
    run("supply", "plate muddy", &["--plate", "?"])
        .ends(64)
        .says("supply.plates[0]");
    run("inspect", "x", &["--stop", "dance@bay-2"])
        .ends(64)
        .says("stops[0].kind");
    run("release", "seen", &[])
        .ends(74)
        .says("no daemon listens there");
}

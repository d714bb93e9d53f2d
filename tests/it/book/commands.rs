//! Commands as documents write them, held against the command line itself.

use clap::error::ErrorKind;

/// Stands for what a reader puts in its place: `FILE`, `L`, `N..M`.
fn is_placeholder(word: &str) -> bool {
    let mut letters = word.chars().filter(|letter| letter.is_alphabetic());
    let capital = letters.all(char::is_uppercase) && word.chars().any(char::is_alphabetic);
    capital && !word.starts_with('-')
}

/// What a shell would make of it, as far as documents need it.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in text.chars() {
        let word = words.last_mut().expect("there is always a last word");
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(String::new()),
            (None, '(' | ')') => words.push(letter.to_string()),
            (_, other) => word.push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The commands of ours in a line: one for each of `a|b|c`.
pub(crate) fn written(line: &str) -> Vec<Vec<String>> {
    let line = line.replace("\\|", "|");
    let line = line.trim_end_matches('\\');
    let words = split(line);
    let ends = ["|", ";", "&&", "&", "#", "(", ")", "||"];
    let simple: Vec<&[String]> = words.split(|word| ends.contains(&word.as_str())).collect();
    let mut found = Vec::new();
    for part in simple {
        let Some((ours, arguments)) = ours(part) else {
            continue;
        };
        let mut commands = vec![vec![ours.to_owned()]];
        for word in arguments {
            // What a file takes or gives is the shell's.
            if word.trim_start_matches('2').starts_with(['<', '>']) {
                break;
            }
            let word = word.trim_end_matches([';', '…', ',']);
            let alternatives: Vec<&str> = word.split('|').filter(|a| !a.is_empty()).collect();
            if alternatives.is_empty() {
                continue;
            }
            commands = alternatives
                .iter()
                .flat_map(|alternative| {
                    commands.iter().map(|command| {
                        let mut longer = command.clone();
                        longer.push((*alternative).to_owned());
                        longer
                    })
                })
                .collect();
        }
        found.extend(commands);
    }
    found
}

/// Our program and what it is given, if this is a command of ours.
fn ours(words: &[String]) -> Option<(&str, &[String])> {
    let skip = ["$", "until", "if", "!", "sudo"];
    let from = words
        .iter()
        .position(|word| !skip.contains(&word.as_str()))?;
    let (first, rest) = words[from..].split_first()?;
    match (first.as_str(), rest) {
        ("lanegate" | "lanegate-sim", [_, ..]) => Some(("lanegate", rest)),
        ("cargo", [sub, ..]) if ["demo", "simulate"].contains(&sub.as_str()) => {
            Some(("lanegate", rest))
        }
        _ => None,
    }
}

/// Whether the command line takes it. A document may leave out what has to be
/// given, and write placeholders.
pub(crate) fn understood(words: &[String]) -> Result<(), String> {
    let Err(error) = lanegate::cli::command_line().try_get_matches_from(words) else {
        return Ok(());
    };
    let left_open = [
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    let value = [
        ErrorKind::ValueValidation,
        ErrorKind::InvalidValue,
        ErrorKind::InvalidSubcommand,
    ];
    let said = error.to_string();
    let first = said.lines().next().unwrap_or_default();
    let placeheld = words
        .iter()
        .any(|word| is_placeholder(word) && first.contains(&format!("'{word}'")));
    // An option at the end of a span whose value stands outside it.
    let valueless = first.contains("a value is required");
    let fits = left_open.contains(&error.kind())
        || (value.contains(&error.kind()) && (placeheld || valueless));
    if fits { Ok(()) } else { Err(first.to_owned()) }
}

#[test]
fn commands_are_found_and_wrong_ones_are_noticed() {
    let of = |line: &str| {
        written(line)
            .iter()
            .map(|words| words.join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("lanegate order release\\|inspect … --lane L"),
        [
            "lanegate order release --lane L",
            "lanegate order inspect --lane L"
        ]
    );
    assert_eq!(
        of("echo 02 | lanegate decode --protocol jt701 > x"),
        ["lanegate decode --protocol jt701"]
    );
    assert_eq!(
        of("cargo demo --trucks 4   # comment"),
        ["lanegate demo --trucks 4"]
    );
    assert!(of("/etc/lanegate/lane.toml").is_empty() && of("lanegate").is_empty());
    for good in [
        "lanegate status --watch",
        "lanegate journal show DIR --seq N..M",
        "lanegate order release --lane L --officer O --reason \"a b\"",
        "lanegate lane",
        "lanegate COMMAND --help",
    ] {
        assert_eq!(understood(&written(good)[0]), Ok(()), "{good}");
    }
    for bad in [
        "lanegate stauts",
        "lanegate status --wacth",
        "lanegate journal show DIR --seq 1-2",
        "lanegate demo --trucks many",
    ] {
        assert!(understood(&written(bad)[0]).is_err(), "{bad}");
    }
}

//! Log lines of the real daemon as journald gets them, and every line of the
//! program in the table of `docs/logs.md`.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lanegate::logs::CATALOGUE;

use crate::cli_support::Site;
use crate::layout::source::{File, tree};

/// One line of the program: where, how urgent, its fixed words.
#[derive(Debug)]
struct Said {
    place: String,
    level: &'static str,
    words: String,
}

/// Every `info!`, `warn!` and `error!` of the shell but its tests and the
/// simulator's.
fn said(file: &File) -> Vec<Said> {
    let code = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut out = Vec::new();
    for (start, level) in [("info!(", "INFO"), ("warn!(", "WARN"), ("error!(", "ERROR")] {
        for (at, _) in code.match_indices(start) {
            // A name that merely ends so, or words in a comment.
            let line = code[..at].lines().next_back().unwrap_or_default();
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || line.contains("//") {
                continue;
            }
            let place = format!("{}:{}", file.path, code[..at].matches('\n').count() + 1);
            let words = last_words(&code[at + start.len()..]);
            let words = words.unwrap_or_else(|| panic!("{place}: no fixed words"));
            out.push(Said {
                place,
                level,
                words,
            });
        }
    }
    out
}

/// The last text of a macro's arguments, at its own depth.
fn last_words(rest: &str) -> Option<String> {
    let (mut depth, mut last, mut chars) = (0, None, rest.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => {
                            // A backslash at the end of a line eats what is blank.
                            let rest = chars.as_str();
                            match rest.strip_prefix('\n') {
                                Some(rest) => chars = rest.trim_start().chars(),
                                None => text.extend(chars.next()),
                            }
                        }
                        c => text.push(c),
                    }
                }
                if depth == 0 {
                    last = Some(text);
                }
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return last,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[test]
fn every_line_of_the_program_is_in_the_table_and_the_table_has_no_other() {
    let shell = tree().into_iter().filter(|file| {
        // Of the feature sim alone.
        let sim = file.path.starts_with("src/sim/") || file.path == "src/stuck.rs";
        file.path.starts_with("src/") && !sim && !file.path.contains("test")
    });
    let said: Vec<Said> = shell.flat_map(|file| said(&file)).collect();
    assert!(said.len() > 50, "{}", said.len());
    let known: BTreeMap<&str, _> = CATALOGUE.iter().map(|e| (e.text, e.level)).collect();
    for line in &said {
        let level = known.get(line.words.as_str());
        let level = level.unwrap_or_else(|| panic!("not in src/logs/catalogue/table.rs: {line:?}"));
        assert_eq!(level.as_str(), line.level, "{line:?}");
    }
    for entry in CATALOGUE {
        assert!(
            said.iter().any(|line| line.words == entry.text),
            "nobody says {entry:?}"
        );
    }
}

#[test]
fn the_last_text_of_a_line_is_its_words() {
    let rest = "lane, why = f(\"x\"), \"the \\\n      line \\\"is\\\" down\"); more(\"y\")";
    assert_eq!(last_words(rest).as_deref(), Some("the line \"is\" down"));
    let code = "//! Says `info!(\"no\")`.\nfn f() {\n    my_info!(\"no\");\n    warn!(%why, \"yes\");\n}\n";
    let said = said(&File::of("src/x.rs", code));
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(
        (said[0].place.as_str(), said[0].words.as_str()),
        ("src/x.rs:4", "yes")
    );
}

/// The fields of one datagram in journald's native protocol.
fn fields(datagram: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8(datagram.to_vec()).unwrap();
    let pair = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

/// The daemon as the service manager starts it: standard error is journald's
/// stream, and `$JOURNAL_STREAM` says so.
#[test]
fn under_the_service_manager_lines_are_fields_and_on_request_json() {
    let site = Site::new();
    site.edit("lane.toml", "127.0.0.1:9464", "127.0.0.1:0");
    let path = site.path("journal.sock");
    let journal = UnixDatagram::bind(&path).unwrap();
    journal
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let (stream, _other_end) = UnixStream::pair().unwrap();
    let stream = fs::File::from(OwnedFd::from(stream));
    let metadata = stream.metadata().unwrap();
    let mut daemon = command(&site);
    daemon.env(
        "JOURNAL_STREAM",
        format!("{}:{}", metadata.st_dev(), metadata.st_ino()),
    );
    daemon.env("LANEGATE_JOURNAL_SOCKET", &path);
    let mut daemon = daemon.stderr(Stdio::from(stream)).spawn().unwrap();
    let mut heard = Vec::new();
    let line_of_lane = loop {
        let mut buffer = [0; 65_536];
        let len = journal
            .recv(&mut buffer)
            .unwrap_or_else(|why| panic!("{why}: {heard:#?}"));
        let line = fields(&buffer[..len]);
        if line
            .get("LANEGATE_MESSAGE")
            .is_some_and(|name| name == "lane-state")
        {
            break line;
        }
        heard.push(line);
    };
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(
        line_of_lane["LANEGATE_LANE"], "SZB-X-01",
        "{line_of_lane:#?}"
    );
    assert_eq!(line_of_lane["SYSLOG_IDENTIFIER"], "lanegate");
    assert!(
        line_of_lane.contains_key("LANEGATE_STATE"),
        "{line_of_lane:#?}"
    );
    let open = heard
        .iter()
        .find(|line| line["MESSAGE"].starts_with("the journal is open"));
    let open = open.unwrap_or_else(|| panic!("{heard:#?}"));
    let entry = CATALOGUE
        .iter()
        .find(|entry| entry.id == "journal-open")
        .unwrap();
    assert_eq!(open["MESSAGE_ID"], entry.message_id());
    assert!(
        heard.iter().all(|line| line.contains_key("MESSAGE_ID")),
        "{heard:#?}"
    );

    let log = site.path("log.json");
    let mut daemon = command(&site);
    daemon
        .args(["--log-format", "json"])
        .stderr(fs::File::create(&log).unwrap());
    let mut daemon = daemon.spawn().unwrap();
    let found = wait_for(&log, |line| line["id"] == "lane-state");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(found["fields"]["lane"], "SZB-X-01", "{found}");
}

fn command(site: &Site) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
    command.args(["run", "--config", "lane.toml"]);
    command.current_dir(site.path(".")).stdin(Stdio::null());
    command
}

fn wait_for(log: &Path, is_it: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let waiting = lanegate::clock::Stopwatch::started();
    loop {
        let text = fs::read_to_string(log).unwrap();
        // The last line may still be written.
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        for line in whole {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            if is_it(&line) {
                return line;
            }
        }
        assert!(waiting.elapsed() < Duration::from_secs(30), "{text}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

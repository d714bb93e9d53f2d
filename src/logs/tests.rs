use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::subscriber::with_default;

use super::*;

#[test]
fn the_document_is_made_of_the_table() {
    let (written, made) = (include_str!("../../docs/logs.md"), markdown());
    if written != made {
        let expected = std::env::temp_dir().join("lanegate-logs.md");
        std::fs::write(&expected, &made).unwrap();
        panic!(
            "docs/logs.md is not up to date; copy {}",
            expected.display()
        );
    }
}

#[test]
fn names_and_words_are_unique_and_an_id_never_changes() {
    for of in [|e: &Entry| e.id, |e: &Entry| e.text] {
        let all: BTreeSet<&str> = CATALOGUE.iter().map(of).collect();
        assert_eq!(all.len(), CATALOGUE.len());
    }
    let verdict = CATALOGUE
        .iter()
        .find(|entry| entry.id == "verdict")
        .unwrap();
    // `printf 'lanegate log verdict' | sha256sum | cut -c 1-32`
    assert_eq!(verdict.message_id(), "f7a2f48ad4a40261626a2294af1898fb");
    for entry in CATALOGUE {
        assert!(!entry.then.is_empty(), "{}", entry.id);
    }
}

/// The fields of one datagram, read as the protocol's page says.
pub(super) fn fields(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let line = std::str::from_utf8(&bytes[..end]).unwrap();
        bytes = &bytes[end + 1..];
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            None => {
                let len = u64::from_le_bytes(bytes[..8].try_into().unwrap());
                let (value, rest) = bytes[8..].split_at(usize::try_from(len).unwrap());
                assert_eq!(rest[0], b'\n');
                bytes = &rest[1..];
                (line, String::from_utf8(value.to_vec()).unwrap())
            }
        };
        assert!(out.insert(key.to_owned(), value).is_none(), "{key} twice");
    }
    out
}

fn journal(name: &str) -> (UnixDatagram, PathBuf) {
    let name = format!("lanegate-journal-{name}-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let socket = UnixDatagram::bind(&path).unwrap();
    let within = Some(Duration::from_secs(10));
    socket.set_read_timeout(within).unwrap();
    (socket, path)
}

fn heard(socket: &UnixDatagram) -> BTreeMap<String, String> {
    let mut buffer = [0; 65_536];
    let len = socket.recv(&mut buffer).unwrap();
    fields(&buffer[..len])
}

#[test]
fn journald_gets_fields_of_their_own_and_values_with_line_breaks_whole() {
    let (socket, path) = journal("fields");
    let native = Native::open(path.clone()).unwrap();
    with_default(Registry::default().with(native), || {
        tracing::info!(lane = "SZB-X-01", passage = %"SZB-X-01-1-7", code = "-", "verdict");
        tracing::error!(why = "one\ntwo\nLANEGATE_LANE=forged", "device lost");
        tracing::warn!("words nobody wrote down");
    });
    std::fs::remove_file(path).unwrap();
    let verdict = heard(&socket);
    let of = |name: &str| verdict.get(name).map(String::as_str);
    assert_eq!(
        of("MESSAGE"),
        Some("verdict code=- lane=SZB-X-01 passage=SZB-X-01-1-7")
    );
    assert_eq!(of("LANEGATE_LANE"), Some("SZB-X-01"));
    assert_eq!(of("LANEGATE_PASSAGE"), Some("SZB-X-01-1-7"));
    assert_eq!(of("LANEGATE_CODE"), Some("-"));
    assert_eq!(
        (of("PRIORITY"), of("SYSLOG_IDENTIFIER")),
        (Some("6"), Some("lanegate"))
    );
    assert_eq!(
        (of("MESSAGE_ID"), of("LANEGATE_MESSAGE")),
        (Some("f7a2f48ad4a40261626a2294af1898fb"), Some("verdict"))
    );
    let lost = heard(&socket);
    assert_eq!(lost["LANEGATE_WHY"], "one\ntwo\nLANEGATE_LANE=forged");
    assert!(
        !lost.contains_key("LANEGATE_LANE") && lost["PRIORITY"] == "3",
        "{lost:?}"
    );
    let unknown = heard(&socket);
    assert!(!unknown.contains_key("MESSAGE_ID"), "{unknown:?}");
}

#[test]
fn a_journald_that_takes_nothing_is_not_waited_for_and_the_gap_is_told() {
    let (socket, path) = journal("full");
    let native = Native::open(path.clone()).unwrap();
    with_default(Registry::default().with(native), || {
        // More than any system lets wait in a socket nobody reads.
        for n in 0..5000 {
            tracing::info!(n, "lane");
        }
        let mut taken = vec![heard(&socket)];
        socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 65_536];
        while let Ok(len) = socket.recv(&mut buffer) {
            taken.push(fields(&buffer[..len]));
        }
        assert!(taken.len() < 5000, "{}", taken.len());
        assert_eq!(taken[0]["LANEGATE_N"], "0");
        tracing::info!("lane");
        let len = socket.recv(&mut buffer).unwrap();
        let lost: usize = fields(&buffer[..len])["LANEGATE_LINES_LOST"]
            .parse()
            .unwrap();
        assert_eq!(lost, 5000 - taken.len());
        tracing::info!("lane");
        let len = socket.recv(&mut buffer).unwrap();
        assert!(!fields(&buffer[..len]).contains_key("LANEGATE_LINES_LOST"));
    });
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_line_is_one_json_object_and_long_values_are_cut() {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    let writer = kept.clone();
    let json = Json::new(move || writer.clone());
    let long = "道".repeat(5000);
    with_default(Registry::default().with(json), || {
        tracing::warn!(lane = "SZB-X-01", alarm = %long, "alarm");
    });
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["id"], "alarm");
    assert_eq!(value["level"], "warn");
    assert_eq!(value["fields"]["lane"], "SZB-X-01");
    let cut = value["fields"]["alarm"].as_str().unwrap();
    assert_eq!(cut.len(), line::VALUE_LEN_MAX / 3 * 3);
}

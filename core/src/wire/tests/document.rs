//! `docs/protocols.md` says what the registry says.

use super::super::*;
use super::goldens;

#[test]
fn the_document_is_made_of_the_registry() {
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocols.md");
    let made = markdown();
    if std::env::var_os("LANEGATE_WRITE_DOCS").is_some() {
        std::fs::write(&document, &made).unwrap();
    }
    let written = std::fs::read_to_string(&document).unwrap_or_default();
    assert!(
        written == made,
        "docs/protocols.md is not what the registry says: \
         LANEGATE_WRITE_DOCS=1 cargo test -p lanegate-core --lib document"
    );
}

#[test]
fn every_protocol_says_what_it_is_and_every_setting_what_it_means() {
    let page = markdown();
    for protocol in protocols() {
        assert!(page.contains(&format!("\n### {}\n", protocol.name)));
        assert!(protocol.about.len() > 40, "{}: say more", protocol.name);
        for setting in protocol.settings {
            let (name, meaning) = (setting.name, setting.meaning);
            assert!(meaning.len() > 5, "{}: {name}", protocol.name);
        }
    }
}

/// Whoever reads what `decode` prints finds each kind of it explained.
#[test]
fn every_kind_that_is_printed_is_explained() {
    let page = markdown();
    let explained = page.lines().filter(|line| line.starts_with("| `"));
    let explained: Vec<_> = explained
        .filter_map(|line| line.split('|').nth(1))
        .collect();
    for protocol in protocols() {
        for line in goldens(protocol.name).iter().flat_map(|golden| &golden.out) {
            let kind = format!("`{}`", line["kind"].as_str().unwrap());
            assert!(explained.iter().any(|cell| cell.contains(&kind)), "{kind}");
        }
    }
}

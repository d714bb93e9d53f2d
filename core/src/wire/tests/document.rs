//! `docs/protocols.md` says what the registry says.

use super::super::*;

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
        assert!(
            protocol.about.contains("ource"),
            "{}: name the source",
            protocol.name
        );
        for setting in protocol.settings {
            assert!(
                setting.meaning.len() > 5,
                "{}: {}",
                protocol.name,
                setting.name
            );
        }
    }
}

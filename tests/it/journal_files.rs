//! Journals made and changed by hand, as `docs/journal.md` describes the file.

use std::fs;
use std::path::Path;

use crc::{CRC_32_ISCSI, Crc};
use lanegate_core::model::{ControllerId, PortCode};
use lanegate_core::record::{Body, Draft, GenesisBody, Link, Prepared};
use lanegate_core::time::Wall;

const FILE: &str = "journal-000000000000.lgj";

pub(crate) fn wall(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

/// A journal with these records behind its genesis.
pub(crate) fn make(dir: &Path, drafts: Vec<Draft>) {
    let controller = ControllerId::parse("SZB-X").unwrap();
    let body = GenesisBody {
        controller: controller.clone(),
        port: PortCode::parse("5345").unwrap(),
        created: wall("2026-11-24T00:00:00+08:00"),
        nonce: "00".to_owned(),
        v: 1,
    };
    let genesis = Prepared::from(Draft {
        at: body.created,
        lane: None,
        passage: None,
        body: Body::from(body),
    });
    let mut link = Link::before(controller, &genesis);
    let mut texts = vec![link.write(&genesis)];
    texts.extend(Prepared::all(drafts).iter().map(|draft| link.write(draft)));
    fs::create_dir_all(dir).unwrap();
    write(dir, &texts);
}

/// The records' texts.
pub(crate) fn read(dir: &Path) -> Vec<String> {
    let bytes = fs::read(dir.join(FILE)).unwrap();
    let mut texts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let text = bytes[at + 8..at + 8 + len].to_vec();
        texts.push(String::from_utf8(text).unwrap());
        at += 8 + len;
    }
    texts
}

/// Frames around them, whatever they say.
pub(crate) fn write(dir: &Path, texts: &[String]) {
    let crc = Crc::<u32>::new(&CRC_32_ISCSI);
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(crc.checksum(text.as_bytes()).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    fs::write(dir.join(FILE), bytes).unwrap();
}

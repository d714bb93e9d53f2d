//! Declarations for the tests of this crate.

use lanegate_core::lane::Query;
use lanegate_core::model::{Declaration, DeclarationId, Part, Plate, Position, parse_json};

use super::{Cache, FeedApply, Medium, Store as _};

/// The published example (FORMATS 2).
pub(crate) const EXAMPLE: &str = r#"{"id":"5345202600012345","form":"rmft","version":3,"status":"released","direction":"export","port":"5345","enterprise":"4403161234","class":"advanced","vehicles":[{"plates":["粤ZAB12港","AB1234"],"tare_kg":8600,"tare_at":"2026-05-02","tag":null}],"trailers":[{"plate":"粤B1234挂","tare_kg":5200}],"driver":{"card":"4403000123"},"load":"container","containers":[{"no":"CSQU3054383","tare_kg":3750,"seals":["8000620011"]}],"seals":[],"goods_gross_kg":18450,"packages":420,"valid_from":"2026-11-24T00:00:00+08:00","valid_until":"2026-11-25T00:00:00+08:00","binding":{"kind":"single"},"settle_by":null,"convoy":null,"covers":[],"controller":null,"ext":{}}"#;

/// A declaration `n` of a truck of its own, whose plate is [`plate`].
pub(crate) fn declaration(n: u32) -> Declaration {
    let mut declaration: Declaration = parse_json(EXAMPLE).unwrap();
    declaration.id = id(n);
    declaration.version = 1;
    declaration.vehicles[0].plates = vec![Plate::parse(&plate(n)).unwrap()];
    declaration.trailers.clear();
    declaration.driver = None;
    declaration.containers.clear();
    declaration
}

pub(crate) fn id(n: u32) -> DeclarationId {
    DeclarationId::parse(&format!("D{n:06}")).unwrap()
}

pub(crate) fn plate(n: u32) -> String {
    format!("粤B{n:05}")
}

/// The look-up of the truck of declaration `n`.
pub(crate) fn query(n: u32) -> Query {
    Query {
        plates: vec![plate(n)],
        ..Query::default()
    }
}

/// A batch of the feed that brings these.
pub(crate) fn batch(seq: u64, upserts: Vec<Declaration>) -> FeedApply {
    FeedApply {
        position: Some(Position { epoch: 7, seq }),
        upserts,
        ..FeedApply::default()
    }
}

/// One part of a snapshot.
pub(crate) fn part(seq: u64, part: u32, parts: u32, upserts: Vec<Declaration>) -> FeedApply {
    FeedApply {
        part: Some(Part { part, parts }),
        ..batch(seq, upserts)
    }
}

/// A directory of its own for one test, removed at the end.
pub(crate) struct TempDir(pub(crate) std::path::PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lanegate-store-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Opens it. A file's lock is let go late: sled's own threads hold it past the
/// close, and so does a process another test is just starting.
pub(crate) fn load_until_ready<M: Medium>(store: &mut Cache<M>) {
    for _ in 0..100_000 {
        store.load();
        if store.is_ready() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the store does not open");
}

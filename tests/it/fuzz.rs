//! The fuzz targets on a stable compiler: every file of the committed corpora,
//! what other tests hand in, and each of these bent in many ways. A name that
//! has no program, or a codec without a target, fails too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lanegate_core::wire::protocols;

#[expect(unreachable_pub, reason = "they are public in fuzz/lib.rs")]
#[path = "../../fuzz/targets.rs"]
mod targets;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Bent copies of each file.
const BENT: u64 = 40;

fn names() -> BTreeSet<String> {
    let codecs = protocols().iter().map(|p| format!("wire-{}", p.name));
    let others = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned());
    codecs.chain(others).collect()
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut all: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

/// Files other tests hand in, by the target they fit.
fn borrowed(name: &str) -> Vec<PathBuf> {
    let (dir, begins, ends) = match name {
        "policy" => ("core/tests/policy", "", ".toml"),
        "declarations-csv" => ("tests/malformed", "declarations", ".csv"),
        "declarations" | "controls" | "enterprises" | "cases" => ("tests/malformed", name, ""),
        _ => return Vec::new(),
    };
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(begins) && name.ends_with(ends)
    };
    listed(&repository().join(dir))
        .into_iter()
        .filter(fits)
        .collect()
}

/// A small generator with a known period (splitmix64): the same bends every time.
struct Bends(u64);

impl Bends {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below.max(1) as u64).unwrap()
    }

    /// Flips a bit, cuts, doubles a piece, or puts a telling byte somewhere.
    fn bend(&mut self, data: &mut Vec<u8>) {
        if data.is_empty() {
            return data.push(b'{');
        }
        let at = self.next(data.len());
        match self.next(5) {
            0 => data[at] ^= 1 << self.next(8),
            1 => data.truncate(at),
            2 => drop(data.drain(at..(at + 1 + self.next(16)).min(data.len()))),
            3 => {
                let piece = data[at..(at + 1 + self.next(32)).min(data.len())].to_vec();
                data.splice(at..at, piece);
            }
            _ => data[at] = b"\0\x02\x03\x7e\xff\"{}[],:-09eE\\u|\n"[self.next(21)],
        }
    }
}

/// Runs one target over everything there is for it; how often it ran.
fn runs(name: &str) -> u64 {
    let mut files = listed(&repository().join("fuzz/corpus").join(name));
    assert!(!files.is_empty(), "fuzz/corpus/{name} is empty");
    files.extend(borrowed(name));
    let mut ran = 0;
    for path in files {
        let file = fs::read(&path).unwrap();
        let mut bends = Bends(file.len() as u64);
        for bent in 0..=BENT {
            let mut data = file.clone();
            for _ in 0..bent.min(4) {
                bends.bend(&mut data);
            }
            let told = std::panic::catch_unwind(|| targets::run(name, &data));
            assert!(told.is_ok(), "{}, bend {bent}: {data:?}", path.display());
            ran += 1;
        }
    }
    ran
}

#[test]
fn no_target_finds_anything_in_the_committed_corpora_or_near_them() {
    let ran: u64 = names().iter().map(|name| runs(name)).sum();
    assert!(ran > 10_000, "only {ran} inputs");
}

#[test]
fn every_codec_and_target_has_its_program_and_corpus() {
    let stems = |dir: &str| -> BTreeSet<String> {
        let all = listed(&repository().join(dir));
        all.iter()
            .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(stems("fuzz/fuzz_targets"), names());
    assert_eq!(stems("fuzz/corpus"), names());
}

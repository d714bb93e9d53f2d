//! A disk that lies, on sled's own files: bits flipped, files cut, pages
//! zeroed, at places drawn from a seed.
//!
//! `LANEGATE_MEDIA_FAULTS=10` does 1,000 flips, 200 cuts and 200 pages, a usual
//! run a tenth of that; `docs/developer.md` has the command.

use super::*;

/// Bytes of a page of the kernel's cache.
const PAGE: usize = 4096;

#[derive(Clone, Copy, Debug)]
enum Spoil {
    Flip,
    Cut,
    ZeroPage,
}

/// SplitMix64.
struct Places(u64);

impl Places {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n.max(1) as u64).unwrap()
    }

    /// Spoils one file where it holds something; the larger, the likelier.
    fn spoil(&mut self, files: &mut Files, how: Spoil) {
        let total: usize = files.values().map(Vec::len).sum();
        let mut at = self.below(total);
        let hit = files.values_mut().find(|bytes| {
            let here = at < bytes.len();
            at -= if here { 0 } else { bytes.len() };
            here
        });
        let bytes = hit.expect("a place below the total lies in one of them");
        let used = bytes
            .iter()
            .rposition(|&b| b != 0)
            .map_or(1, |last| last + 1);
        let at = self.below(used);
        match how {
            Spoil::Flip => bytes[at] ^= 1 << self.below(8),
            Spoil::Cut => bytes.truncate(at),
            Spoil::ZeroPage => {
                let from = at / PAGE * PAGE;
                let to = (from + PAGE).min(bytes.len());
                bytes[from..to].fill(0);
            }
        }
    }
}

#[test]
fn a_disk_that_lies_never_makes_a_wrong_answer() {
    let times = std::env::var("LANEGATE_MEDIA_FAULTS").map_or(1, |n| n.parse().unwrap());
    let dir = TempDir::new();
    let expected = filled(&dir);
    let files = files_of(&dir);
    let mut places = Places(20);
    for (how, trials) in [(Spoil::Flip, 100), (Spoil::Cut, 20), (Spoil::ZeroPage, 20)] {
        let mut set_aside = 0;
        for _ in 0..trials * times {
            let mut spoiled = files.clone();
            places.spoil(&mut spoiled, how);
            put_back(&dir, &spoiled);
            set_aside += usize::from(answers_right_or_not_at_all(&dir, &expected));
        }
        println!("{how:?}: {} trials, set aside {set_aside}", trials * times);
        assert!(set_aside > 0, "{how:?} never reached the data");
    }
}

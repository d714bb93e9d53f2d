//! A serial line that goes wrong: noise, flipped, lost and doubled bytes, half
//! frames, silence, the wrong speed, late and frozen values.

use crate::options::{MS, Us};
use crate::rng::Rng;

/// Until when each of a line's faults lasts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) noise: Us,
    pub(crate) flip: Us,
    pub(crate) drop: Us,
    pub(crate) duplicate: Us,
    pub(crate) half: Us,
    pub(crate) stuck: Us,
    pub(crate) speed: Us,
    pub(crate) late: Us,
    pub(crate) lost: Us,
    pub(crate) frozen: Us,
    /// Nothing is wrong from here on.
    well: Us,
    /// The frame a frozen device repeats.
    shown: Vec<u8>,
    /// What was sent last arrives then: bytes do not overtake one another.
    last_at: Us,
}

/// What becomes of a frame: pieces and when they arrive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bent {
    pub(crate) pieces: Vec<(Us, Vec<u8>)>,
    /// The bytes differ from what the device said.
    pub(crate) changed: bool,
    /// A whole frame says something the device did not measure.
    pub(crate) lied: bool,
}

impl Line {
    /// Lets `field` last until `until`.
    pub(crate) fn begin(&mut self, field: impl Fn(&mut Line) -> &mut Us, until: Us) {
        let place = field(self);
        *place = until.max(*place);
        self.well = until.max(self.well);
    }

    /// Whether bytes go through as they are.
    pub(crate) fn is_well(&self, at: Us) -> bool {
        at >= self.well && at >= self.last_at
    }

    /// Whether the device hears what it is sent.
    pub(crate) fn hears(&self, at: Us) -> bool {
        at >= self.lost && at >= self.stuck && at >= self.speed
    }

    /// What arrives of `bytes` sent at `at`.
    pub(crate) fn bend(&mut self, at: Us, bytes: Vec<u8>, rng: &mut Rng) -> Bent {
        let mut bent = Bent::default();
        if at < self.lost || at < self.stuck {
            bent.changed = true;
            return bent;
        }
        let bytes = self.freeze(at, bytes, &mut bent);
        let (mut bytes, was) = (bytes.clone(), bytes);
        if at < self.speed {
            bytes = garbage(&bytes, rng);
        }
        if at < self.flip && !bytes.is_empty() {
            for _ in 0..rng.range(1, 3) {
                let place = rng.below(bytes.len() as u64) as usize;
                bytes[place] ^= 1 << rng.below(8);
            }
        }
        if at < self.drop && !bytes.is_empty() {
            for _ in 0..rng.range(1, 3).min(bytes.len() as i64) {
                let place = rng.below(bytes.len() as u64) as usize;
                bytes.remove(place);
            }
        }
        bent.changed |= bytes != was;
        self.deliver(at, bytes, rng, &mut bent);
        bent
    }

    fn freeze(&mut self, at: Us, bytes: Vec<u8>, bent: &mut Bent) -> Vec<u8> {
        if at >= self.frozen {
            self.shown.clear();
            return bytes;
        }
        if self.shown.is_empty() {
            self.shown = bytes.clone();
        }
        bent.lied = self.shown != bytes;
        self.shown.clone()
    }

    fn deliver(&mut self, at: Us, bytes: Vec<u8>, rng: &mut Rng, bent: &mut Bent) {
        let late = if at < self.late {
            rng.range(200, 2500) as Us * MS
        } else {
            0
        };
        let mut at = (at + late).max(self.last_at);
        if at < self.noise {
            let noise = (0..rng.range(1, 9)).map(|_| rng.below(256) as u8);
            bent.pieces.push((at, noise.collect()));
            bent.changed = true;
        }
        let twice = at < self.duplicate;
        if at < self.half && bytes.len() > 1 {
            let cut = 1 + rng.below(bytes.len() as u64 - 1) as usize;
            bent.pieces.push((at, bytes[..cut].to_vec()));
            // The rest comes a little later, or never.
            if rng.chance(600) {
                at += rng.range(1, 80) as Us * MS;
                bent.pieces.push((at, bytes[cut..].to_vec()));
            } else {
                bent.changed = true;
            }
        } else {
            bent.pieces.push((at, bytes.clone()));
        }
        if twice {
            at += rng.range(0, 20) as Us * MS;
            bent.pieces.push((at, bytes));
        }
        bent.pieces.retain(|(_, bytes)| !bytes.is_empty());
        self.last_at = at;
    }
}

/// What a receiver at another speed makes of it.
fn garbage(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let len = bytes.len() as u64;
    (0..rng.below(len + 1) + len / 2)
        .map(|_| rng.below(256) as u8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = b"\x02+002000019\x03";

    fn bend(line: &mut Line, at: Us) -> Bent {
        line.bend(at, FRAME.to_vec(), &mut Rng::new(1, 1))
    }

    #[test]
    fn a_line_that_is_well_passes_frames_on_unchanged() {
        let mut line = Line::default();
        assert!(line.is_well(0));
        let bent = bend(&mut line, 5);
        assert_eq!(bent.pieces, vec![(5, FRAME.to_vec())]);
        assert!(!bent.changed && !bent.lied);
    }

    #[test]
    fn each_fault_changes_what_arrives_and_ends_in_time() {
        type Field = fn(&mut Line) -> &mut Us;
        let fields: [(&str, Field); 5] = [
            ("noise", |l| &mut l.noise),
            ("flip", |l| &mut l.flip),
            ("drop", |l| &mut l.drop),
            ("stuck", |l| &mut l.stuck),
            ("speed", |l| &mut l.speed),
        ];
        for (name, field) in fields {
            let mut line = Line::default();
            line.begin(field, 1000);
            assert!(!line.is_well(0));
            assert!(bend(&mut line, 0).changed, "{name}");
            assert!(!bend(&mut line, 10_000).changed, "{name}");
        }
    }

    #[test]
    fn late_bytes_never_overtake_one_another() {
        let mut line = Line::default();
        line.begin(|l| &mut l.late, 5_000_000);
        let mut rng = Rng::new(2, 2);
        let mut last = 0;
        for at in (0..6_000_000).step_by(200_000) {
            for (arrives, _) in line.bend(at, FRAME.to_vec(), &mut rng).pieces {
                assert!(arrives >= last && arrives >= at);
                last = arrives;
            }
        }
    }

    #[test]
    fn a_frozen_device_repeats_what_it_showed_first() {
        let mut line = Line::default();
        line.begin(|l| &mut l.frozen, 1000);
        assert!(!bend(&mut line, 0).lied);
        let other = line.bend(10, b"other".to_vec(), &mut Rng::new(1, 1));
        assert_eq!((other.pieces[0].1.as_slice(), other.lied), (FRAME, true));
        assert!(!bend(&mut line, 2000).lied);
    }
}

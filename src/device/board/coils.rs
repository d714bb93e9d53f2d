//! Lamps and diverter: coils that stay as they are set. Sans-IO.

use std::collections::BTreeMap;

/// What each coil should be and what it is known to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Coils {
    wanted: BTreeMap<u16, bool>,
    /// As written by us or read back.
    known: BTreeMap<u16, bool>,
}

impl Coils {
    pub(super) fn want(&mut self, coil: Option<u16>, on: bool) {
        if let Some(coil) = coil {
            self.wanted.insert(coil, on);
        }
    }

    /// The next coil to write. Off before on: a green lamp goes out before a
    /// red one comes on, or the other way about, never both on.
    pub(super) fn differing(&self) -> Option<(u16, bool)> {
        let differs = |(coil, on): &(&u16, &bool)| self.known.get(coil) != Some(on);
        let mut all = self.wanted.iter().filter(differs);
        let off = all.clone().find(|(_, on)| !**on);
        off.or_else(|| all.next()).map(|(coil, on)| (*coil, *on))
    }

    /// The board took this write, or refused it: until a read-back says
    /// otherwise it is not written again.
    pub(super) fn written(&mut self, coil: u16, on: bool) {
        self.known.insert(coil, on);
    }

    /// The board may have forgotten everything.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Takes in a read-back; coils that no longer hold what was written.
    pub(super) fn read_back(&mut self, held: impl Fn(u16) -> bool) -> Vec<u16> {
        let mut changed = Vec::new();
        for coil in self.wanted.keys().copied() {
            let held = held(coil);
            let before = self.known.insert(coil, held);
            if before.is_some_and(|before| before != held) {
                changed.push(coil);
            }
        }
        changed
    }
}

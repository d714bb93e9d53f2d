//! Lamps and diverter: coils that stay as they are set. Sans-IO.

use std::collections::{BTreeMap, BTreeSet};

/// What each coil should be and what it is known to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Coils {
    wanted: BTreeMap<u16, bool>,
    /// As written by us or read back.
    known: BTreeMap<u16, bool>,
    /// Comes on when everything else is as it should be.
    last: Option<u16>,
    /// Must be on, where it is wanted on, before `last` may.
    before: [Option<u16>; 2],
    refused: BTreeSet<u16>,
    /// What [`Self::differing`] says: asked at every poll, changed at few.
    next: Option<(u16, bool)>,
}

impl Coils {
    pub(super) fn want(&mut self, coil: Option<u16>, on: bool) {
        if let Some(coil) = coil {
            self.wanted.insert(coil, on);
            self.next = self.find();
        }
    }

    /// `coil` comes on last: a green lamp says "go", and where to must be told
    /// `before`. A board that refuses to tell gets no green lamp either.
    pub(super) fn keep_for_last(&mut self, coil: Option<u16>, before: [Option<u16>; 2]) {
        self.last = coil;
        self.before = before;
        self.next = self.find();
    }

    fn is_untold(&self, coil: u16) -> bool {
        self.wanted.get(&coil) == Some(&true) && self.refused.contains(&coil)
    }

    /// The next coil to write. Off before on: a green lamp goes out before a
    /// red one comes on, or the other way about, never both on.
    pub(super) const fn differing(&self) -> Option<(u16, bool)> {
        self.next
    }

    /// Each coil as written by us or read back.
    pub(super) const fn known(&self) -> &BTreeMap<u16, bool> {
        &self.known
    }

    fn find(&self) -> Option<(u16, bool)> {
        let differs = |(coil, on): &(&u16, &bool)| self.known.get(coil) != Some(on);
        let mut all = self.wanted.iter().filter(differs);
        let off = all.clone().find(|(_, on)| !**on);
        let sooner = all.clone().find(|(coil, _)| Some(**coil) != self.last);
        let told = !self
            .before
            .into_iter()
            .flatten()
            .any(|coil| self.is_untold(coil));
        let last = || all.next().filter(|_| told);
        let next = off.or(sooner).or_else(last);
        next.map(|(coil, on)| (*coil, *on))
    }

    /// The board took this write: until a read-back says otherwise it is not
    /// written again.
    pub(super) fn written(&mut self, coil: u16, on: bool) {
        self.known.insert(coil, on);
        self.refused.remove(&coil);
        self.next = self.find();
    }

    /// The board refused this write: it is not argued with until a read-back.
    pub(super) fn refused(&mut self, coil: u16, on: bool) {
        self.known.insert(coil, on);
        self.refused.insert(coil);
        self.next = self.find();
    }

    /// The board may have forgotten everything.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.refused.clear();
        self.next = self.find();
    }

    /// Takes in a read-back; coils that no longer hold what was written.
    pub(super) fn read_back(&mut self, held: impl Fn(u16) -> bool) -> Vec<u16> {
        let mut changed = Vec::new();
        for coil in self.wanted.keys().copied() {
            let held = held(coil);
            let before = self.known.insert(coil, held);
            if self.wanted.get(&coil) == Some(&held) {
                self.refused.remove(&coil);
            }
            if before.is_some_and(|before| before != held) {
                changed.push(coil);
            }
        }
        self.next = self.find();
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREEN: u16 = 4;
    const TO_BAY: u16 = 6;

    /// Found by `simulate --seeds 763..764 --passages 20 --faults hostile`: a
    /// truck to be inspected saw green before the line that was to switch on
    /// "to the bay" answered again, and drove to the road.
    #[test]
    fn green_comes_on_only_when_the_board_has_taken_where_to() {
        let mut coils = Coils::default();
        coils.keep_for_last(Some(GREEN), [Some(TO_BAY), None]);
        coils.want(Some(GREEN), true);
        coils.want(Some(TO_BAY), true);
        assert_eq!(coils.differing(), Some((TO_BAY, true)));
        // No answer came: it is asked again, and green waits.
        assert_eq!(coils.differing(), Some((TO_BAY, true)));
        coils.written(TO_BAY, true);
        assert_eq!(coils.differing(), Some((GREEN, true)));
        coils.written(GREEN, true);
        // Off goes before everything.
        coils.want(Some(GREEN), false);
        coils.want(Some(TO_BAY), false);
        coils.written(TO_BAY, false);
        assert_eq!(coils.differing(), Some((GREEN, false)));
    }

    /// A board that refuses "to the bay" gets no green: the truck would take
    /// the road. What a read-back shows on was told after all.
    #[test]
    fn green_stays_off_where_the_board_refuses_where_to() {
        let mut coils = Coils::default();
        coils.keep_for_last(Some(GREEN), [Some(TO_BAY), None]);
        coils.want(Some(GREEN), true);
        coils.want(Some(TO_BAY), true);
        coils.refused(TO_BAY, true);
        assert_eq!(coils.differing(), None);
        // It is asked again after a read-back that shows it off.
        coils.read_back(|_| false);
        assert_eq!(coils.differing(), Some((TO_BAY, true)));
        coils.refused(TO_BAY, true);
        assert_eq!(coils.differing(), None);
        coils.read_back(|coil| coil == TO_BAY);
        assert_eq!(coils.differing(), Some((GREEN, true)));
        // A truck for the road needs no bay.
        coils.refused(TO_BAY, false);
        coils.want(Some(TO_BAY), false);
        assert_eq!(coils.differing(), Some((GREEN, true)));
    }
}

//! The diverter behind the arm: a rail that leads to the road or to the bay.
//! One switch sees it at the bay's end; under way it leads nowhere.

use crate::options::{MS, Us};

/// From one end to the other.
const TRAVEL_US: Us = 800 * MS;

/// Where the rail is and where it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Diverter {
    to_bay: bool,
    /// It sets off a travel earlier.
    there_at: Us,
    stuck_until: Us,
}

impl Default for Diverter {
    fn default() -> Diverter {
        Diverter {
            to_bay: false,
            there_at: TRAVEL_US,
            stuck_until: 0,
        }
    }
}

impl Diverter {
    /// Sends it; when it will be there, if it was not sent there before.
    pub(crate) fn send(&mut self, at: Us, to_bay: bool) -> Option<Us> {
        if to_bay == self.to_bay {
            return None;
        }
        self.to_bay = to_bay;
        self.there_at = at.max(self.stuck_until) + TRAVEL_US;
        Some(self.there_at)
    }

    /// It does not move until then; when it will be there, if it is on its
    /// way to the bay; the other way it has left already.
    pub(crate) fn stick(&mut self, at: Us, until: Us) -> Option<Us> {
        self.stuck_until = until;
        (self.to_bay && self.there_at > at).then(|| {
            self.there_at = until + TRAVEL_US;
            self.there_at
        })
    }

    /// Nothing holds it any more.
    pub(crate) fn heal(&mut self, at: Us) -> Option<Us> {
        self.stuck_until = 0;
        (self.there_at > at).then(|| {
            self.there_at = at + TRAVEL_US;
            self.there_at
        })
    }

    /// What the switch says.
    pub(crate) fn at_bay(&self, at: Us) -> bool {
        if self.to_bay {
            at >= self.there_at
        } else {
            at < self.there_at - TRAVEL_US
        }
    }

    /// Whether it leads to the bay; none = to nowhere.
    pub(crate) fn leads_to_bay(&self, at: Us) -> Option<bool> {
        (at >= self.there_at || at < self.there_at - TRAVEL_US).then(|| self.at_bay(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_at_the_bay_only_when_it_is_there() {
        let mut d = Diverter::default();
        assert_eq!(
            (d.at_bay(0), d.leads_to_bay(TRAVEL_US)),
            (false, Some(false))
        );
        assert_eq!(d.send(1_000_000, true), Some(1_800_000));
        assert_eq!(d.send(1_100_000, true), None);
        assert_eq!(
            (d.at_bay(1_700_000), d.leads_to_bay(1_700_000)),
            (false, None)
        );
        assert_eq!(
            (d.at_bay(1_800_000), d.leads_to_bay(1_800_000)),
            (true, Some(true))
        );
        assert_eq!(d.send(2_000_000, false), Some(2_800_000));
        assert_eq!(
            (d.at_bay(2_000_000), d.leads_to_bay(2_000_000)),
            (false, None)
        );
    }

    #[test]
    fn stuck_it_stays_and_sets_off_when_it_is_free() {
        let mut d = Diverter::default();
        d.send(1_000_000, true);
        assert_eq!(d.stick(2_000_000, 5_000_000), None);
        assert_eq!(d.send(3_000_000, false), Some(5_800_000));
        assert_eq!(
            (d.at_bay(4_900_000), d.leads_to_bay(4_900_000)),
            (true, Some(true))
        );
        assert!(!d.at_bay(5_000_000));
        assert_eq!(d.heal(4_000_000), Some(4_800_000));
        assert_eq!(d.leads_to_bay(4_800_000), Some(false));
    }
}

//! The diverter behind the arm: a rail that leads to the road or to the bay.
//! One switch sees it at the bay's end; under way it leads nowhere.

use crate::options::{MS, Us};

/// From one end to the other.
const TRAVEL_US: Us = 800 * MS;

/// Where the rail is and where it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Diverter {
    /// Where it stood before: at the bay, at the road; none = between.
    from: Option<bool>,
    to_bay: bool,
    sets_off: Us,
    there_at: Us,
    stuck_until: Us,
}

impl Default for Diverter {
    fn default() -> Diverter {
        Diverter {
            from: Some(false),
            to_bay: false,
            sets_off: 0,
            there_at: 0,
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
        self.from = self.leads_to_bay(at);
        self.to_bay = to_bay;
        self.sets_off = at.max(self.stuck_until);
        let stays = self.from == Some(to_bay);
        self.there_at = if stays { at } else { self.sets_off + TRAVEL_US };
        Some(self.there_at)
    }

    /// It does not move until then; when it will be there, if it is on its way.
    pub(crate) fn stick(&mut self, at: Us, until: Us) -> Option<Us> {
        self.stuck_until = until;
        self.held(at, until)
    }

    /// Nothing holds it any more; when it will be there, if it is on its way.
    pub(crate) fn heal(&mut self, at: Us) -> Option<Us> {
        self.stuck_until = 0;
        self.held(at, at)
    }

    fn held(&mut self, at: Us, until: Us) -> Option<Us> {
        (at < self.there_at).then(|| {
            self.from = self.leads_to_bay(at);
            self.sets_off = until;
            self.there_at = until + TRAVEL_US;
            self.there_at
        })
    }

    /// What the switch says.
    pub(crate) fn at_bay(&self, at: Us) -> bool {
        self.leads_to_bay(at) == Some(true)
    }

    /// Whether it leads to the bay; none = to nowhere.
    pub(crate) fn leads_to_bay(&self, at: Us) -> Option<bool> {
        if at >= self.there_at {
            Some(self.to_bay)
        } else if at < self.sets_off {
            self.from
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Us = 1_000 * MS;

    #[test]
    fn it_is_seen_at_the_bay_only_when_it_is_there() {
        let mut d = Diverter::default();
        assert_eq!((d.at_bay(0), d.leads_to_bay(0)), (false, Some(false)));
        assert_eq!(d.send(S, true), Some(S + TRAVEL_US));
        assert_eq!(d.send(S + 100 * MS, true), None);
        let under_way = S + TRAVEL_US - 1;
        assert_eq!(
            (d.at_bay(under_way), d.leads_to_bay(under_way)),
            (false, None)
        );
        assert_eq!(d.leads_to_bay(S + TRAVEL_US), Some(true));
        assert_eq!(d.send(2 * S, false), Some(2 * S + TRAVEL_US));
        assert_eq!((d.at_bay(2 * S), d.leads_to_bay(2 * S)), (false, None));
        // Back again half way.
        assert_eq!(
            d.send(2 * S + 400 * MS, true),
            Some(2 * S + 400 * MS + TRAVEL_US)
        );
        assert_eq!(d.leads_to_bay(2 * S + 500 * MS), None);
        assert_eq!(d.leads_to_bay(4 * S), Some(true));
    }

    #[test]
    fn stuck_it_stays_where_it_is_whatever_it_is_told() {
        let mut d = Diverter::default();
        assert_eq!(d.stick(S, 9 * S), None);
        assert_eq!(d.send(2 * S, true), Some(9 * S + TRAVEL_US));
        assert_eq!(d.leads_to_bay(5 * S), Some(false));
        // Sent back before it moved: it is there.
        assert_eq!(d.send(5 * S, false), Some(5 * S));
        assert_eq!(d.leads_to_bay(6 * S), Some(false));
        assert_eq!(d.leads_to_bay(20 * S), Some(false));
        assert_eq!(d.send(6 * S, true), Some(9 * S + TRAVEL_US));
        assert_eq!(d.leads_to_bay(9 * S - 1), Some(false));
        assert_eq!(d.leads_to_bay(9 * S), None);
        assert_eq!(d.leads_to_bay(11 * S), Some(true));
    }

    #[test]
    fn stuck_under_way_it_leads_nowhere_until_it_is_free_and_there() {
        let mut d = Diverter::default();
        d.send(S, true);
        assert_eq!(d.stick(S + 100 * MS, 5 * S), Some(5 * S + TRAVEL_US));
        assert_eq!(d.leads_to_bay(3 * S), None);
        assert_eq!(d.heal(4 * S), Some(4 * S + TRAVEL_US));
        assert_eq!(d.leads_to_bay(4 * S + TRAVEL_US), Some(true));
        assert_eq!(d.heal(9 * S), None);
    }
}

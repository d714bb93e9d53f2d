//! When to ask for a snapshot unasked: while a control cannot be read nothing
//! else lifts it, and every lane of the port holds (L10). Sans-IO.
//!
//! At once, then ever less often: the authority may have to mend the control
//! first, and a snapshot is the dearest message there is.

use lanegate_core::time::{Micros, Mono};

use crate::clock::Backoff;

/// Between the first request and the second.
const LEAST: Micros = Micros::from_s(10);
/// Between later ones, at most.
const MOST: Micros = Micros::from_s(600);

/// Requests for a snapshot.
#[derive(Debug)]
pub struct SnapshotPlea {
    backoff: Backoff,
    next: Option<Mono>,
}

impl Default for SnapshotPlea {
    fn default() -> Self {
        Self::with(Backoff::new(LEAST, MOST))
    }
}

impl SnapshotPlea {
    const fn with(backoff: Backoff) -> Self {
        Self {
            backoff,
            next: None,
        }
    }

    /// Whether to ask now, while it is `needed`.
    pub fn due(&mut self, needed: bool, now: Mono) -> bool {
        if !needed {
            self.backoff.reset();
            self.next = None;
            return false;
        }
        if self.next.is_some_and(|next| now < next) {
            return false;
        }
        self.next = Some(now + self.backoff.wait());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(s: u64) -> Mono {
        Mono(s * 1_000_000)
    }

    #[test]
    fn it_asks_at_once_then_ever_less_often_and_no_more_once_it_is_lifted() {
        let mut plea = SnapshotPlea::with(Backoff::seeded(LEAST, MOST, 7));
        assert!(!plea.due(false, s(0)));
        let asked: Vec<u64> = (0..3600).filter(|at| plea.due(true, s(*at))).collect();
        assert_eq!(asked[0], 0);
        // Half of each step at least: 5, 10, 20 … 300 s, whatever the jitter.
        assert!((5..=10).contains(&asked[1]), "{asked:?}");
        assert!((9..=18).contains(&asked.len()), "{asked:?}");
        assert!(
            asked.windows(2).skip(7).all(|w| w[1] - w[0] >= 300),
            "{asked:?}"
        );
        assert!(!plea.due(false, s(3600)));
        assert!(plea.due(true, s(3601)), "a new one is asked for at once");
    }
}

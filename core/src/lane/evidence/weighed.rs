//! What the scale showed of this truck. A weight at rest stands as long as the
//! scale does not say otherwise (L4): one that moves on, goes to net or falls
//! silent has taken it back, and an overload may show itself by no more than
//! that.

use super::{Evidence, Rejected};
use crate::model::{DeviceId, Kg, WeightReading};

/// Divisions a truck at rest may sway by, engine running and the driver moving.
const SWAY_DIVISIONS: i64 = 5;

impl Evidence {
    pub(super) fn admit_weight(
        &mut self,
        device: &DeviceId,
        weight: WeightReading,
        whole: Option<bool>,
        division: Kg,
    ) -> Result<(), Rejected> {
        match self.weight {
            Some((held, _)) if held.stable && !weight.stable && !weight.overload => {
                if held.shows_nothing(division) {
                    self.weight = Some((weight, whole));
                } else if !sways(held, weight, division) {
                    self.doubt_weight(device);
                }
            }
            Some((held, _)) => {
                self.taken_back |= held.stable && !(weight.stable && sways(held, weight, division));
                self.weight = Some((weight, whole));
            }
            None => self.weight = Some((weight, whole)),
        }
        // A truck stands there: a scale that shows nothing has yet to show it.
        if weight.overload || (weight.stable && !weight.shows_nothing(division)) {
            self.gave.insert(device.clone());
        }
        Ok(())
    }

    /// A case is made of it as it is now.
    pub(in crate::lane) const fn judged(&mut self) {
        self.taken_back = false;
    }

    /// What the last case was made of is not so any more.
    pub(in crate::lane) const fn is_taken_back(&self) -> bool {
        self.taken_back
    }

    /// The scale took its weight back, or says nothing any more.
    pub(in crate::lane) fn doubt_weight(&mut self, device: &DeviceId) {
        if let Some((held, _)) = &mut self.weight {
            self.taken_back |= held.stable;
            held.stable = false;
            self.gave.remove(device);
        }
    }
}

fn sways(held: WeightReading, now: WeightReading, division: Kg) -> bool {
    let limit = division.0.saturating_mul(SWAY_DIVISIONS);
    match (held.gross, now.gross) {
        (Some(held), Some(now)) => held.0.abs_diff(now.0) <= limit.unsigned_abs(),
        (None, _) | (_, None) => false,
    }
}

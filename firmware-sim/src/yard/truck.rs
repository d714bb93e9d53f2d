//! One truck's motion along the lane.
//!
//! ```text
//!            presence loop = platform     stop line     arm        inhibit loop
//!  entry ... [-4000 ............... 0]        0        +2500   [+1500 .. +4000]   -> +
//! ```
//! Millimetres, the truck's front counts; a truck occupies `front - length ..= front`.

use crate::options::Us;

/// Where a truck comes from.
pub(crate) const ENTRY_MM: i64 = -22_000;
/// Where a truck stands at the stop line.
pub(crate) const LINE_MM: i64 = -200;
/// The presence loop and the weighing platform.
pub(crate) const PRESENCE_MM: (i64, i64) = (-4000, 0);
/// The closing inhibit.
pub(crate) const INHIBIT_MM: (i64, i64) = (1500, 4000);
/// The arm.
pub(crate) const ARM_MM: i64 = 2500;
/// How far the rear must have come for the truck to be gone.
pub(crate) const GONE_MM: i64 = 4200;

/// A straight piece of motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) t0: Us,
    pub(crate) x0: i64,
    pub(crate) t1: Us,
    pub(crate) x1: i64,
}

impl Segment {
    pub(crate) fn standing(at: Us, x: i64) -> Segment {
        Segment {
            t0: at,
            x0: x,
            t1: at,
            x1: x,
        }
    }

    pub(crate) fn front(&self, at: Us) -> i64 {
        if at >= self.t1 {
            return self.x1;
        }
        let (gone, whole) = (
            at.saturating_sub(self.t0) as i64,
            (self.t1 - self.t0) as i64,
        );
        self.x0 + (self.x1 - self.x0) * gone / whole
    }

    /// When the front reaches `x`, if it does in this piece, not counting its start.
    pub(crate) fn reaches(&self, x: i64) -> Option<Us> {
        let (way, whole) = (self.x1 - self.x0, (self.t1 - self.t0) as i64);
        let part = x - self.x0;
        let inside = if way > 0 {
            0 < part && part <= way
        } else {
            way <= part && part < 0
        };
        // Rounded up, so that at that moment the front is there.
        inside.then(|| self.t0 + (part * whole).unsigned_abs().div_ceil(way.unsigned_abs()))
    }
}

/// A place along the lane that matters when the truck's front gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// On the presence loop.
    Presence,
    /// At the stop line, standing.
    Line,
    /// The front is under the arm.
    UnderArm,
    /// The rear has left the presence loop.
    RearPastLine,
    /// The rear has passed the arm.
    RearPastArm,
    /// The end of this piece of motion.
    End,
}

/// A gap between tractor and trailer: while the front is in it, the loop sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from_mm: i64,
    pub(crate) width_mm: i64,
}

/// Where a truck is.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) length_mm: i64,
    pub(crate) gross_kg: i64,
    pub(crate) segment: Segment,
    /// Rises with every change of plan, so that marks of an older plan are void.
    pub(crate) plan: u32,
    /// Leaves sideways: begins at the first, is off the loop at the second.
    pub(crate) sideways: Option<(Us, Us)>,
    /// Seen by the inhibit loop.
    pub(crate) gap: Option<Gap>,
}

impl Body {
    pub(crate) fn front(&self, at: Us) -> i64 {
        self.segment.front(at)
    }

    pub(crate) fn rear(&self, at: Us) -> i64 {
        self.front(at) - self.length_mm
    }

    pub(crate) fn on_presence(&self, at: Us) -> bool {
        match self.sideways {
            Some((_, off)) => at < off,
            None => self.overlaps(at, PRESENCE_MM),
        }
    }

    pub(crate) fn on_inhibit(&self, at: Us) -> bool {
        if self.sideways.is_some() || !self.overlaps(at, INHIBIT_MM) {
            return false;
        }
        let front = self.front(at);
        !self
            .gap
            .is_some_and(|g| (g.from_mm..g.from_mm + g.width_mm).contains(&front))
    }

    pub(crate) fn under_arm(&self, at: Us) -> bool {
        self.sideways.is_none() && self.overlaps(at, (ARM_MM, ARM_MM))
    }

    /// How much of the truck rests on the platform, in kilograms.
    pub(crate) fn load_kg(&self, at: Us) -> i64 {
        if let Some((begun, off)) = self.sideways {
            let left = off.saturating_sub(at) as i64;
            return self.gross_kg * left / ((off - begun).max(1) as i64);
        }
        let front = self.front(at);
        let (start, line) = (PRESENCE_MM.0, LINE_MM);
        if front <= start || front >= self.length_mm {
            0
        } else if front < line {
            self.gross_kg * (front - start) / (line - start)
        } else if front <= PRESENCE_MM.1 {
            self.gross_kg
        } else {
            self.gross_kg * (self.length_mm - front) / self.length_mm
        }
    }

    /// Whether it has stood still for the scale to settle.
    pub(crate) fn settled(&self, at: Us) -> bool {
        self.sideways.is_none() && at >= self.segment.t1 + 400_000
    }

    /// Changes the plan; the marks of the new piece of motion, in order.
    pub(crate) fn go(&mut self, segment: Segment) -> Vec<(Us, Mark)> {
        self.segment = segment;
        self.plan += 1;
        let forward = segment.x1 > segment.x0;
        let mut marks: Vec<(Us, Mark)> = [
            (PRESENCE_MM.0, Mark::Presence),
            (ARM_MM, Mark::UnderArm),
            (self.length_mm, Mark::RearPastLine),
            (self.length_mm + ARM_MM, Mark::RearPastArm),
        ]
        .into_iter()
        .filter(|_| forward)
        .filter_map(|(x, mark)| Some((segment.reaches(x)?, mark)))
        .collect();
        let at_line = forward && segment.x1 == LINE_MM;
        marks.push((segment.t1, if at_line { Mark::Line } else { Mark::End }));
        marks
    }

    fn overlaps(&self, at: Us, (low, high): (i64, i64)) -> bool {
        let front = self.front(at);
        front >= low && front - self.length_mm <= high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truck() -> Body {
        Body {
            length_mm: 12_000,
            gross_kg: 30_000,
            segment: Segment::standing(0, ENTRY_MM),
            plan: 0,
            sideways: None,
            gap: None,
        }
    }

    #[test]
    fn driving_up_turns_presence_on_and_loads_the_platform_until_all_weight_is_on_it() {
        let mut t = truck();
        let marks = t.go(Segment {
            t0: 0,
            x0: ENTRY_MM,
            t1: 1_500_000,
            x1: LINE_MM,
        });
        let names: Vec<Mark> = marks.iter().map(|m| m.1).collect();
        assert_eq!(names, vec![Mark::Presence, Mark::Line]);
        let on = marks[0].0;
        assert!(!t.on_presence(on - 2000) && t.on_presence(on));
        assert_eq!(t.load_kg(on - 2000), 0);
        let half = t.load_kg((on + 1_500_000) / 2);
        assert!((14_000..16_000).contains(&half), "{half}");
        assert_eq!(t.load_kg(1_500_000), 30_000);
        assert!(!t.settled(1_600_000) && t.settled(1_900_000));
    }

    #[test]
    fn passing_leaves_presence_while_the_inhibit_is_still_on_and_marks_the_places_in_order() {
        let mut t = truck();
        let marks = t.go(Segment {
            t0: 0,
            x0: LINE_MM,
            t1: 1_640_000,
            x1: 16_200,
        });
        let names: Vec<Mark> = marks.iter().map(|m| m.1).collect();
        assert_eq!(
            names,
            vec![
                Mark::UnderArm,
                Mark::RearPastLine,
                Mark::RearPastArm,
                Mark::End
            ]
        );
        let off = marks[1].0 + 200;
        assert!(!t.on_presence(off) && t.on_inhibit(off) && t.under_arm(off));
        assert!(!t.under_arm(marks[2].0 + 200) && !t.on_inhibit(1_640_000));
    }

    #[test]
    fn a_gap_hides_the_truck_from_the_inhibit_only_while_it_is_over_the_loop() {
        let mut t = truck();
        t.gap = Some(Gap {
            from_mm: 7000,
            width_mm: 500,
        });
        t.go(Segment {
            t0: 0,
            x0: LINE_MM,
            t1: 1_640_000,
            x1: 16_200,
        });
        let seen = |x: i64| t.on_inhibit(t.segment.reaches(x).unwrap());
        assert_eq!([seen(6900), seen(7100), seen(7600)], [true, false, true]);
    }
}

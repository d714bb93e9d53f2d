//! Indicators of many makes, as their vendors describe them: what stands on
//! the wire for a weight, and what each does on a bad day.
//!
//! A [`Make`] writes a [`Display`]; an [`Indicator`] turns what truly stands on
//! the platform into displays, with drift, a sticking display, overload and a
//! power-up that nobody zeroed.

mod asked;
mod lines;
mod makes;
mod status;
mod yaohua;

pub use makes::{ALL, Make};

use crate::rng::Rng;

/// What an indicator shows at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Display {
    /// The figure without its point: 3824 with one decimal is 382.4.
    pub digits: i64,
    /// Decimals.
    pub decimals: u8,
    /// A tare is subtracted.
    pub net: bool,
    /// Not at rest.
    pub motion: bool,
    /// Above its capacity.
    pub over: bool,
    /// Below zero by more than it may be.
    pub under: bool,
    /// Not zeroed since power-up.
    pub not_zeroed: bool,
}

impl Display {
    /// A weight at rest, in whole kilograms.
    #[must_use]
    pub fn kg(kg: i64) -> Self {
        Self {
            digits: kg,
            ..Self::default()
        }
    }

    /// The figure as a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let size = self.digits.unsigned_abs();
        let unit = 10_u64.pow(u32::from(self.decimals));
        let sign = if self.digits < 0 { "-" } else { "" };
        match self.decimals {
            0 => format!("{sign}{size}"),
            n => format!(
                "{sign}{}.{:0n$}",
                size / unit,
                size % unit,
                n = usize::from(n)
            ),
        }
    }

    /// Out of its range, so that no figure is shown.
    pub(crate) const fn is_out(&self) -> bool {
        self.over || self.under
    }
}

/// What goes wrong with an indicator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BadDay {
    /// The display stands still at what it showed.
    pub sticks: bool,
    /// It reads too much, in thousandths of the load.
    pub drift_permille: i64,
    /// It was switched on with a load and not zeroed.
    pub not_zeroed: bool,
}

/// An indicator under a load.
#[derive(Clone, Debug)]
pub struct Indicator {
    make: Make,
    capacity_kg: i64,
    division_kg: i64,
    day: BadDay,
    shown: Option<Display>,
    rng: Rng,
}

impl Indicator {
    /// Switched on.
    #[must_use]
    pub fn new(make: Make, capacity_kg: i64, division_kg: i64, seed: u64) -> Self {
        Self {
            make,
            capacity_kg,
            division_kg,
            day: BadDay::default(),
            shown: None,
            rng: Rng::new(seed, 0x5ca1e),
        }
    }

    /// From now on such a day.
    pub fn have(&mut self, day: BadDay) {
        self.day = day;
    }

    /// What it shows of a load: in steps of its division, nothing beyond its
    /// capacity by more than nine divisions, nor below zero by more than
    /// twenty.
    pub fn show(&mut self, load_kg: i64, settled: bool) -> Display {
        if let (true, Some(shown)) = (self.day.sticks, self.shown) {
            return shown;
        }
        let sway = if settled {
            0
        } else {
            self.rng.range(-2, 2) * self.division_kg
        };
        let kg = load_kg + load_kg * self.day.drift_permille / 1000 + sway;
        let steps = (kg + self.division_kg / 2).div_euclid(self.division_kg);
        let kg = steps * self.division_kg;
        let shown = Display {
            motion: !settled,
            over: kg > self.capacity_kg + 9 * self.division_kg,
            under: kg < -20 * self.division_kg,
            not_zeroed: self.day.not_zeroed,
            ..Display::kg(kg)
        };
        self.shown = Some(shown);
        shown
    }

    /// What it sends by itself; none if it waits to be asked, and none where
    /// it falls silent (an overload its format cannot say).
    pub fn send(&mut self, load_kg: i64, settled: bool) -> Option<Vec<u8>> {
        let shown = self.show(load_kg, settled);
        let speaks = self.make.question().is_none();
        speaks.then(|| self.make.frame(&shown)).flatten()
    }

    /// What it answers; none to what it does not take for a question.
    pub fn answer(&mut self, question: &[u8], load_kg: i64, settled: bool) -> Option<Vec<u8>> {
        let shown = self.show(load_kg, settled);
        let asked = self.make.question()?;
        if question == asked {
            return self.make.frame(&shown);
        }
        self.make.refusal()
    }
}

#[cfg(test)]
mod tests;

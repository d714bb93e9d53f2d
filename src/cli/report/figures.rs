//! Numbers as people read them, and what a panel was filled with.

use super::board::{Panel, Unit};
use super::client::Series;

/// A panel with its answers.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) panel: Panel,
    pub(super) series: Vec<Series>,
}

impl Filled {
    /// Series with their last value, the largest first.
    pub(super) fn by_size(&self) -> Vec<(&Series, f64)> {
        let last = |series| Some((series, last(series)?));
        let mut all: Vec<_> = self.series.iter().filter_map(last).collect();
        all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        all
    }
}

/// The last value of a series.
pub(super) fn last(series: &Series) -> Option<f64> {
    series.points.last().map(|(_, value)| *value)
}

/// With its unit.
pub(super) fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{} %", digits(value * 100.0)),
        Unit::Count => digits(value),
        Unit::Seconds => seconds(value),
    }
}

fn seconds(value: f64) -> String {
    match value.abs() {
        0.0 => "0 s".to_owned(),
        v if v < 0.001 => format!("{} us", digits(value * 1e6)),
        v if v < 1.0 => format!("{} ms", digits(value * 1e3)),
        v if v < 120.0 => format!("{} s", digits(value)),
        v if v < 7200.0 => format!("{} min", digits(value / 60.0)),
        _ => format!("{} h", digits(value / 3600.0)),
    }
}

/// Three digits are enough.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v.fract() == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A round number at or above the highest value, for the top of an axis.
pub(super) fn top(highest: f64) -> f64 {
    if highest <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let round = steps.iter().find(|step| **step * power >= highest);
    round.map_or(highest, |step| step * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits_and_a_unit_that_fits() {
        let s = |value| shown(value, Unit::Seconds);
        assert_eq!(s(0.000_15), "150 us");
        assert_eq!(s(0.0123), "12.3 ms");
        assert_eq!(s(3.456), "3.46 s");
        assert_eq!(s(600.0), "10 min");
        assert_eq!(shown(0.987_6, Unit::Share), "98.8 %");
        assert_eq!(shown(1234.5, Unit::Count), "1234");
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let tops = [0.0, 0.03, 1.0, 1.2, 480.0].map(top);
        assert_eq!(
            tops.map(|t| shown(t, Unit::Count)),
            ["1", "0.05", "1", "2", "500"]
        );
    }
}

//! Draws are even, and tell nothing of one another: statistics over many of
//! them under fixed keys, so that they come out the same every time.

use lanegate_core::clearance::DayKey;
use lanegate_core::model::DeclarationId;

fn id(n: u64) -> DeclarationId {
    DeclarationId::parse(&format!("5345202600{n:08}")).expect("eighteen digits")
}

/// The first 64 bits of a draw.
fn first(key: &DayKey, id: &DeclarationId, trip: u32) -> u64 {
    u64::from_str_radix(&key.value(id, trip)[..16], 16).expect("hex digits")
}

/// Every pair of 400 declarations and 300 trips.
fn grid() -> Vec<Vec<u64>> {
    let key = DayKey::new([42; 32]);
    let row = |n| {
        let id = id(n);
        (1..=300).map(|trip| first(&key, &id, trip)).collect()
    };
    (0..400).map(row).collect()
}

/// Pearson's statistic over 256 equal bins has 255 degrees of freedom: with
/// even draws it lies between these with probability 0.999.
#[test]
fn draws_are_uniform_by_a_chi_square_test_over_120000() {
    let grid = grid();
    for shift in [56, 32, 0] {
        let mut bins = [0_u32; 256];
        for first in grid.iter().flatten() {
            bins[usize::from((first >> shift) as u8)] += 1;
        }
        let expected = 120_000.0 / 256.0;
        let each = bins
            .iter()
            .map(|n| (f64::from(*n) - expected).powi(2) / expected);
        let statistic: f64 = each.sum();
        assert!(
            (187.0..337.0).contains(&statistic),
            "bits from {shift}: {statistic}"
        );
    }
}

/// Whoever knows one draw knows nothing of its neighbours: the correlation of
/// next trips and of next declarations is that of independent numbers (three
/// standard errors), and half the bits differ.
#[test]
fn neighbouring_trips_and_declarations_are_uncorrelated() {
    let grid = grid();
    let trips = grid
        .iter()
        .flat_map(|row| row.windows(2).map(|w| (w[0], w[1])));
    let rows = grid.windows(2);
    let declarations = rows.flat_map(|w| w[0].iter().copied().zip(w[1].iter().copied()));
    let pairs: [Vec<(u64, u64)>; 2] = [trips.collect(), declarations.collect()];
    for pairs in pairs {
        let n = pairs.len() as f64;
        assert!(n > 100_000.0);
        let centred = |x: u64| x as f64 / 2f64.powi(64) - 0.5;
        let product: f64 = pairs.iter().map(|(a, b)| centred(*a) * centred(*b)).sum();
        // The variance of a uniform number is 1/12.
        let correlation = product / n * 12.0;
        assert!(correlation.abs() < 3.0 / n.sqrt(), "{correlation}");
        let differing: u32 = pairs.iter().map(|(a, b)| (a ^ b).count_ones()).sum();
        let mean = f64::from(differing) / n;
        assert!((mean - 32.0).abs() < 3.0 * 4.0 / n.sqrt(), "{mean}");
    }
}

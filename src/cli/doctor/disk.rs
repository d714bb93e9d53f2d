//! The disk below the journal: room above the floor, and how long a sync
//! takes against the time a lane gives a verdict to become durable.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use super::Around;
use super::finding::{Area, Findings};
use super::state::existing;
use crate::clock::Stopwatch;

/// Appends measured at most, and the time that may take.
const SYNCS_MAX: usize = 200;
const SYNCS_MIN: usize = 5;
const MEASURE_MAX: Duration = Duration::from_secs(3);
/// About what a verdict's record takes.
const RECORD_LEN: usize = 4096;
/// A commit is durable within so many syncs, however many lanes commit.
const SYNCS_A_COMMIT: u32 = 3;
/// A driver notices more.
const PLEASANT: Duration = Duration::from_millis(100);

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    let dir = existing(&around.config.controller.state_dir);
    if room(around, &dir, findings) {
        speed(around, &dir, findings);
    }
}

/// False if there is none to measure in.
fn room(around: &Around<'_>, dir: &Path, findings: &mut Findings) -> bool {
    let shown = dir.display();
    let stat = match rustix::fs::statvfs(dir) {
        Ok(stat) => stat,
        Err(why) => {
            let then = "look at the disk (dmesg) and at the mounts";
            findings.fault(
                Area::Disk,
                shown,
                format!("cannot be looked at: {why}"),
                then,
            );
            return false;
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let floor = around.config.journal.free_space_floor_bytes;
    let mib = |bytes: u64| bytes >> 20;
    if free < floor || (stat.f_files > 0 && stat.f_favail == 0) {
        let what = format!(
            "full: {} MiB free and {} files, the floor is {} MiB; every verdict would be Hold \
             journal.unavailable",
            mib(free),
            stat.f_favail,
            mib(floor)
        );
        let then = "make room (journal.keep_days and archive_dir move old segments), or give the \
                    state directory a disk of its own";
        findings.fault(Area::Disk, shown, what, then);
        return false;
    }
    let what = format!("{} MiB free, floor {} MiB", mib(free), mib(floor));
    if free < floor.saturating_mul(2) {
        let then = "make room before it reaches the floor: then every truck holds";
        findings.warning(Area::Disk, shown, what, then);
    } else {
        findings.good(Area::Disk, shown, what);
    }
    true
}

fn speed(around: &Around<'_>, dir: &Path, findings: &mut Findings) {
    let shown = format!("{} sync", dir.display());
    // One that starts has the journal before it answers.
    let owner = || super::state::owner(&around.config.controller.state_dir);
    if around.daemon.is_some() || owner().is_some() {
        let what =
            "not measured beside the daemon: lanegate_journal_sync_seconds of /metrics tells";
        return findings.good(Area::Disk, shown, what);
    }
    let commit_max = around
        .config
        .lanes
        .iter()
        .map(|lane| lane.config.commit_max);
    let budget = commit_max
        .min()
        .map_or(Duration::MAX, |us| Duration::from_micros(us.0));
    let took = match measure(dir) {
        Ok(took) => took,
        Err(why) => {
            let then = "look at its rights, and at the disk (dmesg)";
            return findings.fault(Area::Disk, shown, format!("cannot be written: {why}"), then);
        }
    };
    let (p50, p99) = (quantile(&took, 50), quantile(&took, 99));
    let measured = format!(
        "fdatasync of {} records: p50 {} us, p99 {} us; a commit has {} ms",
        took.len(),
        p50.as_micros(),
        p99.as_micros(),
        budget.as_millis()
    );
    let commit = p99.saturating_mul(SYNCS_A_COMMIT);
    if commit > budget {
        let what = format!("too slow: {measured} for up to {SYNCS_A_COMMIT}");
        let then = "lanes would end Faulted{journal}: use a disk made for syncs (with power-loss \
                    protection), or raise commit_ms_max";
        findings.fault(Area::Disk, shown, what, then);
    } else if commit > PLEASANT {
        let then = "each truck waits for it: use a disk made for syncs";
        findings.warning(Area::Disk, shown, format!("slow: {measured}"), then);
    } else {
        findings.good(Area::Disk, shown, measured);
    }
}

/// Nearest rank of sorted times.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Sorted times of append and fdatasync, as the journal does them.
fn measure(dir: &Path) -> io::Result<Vec<Duration>> {
    let path = dir.join(format!(".lanegate-doctor-{}", std::process::id()));
    let mut file = File::options().append(true).create_new(true).open(&path)?;
    // Without a name it is gone with this process, however that ends.
    fs::remove_file(&path)?;
    let record = [b' '; RECORD_LEN];
    let (all, mut took) = (Stopwatch::started(), Vec::with_capacity(SYNCS_MAX));
    while took.len() < SYNCS_MAX && (took.len() < SYNCS_MIN || all.elapsed() < MEASURE_MAX) {
        file.write_all(&record)?;
        let one = Stopwatch::started();
        file.sync_data()?;
        took.push(one.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(quantile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(quantile(&sorted[..5], 99), Duration::from_millis(5));
        assert_eq!(quantile(&[], 99), Duration::ZERO);
    }
}

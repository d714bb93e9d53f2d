//! What is wrong with a device's clock.

/// A device clock further off than this is reported.
const OFF_MS_MAX: i64 = 60_000;
/// GPS week numbers of old firmware wrap after 1,024 weeks.
const ROLLOVER_DAYS: i64 = 7_168;
const DAY_MS: i64 = 86_400_000;

/// A device clock that is wrong, in words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum ClockFault {
    /// Off by whole eras of GPS week numbers.
    #[error(
        "GPS week rollover: the device's clock is off by {days} days; \
         renew its firmware or have its time set"
    )]
    GpsWeekRollover {
        /// Device minus ours.
        days: i64,
    },
    /// Off by any other amount.
    #[error("the device's clock is off by {s} s; set its time source")]
    Off {
        /// Device minus ours.
        s: i64,
    },
}

impl ClockFault {
    /// What a device time that is off by `off_ms` (device minus ours) says
    /// about its clock; none while it is near enough.
    #[must_use]
    pub const fn of(off_ms: i64) -> Option<Self> {
        if off_ms.saturating_abs() <= OFF_MS_MAX {
            return None;
        }
        let era_ms = ROLLOVER_DAYS * DAY_MS;
        let eras = off_ms.saturating_abs().saturating_add(era_ms / 2) / era_ms * off_ms.signum();
        let days = eras * ROLLOVER_DAYS;
        if eras != 0 && off_ms.saturating_sub(days * DAY_MS).saturating_abs() <= DAY_MS {
            return Some(Self::GpsWeekRollover { days });
        }
        Some(Self::Off { s: off_ms / 1000 })
    }
}

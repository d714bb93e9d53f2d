//! Every fault a run may have: its name, how often, how long.

use crate::options::Us;

/// One kind of fault. The order is the table's and the mix's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    SerialNoise,
    SerialFlip,
    SerialDrop,
    SerialDuplicate,
    SerialHalf,
    SerialStuck,
    SerialSpeed,
    DeviceLate,
    DeviceLost,
    DeviceReplayed,
    CameraMisread,
    CameraDoubled,
    ScaleFrozen,
    PresenceOn,
    PresenceOff,
    InhibitOn,
    ArmJams,
    LimitUpDead,
    LimitDownDead,
    LimitDownLies,
    MqttDuplicate,
    MqttReorder,
    MqttDelay,
    MqttRetained,
    MqttForgotten,
    MqttOversize,
    BrokerCut,
    AuthorityCut,
    AuthorityCutHour,
    ClockBack,
    ClockForward,
    Clock1970,
    ClockUnsynchronised,
    OrderRace,
    OrderDouble,
    OrderContradict,
    OrderGone,
    FeedGap,
    FeedDuplicate,
    FeedStaleVersion,
    FeedRevoked,
    FeedControlLate,
    FeedBadItem,
    CameraClockOff,
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// What it is counted as.
    pub(crate) name: &'static str,
    /// Times an hour and lane, under `field` and under `hostile`.
    pub(crate) field: u32,
    pub(crate) hostile: u32,
    /// How long it lasts, in milliseconds; zeros = it is over at once.
    pub(crate) last_ms: (u64, u64),
}

const fn row(
    kind: Kind,
    name: &'static str,
    (field, hostile): (u32, u32),
    last_ms: (u64, u64),
) -> Row {
    Row {
        kind,
        name,
        field,
        hostile,
        last_ms,
    }
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 44;

/// The table; a lane sees some 360 trucks an hour when it never rests.
pub(crate) const TABLE: [Row; KINDS] = [
    row(Kind::SerialNoise, "serial.noise", (6, 120), (500, 4_000)),
    row(Kind::SerialFlip, "serial.flip", (4, 90), (300, 3_000)),
    row(Kind::SerialDrop, "serial.drop", (4, 90), (300, 3_000)),
    row(
        Kind::SerialDuplicate,
        "serial.duplicate",
        (3, 60),
        (300, 3_000),
    ),
    row(Kind::SerialHalf, "serial.half", (3, 60), (300, 3_000)),
    row(Kind::SerialStuck, "serial.stuck", (2, 30), (300, 8_000)),
    row(Kind::SerialSpeed, "serial.speed", (1, 18), (500, 6_000)),
    row(Kind::DeviceLate, "device.late", (3, 45), (2_000, 15_000)),
    row(Kind::DeviceLost, "device.lost", (1, 18), (2_000, 20_000)),
    row(Kind::DeviceReplayed, "device.replayed", (4, 60), (0, 0)),
    row(Kind::CameraMisread, "camera.misread", (8, 75), (0, 0)),
    row(Kind::CameraDoubled, "camera.doubled", (6, 75), (0, 0)),
    row(Kind::ScaleFrozen, "scale.frozen", (1, 24), (1_000, 12_000)),
    row(
        Kind::PresenceOn,
        "loop.presence-stuck-on",
        (1, 18),
        (1_000, 15_000),
    ),
    row(
        Kind::PresenceOff,
        "loop.presence-stuck-off",
        (1, 18),
        (300, 6_000),
    ),
    row(
        Kind::InhibitOn,
        "loop.inhibit-stuck-on",
        (1, 18),
        (1_000, 12_000),
    ),
    row(Kind::ArmJams, "arm.jams", (1, 24), (500, 8_000)),
    row(
        Kind::LimitUpDead,
        "arm.limit-up-dead",
        (1, 12),
        (1_000, 10_000),
    ),
    row(
        Kind::LimitDownDead,
        "arm.limit-down-dead",
        (1, 12),
        (1_000, 10_000),
    ),
    row(
        Kind::LimitDownLies,
        "arm.limit-down-lies",
        (1, 12),
        (1_000, 10_000),
    ),
    row(
        Kind::MqttDuplicate,
        "mqtt.duplicate",
        (6, 90),
        (1_000, 8_000),
    ),
    row(Kind::MqttReorder, "mqtt.reorder", (3, 60), (1_000, 8_000)),
    row(Kind::MqttDelay, "mqtt.delay", (4, 60), (1_000, 10_000)),
    row(Kind::MqttRetained, "mqtt.retained", (4, 60), (0, 0)),
    row(
        Kind::MqttForgotten,
        "mqtt.session-forgotten",
        (1, 24),
        (300, 5_000),
    ),
    row(Kind::MqttOversize, "mqtt.oversize", (1, 5), (0, 0)),
    row(
        Kind::BrokerCut,
        "mqtt.device-broker-cut",
        (1, 15),
        (1_000, 15_000),
    ),
    row(
        Kind::AuthorityCut,
        "authority.cut",
        (2, 30),
        (2_000, 60_000),
    ),
    row(
        Kind::AuthorityCutHour,
        "authority.cut-hour",
        (0, 1),
        (3_600_000, 3_700_000),
    ),
    row(Kind::ClockBack, "clock.back", (1, 9), (2_000, 20_000)),
    row(Kind::ClockForward, "clock.forward", (1, 9), (2_000, 20_000)),
    row(Kind::Clock1970, "clock.1970", (1, 9), (2_000, 20_000)),
    row(
        Kind::ClockUnsynchronised,
        "clock.unsynchronised",
        (1, 5),
        (10_000, 60_000),
    ),
    row(Kind::OrderRace, "order.race", (4, 90), (0, 0)),
    row(Kind::OrderDouble, "order.double", (4, 90), (0, 0)),
    row(Kind::OrderContradict, "order.contradict", (4, 90), (0, 0)),
    row(Kind::OrderGone, "order.gone", (4, 60), (0, 0)),
    row(Kind::FeedGap, "feed.gap", (2, 45), (0, 0)),
    row(Kind::FeedDuplicate, "feed.duplicate", (3, 60), (0, 0)),
    row(
        Kind::FeedStaleVersion,
        "feed.stale-version",
        (2, 45),
        (0, 0),
    ),
    row(Kind::FeedRevoked, "feed.revoked-in-lane", (2, 30), (0, 0)),
    row(Kind::FeedControlLate, "feed.control-late", (2, 30), (0, 0)),
    row(Kind::FeedBadItem, "feed.bad-item", (2, 30), (0, 0)),
    row(Kind::CameraClockOff, "camera.clock-off", (1, 12), (0, 0)),
];

impl Kind {
    /// Its place in the table.
    pub(crate) const fn place(self) -> usize {
        self as usize
    }

    /// Whether it strikes the port as a whole and not one lane.
    pub(crate) const fn is_shared(self) -> bool {
        match self {
            Self::MqttDuplicate
            | Self::MqttReorder
            | Self::MqttDelay
            | Self::MqttForgotten
            | Self::BrokerCut
            | Self::AuthorityCut
            | Self::AuthorityCutHour
            | Self::ClockBack
            | Self::ClockForward
            | Self::Clock1970
            | Self::ClockUnsynchronised
            | Self::FeedGap
            | Self::FeedDuplicate
            | Self::FeedStaleVersion => true,
            Self::SerialNoise
            | Self::SerialFlip
            | Self::SerialDrop
            | Self::SerialDuplicate
            | Self::SerialHalf
            | Self::SerialStuck
            | Self::SerialSpeed
            | Self::DeviceLate
            | Self::DeviceLost
            | Self::DeviceReplayed
            | Self::CameraMisread
            | Self::CameraDoubled
            | Self::ScaleFrozen
            | Self::PresenceOn
            | Self::PresenceOff
            | Self::InhibitOn
            | Self::ArmJams
            | Self::LimitUpDead
            | Self::LimitDownDead
            | Self::LimitDownLies
            | Self::MqttRetained
            | Self::MqttOversize
            | Self::OrderRace
            | Self::OrderDouble
            | Self::OrderContradict
            | Self::OrderGone
            | Self::FeedRevoked
            | Self::FeedControlLate
            | Self::FeedBadItem
            | Self::CameraClockOff => false,
        }
    }
}

/// Mean time between two of a kind, in microseconds.
pub(crate) const fn mean_us(an_hour: u32) -> Us {
    3_600_000_000 / an_hour as Us
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_its_place_with_a_name_of_its_own_and_strikes_under_hostile() {
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(row.kind.place(), place, "{}", row.name);
            assert!(row.hostile >= row.field && row.hostile > 0, "{}", row.name);
            assert!(row.last_ms.0 <= row.last_ms.1);
            assert_eq!(TABLE.iter().filter(|r| r.name == row.name).count(), 1);
        }
    }
}

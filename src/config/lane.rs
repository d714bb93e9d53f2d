//! Reads `[[lane]]`.

use std::collections::BTreeMap;
use std::path::Path;

use lanegate_core::lane::{Geometry, LaneConfig};
use lanegate_core::model::{Direction, Kg, LaneId};
use lanegate_core::time::Micros;

use super::evidence::device;
use super::io::io;
use super::keys;
use super::section::{Section, number, parsed, word};
use super::sign::sign;
use super::{ControllerConfig, LaneSetup};

/// Devices of one lane.
const DEVICES_MAX: usize = 16;

static DIRECTIONS: [(&str, Direction); 2] =
    [("import", Direction::Import), ("export", Direction::Export)];
static GEOMETRIES: [(&str, Geometry); 3] = [
    ("side-exit", Geometry::SideExit),
    ("behind-barrier", Geometry::BehindBarrier),
    ("diverter-arm", Geometry::DiverterArm),
];

/// The times of DESIGN 3.
struct Times {
    io_stale: Micros,
    settle: Micros,
    presence_clear: Micros,
    inhibit_clear: Micros,
    arm_max: Micros,
    pass_max: Micros,
    commit_max: Micros,
    lookup_max: Micros,
    secure: Micros,
    gather_max: Micros,
    recapture: Micros,
    bay_max: Micros,
}

/// One lane. Without a controller its faults are still found.
pub(super) fn lane(
    s: &Section<'_>,
    controller: Option<&ControllerConfig>,
    base: &Path,
) -> Option<LaneSetup> {
    let id = s.need("id", parsed(LaneId::parse));
    let direction = s.need("direction", word(&DIRECTIONS));
    let geometry = s.need("geometry", word(&GEOMETRIES));
    let weigh_after_vacant = s.need(
        "weigh_after",
        word(&[("presence-off", false), ("vacant", true)]),
    );
    let recapture_n_max = count(s, "recapture_n_max", 10);
    let rejudge_n_max = count(s, "rejudge_n_max", 100);
    let times = times(&s.section("times", &keys::TIMES));
    let io = io(s, base);
    let sign = sign(s, base);
    let sections = s.sections("device", &keys::DEVICE);
    if sections.len() > DEVICES_MAX {
        s.fault(
            "device",
            format!("{} devices: a lane has at most 16", sections.len()),
        );
        return None;
    }
    let devices: Vec<_> = sections.iter().map(|s| device(s, base)).collect();
    let devices: Vec<_> = devices.into_iter().collect::<Option<_>>()?;
    let (io, times, controller) = (io?, times?, controller?);
    let division = devices
        .iter()
        .find_map(|(driver, _)| driver.scale)
        .map(|scale| scale.division);
    let evidence = devices
        .iter()
        .map(|(driver, evidence)| (driver.id.clone(), evidence.clone()));
    Some(LaneSetup {
        config: LaneConfig {
            lane: id?,
            controller: controller.id.clone(),
            port: controller.port.clone(),
            direction: direction?,
            geometry: geometry?,
            devices: evidence.collect::<BTreeMap<_, _>>(),
            lane_io: io.id.clone(),
            bay_input: io.inputs.bay.is_some(),
            entry_signal: io.outputs.entry_red.is_some(),
            weigh_after_vacant: weigh_after_vacant?,
            // Without a scale nothing asks for it.
            division_kg: division.unwrap_or(Kg(0)),
            io_stale: times.io_stale,
            settle: times.settle,
            presence_clear: times.presence_clear,
            inhibit_clear: times.inhibit_clear,
            arm_max: times.arm_max,
            pass_max: times.pass_max,
            commit_max: times.commit_max,
            lookup_max: times.lookup_max,
            secure: times.secure,
            gather_max: times.gather_max,
            recapture_n_max: recapture_n_max?,
            recapture: times.recapture,
            bay_max: times.bay_max,
            rejudge_n_max: rejudge_n_max?,
            drain: controller.drain,
        },
        devices: devices.into_iter().map(|(driver, _)| driver).collect(),
        io,
        sign: sign?,
    })
}

fn count(s: &Section<'_>, name: &str, most: u64) -> Option<u32> {
    let n = s.need(name, number(0..=most))?;
    Some(u32::try_from(n).expect("read in a range up to 100"))
}

fn times(s: &Section<'_>) -> Option<Times> {
    let ms = |name, range| s.need(name, number(range)).map(Micros::from_ms);
    let io_stale = ms("io_stale_ms", 100..=5000);
    let settle = ms("settle_ms", 200..=60_000);
    let presence_clear = ms("presence_clear_ms", 100..=10_000);
    let inhibit_clear = ms("inhibit_clear_ms", 100..=30_000);
    let arm_max = ms("arm_ms_max", 500..=60_000);
    let pass_max = ms("pass_ms_max", 5000..=600_000);
    let commit_max = ms("commit_ms_max", 200..=30_000);
    let lookup_max = ms("lookup_ms_max", 50..=30_000);
    let secure = ms("secure_ms", 500..=600_000);
    let gather_max = ms("gather_ms_max", 500..=120_000);
    let recapture = ms("recapture_ms", 100..=10_000);
    let bay_max = ms("bay_ms_max", 5000..=3_600_000);
    Some(Times {
        io_stale: io_stale?,
        settle: settle?,
        presence_clear: presence_clear?,
        inhibit_clear: inhibit_clear?,
        arm_max: arm_max?,
        pass_max: pass_max?,
        commit_max: commit_max?,
        lookup_max: lookup_max?,
        secure: secure?,
        gather_max: gather_max?,
        recapture: recapture?,
        bay_max: bay_max?,
    })
}

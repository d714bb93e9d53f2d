//! The configuration of a simulated port: the `lane.toml` the real daemon
//! would be given, for as many lanes as the world has.

use std::fmt::Write as _;
use std::path::Path;

use firmware_sim::{Geometry, LaneLayout};

/// The controller's name in every simulation.
pub(crate) const CONTROLLER: &str = "sim-x";
/// The port's customs code (5345 深圳湾).
pub(crate) const PORT: &str = "5345";
/// How long the slowest devices may take to give evidence.
pub(crate) const EVIDENCE_MS_MAX: u64 = 2300;
/// Midnight of the first day at the port, plus eight hours: 08:00.
pub(crate) const START_WALL_MS: i64 = 1_795_478_400_000;

/// Whether trucks are drawn for inspection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sampling {
    /// Nobody: a demo shows why trucks stop, and being drawn is no reason one
    /// can see.
    Off,
    /// By the plans of the shipped policy.
    AsShipped,
}

/// The shipped policy as the simulated lanes need it.
pub(crate) fn policy_text(sampling: Sampling) -> String {
    let shipped = include_str!("../../config/policy.toml");
    let mut text = String::with_capacity(shipped.len());
    for line in shipped.lines() {
        let line = match line.split_once("sampling =") {
            Some((indent, _)) if !indent.contains('#') => match sampling {
                Sampling::Off => "sampling = { plan = \"none\" }",
                Sampling::AsShipped => line,
            },
            // The simulated lanes have no container reader.
            _ if line.starts_with("container =") => "container = \"if-read\"",
            _ if line.starts_with("version =") => "version = \"2026-11-01.demo\"",
            _ => line,
        };
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Where the daemon of a simulation finds the world.
pub(crate) struct Places<'a> {
    /// Journal and store.
    pub(crate) state_dir: &'a Path,
    /// The policy.
    pub(crate) policy: &'a Path,
    /// The local socket.
    pub(crate) socket: &'a Path,
    /// The broker's TCP port.
    pub(crate) broker_port: u16,
    /// Where metrics are served.
    pub(crate) http_port: u16,
}

/// `lane.toml` for `lanes`; `port_path` names the device file of a logical
/// port.
pub(crate) fn lane_toml(
    lanes: &[LaneLayout],
    places: &Places<'_>,
    port_path: impl Fn(&str) -> String,
) -> String {
    let mut text = format!(
        r#"[controller]
id = "{CONTROLLER}"
port = "{PORT}"
state_dir = "{}"
policy = "{}"
drain_s = 2

[broker.devices]
host = "127.0.0.1"
port = {broker}
client_id = "{CONTROLLER}-devices"

[broker.authority]
host = "127.0.0.1"
port = {broker}
client_id = "{CONTROLLER}-authority"

[http]
listen = "127.0.0.1:{}"

[socket]
path = "{}"

[journal]
segment_mib = 64
free_space_floor_mib = 16
"#,
        places.state_dir.display(),
        places.policy.display(),
        places.http_port,
        places.socket.display(),
        broker = places.broker_port,
    );
    for (n, lane) in lanes.iter().enumerate() {
        lane_section(&mut text, n + 1, lane, &port_path);
    }
    text
}

fn lane_section(text: &mut String, n: usize, lane: &LaneLayout, path: &impl Fn(&str) -> String) {
    let geometry = match lane.geometry {
        Geometry::SideExit => "side-exit",
        Geometry::BehindBarrier => "behind-barrier",
        Geometry::DiverterArm => "diverter-arm",
    };
    let third = match lane.geometry {
        Geometry::SideExit | Geometry::BehindBarrier => "arm_stop",
        Geometry::DiverterArm => "divert",
    };
    let diverter_bay = match lane.geometry {
        Geometry::SideExit | Geometry::BehindBarrier => "",
        Geometry::DiverterArm => "diverter_bay = 5",
    };
    write!(
        text,
        r#"
[[lane]]
id = "{id}"
direction = "{direction}"
geometry = "{geometry}"

[lane.times]
presence_clear_ms = 300
inhibit_clear_ms = 300
gather_ms_max = 2500
bay_ms_max = 20000

[lane.io]
id = "io-{n}"
protocol = "modbus-rtu"
source = {{ serial = "{io}", line = "9600 8N1" }}
arm = "up-down"
pulse_ms = 500
pulse_timed_by = "board"
inverted = []

[lane.io.outputs]
arm_up = 0
arm_down = 1
{third} = 2
exit_red = 3
exit_green = 4
entry_red = 5
to_bay = 6
reverse_out = 7

[lane.io.inputs]
presence = 0
inhibit = 1
arm_up = 2
arm_down = 3
bay = 4
{diverter_bay}
"#,
        id = lane.lane,
        direction = lane.direction,
        io = path(&lane.io_port),
    )
    .expect("writing to a String cannot fail");
    device_sections(text, n, lane, path);
}

fn device_sections(text: &mut String, n: usize, lane: &LaneLayout, path: &impl Fn(&str) -> String) {
    write!(
        text,
        r#"
[[lane.device]]
id = "cam-{n}"
role = "camera"
protocol = "vzenith-mqtt"
source = {{ sn = "{sn}" }}
side = "front"
late_ms = 15000
lost_ms = 45000
evidence_ms_max = 1500

[[lane.device]]
id = "scale-{n}"
role = "scale"
protocol = "yaohua-tf0"
source = {{ serial = "{scale}", line = "9600 8N1" }}
late_ms = 1000
lost_ms = 5000
evidence_ms_max = {EVIDENCE_MS_MAX}

[lane.device.scale]
unit = "kg"
division_kg = 20
capacity_kg = 100000
stable_values_min = 3
stable_over_ms = 400
stable_gap_ms_max = 500

[[lane.device]]
id = "seal-{n}"
role = "seal"
protocol = "jt701"
source = {{ serial = "{seal}", line = "9600 8N1" }}
late_ms = 15000
lost_ms = 45000
evidence_ms_max = {EVIDENCE_MS_MAX}
"#,
        sn = lane.camera_sn,
        scale = path(&lane.scale_port),
        seal = path(&lane.seal_port),
    )
    .expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use firmware_sim::{World, WorldOptions};
    use lanegate_core::clearance::Policy;

    #[test]
    fn the_simulated_port_has_a_valid_configuration_and_policy() {
        let world = World::new(super::super::world_options(7, 3, 9));
        let places = Places {
            state_dir: Path::new("/var/lib/lanegate-sim"),
            policy: Path::new("/etc/lanegate-sim/policy.toml"),
            socket: Path::new("/run/lanegate-sim.sock"),
            broker_port: 1883,
            http_port: 9464,
        };
        let text = lane_toml(world.lanes(), &places, |port| format!("/dev/sim/{port}"));
        let config = Config::parse(&text, Path::new("/")).unwrap_or_else(|f| panic!("{f:?}"));
        assert_eq!(config.lanes.len(), 3);
        let policy = policy_text(Sampling::Off);
        assert!(Policy::parse(&policy).is_ok());
        assert!(!policy.contains("\nsampling = { plan = \"csp1\""));
        let drawn = policy_text(Sampling::AsShipped);
        assert!(Policy::parse(&drawn).is_ok());
        assert!(drawn.contains("\nsampling = { plan = \"csp1\""));
        let _: WorldOptions = super::super::world_options(1, 1, 1);
    }
}

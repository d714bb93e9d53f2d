//! Whether the parts go together: names told once, ports used once, times
//! that leave each other room, outputs the geometry needs.

use std::collections::BTreeMap;

use lanegate_core::lane::{Geometry, LaneConfig, Role};
use lanegate_core::time::Micros;

use super::fault::Sink;
use super::{ArmDown, Config, IoConfig, LaneSetup, Line};

/// Checks a configuration whose every key is fine in itself.
pub(super) fn check(config: &Config, sink: &Sink) {
    names(config, sink);
    ports(config, sink);
    brokers(config, sink);
    push(config, sink);
    archive(config, sink);
    for (i, lane) in config.lanes.iter().enumerate() {
        let path = format!("lane[{i}]");
        times(&lane.config, config.controller.stall, &path, sink);
        drivers(lane, &path, sink);
        board(&lane.io, &lane.config, &path, sink);
        hints(lane, &path, sink);
    }
}

/// Reports everything that is told twice.
#[derive(Default)]
struct Once(BTreeMap<String, String>);

impl Once {
    fn tell(&mut self, what: String, path: String, sink: &Sink, why: &str) {
        let shown = what.clone();
        self.tell_as(&shown, what, path, sink, why);
    }

    /// The same of a `what` that not everybody may see whole.
    fn tell_as(&mut self, shown: &str, what: String, path: String, sink: &Sink, why: &str) {
        match self.0.get(&what) {
            Some(first) => sink.fault(&path, format!("\"{shown}\" is {first} too: {why}")),
            None => {
                self.0.insert(what, path);
            }
        }
    }
}

fn names(config: &Config, sink: &Sink) {
    let (mut lanes, mut devices) = (Once::default(), Once::default());
    for (i, lane) in config.lanes.iter().enumerate() {
        let path = format!("lane[{i}]");
        let id = lane.config.lane.to_string();
        lanes.tell(id, format!("{path}.id"), sink, "a lane's name is its own");
        let mut device = |id: String, path: String| {
            devices.tell(
                id,
                path,
                sink,
                "a device's name is its own in the whole controller",
            );
        };
        for (id, place, _) in lane.sources() {
            device(id.to_string(), format!("{path}.{place}.id"));
        }
    }
}

/// What leaves the journal does not come to lie in it again.
fn archive(config: &Config, sink: &Sink) {
    let journal = config.controller.state_dir.join("journal");
    let path = "journal.archive_dir";
    match (&config.journal.archive_dir, config.journal.keep_days) {
        (Some(dir), _) if dir.starts_with(&journal) => {
            sink.fault(path, "lies in the journal's directory: name another");
        }
        (None, Some(days)) => {
            let why = format!(
                "segments older than {days} days are removed, and the authority alone has them: \
                 write archive_dir to keep them"
            );
            sink.warn("journal.keep_days", why);
        }
        (Some(_) | None, _) => {}
    }
}

fn ports(config: &Config, sink: &Sink) {
    let (mut lines, mut topics) = (Once::default(), Once::default());
    let mut paths = Once::default();
    for (i, lane) in config.lanes.iter().enumerate() {
        for (_, place, source) in lane.sources() {
            let path = format!("lane[{i}].{place}.source");
            if let Some(line) = source.line() {
                let shown = line.to_string();
                let (name, line) = match &line {
                    Line::Serial(_) => ("serial", shown.clone()),
                    Line::Tcp(_) => ("tcp", shown.clone()),
                    Line::Listen(_) => ("listen", shown.clone()),
                    Line::Pull(pull) => ("pull", pull.whole()),
                };
                let path = format!("{path}.{name}");
                ttyusb(&shown, &path, sink);
                lines.tell_as(&shown, line, path, sink, "two devices cannot share a port");
            }
            if source
                .listen()
                .is_some_and(|l| !l.address.ip().is_loopback())
            {
                sink.warn(
                    &format!("{path}.listen"),
                    "whoever has an address of `from` can say what the device would: keep it on a \
                     network of its own",
                );
            }
            if source.pull().is_some_and(|pull| {
                pull.path.contains("action=attach") && !pull.path.contains("heartbeat=")
            }) {
                sink.warn(
                    &format!("{path}.pull"),
                    "asks for no heartbeats: add &heartbeat=5, or the camera is late and lost \
                     while no truck comes",
                );
            }
            for topic in source.mqtt().iter().flat_map(|mqtt| &mqtt.topics) {
                let why = "one device's messages are one device's";
                topics.tell(topic.clone(), path.clone(), sink, why);
            }
            if let Some(http) = source.http() {
                let why = "one device's posts are one device's";
                paths.tell(http.path.clone(), format!("{path}.http"), sink, why);
            }
        }
    }
}

/// Who posts needs a listener.
fn push(config: &Config, sink: &Sink) {
    let mut devices = config.lanes.iter().flat_map(|lane| &lane.devices);
    let posts = devices.any(|device| device.source.http().is_some());
    match &config.push {
        None if posts => sink.fault("push", "is missing, but a device's source is http"),
        Some(push) if !push.listen.ip().is_loopback() => sink.warn(
            "push.listen",
            "posts and their secrets come in the clear: keep the cameras on a network of their own",
        ),
        Some(_) | None => {}
    }
}

/// USB ports change their numbers when plugged in another order.
fn ttyusb(port: &str, path: &str, sink: &Sink) {
    let name = port.strip_prefix("/dev/").unwrap_or(port);
    let kernel_name = ["ttyUSB", "ttyACM"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    if kernel_name {
        sink.warn(
            path,
            format!(
                "{port} names whatever is plugged in first: write its /dev/serial/by-path name"
            ),
        );
    }
}

fn brokers(config: &Config, sink: &Sink) {
    let messages = |lane: &LaneSetup| lane.sources().any(|(_, _, source)| source.mqtt().is_some());
    if config.device_broker.is_none() && config.lanes.iter().any(messages) {
        sink.fault(
            "broker.devices",
            "is missing, but a device's source is messages",
        );
    }
    if config.authority_broker.is_none() {
        sink.warn(
            "broker.authority",
            "is missing: no feed, no orders, no records out; the cache ages from its last import",
        );
    }
    if let (Some(a), Some(b)) = (&config.device_broker, &config.authority_broker)
        && (&a.host, a.port, &a.client_id) == (&b.host, b.port, &b.client_id)
    {
        sink.fault(
            "broker.authority.client_id",
            "is the devices' too: a broker drops the older of two clients with one name",
        );
    }
}

fn times(lane: &LaneConfig, stall: Micros, path: &str, sink: &Sink) {
    let recaptures = Micros(lane.recapture.0 * u64::from(lane.recapture_n_max));
    let rules = [
        (
            lane.settle >= lane.io_stale,
            "settle_ms",
            "is below io_stale_ms: inputs from before a fault would pass as fresh",
        ),
        (
            recaptures < lane.gather_max,
            "gather_ms_max",
            "leaves no time for evidence: it includes recapture_n_max times recapture_ms",
        ),
        (
            lane.lookup_max <= lane.gather_max,
            "lookup_ms_max",
            "is above gather_ms_max, in which the store must have answered",
        ),
        (
            lane.arm_max < lane.pass_max,
            "pass_ms_max",
            "is not above arm_ms_max: the truck cannot pass before the arm is up",
        ),
        (
            lane.commit_max < stall,
            "commit_ms_max",
            "is not below controller.stall_s: the watchdog would act before the lane can",
        ),
        (
            lane.secure >= lane.inhibit_clear,
            "secure_ms",
            "is below inhibit_clear_ms: after a restart less would be known, not more",
        ),
    ];
    for (right, name, why) in rules {
        if !right {
            sink.fault(&format!("{path}.times.{name}"), why);
        }
    }
}

fn drivers(lane: &LaneSetup, path: &str, sink: &Sink) {
    for (j, driver) in lane.devices.iter().enumerate() {
        let path = format!("{path}.device[{j}]");
        if driver.late >= driver.lost {
            sink.fault(&format!("{path}.lost_ms"), "is not above late_ms");
        }
        let evidence = &lane.config.devices[&driver.id];
        if evidence.evidence > lane.config.gather_max {
            let why = "is above times.gather_ms_max, after which nothing is waited for";
            sink.fault(&format!("{path}.evidence_ms_max"), why);
        }
        let steady = driver.scale.map(|scale| scale.stable.over);
        if steady.is_some_and(|over| over > evidence.evidence) {
            let why = "is above evidence_ms_max: no weight would be stable in time";
            sink.fault(&format!("{path}.scale.stable_over_ms"), why);
        }
    }
    let scales = lane.devices.iter().filter(|d| d.role == Role::Scale);
    if scales.count() > 1 {
        sink.fault(
            &format!("{path}.device"),
            "has two scales: a lane's weight is one platform's",
        );
    }
}

fn board(io: &IoConfig, lane: &LaneConfig, path: &str, sink: &Sink) {
    let io_path = format!("{path}.io");
    let at = |name: &str| format!("{io_path}.{name}");
    let (mut coils, mut bits) = (Once::default(), Once::default());
    for (name, coil) in io.coils() {
        let what = format!("output {coil}");
        coils.tell(
            what,
            at(&format!("outputs.{name}")),
            sink,
            "an output does one thing",
        );
    }
    for (name, bit) in io.inputs.all() {
        let what = format!("input {}", bit.number);
        bits.tell(
            what,
            at(&format!("inputs.{name}")),
            sink,
            "an input says one thing",
        );
    }
    if io.late >= io.lost {
        sink.fault(&at("lost_ms"), "is not above late_ms");
    }
    if lane.io_stale < Micros(io.poll.0 + io.answer_max.0) {
        let why = "is below io.poll_ms + io.answer_ms_max: one late answer would make inputs stale";
        sink.fault(&format!("{path}.times.io_stale_ms"), why);
    }
    if let ArmDown::OffUpFor(after) = io.inputs.arm_down
        && after >= lane.arm_max
    {
        let why = "is not below times.arm_ms_max: the arm would never be down in time";
        sink.fault(&at("arm_down_after_ms"), why);
    }
    if io.pulse >= lane.arm_max {
        sink.fault(&at("pulse_ms"), "is not below times.arm_ms_max");
    }
    if lane.geometry == Geometry::DiverterArm {
        if io.outputs.divert.is_none() {
            sink.fault(
                &at("outputs.divert"),
                "is missing, but geometry is diverter-arm",
            );
        }
        if io.inputs.diverter_bay.is_none() {
            sink.fault(
                &at("inputs.diverter_bay"),
                "is missing: a diverter must report \"bay\" before the arm is lifted",
            );
        }
    }
}

fn hints(lane: &LaneSetup, path: &str, sink: &Sink) {
    let has = |role| lane.devices.iter().any(|d| d.role == role);
    let warnings = [
        (
            has(Role::Camera),
            "device",
            "has no camera: every truck waits for an officer",
        ),
        (
            lane.io.outputs.exit_green.is_some() || lane.io.outputs.exit_red.is_some(),
            "io.outputs",
            "have no exit lamp: the driver sees the arm alone",
        ),
        (
            !has(Role::Scale) || lane.config.entry_signal || lane.config.weigh_after_vacant,
            "weigh_after",
            "is presence-off without an entry signal: a truck that follows closely is Hold \
             scale.not-empty-before; \"vacant\" waits for the lane instead",
        ),
    ];
    for (fine, name, why) in warnings {
        if !fine {
            sink.warn(&format!("{path}.{name}"), why);
        }
    }
}

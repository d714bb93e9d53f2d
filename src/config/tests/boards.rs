//! Boards and signs of every kind, and what `check` says of those that could
//! not carry a lane.

use super::*;

const SOURCE: &str = "source = { serial = \"dev/io\", line = \"9600 8N1\" }";
const PROTOCOL: &str = "protocol = \"modbus-rtu\"";

/// The development file with another board.
fn board(protocol: &str, source: &str, more: &[(&str, &str)]) -> String {
    let mut text = DEV
        .replacen(PROTOCOL, protocol, 1)
        .replacen(SOURCE, source, 1);
    for (old, new) in more {
        assert!(text.contains(old), "{old:?}");
        text = text.replacen(old, new, 1);
    }
    text
}

fn sentence(text: &str) -> String {
    faults(text).join("\n")
}

const NO_RED: (&str, &str) = (
    "arm_stop = 2\nexit_red = 3\nexit_green = 4\nentry_red = 5\nto_bay = 6\nreverse_out = 7",
    "exit_green = 5",
);
const LOOPS: (&str, &str) = (
    "presence = 0\ninhibit = 1\narm_up = 2\narm_down = 3\nbay = 4",
    "presence = 4\ninhibit = 5\narm_up = 3",
);

#[test]
fn a_lane_can_hang_on_any_board_that_can_confirm_what_it_does() {
    let tcp = "source = { tcp = \"[2001:db8::7]:4001\" }";
    let io = |text: &str| parse(text).unwrap().lanes.remove(0).io;
    let served = io(&board(PROTOCOL, tcp, &[]));
    assert_eq!(
        served.source.line().unwrap().to_string(),
        "[2001:db8::7]:4001"
    );
    let own = io(&board("protocol = \"modbus-tcp\"", tcp, &[]));
    assert!(own.wire.can().numbered);
    let gateway = ("pulse_timed_by = \"board\"", "pulse_timed_by = \"gateway\"");
    let module = "protocol = \"adam4000\"\nsettings = { module = 4050, address = \"0A\" }";
    assert_eq!(io(&board(module, SOURCE, &[gateway])).numbers().outputs, 8);
    let lines = (
        "inverted = []",
        "inverted = [\"presence\", \"inhibit\"]\narm_down_after_ms = 3000",
    );
    let toll = board("protocol = \"xy-lc301\"", SOURCE, &[lines, NO_RED, LOOPS]);
    let toll = io(&toll);
    assert_eq!(
        toll.inputs.arm_down,
        ArmDown::OffUpFor(Micros::from_ms(3000))
    );
    assert_eq!(toll.inputs.count(), 6);
    let topics = "source = { topics = [\"l/1\"], command_topic = \"l/1/set\" }";
    let behind = io(&board("protocol = \"mqtt-io\"", topics, &[]));
    assert_eq!(
        behind.source.mqtt().unwrap().command_topic.as_deref(),
        Some("l/1/set")
    );
    assert!(!behind.wire.can().asked);
    let flow = SOURCE.replace("8N1\"", "8N1\", flow = \"hardware\"");
    assert_eq!(
        io(&board(PROTOCOL, &flow, &[]))
            .source
            .serial()
            .unwrap()
            .flow,
        Flow::Hardware
    );
}

#[test]
fn a_board_that_cannot_is_refused_with_the_reason() {
    let lcus = sentence(&board("protocol = \"lcus\"", SOURCE, &[]));
    assert!(
        lcus.contains("lane[0].io.protocol: an lcus relay"),
        "{lcus}"
    );
    assert!(lcus.contains("could not be confirmed"), "{lcus}");
    let module = |set: &str| {
        sentence(&board(
            &format!("protocol = \"adam4000\"\nsettings = {{ {set} }}"),
            SOURCE,
            &[],
        ))
    };
    assert!(module("address = \"01\"").contains("settings: setting module"));
    assert!(module("module = 4053").contains("needs both"));
    let timed = module("module = 4050");
    assert!(timed.contains("pulse_timed_by: for arm_up"), "{timed}");
    let toll = |more: &[(&str, &str)]| sentence(&board("protocol = \"xy-lc301\"", SOURCE, more));
    let many = toll(&[]);
    assert!(
        many.contains("outputs.exit_red: output 3 of an XY-LC-301"),
        "{many}"
    );
    let plain = toll(&[
        NO_RED,
        LOOPS,
        ("inverted = []", "inverted = []\narm_down_after_ms = 3000"),
    ]);
    assert!(plain.contains("inverted: lacks \"presence\""), "{plain}");
    let gateway = ("pulse_timed_by = \"board\"", "pulse_timed_by = \"gateway\"");
    let inverted = (
        "inverted = []",
        "inverted = [\"presence\", \"inhibit\"]\narm_down_after_ms = 3000",
    );
    let held = toll(&[NO_RED, LOOPS, inverted, gateway]);
    assert!(held.contains("pulse_timed_by: for arm_up"), "{held}");
}

#[test]
fn one_limit_switch_needs_a_time_and_two_need_none() {
    let both = with("inverted = []", "inverted = []\narm_down_after_ms = 3000");
    assert!(sentence(&both).contains("arm_down_after_ms: goes with a board"));
    let neither = with("arm_down = 3\n", "");
    assert!(sentence(&neither).contains("inputs.arm_down: is missing"));
    let long = with("arm_down = 3\n", "");
    let long = long.replacen(
        "inverted = []",
        "inverted = []\narm_down_after_ms = 5000",
        1,
    );
    assert!(sentence(&long).contains("arm_down_after_ms: is not below times.arm_ms_max"));
}

#[test]
fn sources_that_do_not_go_with_the_protocol_are_refused() {
    let source = |protocol: &str, source: &str| {
        sentence(&board(
            &format!("protocol = \"{protocol}\""),
            &format!("source = {{ {source} }}"),
            &[],
        ))
    };
    let both = source("modbus-rtu", "tcp = \"192.0.2.7:1\", serial = \"x\"");
    assert!(both.contains("serial: does not go with tcp"), "{both}");
    for wrong in ["192.0.2.7", ":502", "192.0.2.7:0", "192.0.2.7:x"] {
        let said = source("modbus-tcp", &format!("tcp = \"{wrong}\""));
        assert!(said.contains("is no address"), "{wrong}: {said}");
    }
    assert!(source("modbus-tcp", "serial = \"x\"").contains("does not go with protocol"));
    assert!(source("mqtt-io", "topics = [\"l/1\"]").contains("command_topic: is missing"));
    assert!(source("mqtt-io", "command_topic = \"l\"").contains("topics of its state"));
    assert!(
        source("mqtt-io", "topics = [\"l/#\"], command_topic = \"l\"").contains("no wildcards")
    );
    let cam = with("sn = \"7a1c9e20-5b014d11\"", "tcp = \"192.0.2.7:1\"");
    assert!(sentence(&cam).contains("tcp: does not go with protocol \"vzenith-mqtt\""));
    let twice = DEV.replace(
        "serial = \"dev/io\", line = \"9600 8N1\"",
        "tcp = \"192.0.2.7:1\"",
    );
    let twice = twice.replace(
        "serial = \"dev/scale\", line = \"9600 8N1\"",
        "tcp = \"192.0.2.7:1\"",
    );
    assert!(sentence(&twice).contains("two devices cannot share a port"));
}

#[test]
fn a_device_that_dials_in_says_who_may_and_no_board_or_camera_does() {
    const SEAL: &str = "protocol = \"jt701\"\nsource = ";
    let text = DEV
        .split_once(SEAL)
        .expect("lane.dev.toml has a seal reader");
    let (_, line) = text.1.split_once('\n').unwrap();
    let listens = |source: &str| format!("{}{SEAL}{{ {source} }}\n{line}", text.0);
    let right = "listen = \"127.0.0.1:7701\", from = [\"192.0.2.0/24\"]";
    let config = parse(&listens(right)).unwrap();
    let seal = config.lanes[0]
        .devices
        .iter()
        .find(|d| d.protocol == "jt701");
    let seal = seal.unwrap();
    let listen = seal.source.listen().unwrap();
    assert_eq!(listen.idle, seal.lost);
    assert!(listen.admits("192.0.2.9".parse().unwrap()));
    let said = |source: &str| sentence(&listens(source));
    let open = said("listen = \"127.0.0.1:7701\"");
    assert!(open.contains("from: write 1 to 8 addresses"), "{open}");
    let name = said("listen = \"gate:7701\", from = [\"192.0.2.7\"]");
    assert!(
        name.contains("listen: \"gate:7701\" is no address"),
        "{name}"
    );
    let both = said(&format!("{right}, tcp = \"192.0.2.7:1\""));
    assert!(both.contains("tcp: does not go with listen"), "{both}");
    let alone = said("tcp = \"192.0.2.7:1\", from = [\"192.0.2.7\"]");
    assert!(alone.contains("from: goes with listen only"), "{alone}");
    let camera = with("sn = \"7a1c9e20-5b014d11\"", right);
    assert!(sentence(&camera).contains("listen: does not go with protocol \"vzenith-mqtt\""));
    let board = sentence(&board(
        "protocol = \"modbus-rtu\"",
        &format!("source = {{ {right} }}"),
        &[],
    ));
    assert!(
        board.contains("listen: does not go with protocol"),
        "{board}"
    );
}

#[test]
fn a_sign_stands_anywhere_and_says_no_green_of_its_own() {
    let sign = |text: &str| {
        let text =
            format!("[lane.sign]\nid = \"sign-1\"\n{text}\n\n[[lane.device]]\nid = \"cam-1\"");
        with("[[lane.device]]\nid = \"cam-1\"", &text)
    };
    let parsed = |text: &str| parse(&sign(text)).unwrap().lanes.remove(0).sign.unwrap();
    let text = parsed(
        "protocol = \"text-sign\"\nsource = { command_topic = \"l/1/sign\" }\nsettings = { form = '{\"t\":$text}' }\nlanguages = [\"zh-Hant\", \"en\"]",
    );
    assert_eq!(text.languages, [Language::ZhHant, Language::En]);
    assert!(text.source.mqtt().unwrap().topics.is_empty());
    let panel =
        parsed("protocol = \"sunpn\"\nsource = { serial = \"dev/sign\", line = \"9600 8N1\" }");
    assert_eq!(panel.repeat, Micros::from_ms(5000));
    let faulty = |text: &str| sentence(&sign(text));
    let green = faulty(
        "protocol = \"sunpn\"\nsource = { tcp = \"192.0.2.8:1\" }\nsettings = { other_colour = 1 }",
    );
    assert!(green.contains("green says drive on"), "{green}");
    let scale = faulty("protocol = \"yaohua-tf0\"\nsource = { tcp = \"192.0.2.8:1\" }");
    assert!(scale.contains("does not fit here"), "{scale}");
    let none = faulty("protocol = \"sunpn\"\nsource = { tcp = \"192.0.2.8:1\" }\nlanguages = []");
    assert!(none.contains("one to three"), "{none}");
}

//! Parts of the file that do not go together, and those that just do.

use lanegate_core::lane::Role;

use super::{DEV, faults, parse, with};
use crate::config::Source;

/// What is written in place of what in the development file, and its fault.
static ROWS: [(&str, &str, &str); 50] = [
    (
        "id = \"io-1\"",
        "id = \"cam-1\"",
        "line 70: lane[0].device[0].id: \"cam-1\" is lane[0].io.id too",
    ),
    (
        "\"dev/scale\"",
        "\"dev/io\"",
        "lane[0].device[1].source.serial: \"/etc/lanegate/dev/io\" is",
    ),
    (
        "arm_down = 1",
        "arm_down = 0",
        "outputs.arm_down: \"output 0\" is lane[0].io.outputs.arm_up too",
    ),
    (
        "inhibit = 1",
        "inhibit = 0",
        "inputs.inhibit: \"input 0\" is lane[0].io.inputs.presence too",
    ),
    (
        "client_id = \"dev-authority\"",
        "client_id = \"dev-devices\"",
        "broker.authority.client_id: is the devices' too",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 1600\nlookup_ms_max = 50",
        "times.gather_ms_max: leaves no time",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 1999",
        "device[0].evidence_ms_max: is above",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 2500\nlookup_ms_max = 2501",
        "times.lookup_ms_max: is above",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 2500\ncommit_ms_max = 8000",
        "times.commit_ms_max: is not below",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 2500\narm_ms_max = 60000",
        "times.pass_ms_max: is not above",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 2500\nsettle_ms = 499",
        "times.settle_ms: is below",
    ),
    (
        "gather_ms_max = 2500",
        "gather_ms_max = 2500\nio_stale_ms = 299",
        "times.io_stale_ms: is below",
    ),
    (
        "inhibit_clear_ms = 300",
        "inhibit_clear_ms = 5001",
        "times.secure_ms: is below",
    ),
    (
        "late_ms = 1000\nlost_ms = 5000",
        "late_ms = 5000\nlost_ms = 5000",
        "device[1].lost_ms: is not above",
    ),
    (
        "stable_over_ms = 400",
        "stable_over_ms = 2001",
        "scale.stable_over_ms: is above",
    ),
    (
        "pulse_ms = 500",
        "pulse_ms = 5000",
        "io.pulse_ms: is not below times.arm_ms_max",
    ),
    (
        "pulse_ms = 500",
        "pulse_ms = 550",
        "io.pulse_ms: the board counts in 100 ms",
    ),
    (
        "inverted = []",
        "inverted = [\"whole\"]",
        "io.inverted: \"whole\" is not among",
    ),
    (
        "inverted = []",
        "inverted = [\"loop\"]",
        "io.inverted: \"loop\" is no input; known: presence",
    ),
    (
        "inverted = []\n",
        "",
        "io.inverted: is missing: write inverted = []",
    ),
    (
        "arm = \"up-down\"",
        "arm = \"impulse\"",
        "outputs.arm_up: does not go with arm = \"impulse\"",
    ),
    (
        "geometry = \"side-exit\"",
        "geometry = \"diverter-arm\"",
        "io.outputs.divert: is missing",
    ),
    (
        "protocol = \"yaohua-tf0\"",
        "protocol = \"jt701\"",
        "device[1].protocol: \"jt701\" does not fit here; known: and, ascii-line, ",
    ),
    (
        "role = \"scale\"",
        "role = \"scales\"",
        "device[1].role: \"scales\" is none of camera, scale, seal",
    ),
    (
        "{ serial = \"dev/seal\", line = \"9600 8N1\" }",
        "{ sn = \"1\" }",
        "device[2].source.sn: does not go with protocol \"jt701\"",
    ),
    (
        "{ serial = \"dev/seal\", line = \"9600 8N1\" }",
        "{ serial = \"dev/seal\", line = \"9600 8X1\" }",
        "source.line: \"9600 8X1\" is no line",
    ),
    (
        "{ serial = \"dev/seal\", line = \"9600 8N1\" }",
        "{ serial = \"dev/seal\", line = \"9601 8N1\" }",
        "source.line: 9601 is no usual speed",
    ),
    (
        "{ sn = \"7a1c9e20-5b014d11\" }",
        "{ topics = [\"device/+/up\"] }",
        "source.topics: contains '+': write exact topics",
    ),
    (
        "{ sn = \"7a1c9e20-5b014d11\" }",
        "{ sn = \"a/b\" }",
        "source.sn: contains a slash",
    ),
    (
        "listen = \"127.0.0.1:9464\"",
        "listen = \"0.0.0.0:9464\"",
        "http.listen: is no loopback address",
    ),
    (
        "listen = \"127.0.0.1:9464\"",
        "listen = \"localhost\"",
        "http.listen: \"localhost\" is no address",
    ),
    (
        "[broker.devices]\nhost = \"127.0.0.1\"\nclient_id = \"dev-devices\"\n",
        "",
        "broker.devices: is missing, but a device's source",
    ),
    (
        "client_id = \"dev-devices\"",
        "client_id = \"d\"\npassword_file = \"p\"",
        "broker.devices.username: is missing",
    ),
    (
        "protocol = \"yaohua-tf0\"",
        "protocol = \"yaohua-tf0\"\nsettings = { nibbles = \"oct\" }",
        "device[1].settings: setting nibbles: \"oct\" is none of",
    ),
    (
        "protocol = \"yaohua-tf0\"",
        "protocol = \"yaohua-tf0\"\nsettings = { unit = \"t\" }",
        "device[1].settings: unit follows from",
    ),
    (
        "protocol = \"modbus-rtu\"",
        "protocol = \"modbus-rtu\"\nsettings = { slave = 0 }",
        "io.settings: setting slave: \"0\" is no number from 1",
    ),
    (
        "protocol = \"jt701\"",
        "protocol = \"jt701\"\nscale = {}",
        "device[2].scale: goes with role = \"scale\" only",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"openalpr\"\nsource = { http = \"a b\", secret_file = \"s\" }",
        "source.http: \"a b\" is no path",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"openalpr\"\nsource = { http = \"cam-1\" }",
        "source.secret_file: is missing",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"openalpr\"\nsource = { serial = \"dev/cam\", line = \"9600 8N1\" }",
        "source.serial: does not go with protocol \"openalpr\"",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"openalpr\"\nsource = { http = \"cam-1\", secret_file = \"s\" }",
        "push: is missing, but a device's source is http",
    ),
    (
        "{ sn = \"7a1c9e20-5b014d11\" }",
        "{ sn = \"1\", http = \"cam-1\" }",
        "source.http: does not go with protocol \"vzenith-mqtt\"",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"dahua\"\nsource = { pull = \"http://cam/x\", username = \"a\" }",
        "source.password_file: is missing",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"dahua\"\nsource = { pull = \"http://cam/x\", password_file = \"/p\" }",
        "source.username: is missing",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"dahua\"\nsource = { pull = \"http://cam/x\", http = \"cam-1\" }",
        "source.http: does not go with protocol",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"openalpr\"\nsource = { pull = \"http://cam/x\" }",
        "source.pull: does not go with protocol \"openalpr\"",
    ),
    (
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        "protocol = \"dahua\"\nsource = { http = \"cam-1\", username = \"a\" }",
        "source.username: goes with pull only",
    ),
    (
        "role = \"camera\"\nprotocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }\nside = \"front\"",
        "role = \"container\"\nprotocol = \"json-camera\"\nsource = { topics = [\"b\"], recapture_topic = \"c\" }",
        "source: has a recapture_topic",
    ),
    (
        "source = { serial = \"dev/io\", line = \"9600 8N1\" }",
        "source = { serial = \"dev/io\", line = \"9600 8N1\", rs485 = \"rts-up\" }",
        "source.rs485: \"rts-up\" turns no line",
    ),
    (
        "source = { serial = \"dev/io\", line = \"9600 8N1\" }",
        "source = { serial = \"dev/io\", line = \"9600 8N1\", rs485 = \"rts-low 1 101\" }",
        "source.rs485: \"rts-low 1 101\" turns no line",
    ),
];

#[test]
fn parts_that_do_not_go_together_are_refused() {
    for (old, new, expected) in ROWS {
        let listed = faults(&with(old, new));
        assert!(
            listed.iter().any(|f| f.contains(expected)),
            "{new}: {expected}\n{listed:#?}"
        );
    }
}

#[test]
fn times_that_just_fit_are_taken() {
    let fitting = [
        ("gather_ms_max = 2500", "gather_ms_max = 2000"),
        (
            "gather_ms_max = 2500",
            "gather_ms_max = 2500\nlookup_ms_max = 2500",
        ),
        (
            "gather_ms_max = 2500",
            "gather_ms_max = 2500\ncommit_ms_max = 7999",
        ),
        (
            "gather_ms_max = 2500",
            "gather_ms_max = 2500\narm_ms_max = 59999",
        ),
        (
            "gather_ms_max = 2500",
            "gather_ms_max = 2500\nsettle_ms = 500",
        ),
        (
            "gather_ms_max = 2500",
            "gather_ms_max = 2500\nio_stale_ms = 300",
        ),
        ("inhibit_clear_ms = 300", "inhibit_clear_ms = 5000"),
        (
            "late_ms = 1000\nlost_ms = 5000",
            "late_ms = 4999\nlost_ms = 5000",
        ),
        ("stable_over_ms = 400", "stable_over_ms = 2000"),
        ("pulse_ms = 500", "pulse_ms = 4900"),
        ("listen = \"127.0.0.1:9464\"", "listen = \"[::1]:9464\""),
        (
            "protocol = \"modbus-rtu\"",
            "protocol = \"modbus-rtu\"\nsettings = { slave = 255 }",
        ),
    ];
    for (old, new) in fitting {
        assert!(
            parse(&with(old, new)).is_ok(),
            "{new}: {:#?}",
            parse(&with(old, new))
        );
    }
}

/// Readers of tags and cards, and a seal platform over topics.
#[test]
fn readers_of_tags_and_cards_and_json_seals_are_devices_of_a_lane() {
    let reader = |id: &str, role: &str, protocol: &str, source: &str| {
        format!(
            "\n[[lane.device]]\nid = \"{id}\"\nrole = \"{role}\"\nprotocol = \"{protocol}\"\n\
             source = {source}\nlate_ms = 2000\nlost_ms = 9000\nevidence_ms_max = 1000\n"
        )
    };
    let line = |port: &str| format!("{{ serial = \"/dev/{port}\", line = \"57600 8N1\" }}");
    let text = [
        DEV.to_owned(),
        reader("tag-1", "tag", "uhfreader288", &line("tag")),
        reader("card-1", "card", "wiegand26", &line("card")),
        reader("seal-2", "seal", "json-seal", "{ topics = [\"seals/1\"] }"),
        reader("seal-3", "seal", "json-seal", &line("seal")),
    ]
    .concat();
    let config = parse(&text).unwrap();
    let lane = config.lanes.last().unwrap();
    let found = |id: &str| lane.devices.iter().find(|d| d.id.as_str() == id).unwrap();
    assert_eq!(found("tag-1").role, Role::TagReader);
    assert_eq!(found("card-1").role, Role::CardReader);
    assert!(matches!(found("seal-2").source, Source::Mqtt(_)));
    assert!(matches!(found("seal-3").source, Source::Serial(_)));
    let wrong = text.replace("\"wiegand26\"", "\"jt701\"");
    let found = faults(&wrong);
    let known = "known: uhfreader18, uhfreader288, wiegand26";
    assert!(found[0].contains(known), "{found:?}");
}

use std::os::unix::fs::symlink;

use super::keys::{self, Key, Rule};
use super::*;

mod boards;
mod cameras;
mod scales;
mod tls;
mod together;

const REFERENCE: &str = include_str!("../../config/lane.toml");
const DEV: &str = include_str!("../../config/lane.dev.toml");

/// Every table of keys with the header that opens it in `lane.toml`.
static TABLES: [(&str, &[Key]); 18] = [
    ("[controller]", &keys::CONTROLLER),
    ("[clock]", &keys::CLOCK),
    ("[broker.devices]", &keys::BROKER),
    ("[broker.authority]", &keys::BROKER),
    ("[broker.authority.tunnel]", &keys::TUNNEL),
    ("[http]", &keys::HTTP),
    ("[push]", &keys::PUSH),
    ("[socket]", &keys::SOCKET),
    ("[journal]", &keys::JOURNAL),
    ("[draw]", &keys::DRAW),
    ("[[lane]]", &keys::LANE),
    ("[lane.times]", &keys::TIMES),
    ("[lane.io]", &keys::IO),
    ("[lane.io.outputs]", &keys::OUTPUTS),
    ("[lane.io.inputs]", &keys::INPUTS),
    ("[lane.sign]", &keys::SIGN),
    ("[[lane.device]]", &keys::DEVICE),
    ("[lane.device.scale]", &keys::SCALE),
];

fn parse(text: &str) -> Result<Config, Vec<ConfigFault>> {
    Config::parse(text, Path::new("/etc/lanegate"))
}

/// The development file with one text in place of another that stands there.
fn with(old: &str, new: &str) -> String {
    assert!(DEV.contains(old), "{old:?} does not stand in lane.dev.toml");
    DEV.replacen(old, new, 1)
}

fn faults(text: &str) -> Vec<String> {
    let listed = parse(text).expect_err("should be refused");
    listed.iter().map(ConfigFault::to_string).collect()
}

#[test]
fn the_shipped_files_are_right_and_the_reference_warns_of_nothing() {
    assert_eq!(parse(REFERENCE).unwrap().warnings, []);
    assert_eq!(parse(DEV).unwrap().warnings, []);
}

/// What stands between a header and the next one, for every such header.
fn parts(header: &str) -> Vec<&'static str> {
    let header = format!("\n{header}\n");
    let parts = REFERENCE.split(header.as_str()).skip(1);
    let parts = parts.map(|part| part.split("\n[").next().unwrap_or_default());
    let parts: Vec<_> = parts.collect();
    assert!(!parts.is_empty(), "{header:?} is missing");
    parts
}

#[test]
fn every_key_known_is_explained_in_the_reference() {
    for (header, keys) in TABLES {
        let parts = parts(header);
        for key in keys {
            // A key in a comment, and one whose table has a header, count.
            let key_line = |part: &&str| {
                let line = |line: &str| {
                    line.trim_start_matches("# ")
                        .starts_with(&format!("{} = ", key.name))
                };
                part.lines().any(line)
            };
            let table = header.trim_matches(['[', ']']);
            let headers = [
                format!("\n[{table}.{}]\n", key.name),
                format!("\n[[{table}.{}]]\n", key.name),
            ];
            let is_table = headers.iter().any(|h| REFERENCE.contains(h));
            assert!(
                is_table || parts.iter().any(key_line),
                "{header} {}",
                key.name
            );
        }
    }
    for key in &keys::SOURCE {
        assert!(
            REFERENCE.contains(&format!("{} = ", key.name)),
            "source {}",
            key.name
        );
    }
    for key in &keys::ROOT {
        assert!(
            REFERENCE.contains(&format!("[{}", key.name)),
            "{}",
            key.name
        );
    }
}

#[test]
fn a_default_written_in_the_reference_is_the_one_that_holds() {
    let mut compared = 0;
    for (header, keys) in TABLES {
        let part = parts(header)[0];
        for key in keys {
            let Rule::Default(value) = key.rule else {
                continue;
            };
            let line = part
                .lines()
                .find(|l| l.starts_with(&format!("{} = ", key.name)));
            let line = line.unwrap_or_else(|| panic!("{header} {}", key.name));
            let written = line.split(" = ").nth(1).unwrap_or_default();
            let written = written.split(" #").next().unwrap_or_default().trim();
            assert_eq!(written, value, "{header} {}", key.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 38);
}

#[test]
fn the_reference_with_its_defaults_taken_out_means_the_same() {
    let without: Vec<&str> = REFERENCE
        .lines()
        .filter(|line| !line.contains("# default"))
        .collect();
    assert!(without.len() + 25 < REFERENCE.lines().count());
    assert_eq!(
        parse(&without.join("\n")).unwrap(),
        parse(REFERENCE).unwrap()
    );
}

#[test]
fn the_reference_gives_the_lane_and_its_drivers_what_it_says() {
    let config = parse(REFERENCE).unwrap();
    let [lane] = config.lanes.as_slice() else {
        panic!()
    };
    assert_eq!(lane.config.lane.as_str(), "SZB-X-01");
    assert_eq!(lane.config.devices.len(), 3);
    assert!(lane.config.bay_input && lane.config.entry_signal);
    assert_eq!(lane.config.division_kg.0, 20);
    assert_eq!(lane.config.arm_max, Micros::from_ms(5000));
    let camera = lane
        .config
        .devices
        .values()
        .find(|d| d.side.is_some())
        .unwrap();
    assert!(camera.can_recapture);
    assert_eq!(camera.lead, Micros::from_ms(3000));
    assert!(lane.io.inputs.inhibit.inverted && !lane.io.inputs.presence.inverted);
    assert_eq!(lane.io.inputs.count(), 5);
    assert_eq!(
        lane.io.arm,
        ArmDrive::UpDown {
            up: 0,
            down: 1,
            stop: Some(2)
        }
    );
    let Source::Mqtt(mqtt) = &lane.devices[0].source else {
        panic!()
    };
    assert!(
        mqtt.topics
            .contains(&"device/7a1c9e20-5b014d11/message/up/ivs_result".to_owned())
    );
    assert!(
        mqtt.topics
            .contains(&"7a1c9e20-5b014d11/device/message/up/keep_alive".to_owned())
    );
    // What the codec must know follows from line and scale.
    let scale = &lane.devices[1].settings;
    let said: Vec<_> = scale
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("data_bits", "8"),
            ("nibbles", "hex"),
            ("parity", "none"),
            ("unit", "kg")
        ]
    );
}

#[test]
fn relative_paths_count_from_the_directory_of_the_file() {
    let config = parse(DEV).unwrap();
    assert_eq!(
        config.controller.state_dir,
        Path::new("/etc/lanegate/dev/state")
    );
    assert_eq!(
        config.lanes[0].io.source.serial().unwrap().path,
        Path::new("/etc/lanegate/dev/io")
    );
    assert_eq!(
        config.clock.mark,
        Path::new("/run/systemd/timesync/synchronized")
    );
}

#[test]
fn all_faults_are_listed_at_once_each_with_its_line() {
    let text = "[controller]\nid = \"a b\"\nport = 5345\npolicy = \"p\"\nstat_dir = \"x\"\n\
                drain_s = 0\n[[lane]]\nid = \"L\"\ndirection = \"out\"\n[lane.times]\nsettle_ms = 1\n";
    let listed = faults(text);
    let begins = |start: &str| {
        assert!(
            listed.iter().any(|f| f.starts_with(start)),
            "{start}\n{listed:#?}"
        )
    };
    begins("line 1: controller.state_dir: is missing: write state_dir = ");
    begins("line 2: controller.id: character ' '");
    begins("line 3: controller.port: is a integer: write a text in quotes");
    begins("line 5: controller.stat_dir: is not known here; known: id, port,");
    begins("line 6: controller.drain_s: is 0: write a whole number from 1 to 45");
    begins("line 7: lane[0].geometry: is missing");
    begins("line 7: lane[0].io: is missing");
    begins("line 9: lane[0].direction: \"out\" is none of import, export");
    begins("line 11: lane[0].times.settle_ms: is 1: write a whole number from 200");
    assert_eq!(listed.len(), 9, "{listed:#?}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_the_line() {
    let listed = faults("[controller]\nid = \"x\n");
    assert!(listed[0].starts_with("line 2: is no TOML: "), "{listed:?}");
    let text = "[http]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n";
    assert!(faults(text)[0].starts_with("line 3: is no TOML: "));
}

#[test]
fn an_arm_that_needs_a_maintained_contact_is_refused() {
    let listed = faults(&with("arm = \"up-down\"", "arm = \"maintained\""));
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].contains("lane[0].io.arm: an arm that needs a maintained contact falls"));
}

#[test]
fn an_impulse_arm_has_one_output() {
    let text = with("arm = \"up-down\"", "arm = \"impulse\"");
    let text = text.replace("arm_up = 0\narm_down = 1\narm_stop = 2", "arm_impulse = 0");
    assert_eq!(
        parse(&text).unwrap().lanes[0].io.arm,
        ArmDrive::Impulse { coil: 0 }
    );
}

#[test]
fn a_second_scale_and_a_thirty_third_lane_are_refused() {
    let start = DEV.find("[[lane.device]]\nid = \"scale-1\"").unwrap();
    let end = DEV.find("[[lane.device]]\nid = \"seal-1\"").unwrap();
    let second = DEV[start..end]
        .replace("scale-1", "scale-2")
        .replace("dev/scale", "dev/scale2");
    let listed = faults(&format!("{DEV}\n{second}"));
    assert!(
        listed[0].contains("lane[0].device: has two scales"),
        "{listed:?}"
    );

    let lane = &DEV[DEV.find("[[lane]]").unwrap()..];
    let numbered = |n: usize| {
        let mut text = lane.to_owned();
        for name in [
            "SZB-X-01",
            "io-1",
            "cam-1",
            "scale-1",
            "seal-1",
            "dev/io",
            "dev/scale",
            "dev/seal",
            "7a1c9e20",
        ] {
            text = text.replace(name, &format!("{name}-{n}"));
        }
        text
    };
    let head = &DEV[..DEV.find("[[lane]]").unwrap()];
    let lanes = |n: usize| head.to_owned() + &(0..n).map(numbered).collect::<String>();
    assert_eq!(parse(&lanes(32)).unwrap().lanes.len(), 32);
    assert!(faults(&lanes(33))[0].contains("lane: 33 lanes"));
}

#[test]
fn no_line_left_out_and_no_value_of_another_kind_goes_unnoticed_or_panics() {
    let lines: Vec<&str> = REFERENCE.lines().collect();
    let mut refused = 0;
    for i in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(i);
        refused += usize::from(parse(&without.join("\n")).is_err());
        let Some((name, _)) = lines[i].split_once(" = ") else {
            continue;
        };
        if name.starts_with('#') {
            continue;
        }
        for wrong in ["-1", "1979-05-27", "1.5", "[[]]"] {
            let wrong = format!("{name} = {wrong}");
            let mut other = lines.clone();
            other[i] = &wrong;
            let listed = faults(&other.join("\n"));
            let line = format!("line {}: ", i + 1);
            assert!(
                listed.iter().any(|f| f.starts_with(&line)),
                "{wrong}: {listed:?}"
            );
        }
    }
    assert!(refused > 40, "{refused}");
}

#[test]
fn a_port_named_by_the_order_of_plugging_in_is_warned_of() {
    let config = parse(&with("\"dev/scale\"", "\"/dev/ttyUSB0\"")).unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings)
    };
    assert_eq!(warning.path, "lane[0].device[1].source.serial");
    assert!(
        warning.why.contains("/dev/serial/by-path"),
        "{}",
        warning.why
    );
}

#[test]
fn what_works_but_hurts_later_is_warned_of() {
    let rows = [
        (
            "[broker.authority]\nhost = \"127.0.0.1\"\nclient_id = \"dev-authority\"\n",
            "",
            "broker.authority",
        ),
        ("entry_red = 5\n", "", "lane[0].weigh_after"),
        ("exit_red = 3\nexit_green = 4\n", "", "lane[0].io.outputs"),
        (
            "listen = \"127.0.0.1:9464\"",
            "listen = \"0.0.0.0:9464\"\nbeyond_loopback = true",
            "http.listen",
        ),
    ];
    for (old, new, path) in rows {
        let config = parse(&with(old, new)).unwrap();
        let paths: Vec<_> = config.warnings.iter().map(|w| w.path.as_str()).collect();
        assert_eq!(paths, [path]);
    }
}

/// The two adapters of field case c20: one `by-id` name for both.
#[test]
fn a_by_id_name_that_two_equal_adapters_share_is_warned_of_with_its_place() {
    let dir = std::env::temp_dir().join(format!("lanegate-ports-{}", std::process::id()));
    let serial = dir.join("serial");
    for sub in ["by-id", "by-path"] {
        std::fs::create_dir_all(serial.join(sub)).unwrap();
    }
    for port in ["ttyUSB0", "ttyUSB1"] {
        std::fs::write(dir.join(port), "").unwrap();
    }
    let by_id = serial.join("by-id/usb-1a86_USB2.0-Serial-if00-port0");
    symlink("../../ttyUSB1", &by_id).unwrap();
    let first = serial.join("by-path/pci-0000:00:14.0-usb-0:1:1.0-port0");
    symlink("../../ttyUSB0", &first).unwrap();
    let second = serial.join("by-path/pci-0000:00:14.0-usb-0:2:1.0-port0");
    symlink("../../ttyUSB1", &second).unwrap();

    let config = parse(&with("\"dev/io\"", &format!("{by_id:?}"))).unwrap();
    let shared = port_warnings(&config, &serial);
    // With its own name for the other one, nothing is shared.
    symlink("../../ttyUSB0", serial.join("by-id/usb-FTDI_A5069RR4")).unwrap();
    let own = port_warnings(&config, &serial);
    std::fs::remove_dir_all(&dir).unwrap();

    assert_eq!(shared.len(), 1, "{shared:?}");
    assert!(shared[0].starts_with("io-1: "), "{shared:?}");
    assert!(shared[0].ends_with("usb-0:2:1.0-port0"), "{shared:?}");
    assert_eq!(own, Vec::<String>::new());
}

/// Firmware of the family has either order of levels; both are listened to,
/// so both are told.
#[test]
fn a_camera_by_its_serial_number_is_told_in_either_order_of_levels() {
    let mqtt = |text: &str| {
        let config = parse(text).unwrap();
        let found = config.lanes[0].devices.iter().find_map(|d| d.source.mqtt());
        found.cloned().unwrap()
    };
    let both = ["device/7a1c9e20-5b014d11", "7a1c9e20-5b014d11/device"];
    let both = both.map(|head| format!("{head}/message/down/ivs_trigger"));
    assert_eq!(mqtt(DEV).recapture_topics, both);
    let sn = "sn = \"7a1c9e20-5b014d11\"";
    let own = with(sn, &format!("{sn}, recapture_topic = \"gate/1/trigger\""));
    assert_eq!(mqtt(&own).recapture_topics, ["gate/1/trigger"]);
}

#[test]
fn a_bare_password_file_is_a_credential() {
    let dir = std::env::temp_dir().join(format!("lanegate-credential-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("devices-password"), "s3cret\n").unwrap();
    let broker = parse(REFERENCE).unwrap().device_broker.unwrap();
    let read = broker.password(Some(&dir));
    std::fs::write(dir.join("devices-password"), "\n").unwrap();
    let empty = broker.password(Some(&dir));
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(read.unwrap().as_deref(), Some("s3cret"));
    assert!(
        empty
            .unwrap_err()
            .to_string()
            .contains("devices-password is empty")
    );
    let missing = broker.password(None).unwrap_err().to_string();
    for words in [
        "devices-password is a credential",
        "LoadCredential=devices-password:/",
        "a path that begins with /",
    ] {
        assert!(missing.contains(words), "{missing}");
    }
    let neither = BrokerConfig {
        password_file: Some(PathBuf::from("keys/password")),
        ..broker
    };
    let neither = neither.password(Some(&dir)).unwrap_err().to_string();
    assert!(neither.contains("neither the bare name"), "{neither}");
}

#[test]
fn a_file_that_is_not_there_is_a_fault_with_its_name() {
    let listed = Config::load(Path::new("/nonexistent/lane.toml")).unwrap_err();
    assert!(
        listed[0]
            .why
            .starts_with("/nonexistent/lane.toml cannot be read")
    );
}

#[test]
fn a_chain_of_draw_keys_needs_its_anchor_before_its_last_day() {
    let table = |anchor_day: &str, anchor: &str| {
        let text = format!(
            "[draw]\nseed = \"draw-seed\"\nlast_day = \"2027-12-31\"\nanchor = \"{anchor}\"\nanchor_day = \"{anchor_day}\"\n\n[[lane]]"
        );
        DEV.replacen("[[lane]]", &text, 1)
    };
    let key = "0".repeat(64);
    let read = parse(&table("2026-12-31", &key)).unwrap();
    assert_eq!(read.draw.unwrap().last_day.to_string(), "2027-12-31");
    assert_eq!(parse(DEV).unwrap().draw, None);
    for (text, path, why) in [
        (
            table("2027-12-31", &key),
            "draw.anchor_day",
            "is not 1 to 400 days before",
        ),
        (
            table("2025-12-31", &key),
            "draw.anchor_day",
            "is not 1 to 400 days before",
        ),
        (table("31.12.2026", &key), "draw.anchor_day", "is no day"),
        (table("2026-12-31", "00ff"), "draw.anchor", "is no key"),
        (
            table("2026-12-31", &key).replace("seed = ", "seeds = "),
            "draw.seed",
            "is missing",
        ),
    ] {
        let listed = faults(&text);
        let told = |f: &String| f.contains(path) && f.contains(why);
        assert!(listed.iter().any(told), "{path}: {listed:?}");
    }
}

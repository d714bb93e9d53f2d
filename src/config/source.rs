//! Reads where a device's bytes come from.

use std::path::{Path, PathBuf};

use lanegate_core::time::Micros;
use lanegate_core::wire::{self, ProtocolKind};

use super::device::{Flow, HttpSource, MqttSource, Parity, SerialLine, Source, TcpAddress, Turn};
use super::keys;
use super::listen::listen;
use super::pull::pull;
use super::section::{Section, list, parsed, text, word};

/// Speeds serial drivers accept.
const BAUDS: [u32; 12] = [
    300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800,
];
/// The kernel's own limit (`RS485_MAX_RTS_DELAY`).
const TURN_MS_MAX: u64 = 100;
/// Topics of one device; a camera has two forms of two messages.
const TOPICS_MAX: usize = 8;
/// Protocols whose devices dial a server, so that they may be listened for.
const DIALS: [&str; 3] = ["json-seal", "jt701", "jt808"];
/// Protocols of cameras whose stream of events is asked for by HTTP.
const PULLED: [&str; 2] = ["dahua", "hikvision-isapi"];
/// Protocols in whole messages that come over a line or over topics.
const BY_EITHER: [&str; 1] = ["json-seal"];
/// Longest topic; a broker's own limit is far higher.
const TOPIC_LEN_MAX: usize = 256;

/// Names a path may have: one part, nothing to escape.
const PATH_LEN_MAX: usize = 64;

static FLOWS: [(&str, Flow); 3] = [
    ("none", Flow::None),
    ("hardware", Flow::Hardware),
    ("software", Flow::Software),
];

/// What a protocol travels in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A serial line, or the same bytes over TCP.
    Line,
    /// TCP alone.
    Tcp,
    /// Messages of a device.
    Messages,
    /// Messages of a board: state one way, commands the other.
    Board,
    /// A line, or messages to a sign.
    Sign,
    /// Posts of a camera.
    Posts,
    /// A camera's stream of events, asked for.
    Pull,
}

fn way(protocol: &str) -> Way {
    let known = wire::protocol(protocol);
    let camera = known.is_some_and(|p| p.kind == ProtocolKind::Camera);
    match protocol {
        "modbus-tcp" => Way::Tcp,
        "mqtt-io" => Way::Board,
        "text-sign" => Way::Sign,
        name if name.ends_with("-mqtt") => Way::Messages,
        // What a camera sends otherwise is posted, or messages too.
        _ if camera => Way::Posts,
        _ => Way::Line,
    }
}

/// What it travels in here, where a protocol has more than one way.
fn way_of(source: &Section<'_>, protocol: &str) -> Way {
    let way = way(protocol);
    let posts = way == Way::Posts;
    if (posts || BY_EITHER.contains(&protocol)) && source.has("topics") {
        Way::Messages
    } else if posts && PULLED.contains(&protocol) && source.has("pull") {
        Way::Pull
    } else {
        way
    }
}

/// The source of a device.
pub(super) fn source(device: &Section<'_>, protocol: &str, base: &Path) -> Option<Source> {
    if !device.has("source") {
        // Reports what to write.
        let _absent: Option<String> = device.need("source", text);
        return None;
    }
    let s = device.section("source", &keys::SOURCE);
    const LINE: [&str; 5] = ["serial", "line", "flow", "rs485", "tcp"];
    const CAMERA: [&str; 3] = ["sn", "topics", "recapture_topic"];
    let way = way_of(&s, protocol);
    if way != Way::Pull {
        refuse(&s, protocol, &["pull"]);
        for name in ["username", "password_file"] {
            refuse_without(&s, name, "pull");
        }
    }
    if way != Way::Posts {
        refuse(&s, protocol, &["http", "secret_file"]);
    }
    let dials = way == Way::Line && DIALS.contains(&protocol);
    if !dials {
        refuse(&s, protocol, &["listen"]);
    }
    if !s.has("listen") {
        refuse_without(&s, "from", "listen");
    }
    match way {
        Way::Posts => {
            refuse(&s, protocol, &LINE);
            refuse(&s, protocol, &["sn", "recapture_topic", "command_topic"]);
            http(&s).map(Source::Http)
        }
        Way::Pull => {
            refuse(&s, protocol, &LINE);
            refuse(&s, protocol, &["sn", "recapture_topic", "command_topic"]);
            pull(&s).map(Source::Pull)
        }
        Way::Messages => {
            refuse(&s, protocol, &LINE);
            refuse(&s, protocol, &["command_topic"]);
            mqtt(&s).map(Source::Mqtt)
        }
        Way::Board => {
            refuse(&s, protocol, &LINE);
            refuse(&s, protocol, &["sn", "recapture_topic"]);
            told(&s, true).map(Source::Mqtt)
        }
        Way::Sign if s.has("command_topic") => {
            refuse(&s, protocol, &LINE);
            refuse(&s, protocol, &CAMERA);
            told(&s, false).map(Source::Mqtt)
        }
        way @ (Way::Line | Way::Tcp | Way::Sign) => {
            refuse(&s, protocol, &CAMERA);
            refuse(&s, protocol, &["command_topic"]);
            if way == Way::Tcp {
                refuse(&s, protocol, &["serial", "line", "flow", "rs485"]);
            }
            if dials && s.has("listen") {
                return listen(&s).map(Source::Listen);
            }
            match s.has("tcp") || way == Way::Tcp {
                true => tcp(&s).map(Source::Tcp),
                false => serial(&s, base).map(Source::Serial),
            }
        }
    }
}

/// A device server, or a device with a network port.
fn tcp(section: &Section<'_>) -> Option<TcpAddress> {
    for name in ["serial", "line", "flow", "rs485"] {
        if section.has(name) {
            let why = "does not go with tcp: speed and parity are set in the device server";
            section.fault(name, why);
        }
    }
    let address = section.maybe("tcp", parsed(address))?;
    if address.is_none() {
        section.fault("tcp", "is missing: write it like \"192.0.2.7:502\"");
    }
    address
}

fn address(text: &str) -> Result<TcpAddress, String> {
    let wrong = || format!("\"{text}\" is no address: write it like \"192.0.2.7:4001\"");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_matches(['[', ']']);
    match port.parse() {
        Ok(port) if !host.is_empty() && port > 0 => Ok(TcpAddress {
            host: host.to_owned(),
            port,
        }),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

/// A device that is told things in messages; a board also tells its state.
fn told(section: &Section<'_>, board: bool) -> Option<MqttSource> {
    let topics = section.maybe("topics", list(parsed(topic)))?;
    let command = section.maybe("command_topic", parsed(topic))?;
    if command.is_none() {
        section.fault("command_topic", "is missing: write where the board is told");
    }
    let topics = topics.unwrap_or_default();
    if board && (topics.is_empty() || topics.len() > TOPICS_MAX) {
        section.fault(
            "topics",
            format!("write 1 to {TOPICS_MAX} topics of its state"),
        );
        return None;
    }
    Some(MqttSource {
        topics,
        recapture_topics: Vec::new(),
        sn: None,
        command_topic: Some(command?),
    })
}

fn http(section: &Section<'_>) -> Option<HttpSource> {
    let path = section.maybe("http", parsed(path))?;
    let secret_file = section.maybe("secret_file", text)?;
    if path.is_none() {
        let why = "is missing: write the path it posts to, like \"cam-1\", or its topics, or for \
                   protocols that are asked pull and the address of its stream";
        section.fault("http", why);
    }
    if secret_file.is_none() {
        let why = "is missing: write a file whose first line every post must know";
        section.fault("secret_file", why);
    }
    Some(HttpSource {
        path: path?,
        // Joined to no directory: a bare name is a credential.
        secret_file: PathBuf::from(secret_file?),
    })
}

fn path(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('/').unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    match (1..=PATH_LEN_MAX).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "\"{text}\" is no path: write one name like \"cam-1\""
        )),
    }
}

fn refuse_without(section: &Section<'_>, name: &str, other: &str) {
    if section.has(name) {
        section.fault(name, format!("goes with {other} only"));
    }
}

fn refuse(section: &Section<'_>, protocol: &str, names: &[&str]) {
    for name in names.iter().filter(|name| section.has(name)) {
        section.fault(name, format!("does not go with protocol \"{protocol}\""));
    }
}

fn serial(section: &Section<'_>, base: &Path) -> Option<SerialLine> {
    let path = section.maybe("serial", text)?;
    let line = section.maybe("line", parsed(line_settings))?;
    let flow = section.maybe("flow", word(&FLOWS))?;
    let turn = section.maybe("rs485", parsed(turn))?;
    if path.is_none() {
        section.fault(
            "serial",
            "is missing: write the port, best by /dev/serial/by-path, or tcp",
        );
    }
    if line.is_none() {
        section.fault("line", "is missing: write it like \"9600 8N1\"");
    }
    if turn.is_some() && flow == Some(Flow::Hardware) {
        let why = "does not go with flow = \"hardware\": RTS turns the line";
        section.fault("rs485", why);
    }
    let (baud, data_bits, parity, stop_bits) = line?;
    Some(SerialLine {
        path: base.join(PathBuf::from(path?)),
        baud,
        data_bits,
        parity,
        stop_bits,
        flow: flow.unwrap_or(Flow::None),
        turn,
    })
}

/// `9600 8N1`: bits a second, data bits, parity, stop bits.
fn line_settings(text: &str) -> Result<(u32, u8, Parity, u8), String> {
    let wrong = || format!("\"{text}\" is no line: write it like \"9600 8N1\" or \"4800 7E1\"");
    let (baud, frame) = text.split_once(' ').ok_or_else(wrong)?;
    let baud: u32 = baud.parse().map_err(|_| wrong())?;
    if !BAUDS.contains(&baud) {
        return Err(format!("{baud} is no usual speed; known: {BAUDS:?}"));
    }
    let [bits @ (b'7' | b'8'), parity, stop @ (b'1' | b'2')] = frame.as_bytes() else {
        return Err(wrong());
    };
    let parity = match parity {
        b'N' => Parity::None,
        b'E' => Parity::Even,
        b'O' => Parity::Odd,
        _ => return Err(wrong()),
    };
    Ok((baud, bits - b'0', parity, stop - b'0'))
}

/// `rts-high` or `rts-low`, and the milliseconds before and after sending.
fn turn(text: &str) -> Result<Turn, String> {
    let wrong = || {
        format!(
            "\"{text}\" turns no line: write \"rts-high\" or \"rts-low\", or with the milliseconds \
             before and after sending \"rts-high 1 2\" (0 to {TURN_MS_MAX})"
        )
    };
    let mut words = text.split(' ');
    let high = match words.next() {
        Some("rts-high") => true,
        Some("rts-low") => false,
        Some(_) | None => return Err(wrong()),
    };
    let rest: Vec<&str> = words.collect();
    let (before, after) = match rest[..] {
        [] => ("0", "0"),
        [before, after] => (before, after),
        _ => return Err(wrong()),
    };
    let ms = |text: &str| match text.parse() {
        Ok(ms @ 0..=TURN_MS_MAX) => Ok(Micros::from_ms(ms)),
        Ok(_) | Err(_) => Err(wrong()),
    };
    Ok(Turn {
        high,
        before: ms(before)?,
        after: ms(after)?,
    })
}

fn mqtt(section: &Section<'_>) -> Option<MqttSource> {
    let sn = section.maybe("sn", parsed(level))?;
    let topics = section.maybe("topics", list(parsed(topic)))?;
    let recapture = section.maybe("recapture_topic", parsed(topic))?;
    let (mut topics, from_sn) = match (&sn, topics) {
        (_, Some(topics)) => (topics, Vec::new()),
        (Some(sn), None) => (camera_topics(sn), camera_triggers(sn)),
        (None, None) => {
            section.fault(
                "sn",
                "is missing: write the device's serial number, or its topics",
            );
            return None;
        }
    };
    topics.sort();
    topics.dedup();
    if topics.is_empty() || topics.len() > TOPICS_MAX {
        section.fault("topics", format!("write 1 to {TOPICS_MAX} topics"));
        return None;
    }
    Some(MqttSource {
        topics,
        recapture_topics: recapture.map_or(from_sn, |topic| vec![topic]),
        sn,
        command_topic: None,
    })
}

/// Firmware uses either order of levels (Vzenith manual, and what real
/// cameras of the family do), so both are listened to.
fn camera_topics(sn: &str) -> Vec<String> {
    let topic = |tail| {
        [
            format!("device/{sn}/message/up/{tail}"),
            format!("{sn}/device/message/up/{tail}"),
        ]
    };
    ["ivs_result", "keep_alive"]
        .into_iter()
        .flat_map(topic)
        .collect()
}

/// A camera hears the one of its own order; nobody listens to the other.
fn camera_triggers(sn: &str) -> Vec<String> {
    vec![
        format!("device/{sn}/message/down/ivs_trigger"),
        format!("{sn}/device/message/down/ivs_trigger"),
    ]
}

fn topic(text: &str) -> Result<String, String> {
    if text.len() > TOPIC_LEN_MAX {
        return Err(format!("has more than {TOPIC_LEN_MAX} bytes"));
    }
    // A wildcard would take in what other devices, or strangers, say.
    match text.chars().find(|c| "+#".contains(*c) || c.is_control()) {
        Some(c) => Err(format!("contains {c:?}: write exact topics, no wildcards")),
        None => Ok(text.to_owned()),
    }
}

fn level(text: &str) -> Result<String, String> {
    match text.contains('/') {
        true => Err("contains a slash: write the serial number alone".to_owned()),
        false => topic(text),
    }
}

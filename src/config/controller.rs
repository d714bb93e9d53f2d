//! Reads the file: the controller's own tables, then its lanes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lanegate_core::model::{ControllerId, PortCode};
use lanegate_core::time::Micros;
use toml::de::DeTable;

use super::fault::Sink;
use super::keys;
use super::lane::lane;
use super::sanity;
use super::section::{Section, flag, number, parsed, text, word};
use super::{BrokerConfig, ClockConfig, Config, ControllerConfig, HttpConfig};

/// One thread serves all lanes; more than this were never tried.
const LANES_MAX: usize = 32;

/// The configuration, without its warnings. None or a fault in `sink`.
pub(super) fn config(table: &DeTable<'_>, sink: &Sink, base: &Path) -> Option<Config> {
    let root = Section::root(table, &keys::ROOT, sink);
    let controller = controller(&root.section("controller", &keys::CONTROLLER), base);
    let clock = clock(&root.section("clock", &keys::CLOCK), base);
    let brokers = root.section("broker", &keys::BROKERS);
    let [device_broker, authority_broker] =
        ["devices", "authority"].map(|n| broker(&brokers, n, base));
    let http = http(&root.section("http", &keys::HTTP), sink);
    let push = super::push::push(&root);
    let pictures = super::push::pictures(&root, base);
    let socket = root
        .section("socket", &keys::SOCKET)
        .need("path", path_from(base));
    let journal = super::journal::journal(&root.section("journal", &keys::JOURNAL), base);
    let draw = super::draw::draw(&root);
    let sections = root.sections("lane", &keys::LANE);
    if sections.is_empty() && !root.has("lane") {
        root.fault("lane", "is missing: write [[lane]], once for each lane");
    }
    if sections.len() > LANES_MAX {
        root.fault(
            "lane",
            format!("{} lanes: one controller serves 1 to 32", sections.len()),
        );
        return None;
    }
    let lanes: Vec<_> = sections
        .iter()
        .map(|s| lane(s, controller.as_ref(), base))
        .collect();
    let config = Config {
        controller: controller?,
        clock: clock?,
        device_broker: device_broker?,
        authority_broker: authority_broker?,
        http: http?,
        push: push?,
        pictures: pictures?,
        socket: socket?,
        journal: journal?,
        draw: draw?,
        lanes: lanes.into_iter().collect::<Option<_>>()?,
        warnings: Vec::new(),
    };
    sanity::check(&config, sink);
    Some(config)
}

/// A path, relative ones counted from the file's directory.
pub(super) fn path_from(base: &Path) -> impl Fn(&toml::de::DeValue<'_>) -> Result<PathBuf, String> {
    move |value| Ok(base.join(text(value)?))
}

fn controller(s: &Section<'_>, base: &Path) -> Option<ControllerConfig> {
    let id = s.need("id", parsed(ControllerId::parse));
    let port = s.need("port", parsed(PortCode::parse));
    let state_dir = s.need("state_dir", path_from(base));
    let policy = s.need("policy", path_from(base));
    let shadow_policy = s.maybe("shadow_policy", path_from(base));
    // The unit gives a stop 60 s in all.
    let drain = s.need("drain_s", number(1..=45));
    let stall = s.need("stall_s", number(2..=60));
    Some(ControllerConfig {
        id: id?,
        port: port?,
        state_dir: state_dir?,
        policy: policy?,
        shadow_policy: shadow_policy?,
        drain: Micros::from_s(drain?),
        stall: Micros::from_s(stall?),
    })
}

fn clock(s: &Section<'_>, base: &Path) -> Option<ClockConfig> {
    let rtc = s.need("rtc", word(&[("untrusted", false), ("trusted", true)]));
    let mark = s.need("mark", path_from(base));
    let hold = s.need("hold_s", number(60..=604_800));
    Some(ClockConfig {
        rtc_trusted: rtc?,
        mark: mark?,
        hold: Micros::from_s(hold?),
    })
}

/// Some(None) where the broker is not written.
fn broker(brokers: &Section<'_>, name: &str, base: &Path) -> Option<Option<BrokerConfig>> {
    if !brokers.has(name) {
        return Some(None);
    }
    let s = brokers.section(name, &keys::BROKER);
    let host = s.need("host", text);
    let port = s.need("port", number(1..=65_535));
    let client_id = s.need("client_id", text);
    let username = s.maybe("username", text);
    // Joined to no directory: a bare name is a credential.
    let password_file = s.maybe("password_file", text);
    let secured = super::tunnel::secured(&s, base);
    if s.has("password_file") && !s.has("username") {
        s.fault("username", "is missing: a password goes with a user");
    }
    Some(Some(BrokerConfig {
        host: host?,
        port: u16::try_from(port?).expect("read in the range of ports"),
        client_id: client_id?,
        username: username?,
        password_file: password_file?.map(PathBuf::from),
        secured: secured?,
    }))
}

fn http(s: &Section<'_>, sink: &Sink) -> Option<HttpConfig> {
    let beyond = s.need("beyond_loopback", flag);
    let listen = s.need(
        "listen",
        parsed(|text: &str| {
            let wrong = |_| format!("\"{text}\" is no address: write it like \"127.0.0.1:9464\"");
            text.parse::<SocketAddr>().map_err(wrong)
        }),
    );
    let (listen, beyond) = (listen?, beyond?);
    let path = s.path_of("listen");
    match (listen.ip().is_loopback(), beyond) {
        (true, _) => {}
        (false, true) => sink.warn(
            &path,
            "anyone who reaches this address reads the probes and metrics: there is no login",
        ),
        (false, false) => s.fault(
            "listen",
            "is no loopback address: write 127.0.0.1 and let a proxy serve it, or say \
             beyond_loopback = true",
        ),
    }
    Some(HttpConfig { listen })
}

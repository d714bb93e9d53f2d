//! The brokers: reached, logged in, allowed to listen and to ask, large enough
//! packets; and whether the authority behind its own says anything.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Around;
use super::finding::{Area, Findings};
use super::tunnel::{self, FarEnd};
use crate::authority::{Topic, Topics};
use crate::config::{BrokerConfig, LaneSetup, Secured};
use crate::mqtt::{self, Asked, Credentials, LookFault, Looked, Peer};

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// One read; the look itself has its deadlines.
const READ_MAX: Duration = Duration::from_millis(200);
/// A part of a snapshot, or a camera's picture.
const PACKET_LEN_NEEDED: u32 = 1 << 20;
/// Where credentials lie that the service manager hands on.
const CREDSTORE: &str = "/etc/credstore";

/// A broker and what is wanted of it.
struct Wanted<'a> {
    peer: Peer,
    broker: &'a BrokerConfig,
    topics: Vec<String>,
    /// Said once, to see that it may be.
    publish: Option<(String, String)>,
}

impl Wanted<'_> {
    fn subject(&self) -> String {
        let BrokerConfig { host, port, .. } = self.broker;
        format!("{} {host}:{port}", self.peer.as_str())
    }
}

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    for wanted in wanted(around) {
        let far = FarEnd::of(wanted.broker);
        let certified = far.is_none_or(|far| tunnel::look(&wanted.subject(), &far, findings));
        of_daemon(around, &wanted, findings);
        look_at(around, &wanted, certified, findings);
    }
}

fn wanted<'a>(around: &Around<'a>) -> Vec<Wanted<'a>> {
    let mut all = Vec::new();
    if let Some(broker) = &around.config.device_broker {
        let devices = around.config.lanes.iter().flat_map(LaneSetup::sources);
        let topics = devices.filter_map(|(_, _, source)| Some(source.mqtt()?.topics.clone()));
        all.push(Wanted {
            peer: Peer::Devices,
            broker,
            topics: topics.flatten().collect(),
            publish: None,
        });
    }
    if let Some(broker) = &around.config.authority_broker {
        let topics = Topics::of(around.config.controller.id.as_str());
        // An answer to an order that nobody gave is dropped by its id.
        let answer = (
            topics.outgoing(Topic::OrdersAnswer),
            r#"{"accepted":false,"id":"lanegate-doctor","why":"a look at the broker"}"#.to_owned(),
        );
        all.push(Wanted {
            peer: Peer::Authority,
            broker,
            topics: topics.subscriptions(),
            publish: Some(answer),
        });
    }
    all
}

/// What the daemon says of its own connection.
fn of_daemon(around: &Around<'_>, wanted: &Wanted<'_>, findings: &mut Findings) {
    let Some(status) = &around.daemon else { return };
    let brokers = status["brokers"].as_array();
    let own = brokers.and_then(|all| all.iter().find(|b| b["peer"] == wanted.peer.as_str()));
    let refused = own.and_then(|own| own["refused"].as_array());
    for topic in refused.into_iter().flatten().filter_map(Value::as_str) {
        refused_topic(wanted, topic, findings);
    }
    if let (Peer::Authority, Some(link)) = (wanted.peer, status["link"].as_str()) {
        let age = status["cache_age_s"].as_u64();
        let age = age.map_or("of unknown age".to_owned(), |s| format!("{s} s old"));
        let what = format!("the daemon says the line is {link}, its cache {age}");
        match link {
            "up" => findings.good(Area::Authority, wanted.subject(), what),
            _ => {
                let then = "deciding goes on as long as each class's cache_age_s_max allows; \
                            see whether the authority's side runs";
                findings.warning(Area::Authority, wanted.subject(), what, then);
            }
        }
    }
}

fn look_at(around: &Around<'_>, wanted: &Wanted<'_>, certified: bool, findings: &mut Findings) {
    let subject = wanted.subject();
    let broker = wanted.broker;
    let credentials = match credentials(broker) {
        Ok(credentials) => credentials,
        Err(why) => {
            let then = "the daemon gets it from the service manager: run this as root, or check \
                        LoadCredential in the unit and the file in /etc/credstore";
            return findings.warning(
                Area::Broker,
                subject,
                format!("login not tried: {why}"),
                then,
            );
        }
    };
    let asked = Asked {
        client_id: format!("{}-doctor", broker.client_id),
        credentials,
        topics: wanted.topics.clone(),
        publish: wanted.publish.clone(),
        listen: match wanted.peer {
            Peer::Authority => around.listen,
            Peer::Devices => Duration::ZERO,
        },
    };
    let looked = connect(broker).and_then(|stream| match mqtt::look(stream, &asked) {
        // An old broker hangs up on what it does not know.
        Err(LookFault::Version | LookFault::Closed) => {
            let plainly = mqtt::look_plainly(connect(broker)?, &asked);
            plainly.map_err(|why| why.to_string())
        }
        other => other.map_err(|why| why.to_string()),
    });
    match looked {
        Ok(looked) => of_look(around, wanted, &looked, findings),
        // Where TLS fails the reason was told already.
        Err(why) if certified => unreached(wanted, &why, findings),
        Err(why) => {
            let then = "mend its TLS first";
            findings.warning(Area::Broker, subject, why, then);
        }
    }
}

fn unreached(wanted: &Wanted<'_>, why: &str, findings: &mut Findings) {
    let then = match wanted.peer {
        Peer::Devices => {
            "start it (systemctl status mosquitto), or check host, port, user and \
                          password in [broker.devices]: without it every device behind it is lost"
        }
        Peer::Authority => {
            "check host, port, user and password in [broker.authority], and the \
                            line: without it the cache grows stale and trucks hold"
        }
    };
    findings.fault(Area::Broker, wanted.subject(), why, then);
}

fn of_look(around: &Around<'_>, wanted: &Wanted<'_>, looked: &Looked, findings: &mut Findings) {
    let subject = wanted.subject();
    for topic in &looked.refused {
        refused_topic(wanted, topic, findings);
    }
    if let (Some(why), Some((topic, _))) = (&looked.mute, &wanted.publish) {
        let what = format!("its access list forbids to write {topic} ({why})");
        findings.fault(Area::Broker, &subject, what, ACCESS);
    }
    match (looked.tells_limits, looked.packet_len_max) {
        (true, Some(max)) if max < PACKET_LEN_NEEDED => {
            let what = format!(
                "takes packets of {max} bytes at most; parts of a snapshot and cameras' pictures \
                 have up to {PACKET_LEN_NEEDED}"
            );
            let then = "raise max_packet_size of the broker: a larger one is lost without a word";
            findings.fault(Area::Broker, &subject, what, then);
        }
        (true, _) => {}
        (false, _) => {
            let what = "speaks MQTT 3.1.1 only: its packet limit and write rights do not show";
            let then = "see that it takes packets of 1 MiB, and compare its access list with \
                        docs/topics.md";
            findings.warning(Area::Broker, &subject, what, then);
        }
    }
    if looked.refused.is_empty() && looked.mute.is_none() {
        let what = format!("reached, logged in, {} topics granted", wanted.topics.len());
        findings.good(Area::Broker, &subject, what);
    }
    if wanted.peer == Peer::Authority && around.daemon.is_none() {
        heard(around, &subject, looked, findings);
    }
}

fn heard(around: &Around<'_>, subject: &str, looked: &Looked, findings: &mut Findings) {
    match looked.heard.first() {
        Some(topic) => findings.good(Area::Authority, subject, format!("heard on {topic}")),
        None => {
            let what = format!(
                "the authority said nothing in {} s",
                around.listen.as_secs()
            );
            let then = "it says something every 60 s: try --listen-s 70. If nothing comes then, \
                        its side does not run, or the broker's access list lacks a read line \
                        (mosquitto's acl_file withholds in silence)";
            findings.warning(Area::Authority, subject, what, then);
        }
    }
}

const ACCESS: &str = "give the broker the access list of docs/topics.md, and reload it";

fn refused_topic(wanted: &Wanted<'_>, topic: &str, findings: &mut Findings) {
    let what = format!("its access list forbids to read {topic}");
    findings.fault(Area::Broker, wanted.subject(), what, ACCESS);
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// As the daemon connects.
fn connect(broker: &BrokerConfig) -> Result<Box<dyn Stream>, String> {
    if let (Secured::Tls(_), Some(far)) = (&broker.secured, FarEnd::of(broker)) {
        let stream = tunnel::connect(&far).map_err(|broken| broken.what)?;
        return Ok(Box::new(stream));
    }
    Ok(Box::new(tcp(&broker.host, broker.port)?))
}

/// A connection with time-outs.
pub(super) fn tcp(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = (host, port).to_socket_addrs();
    let addresses = addresses.map_err(|why| format!("its name is not known here: {why}"))?;
    let mut last = "its name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => {
                let timed = stream.set_read_timeout(Some(READ_MAX));
                let timed = timed.and_then(|()| stream.set_write_timeout(Some(CONNECT_MAX)));
                return timed.map(|()| stream).map_err(|why| why.to_string());
            }
            Err(why) => last = format!("not reached at {address}: {why}"),
        }
    }
    Err(last)
}

/// As the daemon will have them: passed to us, or where the unit takes them.
fn credentials(broker: &BrokerConfig) -> Result<Option<Credentials>, String> {
    let Some(username) = broker.username.clone() else {
        return Ok(None);
    };
    let passed = crate::config::credentials_dir();
    let dir = passed.unwrap_or_else(|| PathBuf::from(CREDSTORE));
    let password = broker.password(Some(&dir)).map_err(|why| {
        let file = broker.password_file.as_deref().map(|file| dir.join(file));
        let file = file.unwrap_or_default();
        format!("{}: {why}", file.display())
    })?;
    Ok(Some(Credentials {
        username,
        password: password.unwrap_or_default(),
    }))
}

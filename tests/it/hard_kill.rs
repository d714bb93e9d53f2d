//! The daemon on a real disk, killed with SIGKILL at random moments while the
//! feed runs and the authority takes its records: nothing that was
//! acknowledged is lost. What was acknowledged is what left the daemon: an
//! `applied` answer to a batch, a record. A batch is in the journal then; sled
//! may come back with less (then the daemon asks for it again, and the run says
//! how often), never the journal.
//!
//! `LANEGATE_HARD_KILLS` says how many kills (100), `LANEGATE_HARD_KILL_CACHE`
//! how many declarations are there from the beginning (0); the full run is in
//! `docs/developer.md`.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use firmware_sim::authority::{Authority, AuthorityOptions};
use firmware_sim::{Us, World};
use lanegate::clock::{Stopwatch, wall_now};
use lanegate::sim::demo::{DaemonUnderTest, Stage};
use rumqttc::{Client, Event, MqttOptions, Packet, Publish, QoS};
use serde_json::{Value, json};

use super::kill::{Chance, options};
use super::order::texts;

const CONTROLLER: &str = "sim-x";
/// One look at the wire.
const GLANCE: Duration = Duration::from_millis(2);
/// Messages that wait for the authority to look.
const HEARD_MAX: usize = 1024;
/// A daemon that says nothing for so long is not coming back.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at how full the cache is.
const COUNT_EVERY_US: Us = 1_000_000;
/// A million declarations are, on a slow machine.
const FILLED_WITHIN: Duration = Duration::from_secs(600);
/// Between two batches.
const BATCH_US: Us = 10_000;
/// Declarations before the first is fed again.
const HELD_MIN: usize = 10_000;
/// So often a life lasts until it has caught up with the feed.
const CAUGHT_UP_EVERY: usize = 8;
/// A life lasts at most so long after the daemon is back.
const LIFE_US_MAX: Us = 250_000;

/// What the daemon has let out of the house.
#[derive(Default, Debug)]
struct Said {
    /// The last batch it called applied.
    applied: Option<u64>,
    /// The last record it sent.
    record: Option<u64>,
    /// The last record it said it has, in this life.
    hello: Option<u64>,
    /// The last batch it said it has, in this life.
    have: Option<u64>,
}

/// Declarations that come as one snapshot: more than a broker keeps for one
/// client would wait for each other. The others come as batches.
const FIRST: usize = 20_000;
const BATCH: usize = 1_000;

/// The simulated authority on a real connection.
struct Customs {
    authority: Authority,
    client: Client,
    heard: mpsc::Receiver<Publish>,
    since: Stopwatch,
    said: Said,
}

impl Customs {
    fn at(stage: &Stage, cached: usize, held: usize) -> Self {
        let address = stage.broker();
        let mut options = MqttOptions::new("customs", address.ip().to_string(), address.port());
        options.set_max_packet_size(16 << 20, 16 << 20);
        let (client, mut connection) = Client::new(options, 4096);
        // Nothing cuts this poll short, which would lose an acknowledgement now
        // and then: the client then waits for it without end.
        let (hears, heard) = mpsc::sync_channel(HEARD_MAX);
        std::thread::spawn(move || {
            for event in connection.iter() {
                let over = match event {
                    Ok(Event::Incoming(Packet::Publish(message))) => hears.send(message).is_err(),
                    Ok(_) => false,
                    // The broker's end, or a fault that the test sees as silence.
                    Err(why) => {
                        eprintln!("the authority's connection: {why}");
                        true
                    }
                };
                if over {
                    return;
                }
            }
        });
        let topic = format!("lanegate/{CONTROLLER}/#");
        client.subscribe(topic, QoS::AtLeastOnce).unwrap();
        let options = AuthorityOptions {
            controller: CONTROLLER.to_owned(),
            epoch: 7,
            start_wall_ms: wall_now().0,
        };
        Self {
            authority: Authority::new(options, (0..cached).map(|n| declaration(n, held)).collect()),
            client,
            heard,
            since: Stopwatch::started(),
            said: Said::default(),
        }
    }

    fn now(&self) -> Us {
        Us::try_from(self.since.elapsed().as_micros()).unwrap()
    }

    /// Hears what has come and sends what is due.
    fn glance(&mut self) {
        let now = self.now();
        if let Ok(message) = self.heard.recv_timeout(GLANCE) {
            self.note(&message.topic, &message.payload);
            self.authority
                .message(now, &message.topic, &message.payload);
        }
        self.authority.advance(now);
        while let Some(out) = self.authority.take_output() {
            let sent = self
                .client
                .publish(out.topic, QoS::AtLeastOnce, out.retain, out.payload);
            sent.unwrap();
        }
    }

    fn note(&mut self, topic: &str, payload: &[u8]) {
        let message: Value = serde_json::from_slice(payload).unwrap_or_default();
        let said = &mut self.said;
        match topic.strip_prefix("lanegate/sim-x/").unwrap_or_default() {
            "feed/answer" if message["applied"] == true => {
                said.applied = said.applied.max(message["seq"].as_u64());
            }
            "records" => said.record = said.record.max(message["seq"].as_u64()),
            "hello" => said.hello = message["seq"].as_u64(),
            // One before the greeting is of the life before and was still on
            // its way: messages keep their order.
            "feed/request" if said.hello.is_some() => {
                said.have = said.have.or(message["have"].as_u64());
            }
            _ => {}
        }
    }

    /// Until the daemon of this life has greeted; how long it took.
    fn until_back(&mut self, daemon: &DaemonUnderTest) -> Duration {
        let waited = Stopwatch::started();
        while self.said.hello.is_none() || self.said.have.is_none() {
            self.glance();
            assert!(
                waited.elapsed() < PATIENCE,
                "{:?}\n{:#?}",
                self.said,
                daemon.last_words(30)
            );
        }
        waited.elapsed()
    }

    /// Until the last batch is applied, whatever the cache came back with.
    fn until_all_is_applied(&mut self, daemon: &DaemonUnderTest) {
        let waited = Stopwatch::started();
        let last = Some(self.authority.feed_position().0);
        while self.said.applied < last {
            self.glance();
            let words = || daemon.last_words(30);
            assert!(
                waited.elapsed() < PATIENCE,
                "{:?}\n{:#?}",
                self.said,
                words()
            );
        }
    }

    /// Until the cache holds `n` declarations. They come as one snapshot, in
    /// force with its last part, for which no later life is long enough.
    fn until_filled(&mut self, stage: &Stage, daemon: &DaemonUnderTest, n: usize) {
        let waited = Stopwatch::started();
        loop {
            let asked = self.now();
            while self.now() < asked + COUNT_EVERY_US {
                self.glance();
            }
            let mut count = Command::new(env!("CARGO_BIN_EXE_lanegate"));
            count.args(["declarations", "count", "--socket"]);
            let counted = count.arg(stage.dir().join("lanegate.sock")).output();
            let counted = String::from_utf8(counted.unwrap().stdout).unwrap();
            if counted.trim().parse::<usize>().is_ok_and(|held| held >= n) {
                return;
            }
            let words = || daemon.last_words(30);
            assert!(
                waited.elapsed() < FILLED_WITHIN,
                "{counted}: {:#?}",
                words()
            );
        }
    }

    /// Feeds these declarations in batches.
    fn feed(&mut self, daemon: &DaemonUnderTest, more: std::ops::Range<usize>, held: usize) {
        for n in more.clone().step_by(BATCH) {
            let items = (n..more.end.min(n + BATCH)).map(|n| declaration(n, held));
            let now = self.now();
            self.authority.publish(now, items.collect());
            self.until_all_is_applied(daemon);
        }
    }

    /// Whether the cache came back with less than was applied.
    fn is_cache_behind(&self) -> bool {
        self.said.applied > self.said.have
    }

    /// What left the house in former lives and is not there any more.
    fn lost(&self, journal: &Path) -> Vec<String> {
        let said = &self.said;
        let mut lost = Vec::new();
        if said.record > said.hello {
            lost.push(format!("records: {said:?}"));
        }
        if self.is_cache_behind() && said.applied > fed(journal) {
            lost.push(format!("batches: {said:?}"));
        }
        lost.extend(self.authority.faults().iter().cloned());
        lost
    }
}

/// The last batch on record. Nothing else is read: the journal of a long run
/// is long, and this is asked after many a kill.
fn fed(journal: &Path) -> Option<u64> {
    let files = std::fs::read_dir(journal)
        .unwrap()
        .map(|f| f.unwrap().path());
    let mut segments: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "lgj"))
        .collect();
    segments.sort_unstable();
    segments.iter().rev().find_map(|path| {
        let bytes = std::fs::read(path).unwrap();
        let (texts, _) = texts(&bytes);
        let feeds = texts.iter().rev().map(|text| str::from_utf8(text).unwrap());
        let last = feeds
            .into_iter()
            .find(|text| text.contains(r#""kind":"feed""#))?;
        let record: Value = serde_json::from_str(last).unwrap();
        record["body"]["seq"].as_u64()
    })
}

/// The `n`-th that is fed: after `held` of them the first one comes again, in a
/// later version, so that a long run has lives as short as a short one's.
fn declaration(n: usize, held: usize) -> Value {
    let (version, n) = (3 + n / held, n % held);
    let text = include_str!("../../core/src/model/specimen/declaration.json");
    let mut declaration: Value = serde_json::from_str(text).unwrap();
    declaration["id"] = json!(format!("5345202{n:09}"));
    declaration["version"] = json!(version);
    // What has expired does not stay in the cache for long.
    let now = wall_now();
    declaration["valid_from"] = json!(now.plus_s(-3600).to_string());
    declaration["valid_until"] = json!(now.plus_s(20 * 3600).to_string());
    declaration["vehicles"][0]["plates"] = json!([format!("粤B{:05}", n % 100_000)]);
    json!({"declaration": declaration})
}

#[test]
fn nothing_the_daemon_let_out_is_lost_by_a_kill_at_any_moment() {
    let number = |name: &str, otherwise: usize| {
        std::env::var(name).map_or(otherwise, |n| n.parse().expect("a number"))
    };
    let kills = number("LANEGATE_HARD_KILLS", 100);
    let cached = number("LANEGATE_HARD_KILL_CACHE", 0);
    let held = cached.max(HELD_MIN);
    let world = World::new(options(0, 5));
    let stage = Stage::set(&world).unwrap();
    let mut daemon = stage.daemon(Path::new(env!("CARGO_BIN_EXE_lanegate")));
    let first = cached.min(FIRST);
    let mut customs = Customs::at(&stage, first, held);
    let (mut chance, mut next, mut behind) = (Chance::new(5), cached, 0);
    let mut back: Vec<Duration> = Vec::new();
    if cached > 0 {
        daemon.start().unwrap();
        customs.until_back(&daemon);
        customs.until_filled(&stage, &daemon, first);
        customs.feed(&daemon, first..cached, held);
        daemon.kill().unwrap();
    }
    let filled = daemon.starts();
    for kill in 0..=kills {
        (customs.said.hello, customs.said.have) = (None, None);
        daemon.start().unwrap();
        back.push(customs.until_back(&daemon));
        let lost = customs.lost(&stage.journal());
        assert_eq!(lost, Vec::<String>::new(), "after kill {kill}");
        behind += usize::from(kill > 0 && customs.is_cache_behind());
        if kill == kills {
            customs.until_all_is_applied(&daemon);
            break;
        }
        let until = customs.now() + chance.below(LIFE_US_MAX);
        let mut due = customs.now();
        while customs.now() < until {
            if customs.now() >= due {
                due += BATCH_US;
                let items = (next..next + 3).map(|n| declaration(n, held)).collect();
                let now = customs.now();
                customs.authority.publish(now, items);
                next += 3;
            }
            customs.glance();
        }
        // Lives too short for a snapshot of the feed would ask for it without
        // end.
        if kill % CAUGHT_UP_EVERY == 0 {
            customs.until_all_is_applied(&daemon);
        }
        daemon.kill().unwrap();
    }
    assert_eq!(daemon.starts() - filled, kills as u64 + 1);
    daemon.kill().unwrap();
    let binary = || Command::new(env!("CARGO_BIN_EXE_lanegate"));
    let verified = binary()
        .args(["journal", "verify"])
        .arg(stage.journal())
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    back.sort_unstable();
    let (half, worst) = (back[back.len() / 2], back[back.len() - 1]);
    println!(
        "{kills} kills, {next} declarations fed, {} records out, cache behind {behind} times; back after {half:?} (half), {worst:?} (worst)",
        customs.said.record.map_or(0, |seq| seq + 1)
    );
    stage.strike().unwrap();
}

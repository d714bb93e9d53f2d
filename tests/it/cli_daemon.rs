//! The command line and the real daemon: field case c56, one owner, every
//! other command asks it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lanegate_core::record::{Draft, StopBody};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli_support::{Ran, Site, declaration};
use crate::journal_files;

/// Longer than a start on a slow machine.
const UP_WITHIN: Duration = Duration::from_secs(20);

/// A daemon under way, without devices and without brokers.
pub(crate) struct Daemon {
    pub(crate) site: Site,
    child: Child,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::start_in(Site::new())
    }

    /// In a directory with a controller's files; probes on a free port.
    pub(crate) fn start_in(site: Site) -> Self {
        site.edit("lane.toml", "127.0.0.1:9464", "127.0.0.1:0");
        let child = Self::spawn(&site);
        let mut daemon = Self { site, child };
        daemon.wait_until_up();
        daemon
    }

    /// Another one in the same directory, after [`stop`](Self::stop).
    pub(crate) fn start_again(&mut self) {
        self.child = Self::spawn(&self.site);
        self.wait_until_up();
    }

    fn spawn(site: &Site) -> Child {
        let log = fs::File::create(site.path("log")).unwrap();
        Command::new(env!("CARGO_BIN_EXE_lanegate"))
            .args(["run", "--config", "lane.toml"])
            .current_dir(site.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap()
    }

    fn wait_until_up(&mut self) {
        self.await_that(|daemon| daemon.ask(&["status"]).code == Some(0));
    }

    pub(crate) fn await_that(&mut self, is_so: impl Fn(&Self) -> bool) {
        #[expect(clippy::disallowed_methods, reason = "a deadline in real time")]
        let began = Instant::now();
        while !is_so(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.log());
            assert!(began.elapsed() < UP_WITHIN, "{}", self.log());
        }
    }

    /// What it has said since its start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.site.path("log")).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn ask(&self, args: &[&str]) -> Ran {
        let args = [args, &["--socket", "dev/lanegate.sock"]].concat();
        self.site.run(&args)
    }

    /// What a scrape shows; the address is what the daemon logged.
    pub(crate) fn scrape(&self) -> String {
        let log = fs::read_to_string(self.site.path("log")).unwrap();
        let line = log.lines().find(|line| line.contains("probes and metrics"));
        let (_, address) = line.unwrap().rsplit_once("listen=").unwrap();
        let mut stream = TcpStream::connect(address.trim()).unwrap();
        let ask = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The value of one series.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let scrape = self.scrape();
        let line = scrape.lines().find(|line| {
            line.strip_prefix(series)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        let (_, value) = line
            .unwrap_or_else(|| panic!("{series}\n{scrape}"))
            .rsplit_once(' ')
            .unwrap();
        value.parse().unwrap()
    }

    /// SIGTERM; how it ended.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_second_daemon_ends_at_once_and_every_other_command_asks_the_first() {
    let mut daemon = Daemon::start();
    let site = &daemon.site;
    #[expect(clippy::disallowed_methods, reason = "measures real time")]
    let began = Instant::now();
    let second = site.run(&["run", "--config", "lane.toml"]).ends(74);
    assert!(began.elapsed() < Duration::from_secs(1), "{second:#?}");
    assert!(second.err.contains("in use"), "{second:#?}");

    site.write("new.jsonl", declaration("D-1", 1) + &declaration("D-2", 2));
    let imported = site.declarations(&["import", "new.jsonl"]).ends(0);
    assert_eq!(imported.out, "2 imported; 2 held now\n");
    assert_eq!(site.declarations(&["count"]).ends(0).out, "2\n");
    let exported = site.declarations(&["export"]).ends(0).out;
    site.run(&["journal", "verify", "dev/state"])
        .ends(0)
        .says("intact");
    let order = [
        "--lane",
        "SZB-X-01",
        "--officer",
        "4711",
        "--reason",
        "night",
    ];
    daemon
        .ask(&[&["lane", "close"][..], &order].concat())
        .ends(0);
    daemon.ask(&["status"]).ends(0).says("SZB-X-01");

    assert_eq!(daemon.stop(), Some(0));
    let site = &daemon.site;
    // The same data without the daemon, out of the same directory.
    assert_eq!(site.declarations(&["export"]).ends(0).out, exported);
    let shown = site
        .run(&["journal", "show", "dev/state", "--kind", "lane-order"])
        .ends(0);
    assert!(shown.out.contains("close by 4711: accepted"), "{shown:#?}");
}

/// It may crash within its first minute, and the next as well: what had to be
/// read once is not read again each time.
#[test]
fn a_start_that_had_much_to_read_leaves_a_snapshot_to_the_next() {
    let site = Site::new();
    site.edit("lane.toml", "id = \"dev\"", "id = \"SZB-X\"");
    let record = |_| Draft {
        at: journal_files::wall("2026-11-24T08:00:00+08:00"),
        lane: None,
        passage: None,
        body: StopBody { why: "x".into() }.into(),
    };
    let journal = site.path("dev/state/journal");
    journal_files::make(&journal, (0..5_100).map(record).collect());
    let mut daemon = Daemon::start_in(site);
    assert!(daemon.log().contains("replayed=5101"), "{}", daemon.log());
    let snapshot = || {
        let mut names = fs::read_dir(&journal)
            .unwrap()
            .map(|f| f.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with("snapshot-"))
    };
    daemon.await_that(|_| snapshot());
    let named = |daemon: &Daemon| {
        let show = ["journal", "show", "dev/state", "--kind", "snapshot"];
        daemon.site.run(&show).ends(0).out
    };
    daemon.await_that(|daemon| !named(daemon).is_empty());
    daemon.signal(Signal::KILL);
    daemon.child.wait().unwrap();
    daemon.start_again();
    let log = daemon.log();
    assert!(log.contains("snapshot=51"), "{log}");
    assert!(!log.contains("replayed=5"), "{log}");
}

/// Damage in front of what a start needs does not make it wait and is not
/// missed: the daemon ends as soon as it has read so far, and starts no more
/// until the file is whole again.
#[test]
fn damage_before_the_newest_snapshot_ends_the_daemon_and_stops_the_next_start() {
    let site = Site::new();
    site.edit("lane.toml", "id = \"dev\"", "id = \"SZB-X\"");
    site.edit("lane.toml", "segment_mib = 4", "segment_mib = 1");
    let record = |_| Draft {
        at: journal_files::wall("2026-11-24T08:00:00+08:00"),
        lane: None,
        passage: None,
        body: StopBody { why: "x".into() }.into(),
    };
    let journal = site.path("dev/state/journal");
    journal_files::make(&journal, (0..5_100).map(record).collect());
    let mut daemon = Daemon::start_in(site);
    let named = |daemon: &Daemon| {
        let show = ["journal", "show", "dev/state", "--kind", "snapshot"];
        daemon.site.run(&show).ends(0).out
    };
    daemon.await_that(|daemon| !named(daemon).is_empty());
    assert_eq!(daemon.stop(), Some(0));
    daemon.start_again();
    daemon.await_that(|daemon| daemon.log().contains("older segments are whole segments=1"));
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log());

    let file = journal.join("journal-000000000000.lgj");
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&file, &flipped).unwrap();
    let verify = daemon.site.run(&["journal", "verify", "dev/state"]).ends(1);
    let place = verify.err.split_once("damaged at ").unwrap().1;
    let place = place.split_once(')').unwrap().0;
    assert!(place.starts_with("record 2"), "{place}");
    let ended = |daemon: &mut Daemon| {
        daemon.child = Daemon::spawn(&daemon.site);
        let code = daemon.child.wait().unwrap().code();
        assert_eq!(code, Some(74), "{}", daemon.log());
        assert!(daemon.log().contains(place), "{place}: {}", daemon.log());
    };
    ended(&mut daemon);
    let found = "the journal is damaged before the records this start needed";
    assert!(daemon.log().contains(found), "{}", daemon.log());
    ended(&mut daemon);
    assert!(
        !daemon.log().contains("the journal is open"),
        "{}",
        daemon.log()
    );

    fs::write(&file, &whole).unwrap();
    daemon.start_again();
    daemon.await_that(|daemon| daemon.log().contains("older segments are whole segments=1"));
    // Gone as a whole it might have been archived; nothing here did that.
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log());
    fs::remove_file(&file).unwrap();
    daemon.start_again();
    let warned = "first records are not here, and nothing is configured to move them";
    assert!(daemon.log().contains(warned), "{}", daemon.log());
}

/// The day's draw key is on record once a daemon that believes its clock is up,
/// and a restart goes on with the same chain; its seed is nobody else's.
#[test]
fn the_days_draw_key_is_named_once_and_the_seed_is_kept_from_all_others() {
    let mut daemon = Daemon::start();
    let named = |daemon: &Daemon| {
        let show = ["journal", "show", "dev/state", "--kind", "draw-key"];
        daemon.site.run(&show).ends(0).out
    };
    daemon.await_that(|daemon| named(daemon).contains(", a new chain"));
    let log = || fs::read_to_string(daemon.site.path("log")).unwrap();
    let file = daemon.site.path("dev/state/draw-chain.json");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let seed = kept["key"].as_str().unwrap();
    assert_eq!(seed.len(), 64);
    let journal = daemon
        .site
        .path("dev/state/journal/journal-000000000000.lgj");
    let record = fs::read(journal).unwrap();
    assert!(!log().contains(seed));
    assert!(!record.windows(64).any(|w| w == seed.as_bytes()));

    // Midnight may pass: the next day is named by the same chain.
    assert_eq!(daemon.stop(), Some(0));
    daemon.start_again();
    assert_eq!(named(&daemon).matches(", a new chain").count(), 1);
    let json = daemon
        .site
        .run(&["journal", "verify", "dev/state", "--json"]);
    let json = json.ends(0).json();
    assert_eq!(json["draws"]["chains"], 1, "{json}");
    assert_eq!(json["draws"]["fault"], serde_json::Value::Null);
}

#[test]
fn a_seed_that_does_not_lead_to_its_anchor_is_a_fault_of_the_configuration() {
    let site = Site::new();
    let seed = site.path("seed");
    fs::write(&seed, "07".repeat(32)).unwrap();
    let table = |anchor: &str| {
        format!(
            "[draw]\nseed = {:?}\nlast_day = \"2027-12-31\"\nanchor = \"{anchor}\"\nanchor_day = \"2027-12-30\"\n\n[[lane]]",
            seed.display().to_string()
        )
    };
    site.edit("lane.toml", "[[lane]]", &table(&"00".repeat(32)));
    let check = ["check", "--config", "lane.toml"];
    site.run(&check)
        .ends(1)
        .says("does not lead to the published anchor");
    let ran = site.run(&["run", "--config", "lane.toml"]).ends(78);
    assert!(
        ran.err.contains("does not lead to the published anchor"),
        "{ran:#?}"
    );
    assert!(!ran.err.contains(&"07".repeat(8)), "{ran:#?}");
    // SHA-256 of 32 bytes 07, by Python.
    let anchor = "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";
    site.edit("lane.toml", &"00".repeat(32), anchor);
    site.run(&check).ends(0);
}

/// Numbers of the daemon itself, before and after something happened.
#[test]
fn metrics_and_status_show_what_journal_store_and_orders_are() {
    let mut daemon = Daemon::start();
    daemon.await_that(|daemon| daemon.value("lanegate_store_ready") == 1.0);
    let site = &daemon.site;
    let records = daemon.value("lanegate_journal_records");
    assert!(records >= 2.0, "{records}");
    assert_eq!(daemon.value("lanegate_store_declarations"), 0.0);
    assert_eq!(daemon.value("lanegate_cache_age_seconds"), -1.0);
    assert_eq!(daemon.value("lanegate_device_up{device=\"scale-1\"}"), 0.0);
    assert!(
        daemon
            .value("lanegate_device_last_frame_age_seconds{device=\"scale-1\"}")
            .is_nan()
    );
    assert_eq!(
        daemon.value("lanegate_queue_limit{queue=\"committer\"}"),
        1024.0
    );
    let closed = "lanegate_orders_total{lane=\"SZB-X-01\",kind=\"close\",answer=\"accepted\"}";
    assert_eq!(daemon.value(closed), 0.0);

    site.write("new.jsonl", declaration("D-1", 1) + &declaration("D-2", 2));
    site.declarations(&["import", "new.jsonl"]).ends(0);
    let order = ["--lane", "SZB-X-01", "--officer", "4711", "--reason"];
    let close = |reason: &str| daemon.ask(&[&["lane", "close"][..], &order, &[reason]].concat());
    close("night").ends(0);
    let long = close(&"x".repeat(1_001)).ends(65);
    assert!(long.err.contains("at most 1000"), "{long:#?}");

    assert_eq!(daemon.value(closed), 1.0);
    assert!(daemon.value("lanegate_journal_records") > records);
    assert!(daemon.value("lanegate_journal_sync_seconds_count") > 0.0);
    #[expect(clippy::disallowed_methods, reason = "a deadline in real time")]
    let began = Instant::now();
    while daemon.value("lanegate_store_declarations") < 2.0 {
        assert!(began.elapsed() < UP_WITHIN, "two are held");
    }
    let status = daemon.ask(&["status", "--json"]).ends(0).json();
    assert_eq!(status["store"]["state"], "ready", "{status}");
    assert_eq!(status["store"]["count"], 2, "{status}");
    assert_eq!(status["journal"]["segments"], 1, "{status}");
    assert!(status["journal"]["bytes"].as_u64() > Some(0), "{status}");
    assert!(
        status["journal"]["free_bytes"].as_u64() > Some(0),
        "{status}"
    );
    while !daemon.ask(&["status", "--json"]).ends(0).json()["outbox_oldest_s"].is_u64() {
        assert!(
            began.elapsed() < UP_WITHIN,
            "records wait for the authority"
        );
    }
    assert!(daemon.value("lanegate_journal_free_bytes") > 0.0);
    assert!(daemon.value("lanegate_outbox_records") > 0.0);
    assert_eq!(daemon.stop(), Some(0));
}

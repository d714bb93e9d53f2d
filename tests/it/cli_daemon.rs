//! The command line and the real daemon: field case c56, one owner, every
//! other command asks it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli_support::{Ran, Site, declaration};

/// Longer than a start on a slow machine.
const UP_WITHIN: Duration = Duration::from_secs(20);

/// A daemon under way, without devices and without brokers.
struct Daemon {
    site: Site,
    child: Child,
}

impl Daemon {
    fn start() -> Self {
        let site = Site::new();
        site.edit("lane.toml", "127.0.0.1:9464", "127.0.0.1:0");
        let child = Command::new(env!("CARGO_BIN_EXE_lanegate"))
            .args(["run", "--config", "lane.toml"])
            .current_dir(site.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(fs::File::create(site.path("log")).unwrap()))
            .spawn()
            .unwrap();
        let mut daemon = Self { site, child };
        #[expect(clippy::disallowed_methods, reason = "a deadline in real time")]
        let began = Instant::now();
        while daemon.ask(&["status"]).code != Some(0) {
            let ended = daemon.child.try_wait().unwrap();
            let log = || fs::read_to_string(daemon.site.path("log"));
            assert!(ended.is_none(), "{ended:?}: {:?}", log());
            assert!(began.elapsed() < UP_WITHIN, "{:?}", log());
        }
        daemon
    }

    fn ask(&self, args: &[&str]) -> Ran {
        let args = [args, &["--socket", "dev/lanegate.sock"]].concat();
        self.site.run(&args)
    }

    /// SIGTERM; how it ended.
    fn stop(&mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
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

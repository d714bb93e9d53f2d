//! Trucks at the real daemon with a shadow policy beside, and another policy
//! put in force while they drive.

use std::path::PathBuf;

use firmware_sim::{Drivers, Geometry, Mix, Times, World, WorldOptions};
use lanegate::sim::demo::{DaemonUnderTest, End, Played, Spectator, Stage, play};

use super::*;

/// Looks at the status now and then, and once hands in another policy.
struct Onlooker {
    dir: PathBuf,
    looked: Stopwatch,
    shadow: Value,
    changed_at: Option<u64>,
}

impl Onlooker {
    fn run(&self, args: &[&str]) -> Option<Value> {
        let socket = self.dir.join("lanegate.sock");
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_lanegate"))
            .args(args)
            .args(["--json", "--socket"])
            .arg(socket)
            .current_dir(&self.dir)
            .output()
            .unwrap();
        let done = ran.status.success();
        done.then(|| serde_json::from_slice(&ran.stdout).unwrap())
    }
}

impl Spectator for Onlooker {
    fn see(&mut self, _: &Played, _: &mut DaemonUnderTest) -> std::io::Result<()> {
        if self.looked.elapsed() < Duration::from_millis(500) {
            return Ok(());
        }
        self.looked = Stopwatch::started();
        let Some(status) = self.run(&["status"]) else {
            return Ok(());
        };
        let shadow = &status["policy"]["shadow"];
        if shadow["judged"].as_u64() >= self.shadow["judged"].as_u64() {
            self.shadow = shadow.clone();
        }
        if self.changed_at.is_none() && shadow["judged"].as_u64() >= Some(2) {
            let args = [&["policy", "activate", "same.toml"][..], &BY].concat();
            assert!(self.run(&args).is_some());
            self.changed_at = self
                .run(&["status"])
                .and_then(|s| s["journal"]["seq"].as_u64());
        }
        Ok(())
    }
}

fn options() -> WorldOptions {
    WorldOptions {
        seed: 7,
        lanes: 2,
        trucks: 8,
        start_wall_ms: wall_now().0,
        controller: "sim-x".to_owned(),
        port: "5345".to_owned(),
        times: Times::default(),
        mix: Mix::demo(),
        drivers: Drivers::none(),
        plate_read_permille: 1000,
        geometry: Geometry::SideExit,
        officer: true,
        faults: firmware_sim::FaultOptions::default(),
    }
}

/// The demo's policy, one with no tolerance beside it, and one that is the
/// same under another name.
fn prepare(stage: &Stage) {
    let dir = stage.dir();
    let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
    let policy = std::fs::read_to_string(dir.join("policy.toml")).unwrap();
    let none = "weight = { over = { kg = 0, permille = 0 }, under = { kg = 0, permille = 0 } }";
    let lines = policy
        .lines()
        .map(|line| match line.starts_with("weight = ") {
            true => format!("{none}\n"),
            false => format!("{line}\n"),
        });
    let strict: String = lines.collect();
    write("strict.toml", strict.replacen(".demo", ".strict", 1));
    write("same.toml", policy.replacen(".demo", ".same", 1));
    let text = std::fs::read_to_string(stage.config()).unwrap();
    let (before, behind) = text.split_at(text.find("\npolicy = ").unwrap());
    let config = format!("{before}\nshadow_policy = \"strict.toml\"{behind}");
    std::fs::write(stage.config(), config).unwrap();
}

#[test]
fn a_shadow_counts_what_it_would_stop_and_a_change_while_trucks_drive_stops_nobody() {
    let world = World::new(options());
    let mut stage = Stage::set(&world).unwrap();
    prepare(&stage);
    let mut daemon = stage.daemon(env!("CARGO_BIN_EXE_lanegate").as_ref());
    let mut onlooker = Onlooker {
        dir: stage.dir().to_owned(),
        looked: Stopwatch::started(),
        shadow: Value::Null,
        changed_at: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let played = play(world, &mut stage, &mut daemon, &mut onlooker);
    let ended = runtime.block_on(played).unwrap();
    let said = daemon.last_words(40).join("\n");
    assert!(matches!(ended.end, End::Over), "{:?}\n{said}", ended.end);

    // The shadow would have stopped trucks that are released on record.
    let shadow = &onlooker.shadow;
    assert!(shadow["differing"].as_u64() > Some(0), "{shadow}");
    let mut rows = shadow["verdicts"].as_array().unwrap().iter();
    let worse = |row: &Value| row["active"] == "release" && row["shadow"] == "inspect";
    assert!(rows.any(worse), "{shadow}");
    let changed_at = onlooker.changed_at.expect("the policy was changed");
    each_passage_has_one_policy(&records_of(&stage.journal(), "verdict"), changed_at);
    stage.strike().unwrap();
}

/// Who had arrived keeps the policy of then, who came later has the new one.
fn each_passage_has_one_policy(verdicts: &[Value], changed_at: u64) {
    let of = |record: &Value| {
        let policy = &record["body"]["verdict"]["policy"]["version"];
        policy.as_str().unwrap().to_owned()
    };
    let versions: Vec<_> = verdicts.iter().map(of).collect();
    assert!(versions[0].ends_with(".demo"), "{versions:?}");
    assert!(
        versions[versions.len() - 1].ends_with(".same"),
        "{versions:?}"
    );
    assert!(
        versions.iter().all(|v| !v.ends_with(".strict")),
        "{versions:?}"
    );
    let early = |r: &&Value| r["seq"].as_u64() < Some(changed_at);
    assert!(verdicts.iter().filter(early).count() >= 2);
    let mut by_passage = std::collections::BTreeMap::new();
    for record in verdicts {
        let passage = record["passage"].to_string();
        let first = by_passage.entry(passage).or_insert_with(|| of(record));
        assert_eq!(*first, of(record), "{}", record["passage"]);
    }
    let released = |r: &&Value| r["body"]["verdict"]["verdict"] == "release";
    assert!(verdicts.iter().filter(released).count() >= 2);
}

fn records_of(journal: &std::path::Path, kind: &str) -> Vec<Value> {
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_lanegate"))
        .args(["journal", "export", "--kind", kind])
        .arg(journal)
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

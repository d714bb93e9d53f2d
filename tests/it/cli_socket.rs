//! The local socket: the binary on one side, the real server on the other,
//! behind it a daemon made of answers.

mod protocol;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use lanegate::clock::{Clock, ClockConfig};
use lanegate::gateway::Answer;
use lanegate::gateway::socket::{
    Backend, CLIENTS_MAX, DeclarationsAsk, InForceAsk, LINE_LEN_MAX, Listener, PolicyAsk, PolicyNo,
    SocketError, TellDeclarations, TellOrder, TellPolicy, serve,
};
use lanegate::turns::{Beat, Turns};
use lanegate_core::model::{LaneOrder, Order};
use lanegate_core::time::Micros;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cli_support::{Ran, Site, declaration};

const POLICY: &str = include_str!("../../config/policy.toml");

/// Keeps what it was asked; accepts orders whose reason is not "no", and does
/// not answer those whose reason is "mute".
#[derive(Default)]
struct Daemon {
    asked: Mutex<Vec<Value>>,
}

impl Daemon {
    fn answer(&self, order: &Value, id: &lanegate_core::model::OrderId, tell: TellOrder) {
        self.asked.lock().unwrap().push(order.clone());
        match order["reason"].as_str().unwrap() {
            "mute" => drop(tell),
            "no" => tell(Answer::refused(id, "passage-over")),
            _ => tell(Answer {
                id: id.clone(),
                accepted: true,
                why: None,
            }),
        }
    }
}

impl Backend for Daemon {
    fn status(&self) -> Value {
        json!({
            "controller": "SZB-X", "start": 412, "clock": "trusted", "link": "up",
            "cache_age_s": 3, "feed": {"epoch": 7, "seq": 8812}, "outbox": 2, "outbox_oldest_s": 40,
            "journal": {"seq": 91, "segments": 2, "bytes": 70_000_000, "free_bytes": 5_368_709_120_u64},
            "store": {"count": 100, "state": "ready", "unverified_buckets": 0},
            "brokers": [
                {"peer": "authority", "up": false, "connects": 4, "why_down": "refused", "refused": [], "outbox": 3},
                {"peer": "devices", "up": true, "connects": 1, "why_down": null, "refused": ["a/b"], "outbox": 0},
            ], "policy": {"version": "2026-11-01.2", "sha256": "ab"},
            "lanes": [{
                "lane": "SZB-X-01", "state": "held", "since_s": 9, "passage": "SZB-X-01-412-17",
                "verdict": "hold", "verdict_seq": 91, "codes": ["plate.unread"], "fault": null, "sign": {"shows": "officer"},
                "devices": [{"id": "cam-1", "state": "ok", "since_s": 7500, "last_frame_ms": 40,
                             "noise_permille": 13, "opens": 4, "reopens": 3, "readings_lost": 2, "clock_skew_ms": -90_500}],
            }, {
                "lane": "SZB-X-02", "state": "faulted", "since_s": 1, "passage": null,
                "verdict": null, "codes": [], "fault": "lane-io", "sign": null, "devices": [],
            }],
        })
    }

    fn passage(&self, id: &str) -> Option<Value> {
        (id == "SZB-X-01-412-17").then(|| json!({"passage": id, "reasons": []}))
    }

    fn order(&self, order: Order, tell: TellOrder) {
        self.answer(&json!(order), &order.id, tell);
    }

    fn lane_order(&self, order: LaneOrder, tell: TellOrder) {
        self.answer(&json!(order), &order.id, tell);
    }

    fn policy(&self, ask: PolicyAsk, tell: TellPolicy) {
        let (asked, answer) = match ask {
            PolicyAsk::Active => (json!("active"), Ok(json!({"text": POLICY}))),
            PolicyAsk::Activate { text, shadow, by } => {
                let asked = json!({"activate": text.len(), "shadow": shadow, "by": by});
                let answer = match by.reason.as_deref() {
                    Some("no") => Err(PolicyNo::Refused("it is in force already".to_owned())),
                    Some(_) | None => Ok(json!({
                        "policy": {"version": "v2", "sha256": "ab"}, "standing": "waiting",
                        "effective_from": "2030-01-01T00:00:00+08:00", "clock": "unknown",
                    })),
                };
                (asked, answer)
            }
            PolicyAsk::RollBack { back, by } => {
                let asked = json!({"back": format!("{back:?}"), "by": by});
                let answer = json!({
                    "policy": {"version": "v1", "sha256": "ab"}, "standing": "active",
                });
                (asked, Ok(answer))
            }
        };
        self.asked.lock().unwrap().push(asked);
        tell(answer);
    }

    fn declarations(&self, ask: DeclarationsAsk, tell: TellDeclarations) {
        let answer = match ask {
            DeclarationsAsk::Count => Ok(json!({"count": 100})),
            DeclarationsAsk::Show(id) if id.as_str() == "D-1" => Ok(json!({"id": "D-1"})),
            DeclarationsAsk::Show(_) => Ok(Value::Null),
            DeclarationsAsk::Export { after, limit } => {
                let page = ["D-1", "D-2"]
                    .into_iter()
                    .filter(|id| after.as_ref().is_none_or(|after| *id > after.as_str()));
                let page: Vec<_> = page
                    .take(limit.min(1))
                    .map(|id| json!({"id": id}))
                    .collect();
                Ok(json!({"declarations": page}))
            }
            DeclarationsAsk::Import {
                declarations,
                as_of,
            } => {
                let asked = json!({"import": declarations.len(), "as_of": as_of});
                self.asked.lock().unwrap().push(asked);
                match declarations.iter().any(|d| d.id.as_str() == "D-13") {
                    true => Err("the disk is full".to_owned()),
                    false => Ok(json!({
                        "kept": declarations.len(), "stale": 0, "ended": 0, "count": 7,
                    })),
                }
            }
        };
        tell(answer);
    }

    fn in_force(&self, ask: InForceAsk, tell: TellDeclarations) {
        tell(match ask {
            InForceAsk::Controls { after, limit } => {
                let page = ["c-1", "c-2"].into_iter();
                let page = page.filter(|id| after.as_ref().is_none_or(|a| *id > a.as_str()));
                let page: Vec<_> = page.take(limit.min(1)).map(control).collect();
                Ok(json!({"controls": page}))
            }
            InForceAsk::Enterprises(enterprises) => {
                let n = enterprises.len();
                self.asked.lock().unwrap().push(json!({"enterprises": n}));
                Ok(json!({"kept": n, "stale": 0, "count": n}))
            }
        });
    }
}

fn control(id: &str) -> Value {
    json!({"id": id, "version": 1, "subject": {"kind": "vehicle", "value": "粤ZAB12港"},
           "act": "inspect", "stops": ["xray"], "reason": "by order",
           "expires": "2099-01-01T00:00:00+08:00"})
}

/// A server under way; stopped when dropped.
struct Server {
    site: Site,
    daemon: Arc<Daemon>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let site = Site::new();
        let daemon = Arc::new(Daemon::default());
        let stop = CancellationToken::new();
        let (up, is_up) = sync_channel(1);
        let (path, backend, stopped) =
            (site.path("dev/lanegate.sock"), daemon.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let listener = Listener::bind(&path).unwrap();
                up.send(()).unwrap();
                let config = ClockConfig {
                    rtc_trusted: false,
                    mark: None,
                    hold: Micros::from_s(1),
                };
                let clock = Clock::start(config, None);
                let beat = Beat::of("socket", &Turns::default(), clock);
                serve(listener, backend, beat, stopped).await;
            });
        });
        is_up.recv().unwrap();
        Self {
            site,
            daemon,
            stop,
            thread: Some(thread),
        }
    }

    fn socket(&self) -> PathBuf {
        self.site.path("dev/lanegate.sock")
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.site
            .run(&[args, &["--socket", "dev/lanegate.sock"]].concat())
    }

    /// Sends one line as it is and reads the answer.
    fn say(&self, line: &str) -> Value {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        writeln!(stream, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn asked(&self) -> Vec<Value> {
        self.daemon.asked.lock().unwrap().clone()
    }

    fn stop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

fn bind(path: &Path) -> Result<Listener, SocketError> {
    runtime().block_on(async { Listener::bind(path) })
}

const RELEASE: [&str; 10] = [
    "order",
    "release",
    "--lane",
    "SZB-X-01",
    "--passage",
    "SZB-X-01-412-17",
    "--officer",
    "4711",
    "--verdict-seq",
    "91",
];

#[test]
fn an_order_arrives_with_the_peers_user_id_and_its_answer_is_the_exit_code() {
    let server = Server::start();
    let run = |reason: &str| server.run(&[&RELEASE[..], &["--reason", reason]].concat());
    assert_eq!(run("seen").ends(0).out, "accepted\n");
    run("no").ends(1).says("refused: passage-over");
    run("mute")
        .ends(74)
        .says("look at `lanegate status` before you send it again");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(asked[0]["uid"], uid);
    assert_eq!(asked[0]["kind"], "release");
    assert_eq!(asked[0]["verdict_seq"], 91);
    assert_eq!(asked[0]["officer"], "4711");
}

#[test]
fn a_user_id_in_the_message_is_not_believed() {
    let server = Server::start();
    let order = json!({"id": "o-1", "lane": "SZB-X-01", "kind": "close", "officer": "4711",
                       "reason": "seen", "uid": 12_345});
    let answer = server.say(&json!({"op": "lane-order", "order": order}).to_string());
    assert_eq!(
        answer["data"],
        json!({"id": "o-1", "accepted": true, "why": null})
    );
    assert_eq!(server.asked()[0]["uid"], rustix::process::getuid().as_raw());
}

#[test]
fn supplied_facts_stops_and_every_word_of_lane_arrive_as_the_formats_say() {
    let server = Server::start();
    let of = |kind: &'static str, more: &[&str]| {
        let head = [
            "order",
            kind,
            "--lane",
            "SZB-X-01",
            "--passage",
            "SZB-X-01-412-17",
        ];
        let tail = ["--officer", "4711", "--reason", "seen"];
        server.run(&[&head, more, &tail].concat()).ends(0);
    };
    of(
        "supply",
        &["--plate", "粤ZAB12港", "--container", "CSQU3054383"],
    );
    of("inspect", &["--stop", "xray@bay-2", "--stop", "unpack"]);
    of("return", &[]);
    let lane = |words: &[&str]| {
        let tail = [
            "--lane",
            "SZB-X-01",
            "--officer",
            "4711",
            "--reason",
            "seen",
        ];
        server.run(&[&["lane"], words, &tail].concat()).ends(0);
    };
    let words = [
        "close",
        "open",
        "reset",
        "keep-up",
        "end-keep-up",
        "maintenance",
        "end-maintenance",
    ];
    words.iter().for_each(|word| lane(&[word]));
    ["up", "down", "stop"]
        .iter()
        .for_each(|way| lane(&["move", way]));
    let asked = server.asked();
    assert_eq!(asked[0]["supply"]["plates"], json!(["粤ZAB12港"]));
    assert_eq!(asked[0]["supply"]["containers"], json!(["CSQU3054383"]));
    let stops = json!([{"order": 1, "kind": "xray", "place": "bay-2"},
                       {"order": 2, "kind": "unpack", "place": null}]);
    assert_eq!(asked[1]["stops"], stops);
    let kinds: Vec<_> = asked[3..]
        .iter()
        .map(|o| o["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[..7], words);
    assert_eq!(kinds[7..], ["move up", "move down", "move stop"]);
}

#[test]
fn a_policy_arrives_with_its_text_and_the_peers_user_id() {
    let server = Server::start();
    let by = |reason: &'static str| ["--officer", "4711", "--reason", reason];
    let run = |words: &[&str], reason| server.run(&[&["policy"], words, &by(reason)].concat());
    run(&["activate", "policy.toml"], "night")
        .ends(0)
        .says("v2 waits for 2030-01-01T00:00:00+08:00")
        .says("the clock is not confirmed yet");
    run(&["activate", "policy.toml", "--shadow"], "no")
        .ends(1)
        .says("in force already");
    run(&["rollback"], "jam").ends(0).says("v1 is in force");
    run(&["rollback", "--waiting", "v2"], "jam").ends(0);
    run(&["rollback", "--shadow"], "jam").ends(0);
    run(&["rollback", "--shadow", "--waiting", "v2"], "jam").ends(64);
    run(&["rollback"], " ").ends(64).says("--reason");
    let asked = server.asked();
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(asked.len(), 5, "{asked:#?}");
    assert_eq!(asked[0]["activate"], POLICY.len());
    assert_eq!(
        (&asked[0]["shadow"], &asked[1]["shadow"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(asked[0]["by"]["uid"], uid);
    assert_eq!(asked[0]["by"]["source"], "officer");
    assert_eq!(asked[2]["by"]["source"], "rollback");
    let backs: Vec<_> = asked[2..]
        .iter()
        .map(|a| a["back"].as_str().unwrap())
        .collect();
    assert_eq!(backs, ["Before", "Waiting(\"v2\")", "Shadow"]);
}

/// The client looks first, but the daemon's word counts: every line of it is
/// handed on with the exit code of a wrong policy.
#[test]
fn a_faulty_policy_reaches_nobody_and_a_line_without_a_reason_is_refused() {
    let server = Server::start();
    server
        .site
        .edit("policy.toml", "permille = 50", "permille = 5000");
    let by = ["--officer", "4711", "--reason", "night"];
    let ran = server.run(&[&["policy", "activate", "policy.toml"][..], &by].concat());
    let ran = ran.ends(78);
    assert_eq!(ran.err.matches("policy.toml:").count(), 2, "{ran:#?}");
    assert!(server.asked().is_empty());
    let line = json!({"op": "policy-rollback", "officer": "4711", "reason": ""});
    assert_eq!(server.say(&line.to_string())["exit"], 65);
    let line = json!({"op": "policy-activate", "text": "", "officer": "a b", "reason": "x"});
    assert_eq!(server.say(&line.to_string())["exit"], 65);
}

#[test]
fn an_order_for_a_passage_of_another_lane_reaches_nobody() {
    let server = Server::start();
    let mut args = RELEASE;
    args[3] = "SZB-X-0";
    let ran = server
        .run(&[&args[..], &["--reason", "seen"]].concat())
        .ends(65);
    assert!(ran.err.contains("is not of lane SZB-X-0"), "{ran:#?}");
    assert!(server.asked().is_empty());
}

#[test]
fn controls_come_page_by_page_and_enterprises_are_handed_over_whole() {
    let server = Server::start();
    let listed = server.run(&["controls", "list"]).ends(0).out;
    let ids: Vec<_> = listed
        .lines()
        .map(|l| l.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids, ["c-1", "c-2"]);
    let enterprise = |id: &str| {
        format!("{{\"id\":\"{id}\",\"version\":1,\"class\":\"regular\",\"state\":\"normal\"}}\n")
    };
    server
        .site
        .write("e.jsonl", enterprise("E-1") + &enterprise("E-2"));
    let ran = server.run(&["enterprises", "import", "e.jsonl"]).ends(0);
    assert_eq!(ran.out, "2 imported; 2 known now\n");
    assert_eq!(server.asked(), [json!({"enterprises": 2})]);
    let twice = json!({"op": "enterprises-import", "enterprises": [
        {"id": "E-1", "version": 0, "class": "", "state": "normal"},
        {"id": "E-2", "version": 1, "class": "regular", "state": "shut"},
        {"id": "E-3", "version": 1, "class": "regular", "state": "normal"},
        {"id": "E-3", "version": 1, "class": "regular", "state": "normal"},
    ]});
    let answer = server.say(&twice.to_string());
    assert_eq!(answer["exit"], 65);
    let why = answer["why"].as_str().unwrap();
    for said in [
        "enterprises[0]: version",
        "[0]: class",
        "[1]: state",
        "[3]: id",
    ] {
        assert!(why.contains(said), "{said}: {why}");
    }
}

#[test]
fn status_is_shown_for_people_and_as_json_and_an_unknown_passage_is_a_no() {
    let server = Server::start();
    let ran = server.run(&["status"]).ends(0);
    let expected = "\
SZB-X, start 412; clock trusted, link up, policy 2026-11-01.2
cache: age 3 s, 100 declarations, ready, feed 7/8812
journal: record 91, 2 segments of 66 MiB, 5120 MiB free, 2 not yet acknowledged, the oldest 40 s old
broker of authority: DOWN, refused, 3 messages wait, connected 4 times
broker of devices: up, REFUSES a/b, check its access list

SZB-X-01 held for 9 s, passage SZB-X-01-412-17, verdict hold, record 91: plate.unread
  sign officer
  cam-1        ok for 2 h, last frame 40 ms ago, noise 1.3 %, reopened 3 times, 2 readings lost, its clock 90 s behind

SZB-X-02 faulted for 1 s
  FAULT lane-io: see to it, then `lanegate lane reset --lane SZB-X-02`
";
    assert_eq!(ran.out, expected);
    assert_eq!(
        server.run(&["status", "--json"]).ends(0).json()["outbox"],
        2
    );
    server
        .run(&["status", "--passage", "SZB-X-01-412-17"])
        .ends(0)
        .says("reasons");
    server
        .run(&["status", "--passage", "SZB-X-01-412-99"])
        .ends(1)
        .says("no passage");
}

#[test]
fn a_watch_looks_again_and_an_interrupt_ends_it_in_good_order() {
    let server = Server::start();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lanegate"))
        .args(["status", "--watch", "--json", "--socket"])
        .arg(server.socket())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let status: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(status["controller"], "SZB-X");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Field case c56: with a daemon up, its data goes through it.
#[test]
fn declarations_go_through_the_daemon_that_the_configuration_names() {
    let server = Server::start();
    let run = |args: &[&str]| server.site.declarations(args);
    assert_eq!(run(&["count"]).ends(0).out, "100\n");
    run(&["show", "D-1"]).ends(0).says("D-1");
    run(&["show", "D-2"]).ends(1).says("no declaration D-2");
    assert_eq!(
        run(&["export"]).ends(0).out,
        "{\"id\":\"D-1\"}\n{\"id\":\"D-2\"}\n"
    );
    server
        .site
        .write("new.jsonl", declaration("D-1", 1) + &declaration("D-2", 1));
    let as_of = "2026-01-02T00:00:00+08:00";
    let ran = run(&["import", "new.jsonl", "--as-of", as_of]).ends(0);
    assert_eq!(ran.out, "2 imported; 7 held now\n");
    assert_eq!(server.asked(), [json!({"import": 2, "as_of": as_of})]);
    server.site.write("bad.jsonl", declaration("D-13", 1));
    run(&["import", "bad.jsonl"])
        .ends(74)
        .says("the disk is full");
    assert!(
        !server.site.state().exists(),
        "only the daemon touches its directory"
    );
}

#[test]
fn a_large_file_is_sent_in_parts_and_its_age_with_the_last() {
    let server = Server::start();
    let padding = "x".repeat(60_000);
    let many: String = (20..320)
        .map(|n| {
            let ext = format!(",\"ext\":{{\"x\":\"{padding}\"}}}}\n");
            declaration(&format!("D-{n}"), 1).replace("}\n", &ext)
        })
        .collect();
    assert!(many.len() > LINE_LEN_MAX);
    server.site.write("many.jsonl", many);
    let as_of = "2026-01-02T00:00:00+08:00";
    let args = ["import", "many.jsonl", "--as-of", as_of];
    let ran = server.site.declarations(&args).ends(0);
    assert_eq!(ran.out, "300 imported; 7 held now\n");
    let asked = server.asked();
    assert!(asked.len() > 1);
    let sum: u64 = asked
        .iter()
        .map(|part| part["import"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 300);
    let ages: Vec<_> = asked.iter().map(|part| part["as_of"].clone()).collect();
    assert_eq!(ages.iter().filter(|age| !age.is_null()).count(), 1);
    assert_eq!(*ages.last().unwrap(), as_of);
}

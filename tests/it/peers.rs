//! The daemon among programs nobody here wrote: Eclipse Mosquitto and its
//! clients, pymodbus, weighbridge-simulator, lighttpd, a scale's bytes as its
//! vendor documents them.

mod authority;
mod boards;
mod boxes;
mod certificates;
mod full;
mod pictures;
pub(crate) mod programs;
mod pulled;
mod restored;
pub(crate) mod site;
mod stuck;
mod weighbridge;
mod yard;

use std::fs;
use std::path::Path;

use serde_json::json;

use self::authority::Authority;
use self::programs::{Board, until};
use self::yard::{ARM_DOWN, ARM_UP, INHIBIT, PRESENCE, Yard, readme_blocks};
use crate::order::frames;

/// A lane that is ready, its authority listening and its feed applied.
fn ready() -> (Yard, Authority) {
    ready_in(Yard::open(|_| String::new()), &readme_blocks()[0])
}

/// The same in a yard whose daemon does not run yet, with another feed.
fn ready_in(mut yard: Yard, feed: &str) -> (Yard, Authority) {
    let authority = Authority::listen(&yard.broker);
    yard.daemon.start().unwrap();
    ready_with(yard, authority, feed)
}

/// The same of a daemon that was started while the authority listened.
fn ready_with(yard: Yard, mut authority: Authority, feed: &str) -> (Yard, Authority) {
    authority.until(&yard.broker, "the first record", |a| {
        a.last("start").map(drop)
    });
    yard.by_hand(feed);
    authority.until(&yard.broker, "the feed is answered", |a| {
        let answers = a.on_topic("feed/answer");
        answers
            .iter()
            .any(|answer| answer["applied"] == true)
            .then_some(())
    });
    yard.until_lane_is("vacant");
    yard.weighs(0);
    (yard, authority)
}

/// The truck drives over the loop under the arm and away.
fn drives_away(yard: &mut Yard) {
    yard.inputs(&[PRESENCE, INHIBIT]);
    yard.inputs(&[INHIBIT]);
    yard.scale.shows(0);
    yard.inputs(&[]);
}

#[test]
fn a_lane_of_other_peoples_programs_releases_a_truck() {
    let (mut yard, mut authority) = ready();
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600);
    let blocks = readme_blocks();
    let (plate, _) = blocks[1].split_once("lanegate status").unwrap();
    yard.by_hand(plate);

    let verdict = authority.until(&yard.broker, "a verdict", |a| a.last("verdict").cloned());
    assert_eq!(
        verdict["body"]["verdict"]["verdict"], "release",
        "{verdict:#}"
    );
    let lift = |lines: &[String]| Board::closed(lines, ARM_UP).first().copied();
    let written = yard.board.lines.until("the arm is lifted", lift);
    let (records, _) = frames(&yard.journal()[..written]);
    assert!(
        records.contains(&verdict),
        "the arm rose before its record: {verdict}"
    );
    let shown = yard.by_hand(&blocks[1][plate.len()..]);
    assert!(shown.contains("release"), "{shown}");

    drives_away(&mut yard);
    let outcome = authority.until(&yard.broker, "an outcome", |a| a.last("outcome").cloned());
    assert_eq!(outcome["body"]["how"], "passed", "{outcome:#}");
    assert_eq!(outcome["passage"], verdict["passage"]);
    let lines = yard.board.lines.all();
    let lowered = Board::closed(&lines, ARM_DOWN).len();
    assert_eq!(
        (Board::closed(&lines, ARM_UP).len(), lowered),
        (1, 1),
        "{lines:#?}"
    );
    yard.until_lane_is("vacant");
    yard.stop();
    remembers_the_weighing(&yard);
    yard.close();
}

/// What the scale showed of this truck is kept for the scale drift watch, and no
/// plate with it.
fn remembers_the_weighing(yard: &Yard) {
    let kept = fs::read_to_string(yard.state_dir().join("scale-drift.jsonl")).unwrap();
    let body: serde_json::Value = serde_json::from_str(kept.lines().nth(1).unwrap()).unwrap();
    assert_eq!(body["lanes"], json!(["SZB-X-01"]));
    let tractors = body["tractors"].as_array().unwrap();
    assert_eq!(tractors.len(), 1, "{kept}");
    assert_eq!(tractors[0][1].as_array().unwrap().len(), 1, "{kept}");
    assert!(!kept.contains("粤"), "{kept}");
}

#[test]
fn mosquitto_killed_and_restarted_in_the_middle_loses_no_record() {
    let (mut yard, mut authority) = ready();
    let lane = |yard: &Yard, word: &str| {
        let arguments = [
            "lane",
            word,
            "--lane",
            "SZB-X-01",
            "--officer",
            "4711",
            "--reason",
            "x",
        ];
        let output = yard.lanegate(&arguments).output().unwrap();
        assert!(output.status.success(), "{word}: {output:?}");
    };
    // What is said now is heard after the broker is gone, and not acknowledged.
    lane(&yard, "close");
    yard.until_lane_is("closed");
    yard.broker.kill();
    let link = |yard: &Yard, wanted: &str| {
        until(&format!("the link is {wanted}"), || {
            (yard.status()?["link"] == wanted).then_some(())
        });
    };
    link(&yard, "down");
    for _ in 0..3 {
        lane(&yard, "open");
        yard.until_lane_is("vacant");
        lane(&yard, "close");
        yard.until_lane_is("closed");
    }
    let held = authority.records.len();
    yard.broker.start_again();
    authority.listen_again(&yard.broker);

    let head = yard.status().unwrap()["journal"]["seq"].as_u64().unwrap();
    authority.until(&yard.broker, "every record", |a| {
        (a.through()? >= head).then_some(())
    });
    let acknowledged = || (yard.status()?["outbox"] == 0).then_some(());
    until("the outbox is empty", acknowledged);
    assert!(
        authority.records.len() >= held + 7,
        "{held}: {:?}",
        authority.arrived
    );
    let arrived: Vec<u64> = (0..authority.records.len() as u64).collect();
    assert_eq!(
        authority.arrived, arrived,
        "first arrivals are dense and in order"
    );
    let bytes = yard.journal();
    let (journal, rest) = frames(&bytes);
    assert!(rest.is_empty());
    let heard: Vec<_> = authority.records.values().cloned().collect();
    assert_eq!(
        heard,
        journal[..heard.len()],
        "what was heard is what is written"
    );
    assert!(journal.len() as u64 > head);
    yard.close();
}

/// Field case c39: the same order again, without a sign that it is a copy,
/// and once more after the truck is gone.
#[test]
fn an_order_that_comes_three_times_over_mqtt_is_one_record_one_lift_and_the_same_answer() {
    let (mut yard, mut authority) = ready();
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600);
    let held = yard.until_lane_is("held");
    let order = json!({
        "id": "o-9", "passage": held["passage"], "verdict_seq": held["verdict_seq"],
        "kind": "release", "officer": "p-4", "reason": "papers seen",
    });
    let order = order.to_string();
    let answered = |n: usize| {
        move |a: &Authority| {
            let answers = a.on_topic("orders/answer");
            (answers.len() >= n).then(|| answers.into_iter().cloned().collect::<Vec<_>>())
        }
    };
    for _ in 0..2 {
        yard.broker.publish("lanegate/dev/orders", &order);
    }
    let answers = authority.until(&yard.broker, "two answers", answered(2));
    let accepted = json!({"id": "o-9", "accepted": true, "why": null});
    assert_eq!(answers, [accepted.clone(), accepted.clone()]);
    yard.until_lane_is("passing");
    drives_away(&mut yard);
    yard.until_lane_is("vacant");
    yard.broker.publish("lanegate/dev/orders", &order);
    let answers = authority.until(&yard.broker, "a third answer", answered(3));
    assert_eq!(answers[2], accepted);

    let outcome = authority.until(&yard.broker, "an outcome", |a| a.last("outcome").cloned());
    assert_eq!(outcome["body"]["how"], "passed", "{outcome:#}");
    let bytes = yard.journal();
    let orders = frames(&bytes).0;
    let orders = orders
        .iter()
        .filter(|record| record["kind"] == "order")
        .count();
    let lifts = Board::closed(&yard.board.lines.all(), ARM_UP).len();
    assert_eq!((orders, lifts), (1, 1));
    yard.close();
}

/// A device that is lost before any truck is somebody's work now, not with the
/// next truck.
#[test]
fn a_device_lost_while_the_lane_is_vacant_is_told_to_the_authority() {
    let (mut yard, mut authority) = ready();
    let vacant = yard.until_lane_is("vacant");
    let topic = format!("lanes/{}", vacant["lane"].as_str().unwrap());
    let told = |a: &Authority, state: &str| {
        let said = a.on_topic(&topic).last().copied()?.clone();
        let devices = said["devices"].as_array()?;
        let scale = devices.iter().find(|d| d["id"] == "scale-1")?;
        (said["state"] == "vacant" && scale["state"] == state).then_some(())
    };
    authority.until(&yard.broker, "the scale is ok", |a| told(a, "ok"));
    yard.scale.is_unplugged();
    authority.until(&yard.broker, "the scale is lost", |a| told(a, "lost"));
    yard.close();
}

/// Field case c25: a broker that refuses one subscription and keeps the
/// connection.
#[test]
fn a_subscription_that_mosquitto_refuses_is_a_lost_device_whose_topic_is_named() {
    const TOPIC: &str = "device/7a1c9e20-5b014d11/message/up/ivs_result";
    let mut yard = Yard::open(|dir| refusing(dir, TOPIC));
    yard.daemon.start().unwrap();
    let camera = until("the camera is lost", || {
        let devices = yard.status()?["lanes"][0]["devices"].clone();
        let camera = devices
            .as_array()?
            .iter()
            .find(|device| device["id"] == "cam-1")?;
        (camera["state"] == "lost" && camera["why"].is_string()).then(|| camera.clone())
    });
    assert!(camera["why"].as_str().unwrap().contains(TOPIC), "{camera}");
    let ready = yard.ready();
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains("cam-1") && ready.contains(TOPIC), "{ready}");
    let said = yard.daemon.last_words(60);
    assert!(
        said.iter()
            .any(|line| line.contains("cam-1") && line.contains(TOPIC)),
        "{said:#?}"
    );
    assert_eq!(
        yard.broker.logged("New client connected"),
        2,
        "the connections stay"
    );
    yard.close();
}

/// Mosquitto's dynamic security with everything allowed but one subscription;
/// its plain access lists grant any subscription and then send nothing.
pub(crate) fn refusing(dir: &Path, topic: &str) -> String {
    let all = json!({
        "publishClientSend": true, "publishClientReceive": true,
        "subscribe": true, "unsubscribe": true,
    });
    let but = json!([{"acltype": "subscribeLiteral", "topic": topic, "allow": false}]);
    let security = json!({
        "defaultACLAccess": all, "anonymousGroup": "all", "clients": [],
        "groups": [{"groupname": "all", "roles": [{"rolename": "but"}]}],
        "roles": [{"rolename": "but", "acls": but}],
    });
    let path = dir.join("security.json");
    fs::write(&path, security.to_string()).unwrap();
    let libraries = fs::read_dir("/usr/lib")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let plugins = libraries.map(|dir| dir.join("mosquitto_dynamic_security.so"));
    let plugin = plugins.into_iter().find(|plugin| plugin.exists());
    let plugin = plugin.expect("Debian's mosquitto brings its dynamic security");
    format!(
        "plugin {}\nplugin_opt_config_file {}",
        plugin.display(),
        path.display()
    )
}

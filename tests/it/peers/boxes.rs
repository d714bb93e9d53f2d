//! A reader of container numbers: a camera at a portal that posts JSON of its
//! own shape over Mosquitto, its fields named in `lane.toml`.

use std::fs;

use serde_json::{Value, json};

use super::ready_in;
use super::yard::{PRESENCE, Yard, readme_blocks};

/// As the reference configuration shows it.
const READER: &str = r#"
[[lane.device]]
id = "box-1"
role = "container"
protocol = "json-camera"
source = { topics = ["portal/1/boxes"] }
settings = { reads = "boxes", plate = "code", confidence = "score", time = "at", time_unit = "text" }
late_ms = 60000
lost_ms = 300000
evidence_ms_max = 1500
"#;

/// The README's truck under an empty box.
fn boxed(feed: &str) -> String {
    let load =
        r#""load":"empty-container","containers":[{"no":"CSQU3054383","tare_kg":3750,"seals":[]}]"#;
    assert!(feed.contains(r#""load":"empty""#));
    feed.replace(r#""load":"empty""#, load)
}

/// What becomes of it when the portal reads these texts, one message each.
fn judged(texts: &[&str]) -> Value {
    let yard = Yard::open(|_| String::new());
    let file = yard.dir.join("config/lane.dev.toml");
    let config = fs::read_to_string(&file).unwrap();
    let before = "[[lane.device]]";
    assert!(config.contains(before));
    let with = config.replacen(before, &format!("{READER}\n{before}"), 1);
    fs::write(&file, with).unwrap();
    let blocks = readme_blocks();
    let (mut yard, mut authority) = ready_in(yard, &boxed(&blocks[0]));
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600 + 3750);
    for text in texts {
        let at = lanegate::clock::wall_now().to_string();
        let message = json!({"at": at, "boxes": [{"code": text, "score": 93}]});
        yard.broker.publish("portal/1/boxes", &message.to_string());
    }
    let (plate, _) = blocks[1].split_once("lanegate status").unwrap();
    yard.by_hand(plate);
    let verdict = authority.until(&yard.broker, "a verdict", |a| a.last("verdict").cloned());
    yard.close();
    verdict["body"].clone()
}

#[test]
fn a_portals_box_reader_is_evidence_and_its_misreads_are_none() {
    let read = judged(&["CSQU3054388", "csqu 305438 3"]);
    assert_eq!(read["verdict"]["verdict"], "release", "{read:#}");
    let boxes = &read["case"]["containers"];
    assert_eq!(
        boxes,
        &json!([
            {"no": "CSQU3054388", "confidence_pct": 93},
            {"no": "CSQU3054383", "confidence_pct": 93},
        ])
    );
}

#[test]
fn another_box_than_the_declared_one_goes_to_inspection() {
    let read = judged(&["MSCU6639870"]);
    assert_eq!(read["verdict"]["verdict"], "inspect", "{read:#}");
    let reasons = read["verdict"]["reasons"].as_array().unwrap();
    let wrong = |reason: &&Value| reason["code"] == "container.wrong";
    assert_eq!(reasons.iter().filter(wrong).count(), 1, "{read:#}");
}

#[test]
fn a_box_nobody_could_read_waits_for_an_officer() {
    let read = judged(&["CSQU3054388"]);
    assert_eq!(read["verdict"]["verdict"], "hold", "{read:#}");
    let reasons = read["verdict"]["reasons"].as_array().unwrap();
    let digit = |reason: &&Value| reason["code"] == "container.check-digit";
    assert_eq!(reasons.iter().filter(digit).count(), 1, "{read:#}");
}

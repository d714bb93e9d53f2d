//! A picture that comes with a plate over Mosquitto: kept by its digest, which
//! the record of the verdict names.

use std::fs;

use serde_json::json;

use super::ready_in;
use super::yard::{PRESENCE, Yard, readme_blocks};

/// The beginning of a JPEG, in base64, and what `sha256sum` makes of it.
const PICTURE: &str = "/9j/4AAQSkZJRg==";
const DIGEST: &str = "45ae705277879f7f01d778f7c95a065bb0c06ab9936cf24307f375211fee13d1";

#[test]
fn the_picture_of_a_plate_by_mqtt_is_kept_and_named_in_the_record() {
    let yard = Yard::open(|_| String::new());
    let file = yard.dir.join("config/lane.dev.toml");
    let config = fs::read_to_string(&file).unwrap();
    let with = config.replacen(
        "[socket]",
        "[pictures]\ndir = \"dev/pictures\"\n\n[socket]",
        1,
    );
    assert_ne!(with, config);
    fs::write(&file, with).unwrap();
    let blocks = readme_blocks();
    let (mut yard, mut authority) = ready_in(yard, &blocks[0]);
    yard.inputs(&[PRESENCE]);
    yard.scale.shows(8600);
    let (plate, _) = blocks[1].split_once("lanegate status").unwrap();
    let event = "\"plateid\":1,";
    assert!(plate.contains(event));
    let pictured = format!("{event}\"imageFile\":\"{PICTURE}\",");
    yard.by_hand(&plate.replace(event, &pictured));
    let verdict = authority.until(&yard.broker, "a verdict", |a| a.last("verdict").cloned());
    assert_eq!(
        verdict["body"]["case"]["ext"]["pictures"],
        json!([{"device": "cam-1", "text": "粤B12345", "sha256": [DIGEST]}]),
        "{verdict:#}"
    );
    let kept = yard.dir.join(format!("config/dev/pictures/{DIGEST}.jpg"));
    assert_eq!(fs::read(kept).unwrap(), b"\xff\xd8\xff\xe0\x00\x10JFIF");
    yard.close();
}

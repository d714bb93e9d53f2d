//! Cameras and programs that send one JSON document a message.

use serde_json::{Value, json};

use super::Sight;
use crate::wall;

/// 0.97 as a number of three places, without any floating point.
fn unit(percent: u8) -> String {
    format!("{}.{:02}9", percent / 100, percent % 100)
}

/// The document with a number written as `text` in place of `"@"`.
fn with_number(document: &Value, text: &str) -> Vec<u8> {
    document.to_string().replace("\"@\"", text).into_bytes()
}

/// At most 1, and a little above its whole percent.
fn score(sight: &Sight) -> String {
    match sight.confidence_pct {
        100.. => "1".to_owned(),
        percent => unit(percent),
    }
}

/// Several plates in one text, as the maker joins them.
pub(super) fn vzenith(sight: &Sight) -> Vec<u8> {
    let (license, confidence) = match sight.plates.as_slice() {
        [] => ("_无_".to_owned(), 0),
        plates => (plates.join("|"), sight.confidence_pct),
    };
    let timeval = json!({"sec": sight.unix_ms.div_euclid(1000), "usec": sight.unix_ms.rem_euclid(1000) * 1000 + 7});
    let result = json!({
        "license": license, "confidence": confidence, "plateid": sight.vehicle, "isoffline": u8::from(sight.stored),
        "is_fake_plate": 0, "direction": 4, "triggerType": 1, "type": 11, "timeStamp": {"Timeval": timeval},
        "imageFile": "/9j/4AAQSkZJRg==", "imageFileLen": 10,
    });
    let alarm = json!({"channel": 0, "deviceName": "IVS", "serialno": "a1-0001", "result": {"PlateResult": result}});
    json!({ "AlarmInfoPlate": alarm }).to_string().into_bytes()
}

pub(super) fn vzenith_heartbeat() -> Vec<u8> {
    b"device_name=IVS&ipaddr=192.0.2.10&serialno=a1-0001&channel_num=1".to_vec()
}

fn openalpr_result(plate: &str) -> Value {
    json!({"plate": plate, "confidence": "@", "matches_template": 1,
           "candidates": [{"plate": plate, "confidence": "@", "matches_template": 1}]})
}

/// One frame of about fifty of a vehicle.
pub(super) fn openalpr_frame(sight: &Sight) -> Vec<u8> {
    let results: Vec<_> = sight.plates.iter().map(|p| openalpr_result(p)).collect();
    let document = json!({"version": 2, "data_type": "alpr_results", "epoch_time": sight.unix_ms,
        "camera_id": 1, "uuid": format!("u-{}", sight.vehicle), "results": results});
    with_number(
        &document,
        &format!(
            "{}.{}",
            sight.confidence_pct,
            if sight.confidence_pct == 100 { 0 } else { 9 }
        ),
    )
}

/// The vehicle as a whole, up to ten seconds after it has left.
pub(super) fn openalpr_group(sight: &Sight) -> Vec<u8> {
    let plate = sight.plates.first().map_or("", String::as_str);
    let document = json!({"version": 2, "data_type": "alpr_group", "epoch_start": sight.unix_ms,
        "epoch_end": sight.unix_ms + 4_000, "best_uuid": format!("u-{}", sight.vehicle),
        "best_plate_number": plate, "best_confidence": "@", "candidates": [], "travel_direction": 87});
    with_number(&document, &sight.confidence_pct.to_string())
}

/// Texts in lower case, a time in UTC.
pub(super) fn plate_recognizer(sight: &Sight) -> Vec<u8> {
    let result = |plate: &String| json!({"plate": plate.to_lowercase(), "score": "@", "dscore": "@", "candidates": []});
    let results: Vec<_> = sight.plates.iter().map(result).collect();
    let t = wall::utc(sight.unix_ms);
    let timestamp = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}000Z",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second(),
        sight.unix_ms.rem_euclid(1000),
    );
    let document = json!({"hook": {"event": "recognition", "id": "cam"},
        "data": {"camera_id": "cam", "timestamp": timestamp, "results": results}});
    with_number(&document, &score(sight))
}

/// Everything as a text, the confidence too.
pub(super) fn axis(sight: &Sight) -> Vec<u8> {
    let plate = sight.plates.first().map_or("", String::as_str);
    json!({"packetCounter": "7", "capture_timestamp": sight.unix_ms.to_string(), "plateUTF8": plate,
        "plateText": plate, "plateConfidence": score(sight), "carState": "new", "carID": sight.vehicle.to_string(),
        "carMoveDirection": "in", "datetime": "20261124 080003250"})
    .to_string()
    .into_bytes()
}

/// Seconds with a fraction.
pub(super) fn frigate(sight: &Sight) -> Vec<u8> {
    let plate = sight.plates.first().map_or("", String::as_str);
    let seconds = format!(
        "{}.{:03}",
        sight.unix_ms.div_euclid(1000),
        sight.unix_ms.rem_euclid(1000)
    );
    let document = json!({"type": "lpr", "id": format!("v-{}", sight.vehicle), "name": "", "plate": plate,
        "score": "@", "camera": "lane", "timestamp": "@@"});
    let text = document.to_string().replace("\"@@\"", &seconds);
    text.replace("\"@\"", &score(sight)).into_bytes()
}

/// By way of a cloud.
pub(super) fn verkada(sight: &Sight) -> Vec<u8> {
    let plate = sight.plates.first().map_or("", String::as_str);
    let seconds = sight.unix_ms.div_euclid(1000);
    let document = json!({"webhook_type": "lpr", "created_at": seconds + 1, "webhook_id": "w",
        "data": {"camera_id": "c", "created": seconds, "detected": sight.unix_ms,
                 "license_plate_number": plate, "confidence": "@"}});
    with_number(&document, &score(sight))
}

/// Microseconds.
pub(super) fn trassir(sight: &Sight) -> Vec<u8> {
    let plate = sight.plates.first().map_or("", String::as_str);
    json!({"plate": plate, "quality": sight.confidence_pct, "time": sight.unix_ms * 1000 + 3, "direction": "UP"})
        .to_string()
        .into_bytes()
}

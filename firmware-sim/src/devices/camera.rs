//! A Vzenith-compatible plate camera on MQTT, as the vendor's public interface
//! document shows its messages: plates are base64, several joined by `|`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::wall;

/// What the camera says when it sees no plate.
const NO_PLATE: &str = "_无_";

/// Triggered by itself.
pub(crate) const AUTOMATIC: u8 = 1;
/// Triggered by a command.
pub(crate) const SOFTWARE: u8 = 4;

/// One camera's counters.
#[derive(Debug, Clone)]
pub(crate) struct Camera {
    pub(crate) sn: String,
    ip_last: u8,
    messages: u64,
    vehicles: u64,
}

/// One recognition.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    pub(crate) unix_us: i64,
    pub(crate) plates: Vec<String>,
    pub(crate) confidence_pct: u8,
    pub(crate) trigger: u8,
    pub(crate) vehicle: u64,
}

impl Camera {
    pub(crate) fn new(lane: usize) -> Camera {
        Camera {
            sn: format!("7a1c9e20-5b{lane:02}4d11"),
            ip_last: 64 + (lane % 128) as u8,
            messages: 0,
            vehicles: 0,
        }
    }

    /// A number for a new vehicle event.
    pub(crate) fn next_vehicle(&mut self) -> u64 {
        self.vehicles += 1;
        self.vehicles
    }

    pub(crate) fn topic(&self, tail: &str) -> String {
        format!("device/{}/message/{tail}", self.sn)
    }

    /// The payload of `up/ivs_result`.
    pub(crate) fn result(&mut self, shot: &Shot) -> Vec<u8> {
        let (license, confidence) = match shot.plates.as_slice() {
            [] => (BASE64.encode(NO_PLATE), 0),
            plates => (BASE64.encode(plates.join("|")), shot.confidence_pct),
        };
        let (sec, usec) = (shot.unix_us / 1_000_000, shot.unix_us % 1_000_000);
        let t = wall::local(shot.unix_us / 1000);
        let kind = plate_type(&shot.plates);
        let body = format!(
            concat!(
                r#"{{"AlarmInfoPlate":{{"channel":0,"deviceName":"IVS","ipaddr":"192.168.1.{ip}","result":{{"PlateResult":{{"#,
                r#""license":"{license}","confidence":{confidence},"colorType":{color},"direction":4,"isoffline":0,"#,
                r#""is_fake_plate":0,"is_encrypted":0,"plateid":{vehicle},"timeStamp":{{"Timeval":{{"sec":{sec},"usec":{usec},"#,
                r#""decyear":{year},"decmon":{month},"decday":{day},"dechour":{hour},"decmin":{minute},"decsec":{second}}}}},"#,
                r#""triggerType":{trigger},"type":{kind},"location":{{"RECT":{{"left":812,"top":604,"right":1043,"bottom":672}}}},"#,
                r#""plates":[]}}}},"serialno":"{sn}"}}}}"#,
            ),
            ip = self.ip_last,
            color = if kind == 3 { 2 } else { 4 },
            license = license,
            confidence = confidence,
            kind = kind,
            sec = sec,
            usec = usec,
            vehicle = shot.vehicle,
            year = t.year(),
            month = t.month(),
            day = t.day(),
            hour = t.hour(),
            minute = t.minute(),
            second = t.second(),
            trigger = shot.trigger,
            sn = self.sn,
        );
        self.envelope("ivs_result", sec, &body)
    }

    /// The payload of `up/keep_alive`.
    pub(crate) fn keep_alive(&mut self, unix_ms: i64) -> Vec<u8> {
        self.envelope("keep_alive", unix_ms / 1000, "{}")
    }

    /// The payload of the reply to a trigger with message id `id`.
    pub(crate) fn trigger_reply(&self, id: &str, unix_ms: i64) -> Vec<u8> {
        serde_json::json!({
            "id": id, "sn": self.sn, "name": "ivs_trigger", "version": "1.0",
            "timestamp": unix_ms / 1000, "code": 200, "msg": "", "payload": {},
        })
        .to_string()
        .into_bytes()
    }

    fn envelope(&mut self, name: &str, timestamp_s: i64, body: &str) -> Vec<u8> {
        self.messages += 1;
        format!(
            r#"{{"id":"{}-{}","sn":"{}","name":"{name}","version":"1.0","timestamp":{timestamp_s},"payload":{body}}}"#,
            self.ip_last, self.messages, self.sn
        )
        .into_bytes()
    }
}

/// 11 Hong Kong and 14 Macau plates for the mainland, 3 a yellow one; 0 none.
fn plate_type(plates: &[String]) -> u8 {
    match plates.first().and_then(|p| p.chars().last()) {
        Some('港') => 11,
        Some('澳') => 14,
        Some(_) => 3,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_result_carries_the_joined_plates_in_base64_and_its_own_local_time() {
        let mut camera = Camera::new(0);
        let shot = Shot {
            unix_us: 1_795_478_403_250_000,
            plates: vec!["粤ZJ068澳".into(), "MX7742".into()],
            confidence_pct: 97,
            trigger: AUTOMATIC,
            vehicle: camera.next_vehicle(),
        };
        let v: Value = serde_json::from_slice(&camera.result(&shot)).unwrap();
        assert_eq!(v["name"], "ivs_result");
        let r = &v["payload"]["AlarmInfoPlate"]["result"]["PlateResult"];
        let text = BASE64.decode(r["license"].as_str().unwrap()).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "粤ZJ068澳|MX7742");
        assert_eq!(
            (
                r["confidence"].as_u64(),
                r["type"].as_u64(),
                r["plateid"].as_u64()
            ),
            (Some(97), Some(14), Some(1))
        );
        let time = &r["timeStamp"]["Timeval"];
        assert_eq!(
            (time["sec"].as_i64(), time["usec"].as_i64()),
            (Some(1_795_478_403), Some(250_000))
        );
        assert_eq!(
            (time["decday"].as_i64(), time["dechour"].as_i64()),
            (Some(24), Some(8))
        );
    }

    #[test]
    fn no_plate_is_the_vendors_marker_with_confidence_zero() {
        let mut camera = Camera::new(1);
        let shot = Shot {
            unix_us: 0,
            plates: vec![],
            confidence_pct: 97,
            trigger: SOFTWARE,
            vehicle: 4,
        };
        let v: Value = serde_json::from_slice(&camera.result(&shot)).unwrap();
        let r = &v["payload"]["AlarmInfoPlate"]["result"]["PlateResult"];
        assert_eq!(
            (r["license"].as_str(), r["confidence"].as_u64()),
            (Some("X+aXoF8="), Some(0))
        );
    }
}

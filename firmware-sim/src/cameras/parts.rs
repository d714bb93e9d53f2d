//! Cameras whose events are parts among pictures.

use serde_json::json;

use super::Sight;
use crate::wall;

/// A picture as bad as they come: it contains the events of either maker.
const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\r\nCode=TrafficJunction;action=Pulse;index=0;data={\r\n\
    <EventNotificationAlert><eventType>ANPR</eventType></EventNotificationAlert>\r\n--bound\r\n\xff\xd9";

fn part(boundary: &str, kind: &str, body: &[u8], length: usize) -> Vec<u8> {
    let head = format!("--{boundary}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    let mut part = head.into_bytes();
    part.extend_from_slice(body);
    part.extend_from_slice(b"\r\n");
    part
}

fn stamp(unix_ms: i64) -> String {
    let seconds = wall::rfc3339(unix_ms);
    let (time, offset) = seconds.split_at(19);
    format!("{time}.{:03}{offset}", unix_ms.rem_euclid(1000))
}

fn plate(sight: &Sight, none: &str) -> String {
    sight
        .plates
        .first()
        .cloned()
        .unwrap_or_else(|| none.to_owned())
}

fn sure(sight: &Sight) -> u8 {
    if sight.plates.is_empty() {
        0
    } else {
        sight.confidence_pct
    }
}

/// ISAPI: the notification, then the picture of the plate.
pub(super) fn hikvision_xml(sight: &Sight) -> Vec<u8> {
    let retransmitted = if sight.stored {
        "<isDataRetransmission>true</isDataRetransmission>\n"
    } else {
        ""
    };
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EventNotificationAlert version=\"2.0\" \
         xmlns=\"http://www.isapi.org/ver20/XMLSchema\">\n<ipAddress>192.0.2.64</ipAddress>\n<channelID>1</channelID>\n\
         <dateTime>{}</dateTime>\n<eventType>ANPR</eventType>\n<eventState>active</eventState>\n{retransmitted}\
         <UUID>{}</UUID>\n<ANPR>\n<licensePlate>{}</licensePlate>\n<confidenceLevel>{}</confidenceLevel>\n\
         <direction>forward</direction>\n</ANPR>\n</EventNotificationAlert>\n",
        stamp(sight.unix_ms),
        sight.vehicle,
        plate(sight, "unknown"),
        sure(sight),
    );
    with_picture(
        "boundary",
        "application/xml; charset=\"UTF-8\"",
        document.as_bytes(),
    )
}

/// The same in JSON.
pub(super) fn hikvision_json(sight: &Sight) -> Vec<u8> {
    let document = json!({
        "ipAddress": "192.0.2.64", "channelID": 1, "dateTime": stamp(sight.unix_ms), "eventType": "ANPR",
        "eventState": "active", "isDataRetransmission": sight.stored, "UUID": sight.vehicle.to_string(),
        "ANPR": {"licensePlate": plate(sight, "unknown"), "confidenceLevel": sure(sight), "direction": "forward"},
    });
    with_picture(
        "boundary",
        "application/json",
        document.to_string().as_bytes(),
    )
}

/// The sign of life of an event stream: an event that is not going on.
pub(super) fn hikvision_heartbeat(unix_ms: i64) -> Vec<u8> {
    let document = format!(
        "<EventNotificationAlert version=\"2.0\" xmlns=\"http://www.hikvision.com/ver20/XMLSchema\">\n\
         <dateTime>{}</dateTime>\n<eventType>videoloss</eventType>\n<eventState>inactive</eventState>\n\
         </EventNotificationAlert>\n",
        stamp(unix_ms)
    );
    part(
        "boundary",
        "application/xml",
        document.as_bytes(),
        document.len(),
    )
}

/// Text over many lines, spaces before colons, numbers of groups, and both of
/// the maker's times: local time as if it was UTC, and the real one.
pub(super) fn dahua(sight: &Sight) -> Vec<u8> {
    let seconds = sight.unix_ms.div_euclid(1000);
    let text = plate(sight, "");
    let data = json!({
        "GroupID": sight.vehicle, "CountInGroup": 1, "LocaleTime": "a=b;c={d}",
        "Object": {"ObjectType": "Plate", "Text": text, "Confidence": u32::from(sure(sight)) * 255 / 100},
        "TrafficCar": {"PlateNumber": text, "DrivingDirection": ["Approach", "in", "out"]},
        "UTC": seconds + 8 * 3600, "UTCMS": sight.unix_ms.rem_euclid(1000), "RealUTC": seconds,
    });
    let data = serde_json::to_string_pretty(&data).expect("a tree of texts and numbers");
    let data = data.replace("\": ", "\" : ");
    let text = format!("Code=TrafficJunction;action=Pulse;index=0;data={data}\r\n");
    let mut all = part("myboundary", "text/plain", text.as_bytes(), 0);
    all.extend(part("myboundary", "image/jpeg", PICTURE, PICTURE.len()));
    all
}

pub(super) fn dahua_heartbeat() -> Vec<u8> {
    part("myboundary", "text/plain", b"Heartbeat\r\n", 9)
}

fn with_picture(boundary: &str, kind: &str, document: &[u8]) -> Vec<u8> {
    let mut all = part(boundary, kind, document, document.len());
    all.extend(part(boundary, "image/jpeg", PICTURE, PICTURE.len()));
    all
}

//! Asking a camera to read again: the trigger of the Vzenith-compatible MQTT
//! protocol (`device/{sn}/message/down/ivs_trigger`, vendor's document 7.1; in
//! the other order of levels where a camera speaks in that one).

use lanegate_core::record::canonical;
use lanegate_core::time::Wall;
use serde_json::json;

/// The message that makes camera `sn` read again.
#[must_use]
pub fn recapture_message(sn: &str, n: u64, now: Wall) -> String {
    canonical(&json!({
        "id": format!("lanegate-{}-{n}", now.0),
        "sn": sn,
        "name": "ivs_trigger",
        "version": "1.0",
        "timestamp": now.0 / 1000,
        "payload": {"type": "ivs_trigger", "body": {}},
    }))
}

//! What cameras of the Vzenith family post besides plates: inputs, serial data,
//! heartbeats as an object of one name, and heartbeats as a form. Each is a
//! sign of life and nothing else.

use serde_json::Value;

use super::super::{HeartbeatFrame, NoiseWhy};
use super::map::NAME_LEN_MAX;
use super::path::scalar;

/// The name a message with plates has.
pub(super) const PLATES: &str = "AlarmInfoPlate";

/// A post that is a form and no JSON.
pub(super) fn is_form(post: &[u8]) -> bool {
    post.trim_ascii_start().first() != Some(&b'{')
}

/// `{"name":{…,"serialno":"…"}}`, not about plates.
pub(super) fn object(said: &Value) -> Result<HeartbeatFrame, NoiseWhy> {
    let (name, content) = said
        .as_object()
        .and_then(|map| map.iter().next())
        .ok_or(NoiseWhy::Field)?;
    let serial = |v: &Value| v.get("serialno").and_then(scalar);
    let id = serial(content).or_else(|| serial(said)).unwrap_or_default();
    sign_of_life(&id, Some(name))
}

/// `device_name=…&serialno=…`.
pub(super) fn form(post: &[u8]) -> Result<HeartbeatFrame, NoiseWhy> {
    let text = str::from_utf8(post).map_err(|_| NoiseWhy::Encoding)?;
    let value = |name: &str| {
        let mut pairs = text
            .trim()
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    let id = value("serialno").or_else(|| value("device_name"));
    sign_of_life(id.ok_or(NoiseWhy::Syntax)?, None)
}

fn sign_of_life(id: &str, message: Option<&str>) -> Result<HeartbeatFrame, NoiseWhy> {
    let long = |text: &str| text.len() > NAME_LEN_MAX;
    if long(id) || message.is_some_and(long) {
        return Err(NoiseWhy::Field);
    }
    Ok(HeartbeatFrame {
        id: id.to_owned(),
        at: None,
        message: message.map(str::to_owned),
        ack: None,
    })
}

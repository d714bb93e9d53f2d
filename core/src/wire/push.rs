//! Posts of devices: which documents lie in a body, and what the device is
//! answered. The answer of some makers' protocols is an order to open: no
//! answer of ours ever is one (law L1), whatever came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Protocol;
use super::multipart::{Parts, Piece};

/// What a device that posts is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushAnswer {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its body.
    pub body: &'static str,
}

/// `info: ok` would open the camera's gate output without a verdict and
/// without a record. `retransfer_stop` says that the post has arrived; without
/// it some firmware repeats it for ever, or keeps it and sends it as a replay.
const VZENITH: PushAnswer = PushAnswer {
    content_type: "application/json",
    body: "{\"Response_AlarmInfoPlate\":{\"info\":\"no\",\"content\":\"retransfer_stop\",\
           \"is_pay\":\"false\",\"serialData\":[]}}",
};

const PLAIN: PushAnswer = PushAnswer {
    content_type: "application/json",
    body: "{}",
};

/// What a device that speaks `protocol` is answered, always the same.
#[must_use]
pub fn push_answer(protocol: &Protocol) -> PushAnswer {
    match protocol.name {
        "vzenith-http" | "qianyi" => VZENITH,
        _ => PLAIN,
    }
}

/// Documents taken from one post.
const DOCUMENTS_MAX: usize = 8;

/// The documents of a post, each a message for the codec of `protocol`. Forms
/// and parts are opened, pictures left out; codecs that read parts themselves
/// get the body as it came.
#[must_use]
pub fn push_documents(protocol: &Protocol, content_type: &str, body: &[u8]) -> Vec<Vec<u8>> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let parted = kind.starts_with("multipart/") || (kind.is_empty() && body.starts_with(b"--"));
    let found = match protocol.name {
        "hikvision-isapi" | "dahua" => Vec::new(),
        _ if parted => parts(body),
        _ if kind == "application/x-www-form-urlencoded" => fields(body),
        _ => Vec::new(),
    };
    match found.is_empty() {
        true => vec![body.to_vec()],
        false => found,
    }
}

fn is_document(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'<'))
}

fn parts(body: &[u8]) -> Vec<Vec<u8>> {
    let text = |piece| match piece {
        Piece::Part(part) if part.excess == 0 && !part.is_picture() && is_document(&part.body) => {
            Some(part.body)
        }
        Piece::Part(_) | Piece::Noise(..) => None,
    };
    let all = Parts::of(body, body.len()).into_iter();
    all.filter_map(text).take(DOCUMENTS_MAX).collect()
}

/// Pictures taken from one post.
const PICTURES_MAX: usize = 4;

/// The pictures of a camera's message, JPEG or PNG: parts of its own, or the
/// `imageFile` of Vzenith's documents.
#[must_use]
pub fn message_pictures(protocol: &Protocol, body: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = match protocol.name {
        "vzenith-http" | "vzenith-mqtt" | "qianyi" => image_file(body).into_iter().collect(),
        _ if body.starts_with(b"--") => {
            let body_of = |piece| match piece {
                Piece::Part(part) if part.excess == 0 => Some(part.body),
                Piece::Part(_) | Piece::Noise(..) => None,
            };
            let all = Parts::of(body, body.len()).into_iter();
            all.filter_map(body_of).collect()
        }
        _ => Vec::new(),
    };
    found.retain(|picture| {
        picture.starts_with(&[0xff, 0xd8, 0xff]) || picture.starts_with(b"\x89PNG\r\n")
    });
    found.truncate(PICTURES_MAX);
    found
}

const KEY: &[u8] = b"imageFile";

fn image_file(body: &[u8]) -> Option<Vec<u8>> {
    // Most messages have none: a search costs less than reading them.
    if !body.windows(KEY.len()).any(|seen| seen == KEY) {
        return None;
    }
    let said = super::camera::whole_json(body).ok()?;
    let posted = said.pointer("/AlarmInfoPlate/result/PlateResult/imageFile");
    let published = || said.pointer("/payload/AlarmInfoPlate/result/PlateResult/imageFile");
    let image = posted.or_else(published)?;
    BASE64.decode(image.as_str()?).ok()
}

/// `json=%7B…&image=…`.
fn fields(body: &[u8]) -> Vec<Vec<u8>> {
    let value = |pair: &[u8]| {
        let at = pair.iter().position(|b| *b == b'=')?;
        let value = unescaped(&pair[at + 1..]);
        is_document(&value).then_some(value)
    };
    let pairs = body.split(|b| *b == b'&');
    pairs.filter_map(value).take(DOCUMENTS_MAX).collect()
}

/// Escapes of a form; what is none stands for itself.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let digit = |n: usize| char::from(*behind.get(n)?).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                rest = &behind[2..];
                continue;
            }
            (b'+', _, _) => out.push(b' '),
            _ => out.push(*first),
        }
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{protocol, protocols};
    use super::*;

    fn documents(name: &str, content_type: &str, body: &[u8]) -> Vec<String> {
        let found = push_documents(protocol(name).unwrap(), content_type, body);
        found
            .into_iter()
            .map(|d| String::from_utf8(d).unwrap())
            .collect()
    }

    #[test]
    fn a_form_is_opened_and_its_pictures_are_left_out() {
        let form = b"--x\r\nContent-Disposition: form-data; name=\"upload\"\r\nContent-Type: image/jpeg\r\n\r\n{\xff\xd8}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\":1}\r\n--x--\r\n";
        let is = ["{\"a\":1}"];
        assert_eq!(
            documents("plate-recognizer", "multipart/form-data; boundary=x", form),
            is
        );
        assert_eq!(documents("plate-recognizer", "", form), is);
        let urlencoded = b"time=2026&json=%7b%22a%22%3a1%7D";
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(documents("plate-recognizer", kind, urlencoded), is);
        // Nothing in it: the codec says what it thinks of the whole.
        assert_eq!(
            documents("vzenith-http", kind, b"serialno=7"),
            ["serialno=7"]
        );
        assert_eq!(
            documents("plate-recognizer", "application/json", b"{}"),
            ["{}"]
        );
    }

    #[test]
    fn pictures_are_parts_or_a_field_and_nothing_else_is_one() {
        let form = b"--x\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff--x\r\n\xff\xd9\r\n--x\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n\
            --x\r\nContent-Type: image/jpeg\r\n\r\nno picture\r\n--x--\r\n";
        let pictures = |name, body: &[u8]| message_pictures(protocol(name).unwrap(), body);
        assert_eq!(
            pictures("hikvision-isapi", form),
            [b"\xff\xd8\xff--x\r\n\xff\xd9".to_vec()]
        );
        let post =
            br#"{"AlarmInfoPlate":{"result":{"PlateResult":{"imageFile":"/9j/4AAQSkZJRg=="}}}}"#;
        assert_eq!(
            pictures("vzenith-http", post)[0][..4],
            [0xff, 0xd8, 0xff, 0xe0]
        );
        let published = [br#"{"name":"ivs_result","payload":"#.as_slice(), post, b"}"].concat();
        assert_eq!(
            pictures("vzenith-mqtt", &published),
            pictures("vzenith-http", post)
        );
        assert_eq!(pictures("vzenith-mqtt", b"{}"), Vec::<Vec<u8>>::new());
        assert_eq!(pictures("openalpr", b"{}"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn no_answer_to_any_camera_is_an_order_to_open() {
        for protocol in protocols() {
            let said: serde_json::Value = serde_json::from_str(push_answer(protocol).body).unwrap();
            let answer = &said["Response_AlarmInfoPlate"];
            assert!(answer["info"].is_null() || answer["info"] == "no", "{said}");
            assert!(answer.is_null() || answer["content"] == "retransfer_stop");
        }
    }
}

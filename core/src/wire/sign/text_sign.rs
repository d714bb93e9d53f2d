//! LED panels that show what text they are sent.
//!
//! | part | content |
//! |---|---|
//! | prefix | bytes of the panel, from the settings |
//! | text | GBK or UTF-8, lines parted by `line_break` |
//! | suffix | bytes of the panel; CR LF unless set |
//!
//! As a message of a broker: a JSON document around the text, from `form`.
//! A character the panel's set lacks is sent as `?`.

use encoding_rs::{Encoding, GBK, UTF_8};

use super::super::exchange::{ExchangeFrame, Field};
use super::super::settings::{self, Setting, SettingFault, Settings, Values, number, text};
use super::super::{Decoder, Frame, Item, NoiseWhy, Protocol, ProtocolKind};
use super::Shown;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "text-sign",
    kind: ProtocolKind::Sign,
    about: "LED panels that show plain text over a serial line, TCP or MQTT. Most Chinese panels take GBK, some UTF-8: look at the panel with both. `prefix` and `suffix` are bytes in hex around the text; behind a broker `form` is the JSON around it, with `$text`. Source: the panels' sheets differ; this is what they have in common.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; 6] = [
    Setting {
        name: "charset",
        default: "gbk",
        values: Values::Words(&["gbk", "utf-8"]),
        meaning: "how characters are written",
    },
    Setting {
        name: "prefix",
        default: "",
        values: Values::Text { len_max: 64 },
        meaning: "bytes before the text, in hex, for instance a clear command",
    },
    Setting {
        name: "suffix",
        default: "0D0A",
        values: Values::Text { len_max: 64 },
        meaning: "bytes behind the text, in hex",
    },
    Setting {
        name: "line_break",
        default: "20",
        values: Values::Text { len_max: 16 },
        meaning: "bytes between two lines, in hex: a blank unless set",
    },
    Setting {
        name: "columns",
        default: "64",
        values: Values::Number { min: 4, max: 256 },
        meaning: "columns shown; a Chinese character takes two, what is longer is cut",
    },
    Setting {
        name: "form",
        default: "",
        values: Values::Text { len_max: 256 },
        meaning: "JSON around the text in place of prefix and suffix, with $text; then the charset is UTF-8",
    },
];

/// Longest message decoded.
const LEN_MAX: usize = 4096;

/// A panel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct TextSign {
    gbk: bool,
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    line_break: Vec<u8>,
    columns: usize,
    form: Option<String>,
}

impl TextSign {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingFault> {
        let faults = settings::faults(&SETTINGS, settings);
        match faults.into_iter().chain(agree(settings)).next() {
            Some(fault) => Err(fault),
            None => Ok(checked(settings)),
        }
    }

    fn charset(&self) -> &'static Encoding {
        if self.gbk { GBK } else { UTF_8 }
    }

    pub(super) fn show(&self, shown: &Shown) -> Vec<u8> {
        if let Some(form) = &self.form {
            let text = cut(&shown.lines.join(" "), self.columns);
            let text = serde_json::Value::from(text).to_string();
            return form.replace("$text", &text).into_bytes();
        }
        let mut message = self.prefix.clone();
        for (n, line) in shown.lines.iter().enumerate() {
            if n > 0 {
                message.extend_from_slice(&self.line_break);
            }
            self.encode(&cut(line, self.columns), &mut message);
        }
        message.extend_from_slice(&self.suffix);
        message
    }

    fn encode(&self, line: &str, out: &mut Vec<u8>) {
        let mut letter = [0; 4];
        for c in line.chars().filter(|c| !c.is_control()) {
            let (bytes, _, lacks) = self.charset().encode(c.encode_utf8(&mut letter));
            match lacks {
                // A panel would show what stands for it in a web page.
                true => out.push(b'?'),
                false => out.extend_from_slice(&bytes),
            }
        }
    }
}

/// As much of `line` as fits; anything but ASCII takes two columns.
fn cut(line: &str, columns: usize) -> String {
    let mut left = columns;
    let fits = |c: &char| {
        let width = if c.is_ascii() { 1 } else { 2 };
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    line.chars().take_while(fits).collect()
}

fn checked(settings: &Settings) -> TextSign {
    let set = |name| text(&SETTINGS, settings, name);
    let bytes = |name| hex(set(name)).unwrap_or_default();
    let form = Some(set("form")).filter(|form| !form.is_empty());
    TextSign {
        gbk: set("charset") == "gbk" && form.is_none(),
        prefix: bytes("prefix"),
        suffix: bytes("suffix"),
        line_break: bytes("line_break"),
        columns: number(&SETTINGS, settings, "columns") as usize,
        form: form.map(str::to_owned),
    }
}

fn agree(settings: &Settings) -> Vec<SettingFault> {
    let set = |name| text(&SETTINGS, settings, name);
    let mut faults = Vec::new();
    let mut wrong = |name: &str, why: &str| {
        faults.push(SettingFault {
            name: name.to_owned(),
            why: why.to_owned(),
        });
    };
    for name in ["prefix", "suffix", "line_break"] {
        if hex(set(name)).is_none() {
            wrong(name, "write bytes in hex, like 0D0A");
        }
    }
    let form = set("form");
    let filled = form.replace("$text", "\"\"");
    if !form.is_empty()
        && (!form.contains("$text")
            || serde_json::from_str::<serde::de::IgnoredAny>(&filled).is_err())
    {
        wrong(
            "form",
            "is JSON with $text where the text goes, without quotes around it",
        );
    }
    faults
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| Some(c.to_digit(16)? as u8))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    whole.then(|| pairs.map(|p| p[0] << 4 | p[1]).collect())
}

struct Message {
    sign: TextSign,
    bytes: Vec<u8>,
    excess: usize,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Message {
        sign: checked(settings),
        bytes: Vec::new(),
        excess: 0,
    })
}

/// A message ends where the line falls silent: a suffix may stand inside.
impl Decoder for Message {
    fn push(&mut self, bytes: &[u8], _: &mut Vec<Item>) {
        let room = LEN_MAX - self.bytes.len();
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        self.bytes.extend_from_slice(kept);
        self.excess += beyond.len();
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        let bytes = std::mem::take(&mut self.bytes);
        let excess = std::mem::take(&mut self.excess);
        let len = bytes.len() + excess;
        if len == 0 {
            return;
        }
        let text = match excess {
            0 => self.sign.decode(&bytes),
            _ => Err(NoiseWhy::TooLong),
        };
        out.push(match text {
            Ok(text) => {
                let fields = vec![("text", Field::Text(text))];
                Item::Frame(Frame::Exchange(ExchangeFrame::host(fields)))
            }
            Err(why) => Item::Noise {
                len,
                why,
                hint: None,
            },
        });
    }
}

impl TextSign {
    fn decode(&self, bytes: &[u8]) -> Result<String, NoiseWhy> {
        let bare = bytes
            .strip_prefix(self.prefix.as_slice())
            .ok_or(NoiseWhy::NoStart)?;
        let bare = bare
            .strip_suffix(self.suffix.as_slice())
            .ok_or(NoiseWhy::Terminator)?;
        let text = self
            .charset()
            .decode_without_bom_handling_and_without_replacement(bare);
        let text = text.ok_or(NoiseWhy::Encoding)?;
        match text.chars().any(char::is_control) {
            true => Err(NoiseWhy::Encoding),
            false => Ok(text.into_owned()),
        }
    }
}

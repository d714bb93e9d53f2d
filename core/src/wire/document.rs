//! `docs/protocols.md`, made of the registry.

use std::fmt::Write as _;

use super::settings::{Setting, Settings, Values};
use super::{Protocol, ProtocolKind, protocols};

const HEAD: &str = "\
# Protocols

What `protocol = \"…\"` in `lane.toml` and `lanegate decode --protocol …` may name. A setting that is not written has the
default below; `data_bits`, `parity` and, of a scale, `unit` follow from the port's line and `[lane.device.scale]` and
are only written for `decode`. This page is made of the program's own registry; a test keeps it so.

A device's bytes are never trusted to be whole: what is no frame is noise, counted and shown with its reason, and reading
goes on one byte later. A protocol whose frames end only where the next begins yields the last one when the line falls
silent.

`lanegate decode` prints one object a frame, with a `kind`:

| kind | is |
|---|---|
| `weight`, `plates`, `seal`, `tag` | what may be evidence; the fields are below, with the protocols they come from |
| `inputs` | a board's inputs, `outputs` too where the same message tells them |
| `reply` | a device's answer: `ok`, and what it says |
| `request` | what a host says to its board or sign, heard on a line that is tapped or that echoes. Never evidence: it says what was asked for, not what is |
| `heartbeat` | a sign of life: `id`, `at` (its clock), `message` (what kind, where it is more than a heartbeat) and `ack`, what the gateway writes back where the device waits for it. It keeps the device from being late and says nothing else |
| `noise` | bytes that are no frame: `len`, and `why` |

";

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    out.push_str("| protocol | of a | the gateway asks |\n|---|---|---|\n");
    for protocol in protocols() {
        let asks = if protocol.ask.is_some() { "yes" } else { "no" };
        let (name, kind) = (protocol.name, title(protocol.kind).0);
        put(
            &mut out,
            format_args!("| [`{name}`](#{name}) | {kind} | {asks} |\n"),
        );
    }
    let kinds = [
        ProtocolKind::Scale,
        ProtocolKind::Camera,
        ProtocolKind::Seal,
        ProtocolKind::Tag,
        ProtocolKind::Io,
        ProtocolKind::Sign,
    ];
    for kind in kinds {
        let mut of_kind = protocols().iter().filter(|p| p.kind == kind).peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        let (_, heading, output) = title(kind);
        put(&mut out, format_args!("\n## {heading}\n\n{output}"));
        for protocol in of_kind {
            section(&mut out, protocol);
        }
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes all");
}

/// A word for the table, a heading, and what its frames are printed as.
const fn title(kind: ProtocolKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        ProtocolKind::Scale => ("scale", "Scales", SCALES),
        ProtocolKind::Camera => ("camera", "Cameras", CAMERAS),
        ProtocolKind::Seal => ("seal", "Seals", SEALS),
        ProtocolKind::Tag => ("tag or card", "Tags and cards", TAGS),
        ProtocolKind::Io => ("lane I/O", "Lane I/O", IO),
        ProtocolKind::Sign => ("sign", "Signs", SIGNS),
    }
}

fn section(out: &mut String, protocol: &Protocol) {
    put(
        out,
        format_args!("\n### {}\n\n{}\n", protocol.name, protocol.about),
    );
    if let Some(ask) = protocol.ask {
        let question = ask(&Settings::new());
        let text = question.bytes.escape_ascii();
        let ms = question.every.0 / 1000;
        put(
            out,
            format_args!("\nAsked with `{text}` every {ms} ms unless set otherwise.\n"),
        );
    }
    if protocol.settings.is_empty() {
        out.push_str("\nNo settings.\n");
        return;
    }
    out.push_str("\n| setting | default | may be | meaning |\n|---|---|---|---|\n");
    for setting in protocol.settings {
        row(out, setting);
    }
}

fn row(out: &mut String, setting: &Setting) {
    let default = match setting.default {
        "" => "none".to_owned(),
        text => format!("`{}`", text.replace('|', "\\|")),
    };
    let may_be = match setting.values {
        Values::Words(words) => words.join(", "),
        Values::Number { min, max } => format!("{min} to {max}"),
        Values::Text { len_max } => format!("text of up to {len_max} characters"),
    };
    let (name, meaning) = (setting.name, setting.meaning.replace('|', "\\|"));
    put(
        out,
        format_args!("| `{name}` | {default} | {may_be} | {meaning} |\n"),
    );
}

const SCALES: &str = "\
A weight is printed as `kind` `weight` with

| field | says |
|---|---|
| `value` | the figure as decimal text with the decimals sent, a sign only if negative; `null` where the indicator shows none. Never a floating-point number |
| `unit` | `kg`, `t`, `g`, `lb`, or `null` for one that is not known. Pounds and unknown units are shown and never are evidence |
| `mode` | `gross`, `net`, `tare`. Only gross is evidence |
| `stable` | the device's own flag; `null` where its format has none: then the lane derives it from equal values (`stable_…` in `[lane.device.scale]`) |
| `overload`, `underload` | out of range, however the indicator says it: a flag, letters, blanks or nines. One that falls silent is late. More than `capacity_kg` is an overload too |
| `raw` | the frame in hex |

Nothing that is sent to a scale tares or zeroes it. An indicator that is asked and does not answer in `every_ms` has its
port opened anew, and what comes then counts only when it has settled: an answer that is late looks like the next one's.
What cannot be read as one of the lines below can be described: see [`ascii-line`](#ascii-line).
";
const CAMERAS: &str = "\
An event is printed as `kind` `plates` with `plates` (`text`, `confidence_pct`), `at` (the camera's clock), `replay` (from
its memory: never evidence), `direction`, `event`, where nothing was read `no_read`, and `on_request` where the camera says
that it was asked to read and nothing else made it. A device with `role = \"container\"` speaks one of these too: what it
reads are numbers of boxes.
";
const SEALS: &str = "\
A report is printed as `kind` `seal` with `id`, `state`, `sealed`, `battery_pct`, `at`, `alarms`, `replay`, and `event` where
it reports one.
";
const TAGS: &str = "\
A tag or card is printed as `kind` `tag`. It names; it does not prove.
";
const IO: &str = "\
Answers are printed as `kind` `reply` or `inputs`, questions heard on the line as `request`.
";
const SIGNS: &str = "\
What the gateway writes to a sign; answers, where there are any, are printed as `kind` `reply`.
";

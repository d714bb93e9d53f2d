//! The integrator's own lines, described by settings.

use super::super::super::settings::Setting;
use super::super::super::{Protocol, ProtocolKind};
use super::table::{LEN, Make, SIGNS, UNITS, settings};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "ascii-line",
    kind: ProtocolKind::Scale,
    about: ABOUT,
    settings: &SETTINGS,
    ask: None,
    agree: Some(|set| super::agree(&SETTINGS, set)),
    make: |set| super::make(&SETTINGS, set),
};

static SETTINGS: [Setting; LEN] = settings(&Make {
    layouts: [r"{weight:1-16}\r\n", "", ""],
    signs: SIGNS,
    status: "",
    status2: "",
    modes: "",
    units: UNITS,
    figures: "",
});

const ABOUT: &str = r#"A line of text that is not among the makes, described by settings. Without any it is a figure alone on its line; `layout`, `layout2` and `layout3` say what else, one for each shape of line.

A *layout* is the line as it is sent. Text stands as it is, `\r`, `\n` and `\xHH` for bytes without a sign. `{name:6}` is a field of six characters, `{name:5-9}` one of five to nine that reaches to the next text; two of these need a text between. The names: `weight` (blanks, a sign, digits, one point), `digits` (the same without blanks and sign), `sign`, `status`, `status2`, `mode`, `unit` (looked up in the table of that name), `address` (digits), `skip` (anything). A layout ends with the text that ends the line.

A *table* says what words mean: `ST=stable US=motion`. In a word `_` is a blank. Meanings are `ok`, `stable`, `motion`, `over`, `under`, `out` (over or under, as the sign says), `invalid` (never stable), `plus`, `minus`, `gross`, `net`, `tare`, `kg`, `t`, `g`, `lb`, `unknown`; several are joined by `+`. A word that is in no table makes the line noise. Where no status is said at all, stability is derived.

An example, the lines of a Sewha SI-480 (`ST,NT,1@,+  38240 kg`), whose `NT` is *tare not set*:

```toml
protocol = "ascii-line"
[lane.device.settings]
layout = '{status:2},{mode:2},{skip:2},{weight:8} {unit:2}\r\n'
status = "ST=stable US=motion OL=out"
modes = "GS=gross NT=gross TR=net"
```

`lanegate decode --protocol ascii-line --set layout=… --set status=…` shows what becomes of a captured line. A layout that begins with a weight or a field to skip is only looked for from one line end to the next."#;

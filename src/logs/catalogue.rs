//! Every line from INFO up: its name, which never changes, its words and what
//! to do about it. `docs/logs.md` is made of this table, and a test finds each
//! line of the program in it.

mod table;

use sha2::{Digest as _, Sha256};
use tracing::Level;

pub use table::CATALOGUE;

/// One line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name. Words may change, the name does not.
    pub id: &'static str,
    /// How urgent.
    pub level: Level,
    /// The fixed words, by which it is known.
    pub text: &'static str,
    /// What to do.
    pub then: &'static str,
}

impl Entry {
    /// journald's `MESSAGE_ID`: the first 16 bytes of SHA-256 over
    /// `lanegate log` and the name, in hex.
    #[must_use]
    pub fn message_id(&self) -> String {
        let digest = Sha256::digest(format!("lanegate log {}", self.id));
        digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// What the table says of these words.
pub(super) fn by_text(text: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.text == text)
}

const HEAD: &str = "# Log lines

Made of `src/logs/catalogue/table.rs`. A line's *name* and `MESSAGE_ID` never change; its words may.

Under systemd each line goes to journald with fields of its own: `LANEGATE_LANE`, `LANEGATE_PASSAGE`,
`LANEGATE_CODE`, `LANEGATE_DEVICE` and whatever else the line says, each with `LANEGATE_` in front; `MESSAGE_ID` and
`LANEGATE_MESSAGE` (the name). On a terminal the same line is text; `lanegate run --log-format json` writes JSON
objects. `LANEGATE_LOG=info,lanegate=debug` says how much. No line from INFO up names a plate, a driver or a
document. A line that journald cannot take at once is left out rather than waited for, and the next one says how many
in `LANEGATE_LINES_LOST`.

One passage's whole story:

<!-- run by packaging/first-release: it needs journald -->
```sh
journalctl -u lanegate LANEGATE_PASSAGE=SZB-X-01-412-17
```

Everything that wakes somebody, of this boot; every alarm of a lane; one kind of line by its name:

<!-- run by packaging/first-release: it needs journald -->
```sh
journalctl -u lanegate -b -p err
journalctl -u lanegate LANEGATE_MESSAGE=alarm LANEGATE_LANE=SZB-X-01
journalctl -u lanegate LANEGATE_MESSAGE=device-lost -o verbose
```

ERROR wakes someone now, WARN someone tomorrow, INFO is a passage or a link that changed.
";

/// `docs/logs.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out = HEAD.to_owned();
    for level in [Level::ERROR, Level::WARN, Level::INFO] {
        out.push_str(&format!(
            "\n## {level}\n\n| name | says | do | `MESSAGE_ID` |\n|---|---|---|---|\n"
        ));
        for entry in CATALOGUE.iter().filter(|entry| entry.level == level) {
            let Entry { id, text, then, .. } = entry;
            let message_id = entry.message_id();
            out.push_str(&format!("| `{id}` | {text} | {then} | `{message_id}` |\n"));
        }
    }
    out
}

//! What drivers read on a panel, against Python's own table of GBK: every line
//! a reason can show, in either script, is in the panel's characters.

use std::io::Write as _;
use std::process::{Command, Stdio};

use firmware_sim::boards::Panel;
use lanegate_core::wire::Settings;
use lanegate_core::wire::sign::{Shown, SignWire};

/// Reads lines of hex, says the text of each by its own codec.
const PANEL: &str = "import sys\n\
for line in sys.stdin:\n    sys.stdout.buffer.write(bytes.fromhex(line).decode('gbk').encode() + b'\\n')\n";

#[test]
fn every_drivers_line_is_shown_as_it_is_by_a_panel_of_gbk() {
    let page = super::layout::source::read("docs/reasons.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let lines: Vec<String> = rows
        .flat_map(|row| row.trim_end_matches(" |").rsplit(" | ").next())
        .flat_map(|all| all.split(" / ").map(str::to_owned))
        .collect();
    assert!(lines.len() >= 3 * 40, "{}", lines.len());
    let plain: Settings = [("suffix", ""), ("columns", "256")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let panel = SignWire::of("text-sign", &plain).unwrap().unwrap();
    let mut python = Command::new("python3")
        .args(["-c", PANEL])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3: .ci/run installs it");
    let mut told = String::new();
    for line in &lines {
        let shown = Shown {
            go: false,
            lines: vec![line.clone()],
        };
        let hex: String = panel
            .show(&shown)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        told.push_str(&hex);
        told.push('\n');
    }
    python
        .stdin
        .take()
        .unwrap()
        .write_all(told.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let read = String::from_utf8(output.stdout).unwrap();
    let read: Vec<&str> = read.lines().collect();
    assert_eq!(read, lines);
}

/// Panels as their vendors document them show green for "drive on" alone.
#[test]
fn a_number_and_a_lamp_are_green_for_drive_on_alone() {
    for go in [true, false] {
        let shown = Shown {
            go,
            lines: vec!["A1".to_owned()],
        };
        let told = |protocol| {
            let panel = SignWire::of(protocol, &Settings::new());
            panel.unwrap().unwrap().show(&shown)
        };
        let Some(Panel::Number(_, colour)) = Panel::sunpn(&told("sunpn")) else {
            panic!("a Sunpn panel understands it");
        };
        assert_eq!(colour == 1, go);
        assert_eq!(
            Panel::lamp(&told("xy-lc301-display")),
            Some(Panel::Lamp(go))
        );
    }
}

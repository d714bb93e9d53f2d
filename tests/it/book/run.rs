//! Runs the blocks of a page in their order, as a reader would at a shell.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::page::{Block, Page};
use super::root;

/// Stands between what two blocks print.
const BETWEEN: char = '\u{1e}';
/// A page that waits for ever is ended, in seconds; none needs a tenth of it.
const WITHIN_S: &str = "900";

/// Where a package puts what lies here.
const INSTALLED: [(&str, &str); 4] = [
    ("/usr/share/doc/lanegate/examples", "config"),
    ("/usr/share/doc/lanegate/docs", "docs"),
    ("/usr/share/lanegate/monitoring", "monitoring"),
    ("/usr/share/lanegate/verify", "tests"),
];

/// The two words that name each command of a line: `cargo test`.
pub(crate) fn words(line: &str) -> Vec<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.starts_with('-') {
        return Vec::new();
    }
    let mut words = line.split_whitespace();
    let (first, second) = (words.next(), words.next());
    // A Rust test writes each word for itself.
    second.or(first).map(str::to_owned).into_iter().collect()
}

/// A directory with the program under both its names; gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("lanegate-book-{}-{n}", std::process::id()));
        fs::create_dir_all(dir.join("bin")).unwrap();
        fs::create_dir(dir.join("here")).unwrap();
        for name in ["lanegate", "lanegate-sim"] {
            symlink(env!("CARGO_BIN_EXE_lanegate"), dir.join("bin").join(name)).unwrap();
        }
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What runs in the background ends with the page.
fn script(blocks: &[&Block]) -> String {
    let mut script = "set -euo pipefail\n\
        trap 'of=$?; for job in $(jobs -p); do kill \"$job\" 2>/dev/null || true; done; wait; exit $of' EXIT\n"
        .to_owned();
    for block in blocks {
        let mut text = block.text.clone();
        for (installed, here) in INSTALLED {
            text = text.replace(installed, &root().join(here).to_string_lossy());
        }
        script.push_str(&text);
        script.push_str("printf '\\036'\n");
    }
    script
}

/// Runs the page, or says which block failed and how.
pub(crate) fn run(page: &Page) -> Result<(), String> {
    let blocks: Vec<&Block> = page
        .blocks
        .iter()
        .filter(|block| block.is_run_here())
        .collect();
    let scratch = Scratch::new();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("timeout")
        .args([WITHIN_S, "bash", "-c", &script(&blocks)])
        .current_dir(scratch.0.join("here"))
        .env(
            "PATH",
            format!("{}:{path}", scratch.0.join("bin").display()),
        )
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let outputs: Vec<&str> = said.split(BETWEEN).collect();
    if !output.status.success() || outputs.len() != blocks.len() + 1 {
        let failed = blocks.get(outputs.len() - 1).map_or(0, |block| block.line);
        let why = String::from_utf8_lossy(&output.stderr);
        let last = outputs.last().unwrap_or(&"");
        return Err(format!(
            "{}:{failed}: {}\n{last}{why}",
            page.path, output.status
        ));
    }
    for (block, output) in blocks.iter().zip(outputs) {
        shown_behind(page, block).map_or(Ok(()), |shown| {
            let missing = first_missing(&shown.text, output);
            missing.map_or(Ok(()), |line| {
                let place = format!("{}:{}", page.path, shown.line);
                Err(format!("{place}: it did not print\n{line}\nbut\n{output}"))
            })
        })?;
    }
    Ok(())
}

/// The block right behind this one that shows what comes out.
fn shown_behind<'a>(page: &'a Page, block: &Block) -> Option<&'a Block> {
    let mut behind = page
        .blocks
        .iter()
        .skip_while(|other| other.line != block.line);
    let next = behind.nth(1)?;
    (next.kind == "text" && next.follows).then_some(next)
}

/// The first line shown that does not come out, in the order shown. `…` stands
/// for anything, alone for any number of lines.
fn first_missing<'a>(shown: &'a str, output: &str) -> Option<&'a str> {
    let mut lines = output.lines();
    shown
        .lines()
        .filter(|line| !line.trim().is_empty() && line.trim() != "…")
        .find(|wanted| !lines.any(|line| fits(wanted, line)))
}

fn fits(wanted: &str, line: &str) -> bool {
    let mut pieces = wanted.trim().split('…');
    let first = pieces.next().unwrap_or_default().trim_end();
    let Some(mut rest) = line.trim().strip_prefix(first) else {
        return false;
    };
    let (mut last, mut open) = (first, false);
    for piece in pieces {
        let Some(at) = rest.find(piece.trim()) else {
            return false;
        };
        rest = &rest[at + piece.trim().len()..];
        (last, open) = (piece.trim(), true);
    }
    rest.trim().is_empty() || (open && (last.is_empty() || line.trim().ends_with(last)))
}

#[test]
fn what_is_shown_must_come_out_in_order() {
    let out = "one 12 two\nthree\n  four\n";
    for shown in [
        "one 12 two",
        "one … two\nfour",
        "…\nthree\n…",
        "one …",
        "… two",
    ] {
        assert_eq!(first_missing(shown, out), None, "{shown}");
    }
    assert_eq!(first_missing("three\none 12 two", out), Some("one 12 two"));
    assert_eq!(first_missing("one", out), Some("one"));
    assert_eq!(first_missing("one … tw", out), Some("one … tw"));
}

#[test]
fn a_page_whose_command_fails_or_prints_something_else_is_named() {
    let page = |text: &str| run(&Page::read("docs/x.md", text));
    let good =
        "```sh\nx=1\n```\n\n```sh\nlanegate --version; echo $x\n```\n```text\nlanegate …\n1\n```\n";
    assert_eq!(page(good), Ok(()));
    let failed = page("```sh\ntrue\n```\n\n```sh\nfalse\n```\n").unwrap_err();
    assert!(failed.starts_with("docs/x.md:5: "), "{failed}");
    let other = page("```sh\necho 1\n```\n\n```text\n2\n```\n").unwrap_err();
    assert!(
        other.starts_with("docs/x.md:5: it did not print\n2\n"),
        "{other}"
    );
    assert!(Path::new(env!("CARGO_BIN_EXE_lanegate")).exists());
}

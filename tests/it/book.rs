//! The book (`docs/`, mdBook) and the README say what is so: every page is in
//! the summary, every link leads somewhere, every command is understood, and
//! every `sh` block runs.
//!
//! A block runs with those before it on its page, in a directory of its own,
//! and what the `text` block behind it shows must come out (`…` stands for
//! anything). One that needs more than a test has says above it who runs it:
//! `<!-- run by PATH: why -->`.

mod commands;
mod page;
mod run;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use page::Page;

const SUMMARY: &str = "docs/SUMMARY.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Every page below `docs/`, the README and the architecture.
fn pages() -> Vec<Page> {
    let files = crate::layout::source::tree();
    let ours =
        |path: &str| path.ends_with(".md") && (path.starts_with("docs/") || !path.contains('/'));
    let files = files.into_iter().filter(|file| ours(&file.path));
    files
        .map(|file| Page::read(&file.path, &file.text))
        .collect()
}

#[track_caller]
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// Where a link of the page at `from` leads, below the root, and its anchor.
fn target(from: &str, link: &str) -> (String, Option<String>) {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return (from.to_owned(), anchor);
    }
    let mut whole = PathBuf::new();
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => whole.push(part),
        }
    }
    (whole.to_string_lossy().into_owned(), anchor)
}

#[test]
fn the_summary_names_every_page_once_and_no_other() {
    let pages = pages();
    let summary = pages.iter().find(|page| page.path == SUMMARY).unwrap();
    let named: Vec<String> = summary
        .links
        .iter()
        .map(|(_, link)| target(SUMMARY, link).0)
        .collect();
    let once: BTreeSet<&String> = named.iter().collect();
    assert_eq!(once.len(), named.len(), "a page stands twice in {SUMMARY}");
    let there: BTreeSet<&String> = pages
        .iter()
        .map(|page| &page.path)
        .filter(|path| path.starts_with("docs/") && *path != SUMMARY)
        .collect();
    assert_eq!(once, there, "left: {SUMMARY}; right: docs/");
}

#[test]
fn every_link_leads_somewhere_and_none_leads_out_of_the_book() {
    let pages = pages();
    let mut findings = Vec::new();
    for page in &pages {
        for (line, link) in page.links.iter().filter(|(_, link)| !link.contains("://")) {
            let (path, anchor) = target(&page.path, link);
            let place = format!("{}:{line}: {link}", page.path);
            if !exists(&path) {
                findings.push(format!("{place}: not there"));
            } else if page.path.starts_with("docs/") && !path.starts_with("docs/") {
                findings.push(format!(
                    "{place}: is not part of the book; name it as `path`"
                ));
            }
            let Some(anchor) = anchor else { continue };
            let there = pages.iter().find(|page| page.path == path);
            if there.is_none_or(|page| !page.anchors.contains(&anchor)) {
                findings.push(format!("{place}: no such heading"));
            }
        }
    }
    none(&findings);
}

#[test]
fn every_command_a_document_names_is_understood() {
    let mut findings = Vec::new();
    let mut understood = 0;
    for page in &pages() {
        let blocks = page.blocks.iter().filter(|block| block.kind != "text");
        let lines = blocks.flat_map(|block| {
            let lines = block.text.lines().enumerate();
            lines.map(|(i, text)| (block.line + 1 + i, text.to_owned()))
        });
        for (line, text) in page.spans.iter().cloned().chain(lines) {
            for words in commands::written(&text) {
                understood += 1;
                if let Err(why) = commands::understood(&words) {
                    findings.push(format!("{}:{line}: {}: {why}", page.path, words.join(" ")));
                }
            }
        }
    }
    none(&findings);
    assert!(understood > 100, "{understood}");
}

#[test]
fn a_block_that_a_test_cannot_run_says_who_does_and_why() {
    let mut findings = Vec::new();
    for page in &pages() {
        for block in page.blocks.iter().filter(|block| block.kind == "sh") {
            let Some(mark) = &block.mark else { continue };
            let place = format!("{}:{}", page.path, block.line);
            let Some((path, why)) = mark.split_once(": ") else {
                findings.push(format!("{place}: write `<!-- run by PATH: why -->`"));
                continue;
            };
            let Ok(runner) = fs::read_to_string(root().join(path)) else {
                findings.push(format!("{place}: {path} is not there"));
                continue;
            };
            if why.trim().is_empty() {
                findings.push(format!("{place}: it does not say why"));
            }
            // A program that takes blocks out of pages runs them all.
            if runner.contains("```sh") {
                continue;
            }
            for words in block.text.lines().flat_map(run::words) {
                if !runner.contains(&words) {
                    findings.push(format!("{place}: {path} does not run `{words}`"));
                }
            }
        }
    }
    none(&findings);
}

/// Each page beside the others: some wait for simulated trucks.
#[test]
fn every_block_of_the_book_runs_in_its_order() {
    let pages = pages();
    let findings: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = pages
            .iter()
            .filter(|page| page.blocks.iter().any(page::Block::is_run_here))
            .map(|page| scope.spawn(|| run::run(page)))
            .collect();
        assert!(running.len() >= 5, "{} pages", running.len());
        let ended = running.into_iter().map(|page| page.join().unwrap());
        ended.filter_map(Result::err).collect()
    });
    none(&findings);
}

//! What is never written, in code and anywhere. Words are put together from
//! halves here, so that this file does not find itself.

use super::source::File;

/// Findings of `words` in lines of code.
fn in_code(files: &[File], words: &[&str], why: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for (line, text) in file.code() {
            // What follows a comment sign is not code.
            let text = text.split(" // ").next().unwrap_or(text);
            for word in words.iter().filter(|word| text.contains(**word)) {
                findings.push(format!("{}:{line}: {word}: {why}", file.path));
            }
        }
    }
    findings
}

/// Code that puts off, waits blindly, or silences.
pub(super) fn banned_code(files: &[File]) -> Vec<String> {
    let words = [
        concat!("#[ig", "nore"),
        concat!("thread::", "sleep"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("db", "g!("),
        concat!("#[al", "low("),
        concat!("unbounded_", "channel"),
    ];
    in_code(files, &words, "is not written here")
}

/// Names of tools, makers and places a reader has nothing to do with.
pub(super) fn banned_words(files: &[File]) -> Vec<String> {
    let words = [
        concat!("cla", "ude"),
        concat!("anth", "ropic"),
        concat!("chat", "gpt"),
        concat!("open", "ai"),
        concat!("cop", "ilot"),
        concat!("co", "dex"),
        concat!("language ", "model"),
        concat!("/wo", "rk/"),
        concat!("/tmp/", "wt"),
        concat!("/tmp/", "target"),
        concat!("/tmp/", "spec"),
        concat!("arti", "factory"),
        concat!("lead", "-note"),
        concat!("until ", "merged"),
    ];
    let mut findings = Vec::new();
    for file in files {
        for (i, line) in file.text.lines().enumerate() {
            let lower = line.to_lowercase();
            for word in words.iter().filter(|word| lower.contains(**word)) {
                findings.push(format!("{}:{}: \"{word}\"", file.path, i + 1));
            }
        }
    }
    findings
}

/// What the core must get handed in: clocks, files, sockets, threads, chance.
pub(super) fn impure(files: &[File]) -> Vec<String> {
    let words = [
        "std::net",
        "std::fs",
        "std::env",
        "std::thread",
        "std::process",
        "std::os",
        "std::sync::Mutex",
        "Instant",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "tokio",
        "sled::",
        "rand::",
        "tracing::",
        "println!",
        "HashMap",
        "HashSet",
        "f32",
        "f64",
    ];
    in_code(files, &words, "the core is handed what it needs")
}

/// Imports of the crates the simulated firmware tests.
pub(super) fn imports_of_ours(files: &[File]) -> Vec<String> {
    let words = [
        "lanegate_core",
        "lanegate::",
        "extern crate lanegate",
        "#[path",
    ];
    in_code(
        files,
        &words,
        "a misread protocol would cancel out on both sides",
    )
}

#[test]
fn each_kind_of_word_is_found_in_code_and_not_in_comments() {
    let file = |text: &str| vec![File::of("core/src/x.rs", text)];
    let asleep = format!(
        "fn f() {{\n    std::{}(x);\n}}\n",
        concat!("thread::", "sleep")
    );
    assert_eq!(banned_code(&file(&asleep)).len(), 1);
    assert_eq!(banned_code(&file(&format!("// {asleep}"))).len(), 1);
    assert_eq!(impure(&file("use std::time::Instant;\n")).len(), 1);
    assert_eq!(
        impure(&file("/// Not an Instant.\nlet x = 1; // no f64\n")).len(),
        0
    );
    assert_eq!(
        imports_of_ours(&file("use lanegate_core::wire;\n")).len(),
        1
    );
    let named = format!("Written in {}main.\n", concat!("/wo", "rk/"));
    assert_eq!(banned_words(&file(&named)).len(), 1);
}

//! The house's rules as tests: who may use whom, how long things get, what is
//! never written. Each rule is a function from files to findings, proved on a
//! file that breaks it before it is turned on the tree.

mod floors;
pub(crate) mod source;
mod words;

use source::{File, tree};

/// Fails with every finding, one a line.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// Rust files below one of `roots`.
fn rust(roots: &[&str]) -> Vec<File> {
    let below = |file: &File| roots.iter().any(|root| file.path.starts_with(root));
    let files = tree().into_iter().filter(|f| f.path.ends_with(".rs"));
    let files: Vec<File> = files.filter(below).collect();
    assert!(files.len() > 3, "no files below {roots:?}");
    files
}

const SOURCES: [&str; 4] = ["src/", "core/src/", "firmware-sim/src/", "tests/"];

#[test]
fn a_module_of_the_shell_uses_lower_floors_only() {
    none(&floors::broken(&rust(&["src/"])));
}

#[test]
fn every_module_of_the_shell_is_in_the_codemap() {
    let map = source::read("ARCHITECTURE.md");
    let modules = floors::modules(&source::read("src/lib.rs"));
    assert!(modules.len() > 5, "{modules:?}");
    let missing = |name: &&String| {
        let (folder, file) = (format!("`src/{name}/"), format!("`src/{name}.rs"));
        !map.contains(&folder) && !map.contains(&file)
    };
    let missing: Vec<String> = modules.iter().filter(missing).cloned().collect();
    none(&missing);
}

#[test]
fn no_file_is_longer_than_700_lines_and_few_are_longer_than_400() {
    let files = rust(&SOURCES);
    none(&source::too_long(&files, 700));
    let long = source::too_long(&files, 400);
    assert!(
        long.len() * 8 < files.len(),
        "split some of these:\n{}",
        long.join("\n")
    );
}

#[test]
fn no_function_is_longer_than_70_lines() {
    none(&source::long_functions(&rust(&SOURCES), 70));
}

#[test]
fn what_is_never_written_is_not() {
    none(&words::banned_code(&rust(&SOURCES)));
    none(&words::banned_words(&tree()));
}

#[test]
fn the_core_reaches_for_nothing_outside() {
    let mut files = rust(&["core/src/"]);
    // Tests read golden frames from files.
    files.retain(|file| !file.path.contains("/tests"));
    none(&words::impure(&files));
    let manifest = source::read("core/Cargo.toml");
    let known = [
        "base64",
        "crc",
        "encoding_rs",
        "hmac",
        "jiff",
        "quick-xml",
        "serde",
        "serde_json",
        "serde_path_to_error",
        "sha2",
        "smallvec",
        "smol_str",
        "thiserror",
        "toml",
        "unicode-normalization",
    ];
    let others: Vec<String> = source::dependencies(&manifest)
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    none(&others);
}

#[test]
fn the_simulated_firmware_shares_nothing_with_what_it_tests() {
    let mut findings = words::imports_of_ours(&rust(&["firmware-sim/"]));
    let names = source::dependencies(&source::read("firmware-sim/Cargo.toml"));
    assert!(names.len() > 3, "{names:?}");
    findings.extend(
        names
            .into_iter()
            .filter(|name| name.starts_with("lanegate")),
    );
    none(&findings);
}

#[test]
fn the_shipped_program_does_not_bring_the_simulated_firmware_along() {
    let manifest = source::read("Cargo.toml");
    let own = manifest
        .split("\n[dependencies]")
        .nth(1)
        .unwrap_or_default();
    let own = own.split("\n[").next().unwrap_or_default();
    assert!(own.contains("lanegate-core"), "{own}");
    for line in own.lines().filter(|line| line.starts_with("firmware-sim")) {
        assert!(line.contains("optional = true"), "{line}");
    }
}

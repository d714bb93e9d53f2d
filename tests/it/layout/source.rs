//! Reading the tree, and the lengths of what is in it.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the tree.
pub(crate) struct File {
    /// From the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn of(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Lines of code with their numbers, from 1.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(i, line)| (i + 1, line));
        numbered.filter(|(_, line)| is_code(line))
    }
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What is written by hand, in order of paths.
pub(crate) fn tree() -> Vec<File> {
    let mut files = Vec::new();
    walk(&root(), &root(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<File>) {
    let kinds = [
        "rs", "md", "toml", "jsonl", "service", "rules", "sysusers", "tmpfiles", "yml", "yaml",
        "json", "py", "run", "sh",
    ];
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !["target", ".git", "corpus", "artifacts"].contains(&name.as_ref()) {
                walk(root, &path, files);
            }
        } else if kinds
            .iter()
            .any(|kind| name.ends_with(&format!(".{kind}")) || name == *kind)
        {
            let below = path.strip_prefix(root).unwrap();
            files.push(File::of(
                &below.to_string_lossy(),
                &fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

pub(super) fn too_long(files: &[File], lines_max: usize) -> Vec<String> {
    let lines = |file: &File| (file.path.clone(), file.text.lines().count());
    let long = files
        .iter()
        .map(lines)
        .filter(|(_, lines)| *lines > lines_max);
    long.map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect()
}

/// Functions of more than `lines_max` lines of code. Relies on rustfmt: a
/// function ends at the brace in the column it began in.
pub(super) fn long_functions(files: &[File], lines_max: usize) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let lines: Vec<&str> = file.text.lines().collect();
        for (i, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| is_function(line))
        {
            let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
            let body = lines[i..].iter().take_while(|l| !l.starts_with(&end));
            let body = body.filter(|l| is_code(l)).count();
            if body > lines_max && !line.ends_with('}') && !line.ends_with(';') {
                findings.push(format!("{}:{}: {body} lines", file.path, i + 1));
            }
        }
    }
    findings
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub") || ["const", "async", "crate)", "super)"].contains(word)
    });
    words.next() == Some("fn")
}

/// Names below `[dependencies]` of a manifest.
pub(super) fn dependencies(manifest: &str) -> Vec<String> {
    let part = manifest
        .split("\n[dependencies]\n")
        .nth(1)
        .unwrap_or_default();
    let part = part.split("\n[").next().unwrap_or_default();
    let lines = part
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with(['#', ' ', '}', ']']));
    let name = |line: &str| {
        line.split(['.', ' ', '='])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    lines.map(name).collect()
}

#[test]
fn a_function_one_line_too_long_is_found_and_comments_do_not_count() {
    let function = |lines: usize| {
        let body = "        // why\n\n        step();\n".repeat(lines);
        File::of(
            "src/x.rs",
            &format!("impl X {{\n    pub(crate) fn long() {{\n{body}    }}\n}}\n"),
        )
    };
    assert_eq!(long_functions(&[function(69)], 70), Vec::<String>::new());
    assert_eq!(
        long_functions(&[function(70)], 70),
        ["src/x.rs:2: 71 lines"]
    );
}

#[test]
fn a_file_one_line_too_long_is_found() {
    let file = |lines| File::of("a.rs", &"x\n".repeat(lines));
    assert_eq!(too_long(&[file(700)], 700), Vec::<String>::new());
    assert_eq!(too_long(&[file(701)], 700), ["a.rs: 701 lines"]);
}

#[test]
fn dependencies_are_named_whatever_their_form() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\na.workspace = true\n# why\n\
                    b = { version = \"1\", features = [\n  \"c\",\n] }\n\n[lints]\nd = 1\n";
    assert_eq!(dependencies(manifest), ["a", "b"]);
}

//! The floors of the shell (`ARCHITECTURE.md`): a module may use those of a
//! lower floor. Those on one floor may use each other, save where the floor
//! says they may not.

use super::source::File;

struct Floor {
    modules: &'static [&'static str],
    /// They never use one another: what they share belongs below.
    apart: bool,
}

const fn floor(modules: &'static [&'static str], apart: bool) -> Floor {
    Floor { modules, apart }
}

static FLOORS: [Floor; 7] = [
    floor(
        &[
            "clock", "metrics", "systemd", "stuck", "turns", "config", "logs", "tls",
        ],
        false,
    ),
    floor(&["journal", "store", "mqtt", "claims", "draws"], false),
    floor(&["committer"], false),
    floor(&["device", "authority", "http"], true),
    floor(&["gateway"], false),
    floor(&["cli", "sim"], false),
    floor(&["main", "lib"], false),
];

fn floor_of(module: &str) -> Option<usize> {
    FLOORS
        .iter()
        .position(|floor| floor.modules.contains(&module))
}

/// The module a file belongs to: `src/store/cache.rs` is `store`'s.
fn module_of(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    let name = below.split('/').next().unwrap_or_default();
    name.strip_suffix(".rs").unwrap_or(name)
}

/// Modules declared by `lib.rs`.
pub(super) fn modules(lib: &str) -> Vec<String> {
    let name = |line: &str| {
        let name = line
            .strip_prefix("pub mod ")
            .or(line.strip_prefix("mod "))?;
        Some(name.trim_end_matches(';').to_owned())
    };
    lib.lines().filter_map(name).collect()
}

/// Uses of a higher floor, of a neighbour that is apart, or around the rule.
pub(super) fn broken(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let user = module_of(&file.path);
        let Some(here) = floor_of(user) else {
            findings.push(format!("{}: {user} stands on no floor", file.path));
            continue;
        };
        for (line, used) in used(file) {
            let place = format!("{}:{line}", file.path);
            match floor_of(&used) {
                _ if used == user => {}
                None => findings.push(format!("{place}: {used} stands on no floor")),
                Some(there) if there > here => {
                    findings.push(format!("{place}: {user} uses {used}, which is above it"));
                }
                Some(there) if there == here && FLOORS[here].apart => {
                    findings.push(format!("{place}: {user} uses its neighbour {used}"));
                }
                Some(_) => {}
            }
        }
    }
    findings
}

/// Modules named behind `crate::` or, in the binary, `lanegate::`, with lines.
/// A group is read to its end; a `super` that leaves the module counts as
/// `crate`.
fn used(file: &File) -> Vec<(usize, String)> {
    let depth = file.path.matches('/').count() - usize::from(file.path.ends_with("/mod.rs"));
    let mut out = Vec::new();
    let code: Vec<(usize, &str)> = file.code().collect();
    let text: String = code.iter().map(|(_, line)| format!("{line}\n")).collect();
    let out_of = "super::".repeat(depth.max(1));
    let roots = [
        "crate::".to_owned(),
        "lanegate::".to_owned(),
        format!("use {out_of}"),
    ];
    for root in roots {
        for (at, _) in text.match_indices(&root) {
            let before = text[..at].chars().next_back();
            // `use super::` counts where a file's own items stand, in column 0.
            let own_super = root.starts_with("use ") && before.is_some_and(|c| c != '\n');
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || own_super {
                continue;
            }
            let line = code[text[..at].matches('\n').count()].0;
            for name in names(&text[at + root.len()..]) {
                out.push((line, name));
            }
        }
    }
    out
}

/// The first names of a path or of a group of paths; a macro, type or function
/// of the crate's root is none.
fn names(rest: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        let part = text
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_');
        part.collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return Some(ident(rest))
            .filter(|name| is_module(name))
            .into_iter()
            .collect();
    };
    let (mut depth, mut start, mut out) = (0_usize, true, Vec::new());
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                out.push(ident(&group[i..]));
                start = false;
            }
            _ => {}
        }
    }
    out.retain(|name| is_module(name));
    out
}

fn is_module(name: &str) -> bool {
    name != "self"
        && name != "super"
        && name.chars().all(|c| c.is_lowercase() || c == '_')
        && !name.is_empty()
}

#[test]
fn uses_upward_sideways_and_around_are_found() {
    let findings = |path: &str, text: &str| broken(&[File::of(path, text)]);
    let upward = findings("src/store/cache.rs", "//! x\nuse crate::device::Board;\n");
    assert_eq!(
        upward,
        ["src/store/cache.rs:2: store uses device, which is above it"]
    );
    let inline = findings(
        "src/config/mod.rs",
        "fn f() {\n    crate::gateway::run();\n}\n",
    );
    assert_eq!(
        inline,
        ["src/config/mod.rs:2: config uses gateway, which is above it"]
    );
    let group = findings(
        "src/http/mod.rs",
        "use crate::{\n    config::Config,\n    device::{A, B},\n};\n",
    );
    assert_eq!(group, ["src/http/mod.rs:1: http uses its neighbour device"]);
    let around = findings("src/store/mod.rs", "use super::gateway;\n");
    assert_eq!(
        around,
        ["src/store/mod.rs:1: store uses gateway, which is above it"]
    );
    let deeper = findings("src/store/cache/x.rs", "use super::super::super::sim;\n");
    assert_eq!(
        deeper,
        ["src/store/cache/x.rs:1: store uses sim, which is above it"]
    );
    assert_eq!(
        findings("src/util.rs", ""),
        ["src/util.rs: util stands on no floor"]
    );
    let main = findings("src/config/x.rs", "use lanegate::misc;\n");
    assert_eq!(main, ["src/config/x.rs:1: misc stands on no floor"]);
}

#[test]
fn uses_downward_of_oneself_and_of_the_core_are_not() {
    let text = "use crate::config::{Config, Source};\nuse crate::store::Cache;\n\
                use lanegate_core::model::Kg;\n// crate::sim is above\nuse super::medium::Medium;\n\
                mod tests {\n    use super::*;\n}\n";
    assert_eq!(
        broken(&[File::of("src/store/cache.rs", text)]),
        Vec::<String>::new()
    );
    let text = "use lanegate::cli;\n";
    assert_eq!(
        broken(&[File::of("src/main.rs", text)]),
        Vec::<String>::new()
    );
}

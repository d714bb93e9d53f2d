//! The files of `monitoring/`, read as far as their tests need.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(super) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of one kind, in order.
pub(super) fn in_dir(dir: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|why| panic!("{}: {why}", dir.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|e| e == extension));
    let mut names: Vec<_> = wanted.map(|path| path.display().to_string()).collect();
    names.sort();
    names
}

/// A recording or alerting rule; what the first does not have is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) expr: String,
    pub(super) severity: String,
    pub(super) summary: String,
    pub(super) runbook: String,
}

fn rules(file: &str, key: &str) -> Vec<Rule> {
    let path = repository().join("monitoring/prometheus/rules").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let mut rules: Vec<Rule> = Vec::new();
    let start = format!("- {key}: ");
    let mut in_expr = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(name) = line.strip_prefix(&start) {
            rules.push(Rule {
                name: name.to_owned(),
                ..Rule::default()
            });
            in_expr = None;
            continue;
        }
        let Some(rule) = rules.last_mut() else {
            continue;
        };
        if in_expr.is_some_and(|at| indent > at) {
            rule.expr.push_str(line);
            rule.expr.push(' ');
            continue;
        }
        in_expr = None;
        let value = |key: &str| {
            let value = line.strip_prefix(key)?.strip_prefix(": ")?;
            Some(value.trim_matches('\'').to_owned())
        };
        if let Some(expr) = value("expr") {
            in_expr = (expr == "|").then_some(indent);
            rule.expr = if expr == "|" { String::new() } else { expr };
        }
        for (key, field) in [
            ("severity", &mut rule.severity),
            ("summary", &mut rule.summary),
            ("runbook", &mut rule.runbook),
        ] {
            if let Some(text) = value(key) {
                *field = text;
            }
        }
    }
    assert!(rules.iter().all(|rule| !rule.expr.is_empty()), "{file}");
    rules
}

pub(super) fn alerts() -> Vec<Rule> {
    rules("alerts.yml", "alert")
}

pub(super) fn recorded() -> Vec<Rule> {
    rules("recording.yml", "record")
}

pub(super) fn runbook(alert: &Rule) -> String {
    let path = repository().join(&alert.runbook);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Commands of ours in a text: `lanegate` with the words of a subcommand.
pub(super) fn commands(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("`lanegate ") {
        let rest = &text[at + 1..];
        let command = rest.split('`').next().unwrap();
        let word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let words = command.split(' ').take_while(|w| !w.starts_with("--"));
        // `order release|inspect` names several: the first stands for them.
        let words = words.map(|w| w.split('|').next().unwrap());
        let words: Vec<&str> = words.take_while(word).take(3).collect();
        // What follows a complete subcommand is an argument.
        let len = match words.get(1) {
            Some(&("status" | "check" | "decode")) => 2,
            _ => 3,
        };
        found.insert(words[..words.len().min(len)].join(" "));
    }
    found
}

/// A dashboard.
pub(super) struct Dashboard {
    pub(super) file: String,
    value: Value,
}

impl Dashboard {
    pub(super) fn panels(&self) -> &[Value] {
        self.value["panels"].as_array().unwrap()
    }

    pub(super) fn variables(&self) -> Vec<String> {
        let list = self.value["templating"]["list"].as_array().unwrap();
        let names = list.iter().map(|v| v["name"].as_str().unwrap().to_owned());
        names.collect()
    }

    /// Where each question stands, and the question with every variable open.
    pub(super) fn questions(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for panel in self.panels() {
            let place = format!("{}, {}", self.file, panel["title"]);
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap();
                let open = ["$port", "$controller", "$lane"];
                let expr = open.iter().fold(expr.to_owned(), |e, v| e.replace(v, ".*"));
                all.push((place.clone(), expr));
            }
        }
        all
    }
}

pub(super) fn dashboards() -> Vec<Dashboard> {
    let dir = repository().join("monitoring/grafana/dashboards");
    let read = |path: String| {
        let file = PathBuf::from(&path);
        let text = fs::read_to_string(&file).unwrap();
        Dashboard {
            file: file.file_name().unwrap().to_string_lossy().into_owned(),
            value: serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}")),
        }
    };
    in_dir(&dir, "json").into_iter().map(read).collect()
}

/// The series an expression selects: names with their matchers.
pub(super) fn mentioned(expr: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some(start) = rest.find(|c: char| is_name(c) || c == '"') {
        rest = &rest[start..];
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted.split_once('"').map_or("", |(_, behind)| behind);
            continue;
        }
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let ours = ["lanegate", "process_", "ALERTS"];
        if name != "up" && !ours.iter().any(|prefix| name.starts_with(prefix)) {
            rest = behind;
            continue;
        }
        let matchers = match behind.strip_prefix('{').and_then(|b| b.split_once('}')) {
            Some((inside, _)) => format!("{{{inside}}}"),
            None => String::new(),
        };
        rest = &behind[matchers.len()..];
        found.push(format!("{name}{matchers}"));
    }
    found
}

#[test]
fn the_series_of_an_expression_are_found_with_their_matchers() {
    let expr = "sum by (lane) (rate(lanegate_a_total{x=\"y\"}[5m])) > lanegate:b:c offset 1h \
                or label_replace(up{job=\"lanegate\"}, \"lanegate_not\", \"up\", \"\", \"\")";
    let wanted = [
        "lanegate_a_total{x=\"y\"}",
        "lanegate:b:c",
        "up{job=\"lanegate\"}",
    ];
    assert_eq!(mentioned(expr), wanted);
}

#[test]
fn the_commands_of_a_text_end_where_their_arguments_begin() {
    let text = "`lanegate lane close --lane L`, `lanegate order release|inspect …`, \
                `lanegate status --passage P`, `lanegate journal verify /var`, `lanegate status`";
    let wanted = [
        "lanegate journal verify",
        "lanegate lane close",
        "lanegate order release",
        "lanegate status",
    ];
    assert_eq!(commands(text), BTreeSet::from(wanted.map(str::to_owned)));
}

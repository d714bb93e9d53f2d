//! The page: one file, no script, nothing fetched.

use std::fmt::Write as _;

use super::Span;
use super::board::{Kind, Panel};
use super::chart;
use super::figures::{Filled, last, shown};

const STYLE: &str = "
:root{color-scheme:light}
body{font:14px/1.4 system-ui,sans-serif;margin:16px;color:#1b1f24;background:#f4f5f7}
h1{font-size:22px;margin:0}header p{margin:2px 0 14px;color:#555}
main{display:grid;grid-template-columns:repeat(24,minmax(0,1fr));gap:10px}
section{background:#fff;border:1px solid #d8dce1;border-radius:6px;padding:10px;min-width:0}
h2{font-size:14px;margin:0 0 6px}
.says{font-size:12px;color:#666;margin:6px 0 0}
.number{font-size:30px;font-weight:600;color:#fff;border-radius:4px;padding:8px;text-align:center}
svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:#555}
svg text.on{fill:#fff;font-weight:600}
.grid{stroke:#e3e6ea}.limit{stroke-dasharray:5 4;stroke-width:1.5}
ul{list-style:none;margin:6px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12px}
li i{display:inline-block;width:10px;height:10px;margin-right:5px;border-radius:2px}
table{width:100%;border-collapse:collapse;font-size:13px}td{padding:2px 4px;white-space:nowrap}
td.bar{width:60%}td.bar i{display:block;height:12px;border-radius:2px}td.n{text-align:right}
.none{color:#666;padding:20px;text-align:center}
";

pub(super) fn page(title: &str, says: &str, panels: &[Filled], span: Span) -> String {
    let time = |at: i64| jiff::Timestamp::from_second(at).unwrap_or_default();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title><style>{STYLE}</style></head>\n\
         <body><header><h1>{0}</h1><p>{1} {2} to {3}.</p></header>\n<main>\n",
        escaped(title),
        escaped(says),
        time(span.from),
        time(span.until),
    );
    for filled in panels {
        let panel = &filled.panel;
        writeln!(
            out,
            "<section style=\"grid-column:span {}\"><h2>{}</h2>{}<p class=\"says\">{}</p></section>",
            panel.width,
            escaped(&panel.title),
            body(filled, span),
            escaped(&panel.says),
        )
        .expect("a string takes all");
    }
    out + "</main></body></html>\n"
}

fn body(filled: &Filled, span: Span) -> String {
    if filled.series.iter().all(|series| series.points.is_empty()) {
        return "<p class=\"none\">nothing known</p>".to_owned();
    }
    match filled.panel.kind {
        Kind::Number => number(filled),
        Kind::Lines => chart::lines(filled, span) + &legend(filled),
        Kind::States => chart::states(filled, span),
        Kind::Bars => bars(filled),
    }
}

fn number(filled: &Filled) -> String {
    let panel = &filled.panel;
    let value = filled.series.iter().find_map(last).unwrap_or_default();
    let (colour, text) = (panel.colour_at(value), shown(value, panel.unit));
    format!("<div class=\"number\" style=\"background:{colour}\">{text}</div>")
}

fn legend(filled: &Filled) -> String {
    let panel: &Panel = &filled.panel;
    let mut out = "<ul>".to_owned();
    for (place, series) in filled.series.iter().enumerate() {
        let colour = panel.colour_of(&series.name, place);
        let value = last(series).map_or("?".to_owned(), |value| shown(value, panel.unit));
        let name = escaped(&series.name);
        write!(
            out,
            "<li><i style=\"background:{colour}\"></i>{name} {value}</li>"
        )
        .expect("a string takes all");
    }
    out + "</ul>"
}

fn bars(filled: &Filled) -> String {
    let panel = &filled.panel;
    let all = filled.by_size();
    let most = all.first().map_or(1.0, |(_, value)| value.max(1e-9));
    let mut out = "<table>".to_owned();
    for (series, value) in all {
        let (name, colour) = (escaped(&series.name), panel.colour_at(value));
        let (share, text) = (value / most * 100.0, shown(value, panel.unit));
        write!(out, "<tr><td>{name}</td><td class=\"bar\"><i style=\"width:{share:.1}%;background:{colour}\"></i></td><td class=\"n\">{text}</td></tr>")
            .expect("a string takes all");
    }
    out + "</table>"
}

/// As text between tags or quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::board::Board;

    #[test]
    fn a_page_has_every_panel_and_fetches_nothing() {
        let board = Board::port();
        let panels: Vec<_> = board
            .panels
            .into_iter()
            .map(|panel| Filled {
                panel,
                series: Vec::new(),
            })
            .collect();
        let span = Span {
            from: 0,
            until: 240,
        };
        let html = page(&board.title, &board.says, &panels, span);
        assert_eq!(html.matches("<section").count(), panels.len());
        assert_eq!(html.matches("nothing known").count(), panels.len());
        assert!(html.contains("1970-01-01T00:04:00Z"), "{html}");
        for outside in ["<script", "src=", "href=", "url(", "@import"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}

//! `report --prometheus URL --since T`: the port view as one page that needs
//! nothing else, for a port without Grafana. It asks what the dashboard asks:
//! the panels are read from its file.

mod board;
mod chart;
mod client;
mod figures;
mod page;

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::output::{line, note};
use super::{Done, Exit, No};
use crate::clock::wall_now;
use board::{Ask, Board, Panel};
use client::{Prometheus, Series};
use figures::Filled;

/// Points of a curve.
const POINTS: i64 = 240;

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// Where Prometheus answers, like <http://127.0.0.1:9090>.
    #[arg(long, value_name = "URL")]
    prometheus: String,
    /// From when on: a time with its offset, or how long ago, like `3h`.
    #[arg(long, value_name = "T")]
    since: String,
    /// The file to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only ports whose code matches this pattern.
    #[arg(long, default_value = ".*")]
    port: String,
    /// Only controllers whose name matches this pattern.
    #[arg(long, default_value = ".*")]
    controller: String,
    /// Only lanes whose name matches this pattern.
    #[arg(long, default_value = ".*")]
    lane: String,
}

/// From and until, in seconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    from: i64,
    until: i64,
}

impl Span {
    const fn step(self) -> i64 {
        let step = (self.until - self.from) / POINTS;
        if step < 1 { 1 } else { step }
    }
}

pub(crate) fn report(args: &ReportArgs) -> Done {
    let span = span(&args.since, wall_now().0 / 1000)?;
    let prometheus = Prometheus::at(&args.prometheus)
        .map_err(|why| No::new(Exit::Usage, format!("--prometheus {why}")))?;
    let board = Board::port();
    let named = [
        ("$port", args.port.as_str()),
        ("$controller", args.controller.as_str()),
        ("$lane", args.lane.as_str()),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| No::new(Exit::Io, format!("no runtime: {why}")))?;
    let filled = runtime.block_on(fill(&prometheus, board.panels, &named, span))?;
    let text = page::page(&board.title, &board.says, &filled, span);
    let Some(file) = &args.output else {
        line(text);
        return Ok(Exit::Done);
    };
    std::fs::write(file, text).map_err(|why| {
        let why = format!("{}: {why}; name another --output", file.display());
        No::new(Exit::Io, why)
    })?;
    note(format!("{} panels in {}", filled.len(), file.display()));
    Ok(Exit::Done)
}

async fn fill(
    prometheus: &Prometheus,
    panels: Vec<Panel>,
    named: &[(&str, &str)],
    span: Span,
) -> Result<Vec<Filled>, No> {
    let mut filled = Vec::new();
    for panel in panels {
        let mut series = Vec::new();
        for ask in &panel.asks {
            let found = asked(prometheus, &panel, ask, named, span).await;
            let found = found.map_err(|why| {
                let why = format!("panel {:?}: {why}", panel.title);
                No::new(Exit::Io, why)
            })?;
            series.extend(found);
        }
        filled.push(Filled { panel, series });
    }
    Ok(filled)
}

async fn asked(
    prometheus: &Prometheus,
    panel: &Panel,
    ask: &Ask,
    named: &[(&str, &str)],
    span: Span,
) -> Result<Vec<Series>, String> {
    let replace = |expr: String, (name, value): &(&str, &str)| expr.replace(name, &literal(value));
    let expr = named.iter().fold(ask.expr.clone(), replace);
    let mut found = if panel.kind.is_over_time() {
        prometheus.range(&expr, span).await?
    } else {
        prometheus.instant(&expr, span.until).await?
    };
    for series in &mut found {
        series.name = board::legend(&ask.legend, &series.labels);
    }
    Ok(found)
}

/// As it stands between the quotes of a matcher.
fn literal(pattern: &str) -> String {
    pattern.replace('\\', "\\\\").replace('"', "\\\"")
}

fn span(since: &str, now: i64) -> Result<Span, No> {
    let wrong = || {
        let why = format!(
            "--since {since}: write a time with its offset, like 2026-11-24T08:00:00+08:00, or how long ago, like 3h"
        );
        No::new(Exit::Usage, why)
    };
    let from = match since.parse::<Timestamp>() {
        Ok(at) => at.as_second(),
        Err(_) => {
            let ago: SignedDuration = since.parse().map_err(|_| wrong())?;
            now.saturating_sub(ago.as_secs())
        }
    };
    if from >= now {
        return Err(wrong());
    }
    Ok(Span { from, until: now })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_how_long_ago_and_lies_before_now() {
        let now = 1_795_478_400;
        let from = |since: &str| span(since, now).ok().map(|span| span.from);
        assert_eq!(from("3h"), Some(now - 3 * 3600));
        assert_eq!(from("90m"), Some(now - 5400));
        assert_eq!(from("2026-11-24T07:00:00+08:00"), Some(now - 3600));
        for wrong in ["yesterday", "", "2027-01-01T00:00:00Z", "-3h", "3"] {
            assert_eq!(from(wrong), None, "{wrong}");
        }
        assert_eq!(span("4h", now).ok().map(Span::step), Some(60));
        assert_eq!(span("10s", now).ok().map(Span::step), Some(1));
    }

    #[test]
    fn a_pattern_stays_between_its_quotes() {
        assert_eq!(literal(r#"SZB-\d"x"#), r#"SZB-\\d\"x"#);
    }
}

//! Curves and lines of states as SVG.

use std::fmt::Write as _;

use super::Span;
use super::board::Panel;
use super::client::Series;
use super::figures::{Filled, shown, top};
use super::page::escaped;

/// Width of a drawing for each of 24 columns; it is scaled to its place.
const COLUMN: f64 = 50.0;
/// Room for the numbers of the axis.
const LEFT: f64 = 64.0;
const HEIGHT: f64 = 200.0;
/// A gap of more steps than this is a gap.
const GAP_STEPS: i64 = 5;
/// One line of states.
const LANE: f64 = 30.0;

/// Where things lie.
struct Frame {
    width: f64,
    height: f64,
    span: Span,
    top: f64,
}

impl Frame {
    fn x(&self, at: i64) -> f64 {
        let all = (self.span.until - self.span.from).max(1);
        let share = (at - self.span.from) as f64 / all as f64;
        LEFT + share * (self.width - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        self.height - (value / self.top).clamp(0.0, 1.0) * (self.height - 8.0)
    }
}

/// Curves, one above the other where the panel stacks them.
pub(super) fn lines(filled: &Filled, span: Span) -> String {
    let panel = &filled.panel;
    let stacked = stack(&filled.series, panel.stacked);
    let values = stacked.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let frame = Frame {
        width: panel.width as f64 * COLUMN,
        height: HEIGHT,
        span,
        top: top(values.fold(0.0, f64::max)),
    };
    let mut out = open(&frame, HEIGHT + 20.0);
    out += &axes(&frame, panel);
    // The upper ones first: the lower ones lie over them.
    for (place, series) in stacked.iter().enumerate().rev() {
        let colour = panel.colour_of(&series.name, place);
        let mut line = String::new();
        for piece in pieces(&series.points, span) {
            let area = panel.stacked.then_some(frame.height);
            line += &curve(&frame, piece, area, &colour);
        }
        let name = escaped(&series.name);
        write!(out, "<g><title>{name}</title>{line}</g>").expect("a string takes all");
    }
    out + "</svg>"
}

fn open(frame: &Frame, height: f64) -> String {
    format!(
        "<svg viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\">",
        frame.width
    )
}

/// Sums from below, if so wished.
fn stack(series: &[Series], stacked: bool) -> Vec<Series> {
    let mut all = series.to_vec();
    if !stacked {
        return all;
    }
    let mut below = std::collections::BTreeMap::<i64, f64>::new();
    for one in &mut all {
        for (at, value) in &mut one.points {
            let sum = below.entry(*at).or_default();
            *sum += *value;
            *value = *sum;
        }
    }
    all
}

/// Runs without a gap.
fn pieces(points: &[(i64, f64)], span: Span) -> impl Iterator<Item = &[(i64, f64)]> {
    let gap = span.step() * GAP_STEPS;
    points.chunk_by(move |a, b| b.0 - a.0 <= gap)
}

fn curve(frame: &Frame, points: &[(i64, f64)], area: Option<f64>, colour: &str) -> String {
    let mut path: Vec<String> = points
        .iter()
        .map(|(at, value)| format!("{:.1},{:.1}", frame.x(*at), frame.y(*value)))
        .collect();
    match (area, points.first(), points.last()) {
        (Some(floor), Some(first), Some(last)) => {
            path.push(format!("{:.1},{floor:.1}", frame.x(last.0)));
            path.push(format!("{:.1},{floor:.1}", frame.x(first.0)));
            format!("<polygon points=\"{}\" fill=\"{colour}\"/>", path.join(" "))
        }
        _ => format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        ),
    }
}

/// Numbers at the left, times below, and the limits as lines.
fn axes(frame: &Frame, panel: &Panel) -> String {
    let mut out = String::new();
    for share in [0.0, 0.5, 1.0] {
        let (value, y) = (frame.top * share, frame.y(frame.top * share));
        let text = shown(value, panel.unit);
        write!(out, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>", frame.width, LEFT - 6.0, y + 4.0)
            .expect("a string takes all");
    }
    for (from, colour) in &panel.limits {
        if let Some(from) = from.filter(|from| *from <= frame.top) {
            let y = frame.y(from);
            write!(out, "<line class=\"limit\" stroke=\"{colour}\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>", frame.width)
                .expect("a string takes all");
        }
    }
    out + &times(frame, frame.height + 16.0)
}

fn times(frame: &Frame, y: f64) -> String {
    let mut out = String::new();
    for (share, anchor) in [(0, "start"), (1, "middle"), (2, "end")] {
        let at = frame.span.from + (frame.span.until - frame.span.from) * share / 2;
        let (x, text) = (frame.x(at), clock(at));
        write!(
            out,
            "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{text}</text>"
        )
        .expect("a string takes all");
    }
    out
}

/// Time of day, as the machine that makes the report has it.
fn clock(at: i64) -> String {
    let time = jiff::Timestamp::from_second(at).unwrap_or_default();
    time.strftime("%H:%M:%S").to_string() + "Z"
}

/// A line of states for each series, each with its word where there is room.
pub(super) fn states(filled: &Filled, span: Span) -> String {
    let panel = &filled.panel;
    let frame = Frame {
        width: panel.width as f64 * COLUMN,
        height: LANE * filled.series.len() as f64,
        span,
        top: 1.0,
    };
    let mut out = open(&frame, frame.height + 20.0);
    for (row, series) in filled.series.iter().enumerate() {
        let y = row as f64 * LANE;
        let name = escaped(&series.name);
        write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>",
            LEFT - 6.0,
            y + 19.0
        )
        .expect("a string takes all");
        for run in series.points.chunk_by(|a, b| a.1.total_cmp(&b.1).is_eq()) {
            out += &state(&frame, panel, run, y);
        }
    }
    out + &times(&frame, frame.height + 16.0) + "</svg>"
}

fn state(frame: &Frame, panel: &Panel, run: &[(i64, f64)], y: f64) -> String {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return String::new();
    };
    let unknown = (String::from("?"), String::from("#999999"));
    let (word, colour) = panel.words.get(&(first.1 as i64)).unwrap_or(&unknown);
    let (from, until) = (frame.x(first.0), frame.x(last.0 + frame.span.step()));
    let width = (until - from).max(1.0);
    let mut out = format!(
        "<rect x=\"{from:.1}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{colour}\"><title>{} {} to {}</title></rect>",
        y + 3.0,
        LANE - 6.0,
        escaped(word),
        clock(first.0),
        clock(last.0),
    );
    if width > 8.0 * word.len() as f64 {
        let (x, y) = (from + 4.0, y + 19.0);
        write!(
            out,
            "<text class=\"on\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>",
            escaped(word)
        )
        .expect("a string takes all");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::board::{Board, Kind};

    fn series(name: &str, points: &[(i64, f64)]) -> Series {
        Series {
            name: name.to_owned(),
            labels: std::collections::BTreeMap::new(),
            points: points.to_vec(),
        }
    }

    const SPAN: Span = Span {
        from: 0,
        until: 240,
    };

    fn panel(kind: Kind) -> Panel {
        let mut panels = Board::port().panels.into_iter();
        panels.find(|panel| panel.kind == kind).unwrap()
    }

    #[test]
    fn what_is_stacked_ends_at_the_sum() {
        let all = [series("a", &[(0, 1.0), (1, 2.0)]), series("b", &[(1, 3.0)])];
        let stacked = stack(&all, true);
        assert_eq!(stacked[0].points, [(0, 1.0), (1, 2.0)]);
        assert_eq!(stacked[1].points, [(1, 5.0)]);
        assert_eq!(stack(&all, false), all);
    }

    #[test]
    fn a_curve_stops_where_nothing_was_known() {
        let points = [(0, 1.0), (1, 1.0), (60, 1.0)];
        assert_eq!(pieces(&points, SPAN).count(), 2);
        let panel = panel(Kind::Lines);
        let series = vec![series("a<b", &points)];
        let svg = lines(&Filled { panel, series }, SPAN);
        assert_eq!(
            svg.matches("<polygon").count() + svg.matches("<polyline").count(),
            2
        );
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"), "{svg}");
    }

    #[test]
    fn a_line_of_states_has_a_block_for_each_with_its_word() {
        let panel = panel(Kind::States);
        let points: Vec<_> = (0..240)
            .map(|at| (at, if at < 120 { 3.0 } else { 14.0 }))
            .collect();
        let series = vec![series("SZB-X-01", &points)];
        let svg = states(&Filled { panel, series }, SPAN);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(
            svg.contains(">vacant<") && svg.contains(">faulted<"),
            "{svg}"
        );
    }
}

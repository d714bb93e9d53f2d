//! What a demonstration shows of the yard: lanes with their arms and trucks,
//! and a line for each truck.

use firmware_sim::{LaneLayout, Must, Phase, Physical, Score, Story, TruckView, Us};
use lanegate_core::model::{Plate, PlateKind};

use super::chronicle::TruckLog;
use super::screen::{Span, Tone, columns};

/// Columns before the arm.
const BEFORE_ARM: usize = 22;
/// Columns behind it.
const BEHIND_ARM: usize = 12;

/// One truck, as shown.
pub(super) struct Row<'a> {
    pub(super) view: &'a TruckView,
    pub(super) log: &'a TruckLog,
}

/// Names of the columns.
pub(super) fn heading() -> Vec<Span> {
    let columns = [
        ("truck", 5),
        ("lane", 9),
        ("plate", 22),
        ("story", 14),
        ("verdict", 9),
        ("first reason", 25),
        ("time", 7),
        ("now", 9),
    ];
    let columns = columns.into_iter();
    columns
        .map(|(name, width)| Span::column(name, width, Tone::Faint))
        .collect()
}

/// A truck's line.
pub(super) fn row(row: &Row<'_>) -> Vec<Span> {
    let (view, log) = (row.view, row.log);
    let (sign, tone) = verdict(log.verdict.as_deref());
    let reason = log.codes.first().map_or("", String::as_str);
    let mut spans = vec![
        Span::column(&format!("{:>5}", view.id), 5, Tone::Plain),
        Span::column(&view.lane, 9, Tone::Plain),
        Span::column(&plate(&view.plates), 22, Tone::Plain),
        Span::column(story(view.story), 14, Tone::Plain),
        Span::column(&sign, 9, tone),
        Span::column(reason, 25, tone),
        Span::column(&took(log).map_or_else(String::new, seconds), 7, Tone::Plain),
        Span::column(phase(view.phase), 9, Tone::Bold),
    ];
    let officer = log.by_officer.then_some("officer").into_iter();
    let notes = officer.chain(Some(view.note.as_str()).filter(|note| !note.is_empty()));
    let notes: Vec<&str> = notes.collect();
    spans.push(Span::new(notes.join(", "), Tone::Faint));
    spans
}

/// From the loop to the arm rising, or to the verdict where no arm rose.
fn took(log: &TruckLog) -> Option<Us> {
    let until = log.lifted.or(log.judged)?;
    until.checked_sub(log.arrived?)
}

/// `2.31 s`
fn seconds(us: Us) -> String {
    let hundredths = us / 10_000;
    format!("{}.{:02} s", hundredths / 100, hundredths % 100)
}

/// Sign, word and colour of a verdict.
fn verdict(word: Option<&str>) -> (String, Tone) {
    let (sign, tone) = match word {
        Some("release") => ("✓", Tone::Blue),
        Some("inspect") => ("▲", Tone::Orange),
        Some("hold") => ("■", Tone::Purple),
        Some(_) => ("?", Tone::Bold),
        None => return (String::new(), Tone::Plain),
    };
    (format!("{sign} {}", word.unwrap_or_default()), tone)
}

/// The kind of the first plate and its end: enough to follow a truck, too
/// little to find its owner.
fn plate(plates: &[String]) -> String {
    let Some(first) = plates.first() else {
        return "none".to_owned();
    };
    let kind = Plate::parse(first).map(|plate| plate.kind());
    let kind = match kind {
        Ok(PlateKind::Mainland) => "mainland",
        Ok(PlateKind::CrossBorderHongKong) => "cross-border",
        Ok(PlateKind::CrossBorderMacau) => "cross-border",
        Ok(PlateKind::HongKong) => "Hong Kong",
        Ok(PlateKind::Macau) => "Macau",
        Ok(PlateKind::MainlandTrailer | PlateKind::HongKongTrailer) => "trailer",
        Err(_) => "odd",
    };
    let hidden = first.chars().count().saturating_sub(3);
    let end: String = first.chars().skip(hidden).collect();
    let more = plates.len() - 1;
    let more = if more > 0 {
        format!(" +{more}")
    } else {
        String::new()
    };
    format!("{kind} …{end}{more}")
}

pub(super) const fn story(story: Story) -> &'static str {
    match story {
        Story::Conforming => "conforming",
        Story::NoDeclaration => "no declaration",
        Story::WrongPlate => "wrong plate",
        Story::BrokenSeal => "broken seal",
        Story::Overweight => "overweight",
        Story::WrongPort => "wrong port",
        Story::Expired => "expired",
        Story::UnderControl => "under control",
        Story::SpentTwice => "spent twice",
        Story::Misread => "misread",
    }
}

pub(super) const fn must(must: Must) -> &'static str {
    match must {
        Must::Release => "must be released",
        Must::May => "may be released",
        Must::Not => "must not be released",
    }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "queued",
        Phase::Approaching => "drives up",
        Phase::AtStopLine => "waits",
        Phase::Crossing => "crosses",
        Phase::ToBay => "to bay",
        Phase::Reversing => "reverses",
        Phase::Released => "road",
        Phase::Inspected => "bay",
        Phase::Held => "back",
        Phase::Unfinished => "gave up",
    }
}

/// How far the run is: `released`, `inspected` and so on of those gone.
pub(super) fn progress(seed: u64, now: Us, score: &Score) -> Vec<Span> {
    let gone = score.released + score.inspected + score.held + score.unfinished;
    let s = now / 1_000_000;
    let mut spans = vec![
        Span::new("lanegate demo", Tone::Bold),
        Span::new(
            format!(
                "  seed {seed}  {:02}:{:02}  {gone} of {} gone  ",
                s / 60,
                s % 60,
                score.trucks
            ),
            Tone::Plain,
        ),
        Span::new(format!("✓ {} released  ", score.released), Tone::Blue),
        Span::new(format!("▲ {} inspected  ", score.inspected), Tone::Orange),
        Span::new(format!("■ {} sent back  ", score.held), Tone::Purple),
    ];
    let wrong = score.false_releases + score.missed_releases + score.unfinished;
    let tone = if wrong == 0 { Tone::Faint } else { Tone::Bold };
    let said = format!(
        "{} false  {} missed",
        score.false_releases, score.missed_releases
    );
    spans.push(Span::new(said, tone));
    spans
}

/// A lane seen from above: the truck that comes, the arm, the truck that goes.
pub(super) fn lane(layout: &LaneLayout, physical: &Physical, trucks: &[Row<'_>]) -> Vec<Span> {
    let in_lane = |wanted: Phase| {
        let mut of_lane = trucks.iter().filter(|row| row.view.lane == layout.lane);
        of_lane.find(|row| row.view.phase == wanted)
    };
    let named = |row: &Row<'_>| format!("#{}", row.view.id);
    let (mut before, mut tone) = (" ".repeat(BEFORE_ARM), Tone::Plain);
    if let Some(row) = in_lane(Phase::AtStopLine) {
        before = format!("{:>BEFORE_ARM$}", format!("[{}▸]", named(row)));
        tone = verdict(row.log.verdict.as_deref()).1;
    } else if let Some(row) = in_lane(Phase::Reversing) {
        before = format!("{:<BEFORE_ARM$}", format!("   ◂{}", named(row)));
        tone = Tone::Purple;
    } else if let Some(row) = in_lane(Phase::ToBay) {
        before = format!("{:>BEFORE_ARM$}", format!("▸{} to the bay", named(row)));
        tone = Tone::Orange;
    } else if let Some(row) = in_lane(Phase::Approaching) {
        before = format!("{:<BEFORE_ARM$}", format!("   {}▸", named(row)));
    }
    let behind =
        in_lane(Phase::Crossing).map_or_else(String::new, |row| format!(" {}▸", named(row)));
    let queued = trucks.iter().filter(|row| row.view.lane == layout.lane);
    let queued = queued.filter(|row| row.view.phase == Phase::Queued).count();
    debug_assert!(columns(&before) >= BEFORE_ARM);
    vec![
        Span::column(&layout.lane, 9, Tone::Bold),
        Span::column(&format!("{queued:>3} wait"), 9, Tone::Faint),
        Span::new(before, tone),
        Span::new(format!(" {} ", arm(physical)), Tone::Bold),
        Span::column(&behind, BEHIND_ARM, Tone::Blue),
    ]
}

/// The arm, by how high it is.
const fn arm(physical: &Physical) -> &'static str {
    match (physical.arm_permille, physical.arm_lowering) {
        (0, _) => "┃ down  ",
        (1000.., _) => "═ up    ",
        (_, true) => "╲ lowers",
        (_, false) => "╱ rises ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(spans: &[Span]) -> String {
        spans.iter().map(|span| span.text.as_str()).collect()
    }

    fn view(id: u32, phase: Phase) -> TruckView {
        TruckView {
            id,
            lane: "SZB-X-01".to_owned(),
            story: Story::Conforming,
            must: Must::Release,
            plates: vec!["粤ZAB12港".to_owned(), "AB1234".to_owned()],
            phase,
            note: String::new(),
        }
    }

    fn released() -> TruckLog {
        TruckLog {
            arrived: Some(1_000_000),
            lifted: Some(3_317_000),
            verdict: Some("release".to_owned()),
            ..TruckLog::default()
        }
    }

    #[test]
    fn a_trucks_line_shows_the_end_of_its_plate_only_and_fits_its_heading() {
        let (view, log) = (view(12, Phase::Crossing), released());
        let spans = row(&Row {
            view: &view,
            log: &log,
        });
        let line = text(&spans);
        assert!(line.contains("cross-border …12港 +1"), "{line}");
        assert!(!line.contains("AB"), "{line}");
        assert!(
            line.contains("✓ release") && line.contains("2.31 s"),
            "{line}"
        );
        let widths = |spans: &[Span]| {
            spans
                .iter()
                .take(8)
                .map(|s| columns(&s.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(widths(&spans), widths(&heading()));
    }

    #[test]
    fn a_lane_shows_its_arm_and_both_trucks_of_a_follower() {
        let world = firmware_sim::World::new(crate::sim::world_options(7, 1, 3));
        let views = [
            view(4, Phase::Crossing),
            view(5, Phase::AtStopLine),
            view(6, Phase::Queued),
        ];
        let log = released();
        let rows: Vec<Row<'_>> = views.iter().map(|view| Row { view, log: &log }).collect();
        let mut physical = world.physical(0);
        let down = text(&lane(&world.lanes()[0], &physical, &rows));
        assert!(
            down.contains("[#5▸] ┃ down    #4▸") && down.contains("1 wait"),
            "{down}"
        );
        physical.arm_permille = 500;
        let rising = text(&lane(&world.lanes()[0], &physical, &rows));
        assert!(rising.contains("╱ rises"), "{rising}");
        assert_eq!(columns(&down), columns(&rising));
    }
}

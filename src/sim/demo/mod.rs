//! `demo`: the real daemon as a child process, on pseudo-terminals and an
//! embedded broker, with simulated firmware on the other end of every wire.
//!
//! ```text
//!  World (trucks, vendors' devices, authority) -- PTYs, MQTT --> lanegate run --config ...
//!     |  facts            |  records
//!     +----> Chronicle <--+ ----> table while it runs, summary against the truth
//! ```
//! The seed decides everything in the world; how long the daemon takes is
//! its own.

mod chronicle;
mod daemon;
mod mishap;
mod play;
mod scraping;
mod screen;
mod stage;
mod summary;
mod table;

pub use chronicle::{Chronicle, Lift, TruckLog};
pub use daemon::{DaemonUnderTest, Stopped};
pub use mishap::Mishap;
pub use play::{End, Ended, Played, Spectator, play};
pub use stage::Stage;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use firmware_sim::{Phase, World};

use super::world_options;
use crate::clock::{Stopwatch, wall_now};
use scraping::Scraping;
use screen::{Screen, Span, Tone};
use summary::Summary;
use table::Row;

/// Exit codes (FORMATS 1).
const GOOD: u8 = 0;
const NOT_GOOD: u8 = 1;
const IO_FAILED: u8 = 74;
/// Between two pictures.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Lines of the daemon's log shown when it failed.
const LAST_WORDS: usize = 20;

/// What to demonstrate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DemoPlan {
    /// Trucks that come.
    pub trucks: usize,
    /// Lanes they come to.
    pub lanes: usize,
    /// The same seed gives the same trucks.
    pub seed: u64,
    /// Plain lines, and the summary as JSON on the last one.
    pub json: bool,
    /// The daemon's directory stays.
    pub keep: bool,
    /// The directory to be made, which stays too; none = one of our own.
    pub dir: Option<PathBuf>,
    /// Somebody plays the officer; else trucks on Hold wait.
    pub officer: bool,
    /// The daemon's lines go to journald.
    pub journald: bool,
    /// Trucks are drawn for inspection.
    pub sampling: bool,
    /// Mishaps are read from standard input.
    pub mishaps: bool,
    /// The metrics are scraped every second in every second window, and both
    /// kinds of windows compared.
    pub scrape: bool,
}

/// A demonstration of this program; the exit code says whether nothing was
/// released or missed wrongly and every truck is gone.
#[must_use]
pub fn demo(plan: &DemoPlan) -> u8 {
    let mut screen = Screen::standard(plan.json);
    match perform(plan, &mut screen) {
        Ok(code) => code,
        Err(why) => {
            screen.close();
            screen::complain(&format!("the demonstration cannot go on: {why}"));
            IO_FAILED
        }
    }
}

fn perform(plan: &DemoPlan, screen: &mut Screen) -> io::Result<u8> {
    let mut options = world_options(plan.seed, plan.lanes, plan.trucks);
    // The daemon lives by the real clock: so do the declarations.
    options.start_wall_ms = wall_now().0;
    options.officer = plan.officer;
    let world = World::new(options);
    let (mut stage, mut daemon) = set(plan, &world)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    note(
        screen,
        format!(
            "metrics at http://{}/metrics, everything else in {}",
            stage.metrics(),
            stage.dir().display()
        ),
    );
    let scraping = plan.scrape.then(|| Scraping::of(stage.metrics()));
    let mut show = Show::new(plan.seed, screen, scraping);
    show.begin();
    let played = runtime.block_on(play(world, &mut stage, &mut daemon, &mut show));
    let scraping = show.scraping;
    screen.close();
    let Ended {
        played,
        end,
        stopped,
    } = played.inspect_err(|_| say_log(screen, &stage, &daemon))?;
    let summary = Summary::new(plan.seed, played.world().score(), played.chronicle());
    let stopped_well = stopped != Stopped::Killed;
    let good = summary.is_good() && stopped_well && matches!(end, End::Over);
    report(screen, &played, &summary);
    for line in scraping
        .iter()
        .flat_map(|s| s.to_lines(played.chronicle().trucks()))
    {
        note(screen, line);
    }
    say_end(screen, &end);
    if !stopped_well {
        note(
            screen,
            "the daemon did not stop when told to and was killed",
        );
    }
    let explained = good || matches!(end, End::Interrupted);
    if !explained && !matches!(end, End::Over) {
        say_log(screen, &stage, &daemon);
    }
    let dir = stage.dir().display().to_string();
    if !explained || plan.keep || plan.dir.is_some() {
        note(screen, format!("everything is kept in {dir}"));
    } else if let Err(why) = stage.strike() {
        note(screen, format!("{dir} could not be removed: {why}"));
    }
    if plan.json {
        screen.line(&[Span::new(summary.to_json().to_string(), Tone::Plain)]);
    }
    Ok(if good { GOOD } else { NOT_GOOD })
}

/// The stage the plan asks for, and its daemon.
fn set(plan: &DemoPlan, world: &World) -> io::Result<(Stage, DaemonUnderTest)> {
    let mut stage = match &plan.dir {
        Some(dir) => Stage::set_at(dir, world)?,
        None => Stage::set(world)?,
    };
    if plan.sampling {
        stage.draw()?;
    }
    if plan.mishaps {
        stage.hear(mishap::heard(plan.lanes));
    }
    let mut daemon = stage.daemon(&std::env::current_exe()?);
    if plan.journald {
        daemon.arg("--log-format=journald");
    }
    Ok((stage, daemon))
}

fn report(screen: &Screen, played: &Played, summary: &Summary) {
    if screen.is_terminal() {
        screen.line(&table::heading());
        for row in rows(played) {
            screen.line(&table::row(&row));
        }
    }
    for line in summary.to_lines() {
        note(screen, line);
    }
    for row in rows(played).iter().filter(|row| is_surprising(row)) {
        let (story, must) = (table::story(row.view.story), table::must(row.view.must));
        let said = format!("truck {} ({story}) {must}; see its line", row.view.id);
        screen.line(&[Span::new(said, Tone::Bold)]);
    }
}

/// Ended otherwise than the truth wants, whoever decided so.
fn is_surprising(row: &Row<'_>) -> bool {
    let released = row.view.phase == Phase::Released;
    match row.view.must {
        firmware_sim::Must::Release => !released,
        firmware_sim::Must::May => false,
        firmware_sim::Must::Not => released,
    }
}

fn say_end(screen: &Screen, end: &End) {
    match end {
        End::Over => {}
        End::DaemonEnded(status) => note(screen, format!("the daemon ended by itself: {status}")),
        End::Interrupted => note(screen, "interrupted"),
        End::Failed(why) => note(screen, format!("broken off: {why}")),
    }
}

fn say_log(screen: &Screen, stage: &Stage, daemon: &DaemonUnderTest) {
    note(
        screen,
        format!("the daemon's last words ({}):", daemon.log().display()),
    );
    for line in daemon.last_words(LAST_WORDS) {
        note(screen, line);
    }
    note(
        screen,
        format!("its configuration: {}", stage.config().display()),
    );
}

fn note(screen: &Screen, text: impl Into<String>) {
    screen.line(&[Span::new(text, Tone::Plain)]);
}

fn rows(played: &Played) -> Vec<Row<'_>> {
    let trucks = played.world().trucks().iter();
    let logs = played.chronicle().trucks();
    trucks
        .zip(logs)
        .map(|(view, log)| Row { view, log })
        .collect()
}

/// Shows a play while it runs.
struct Show<'a> {
    seed: u64,
    screen: &'a mut Screen,
    drawn: Stopwatch,
    /// Trucks whose line was printed.
    printed: BTreeSet<u32>,
    scraping: Option<Scraping>,
}

impl<'a> Show<'a> {
    fn new(seed: u64, screen: &'a mut Screen, scraping: Option<Scraping>) -> Self {
        Self {
            seed,
            screen,
            drawn: Stopwatch::started(),
            printed: BTreeSet::new(),
            scraping,
        }
    }

    fn begin(&self) {
        if !self.screen.is_terminal() {
            self.screen.line(&table::heading());
        }
    }

    fn draw(&mut self, played: &Played) {
        let (world, rows) = (played.world(), rows(played));
        let mut lines = vec![
            table::progress(self.seed, played.now(), &world.score()),
            Vec::new(),
        ];
        for (n, layout) in world.lanes().iter().enumerate() {
            lines.push(table::lane(layout, &world.physical(n), &rows));
        }
        lines.extend([Vec::new(), table::heading()]);
        let room = self.screen.size().1.saturating_sub(lines.len());
        // Those that came last; who waits outside has no line yet.
        let mut come: Vec<&Row<'_>> = rows
            .iter()
            .filter(|row| row.log.arrived.is_some())
            .collect();
        come.sort_by_key(|row| row.log.arrived);
        let from = come.len().saturating_sub(room);
        lines.extend(come[from..].iter().map(|row| table::row(row)));
        self.screen.draw(&lines);
    }

    /// A line for each truck that is gone.
    fn print(&mut self, played: &Played) {
        for row in rows(played) {
            if row.view.phase.is_over() && self.printed.insert(row.view.id) {
                self.screen.line(&table::row(&row));
            }
        }
    }
}

impl Spectator for Show<'_> {
    fn see(&mut self, played: &Played, _daemon: &mut DaemonUnderTest) -> io::Result<()> {
        if let Some(scraping) = &mut self.scraping {
            scraping.step(played.now());
        }
        if !self.screen.is_terminal() {
            self.print(played);
        } else if self.drawn.elapsed() >= DRAW_EVERY {
            self.drawn = Stopwatch::started();
            self.draw(played);
        }
        Ok(())
    }
}

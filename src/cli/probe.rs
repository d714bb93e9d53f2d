//! `probe PORT`: which protocols fit what the device sends, with the evidence.
//! It listens; only with `--ask` does it write, and then only the questions of
//! protocols whose device must be asked.

mod listen;
mod report;

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use lanegate_core::wire::fit::{Fits, Heard, fits, fits_among};
use lanegate_core::wire::{Protocol, Settings, protocols};

use super::holders::{self, Holder};
use super::{Done, Exit, No};
use crate::clock::Stopwatch;
use listen::{Line, Listener, Parity};

/// Speeds, the usual ones first.
const BAUDS: [u32; 8] = [9_600, 4_800, 2_400, 1_200, 19_200, 38_400, 57_600, 115_200];
/// A line shorter than this tells nothing of a device.
const TURN_MIN: Duration = Duration::from_millis(200);
/// An answer begins within this.
const ANSWER: Duration = Duration::from_millis(400);
/// So many frames of a checked protocol, nearly without noise, are proof: no
/// other speed need be listened to.
const PROOF: (usize, usize) = (3, 50);

#[derive(Args)]
pub(crate) struct ProbeArgs {
    /// The port, best by its /dev/serial/by-path name.
    port: PathBuf,
    /// Listen for so long, all speeds together.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Listen at this speed alone.
    #[arg(long)]
    baud: Option<u32>,
    /// Also ask: send the questions of protocols that answer only when asked.
    #[arg(long)]
    ask: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What one speed brought.
struct Turn {
    line: Line,
    bytes: usize,
    fits: Fits,
    hint: Option<&'static str>,
    /// The protocol whose question was answered.
    asked: Option<&'static str>,
}

/// What probing found.
struct Found {
    turns: Vec<Turn>,
    /// The port has no speed: a pseudo-terminal.
    no_speed: bool,
    seconds: u64,
}

pub(crate) fn probe(args: &ProbeArgs) -> Done {
    free(&args.port)?;
    let no_speed = fs::canonicalize(&args.port).is_ok_and(|path| path.starts_with("/dev/pts"));
    let bauds: Vec<u32> = match args.baud {
        Some(baud) => vec![baud],
        None if no_speed => vec![BAUDS[0]],
        None => BAUDS.to_vec(),
    };
    let mut listener = Listener::open(&args.port).map_err(|why| No::new(Exit::Io, why))?;
    let mut found = Found {
        turns: Vec::new(),
        no_speed,
        seconds: args.seconds,
    };
    search(&mut listener, &bauds, args, &mut found).map_err(|why| No::new(Exit::Io, why))?;
    Ok(report::report(&args.port, &found, args.ask, args.json))
}

/// Refuses a port that is none, or is held.
fn free(port: &Path) -> Result<(), No> {
    let shown = port.display();
    let is_port = fs::metadata(port).map_err(|why| {
        let then = "is the adapter plugged in, and the path that of its socket?";
        No::new(Exit::Io, format!("{shown}: cannot be found: {why}; {then}"))
    })?;
    if !is_port.file_type().is_char_device() {
        let then = "write the path of a port, best by /dev/serial/by-path";
        return Err(No::new(Exit::Io, format!("{shown}: is no port; {then}")));
    }
    let own = std::process::id();
    let opened = holders::opened_by(port).into_iter().find(|h| h.pid != own);
    let holder: Option<Holder> = opened.or_else(|| holders::locked_by(port));
    match holder {
        Some(holder) => Err(No::new(
            Exit::Io,
            format!(
                "{shown}: is held by {holder}: both would take bytes from each other; stop it first \
                 (a running lanegate: `lanegate status` shows what its devices send)"
            ),
        )),
        None => Ok(()),
    }
}

/// Listens at one speed after the other; then, where it may, asks.
fn search(
    listener: &mut Listener,
    bauds: &[u32],
    args: &ProbeArgs,
    found: &mut Found,
) -> Result<(), String> {
    let total = Duration::from_secs(args.seconds);
    let clock = Stopwatch::started();
    // Half of the time is for asking, and for parities that eight bits without
    // one do not show.
    let turns = u32::try_from(bauds.len() + usize::from(bauds.len() > 1)).unwrap_or(u32::MAX);
    let share = if args.ask { total / 2 } else { total };
    let turn = (share / turns).max(TURN_MIN);
    for &baud in bauds {
        let left = total.saturating_sub(clock.elapsed());
        let line = Line {
            baud,
            parity: Parity::None,
        };
        let heard = listener.listen(line, turn.min(left), is_proof)?;
        if judged(line, &heard, None, found) {
            return Ok(());
        }
    }
    if found.turns.iter().all(|turn| turn.fits.fits.is_empty()) {
        parities(listener, &clock, total, found)?;
    }
    match args.ask {
        true => ask(listener, bauds, &clock, total, found),
        false => Ok(()),
    }
}

/// Keeps what one turn brought; true if nothing is left to find.
fn judged(line: Line, heard: &Heard, asked: Option<&'static Protocol>, found: &mut Found) -> bool {
    let fits = match asked {
        Some(protocol) => fits_among(&[protocol], heard),
        None => fits(heard),
    };
    let proven = proves(&fits);
    found.turns.push(Turn {
        line,
        bytes: heard.len(),
        hint: lanegate_core::wire::fit::parity_hint(heard),
        fits,
        asked: asked.map(|protocol| protocol.name),
    });
    proven
}

fn proves(fits: &Fits) -> bool {
    let best = fits.fits.first();
    let proven = best.is_some_and(|best| {
        best.is_strong() && best.frames >= PROOF.0 && best.noise_permille <= PROOF.1
    });
    proven && fits.rivals == 1
}

fn is_proof(heard: &Heard) -> bool {
    proves(&fits(heard))
}

/// Eight bits with a parity bit read as eight without are noise: where bytes
/// came and nothing fits, the two are tried in the time that is left.
fn parities(
    listener: &mut Listener,
    clock: &Stopwatch,
    total: Duration,
    found: &mut Found,
) -> Result<(), String> {
    let loud = found.turns.iter().filter(|turn| turn.bytes > 0);
    let bauds: Vec<u32> = loud.map(|turn| turn.line.baud).collect();
    for (n, &baud) in bauds.iter().enumerate() {
        for parity in [Parity::Even, Parity::Odd] {
            let left = total.saturating_sub(clock.elapsed());
            let rest = u32::try_from(2 * (bauds.len() - n)).unwrap_or(u32::MAX);
            if found.no_speed || left < TURN_MIN {
                return Ok(());
            }
            let line = Line { baud, parity };
            let heard = listener.listen(line, left / rest, is_proof)?;
            if judged(line, &heard, None, found) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The questions of every protocol that has one, at every speed.
fn ask(
    listener: &mut Listener,
    bauds: &[u32],
    clock: &Stopwatch,
    total: Duration,
    found: &mut Found,
) -> Result<(), String> {
    for &baud in bauds {
        for &protocol in protocols() {
            let Some(question) = protocol.ask else {
                continue;
            };
            if clock.elapsed() >= total {
                return Ok(());
            }
            let line = Line {
                baud,
                parity: Parity::None,
            };
            let question = question(&Settings::new());
            // Asked a few times, since one answer alone is an accident.
            let mut heard = Heard::new();
            for _ in 0..3 {
                let answer = listener.ask(line, &question.bytes, ANSWER)?;
                if answer.is_empty() {
                    break;
                }
                heard.push(&answer);
                heard.silent();
            }
            if !heard.is_empty() && judged(line, &heard, Some(protocol), found) {
                return Ok(());
            }
        }
    }
    Ok(())
}

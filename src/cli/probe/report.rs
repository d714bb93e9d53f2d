//! What probing found, for a person and as JSON, with what to paste.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use lanegate_core::wire::fit::Fit;
use lanegate_core::wire::{ProtocolKind, protocols};
use serde_json::{Value, json};

use super::listen::{Line, Parity};
use super::{Found, Turn};
use crate::cli::Exit;
use crate::cli::output::line;

/// Where the system names ports by place.
const BY_PATH: &str = "/dev/serial/by-path";
/// Fits shown beside the best.
const OTHERS_MAX: usize = 4;

/// The turn whose fit is best, and with whom it contends.
struct Best<'a> {
    turn: &'a Turn,
    rivals: &'a [Fit],
}

/// Prints it. Exit 1 if nothing fits or more than one does.
pub(super) fn report(port: &Path, found: &Found, asked: bool, as_json: bool) -> Exit {
    let best = best(found);
    let exit = match &best {
        Some(best) if best.rivals.len() == 1 => Exit::Done,
        Some(_) | None => Exit::No,
    };
    if as_json {
        line(to_json(port, found, best.as_ref(), asked).to_string());
        return exit;
    }
    let shown = match &best {
        Some(best) => told(port, found, best),
        None => nothing(found, asked),
    };
    for text in heard(found).into_iter().chain(shown) {
        if !line(text) {
            break;
        }
    }
    exit
}

fn best(found: &Found) -> Option<Best<'_>> {
    let with_fits = found.turns.iter().filter(|turn| !turn.fits.fits.is_empty());
    let turn = with_fits.min_by_key(|turn| {
        let fit = &turn.fits.fits[0];
        (
            !fit.is_strong(),
            fit.noise_permille,
            std::cmp::Reverse(fit.frames),
        )
    })?;
    let rivals = &turn.fits.fits[..turn.fits.rivals.max(1)];
    Some(Best { turn, rivals })
}

/// One line a speed.
fn heard(found: &Found) -> Vec<String> {
    let of = |turn: &Turn| {
        let mut text = format!("{:<12} ", words(turn));
        match (turn.bytes, turn.fits.fits.first()) {
            (0, _) => text.push_str("nothing"),
            (bytes, None) => {
                write!(text, "{bytes} bytes, no protocol fits").expect("a String takes all");
                let why = turn
                    .hint
                    .unwrap_or("a wrong speed or parity, or a device not known here");
                write!(text, ": {why}").expect("a String takes all");
            }
            (bytes, Some(fit)) => {
                let name = fit.protocol.name;
                write!(text, "{bytes} bytes, {} frames of {name}", fit.frames)
                    .expect("a String takes all");
            }
        }
        text
    };
    found.turns.iter().map(of).collect()
}

/// The line of a turn as `lane.toml` writes it; what was read with parity as
/// it was read.
fn written(turn: &Turn) -> String {
    let Line { baud, parity } = turn.line;
    match parity {
        Parity::None => format!("{baud} {}", turn.fits.framing.word()),
        // Not a form `lane.toml` knows by itself: eight bits and a parity.
        Parity::Even => format!("{baud} 8E1"),
        Parity::Odd => format!("{baud} 8O1"),
    }
}

fn words(turn: &Turn) -> String {
    match turn.asked {
        Some(protocol) => format!("{} asked {protocol}", written(turn)),
        None => written(turn),
    }
}

fn nothing(found: &Found, asked: bool) -> Vec<String> {
    let silent = found.turns.iter().all(|turn| turn.bytes == 0);
    let mut lines = Vec::new();
    if !silent {
        lines.push(
            "bytes come, but no protocol fits them at any speed: see that the device sends by \
             itself in a known format, that ground and receive are wired, and give it longer \
             with --seconds"
                .to_owned(),
        );
        return lines;
    }
    lines.push(format!(
        "nothing came in {} s: is the device on, does it send by itself, are transmit and \
         receive exchanged? A seal speaks seldom: --seconds 600",
        found.seconds
    ));
    if !asked {
        let asks = protocols().iter().filter(|p| p.ask.is_some());
        let asks: Vec<&str> = asks.map(|p| p.name).collect();
        lines.push(format!(
            "some devices answer only when asked ({}): --ask asks, which writes to the port",
            asks.join(", ")
        ));
    }
    lines
}

fn told(port: &Path, found: &Found, best: &Best<'_>) -> Vec<String> {
    let mut lines = vec![String::new()];
    for fit in best.rivals {
        lines.push(evidence(best.turn, fit));
        for reading in fit.readings.iter().rev().take(2) {
            lines.push(format!("  reads {reading}"));
        }
    }
    if best.rivals.len() > 1 {
        let names: Vec<&str> = best.rivals.iter().map(|fit| fit.protocol.name).collect();
        lines.push(format!(
            "not decided between {}: the same bytes fit each of them. Put a known weight on, or \
             look at the device's display, and take the one that reads what it shows; a value \
             that reads the same forwards and backwards decides nothing",
            names.join(" and ")
        ));
    }
    let others = best.turn.fits.fits.iter().skip(best.rivals.len());
    for fit in others.take(OTHERS_MAX) {
        lines.push(format!("less likely: {}", evidence(best.turn, fit)));
    }
    if found.no_speed {
        lines.push(
            "this is a pseudo-terminal: it has no speed, take the one the device is set to"
                .to_owned(),
        );
    }
    for fit in best.rivals {
        lines.push(String::new());
        lines.extend(toml(port, best.turn, fit));
    }
    lines
}

fn evidence(turn: &Turn, fit: &Fit) -> String {
    let checked = match (fit.damages, fit.is_strong()) {
        (0, _) => "how well it notices damage is not known".to_owned(),
        (tried, true) => format!("notices {} of {tried} single damaged bits", fit.noticed),
        (tried, false) => format!(
            "notices only {} of {tried} single damaged bits: it has no checksum",
            fit.noticed
        ),
    };
    format!(
        "{} at {}: {} frames, noise {}.{} %, {checked}",
        fit.protocol.name,
        written(turn),
        fit.frames,
        fit.noise_permille / 10,
        fit.noise_permille % 10,
    )
}

/// Lines for `lane.toml`.
fn toml(port: &Path, turn: &Turn, fit: &Fit) -> Vec<String> {
    let (head, role) = match fit.protocol.kind {
        ProtocolKind::Io => ("[lane.io]", None),
        ProtocolKind::Sign => ("[lane.sign]", None),
        ProtocolKind::Scale => ("[[lane.device]]", Some("scale")),
        ProtocolKind::Camera => ("[[lane.device]]", Some("camera")),
        ProtocolKind::Seal => ("[[lane.device]]", Some("seal")),
        ProtocolKind::Tag => ("[[lane.device]]", Some("tag")),
    };
    let mut lines = vec![format!("# for lane.toml\n{head}")];
    lines.extend(role.map(|role| format!("role = \"{role}\"")));
    lines.push(format!("protocol = \"{}\"", fit.protocol.name));
    let path = by_path(port).display().to_string();
    let source = json!(path);
    lines.push(format!(
        "source = {{ serial = {source}, line = \"{}\" }}",
        written(turn)
    ));
    let own = fit.settings.iter();
    let own = own.filter(|(name, _)| !matches!(name.as_str(), "data_bits" | "parity" | "unit"));
    let own: Vec<String> = own
        .map(|(name, word)| format!("{name} = {}", json!(word)))
        .collect();
    if !own.is_empty() {
        lines.push(format!("settings = {{ {} }}", own.join(", ")));
    }
    for (name, others) in &fit.untold {
        let others = others.join(", ");
        lines.push(format!(
            "# the bytes do not tell {name}: it may also be {others}"
        ));
    }
    lines
}

/// The name of the port's place, if it has one.
fn by_path(port: &Path) -> PathBuf {
    let Ok(target) = fs::canonicalize(port) else {
        return port.to_owned();
    };
    let names = fs::read_dir(BY_PATH).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = names.map(|name| name.path()).collect();
    names.sort();
    let same = |name: &PathBuf| fs::canonicalize(name).is_ok_and(|path| path == target);
    names
        .into_iter()
        .find(same)
        .unwrap_or_else(|| port.to_owned())
}

fn to_json(port: &Path, found: &Found, best: Option<&Best<'_>>, asked: bool) -> Value {
    let fit = |turn: &Turn, fit: &Fit| {
        json!({"protocol": fit.protocol.name, "line": written(turn), "settings": fit.settings,
            "frames": fit.frames, "noise_permille": fit.noise_permille,
            "damages": fit.damages, "damages_noticed": fit.noticed, "checked": fit.is_strong(),
            "readings": fit.readings, "untold": untold(fit), "asked": turn.asked,
            "toml": toml(port, turn, fit).join("\n")})
    };
    let rivals = best.map_or(0, |best| best.rivals.len());
    let fits = best.map(|best| {
        let fits = best.turn.fits.fits.iter();
        fits.map(|f| fit(best.turn, f)).collect::<Vec<_>>()
    });
    let turns = found.turns.iter().map(|turn| {
        json!({"line": written(turn), "bytes": turn.bytes, "hint": turn.hint,
            "asked": turn.asked, "fits": turn.fits.fits.len()})
    });
    json!({"port": port.display().to_string(), "decided": rivals == 1, "rivals": rivals,
        "fits": fits.unwrap_or_default(), "lines": turns.collect::<Vec<_>>(),
        "speed_told": !found.no_speed, "asked": asked})
}

fn untold(fit: &Fit) -> Value {
    let pairs = fit
        .untold
        .iter()
        .map(|(name, words)| ((*name).to_owned(), json!(words)));
    Value::Object(pairs.collect())
}

//! Wall time: who disciplines it, and whether the daemon could believe it
//! after a start. Goes by what the daemon goes by (`crate::clock`): the time
//! daemon's mark, the configured trust in the clock chip, the authority.

use std::fs;
use std::time::Duration;

use super::Around;
use super::finding::{Area, Findings};
use crate::cli::holders;
use crate::clock::wall_now;
use lanegate_core::time::Wall;

/// Programs that discipline the clock; whether they leave a mark.
const TIME_DAEMONS: [(&str, bool); 6] = [
    ("systemd-timesyn", true),
    ("chronyd", false),
    ("ntpd", false),
    ("openntpd", false),
    ("ptp4l", false),
    ("phc2sys", false),
];

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    if let Some(status) = &around.daemon {
        return match status["clock"].as_str() {
            Some("trusted") => findings.good(Area::Clock, "clock", "the daemon trusts it"),
            Some(_) | None => {
                let what = "the daemon does not trust it: every verdict is Hold clock.unknown";
                let then = "start a time daemon (timedatectl status), or see why the authority's \
                            heartbeats do not agree with it (journalctl -u lanegate)";
                findings.fault(Area::Clock, "clock", what, then);
            }
        };
    }
    let clock = &around.config.clock;
    let age = fs::metadata(&clock.mark).and_then(|mark| mark.modified());
    let age = age.ok().and_then(age_of);
    let hold = Duration::from_micros(clock.hold.0);
    match age {
        Some(age) if age <= hold => {
            let what = format!(
                "disciplined: {} was set {} s ago",
                clock.mark.display(),
                age.as_secs()
            );
            findings.good(Area::Clock, "clock", what);
        }
        Some(age) => free(
            around,
            &format!(
                "{} was last set {} s ago",
                clock.mark.display(),
                age.as_secs()
            ),
            findings,
        ),
        None => free(
            around,
            &format!("there is no {}", clock.mark.display()),
            findings,
        ),
    }
}

/// How long ago; a mark from the future is of no known age.
fn age_of(at: std::time::SystemTime) -> Option<Duration> {
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = Wall(i64::try_from(since.as_millis()).ok()?);
    let ms = u64::try_from(wall_now() - at).ok()?;
    Some(Duration::from_millis(ms))
}

/// Nothing says that the clock is disciplined.
fn free(around: &Around<'_>, why: &str, findings: &mut Findings) {
    let running = TIME_DAEMONS
        .iter()
        .find_map(|(name, marks)| Some((holders::named(name)?, *marks)));
    let (said, then) = match running {
        Some((holder, false)) => (
            format!("{holder} runs but leaves no such mark"),
            "let clock.mark name a file it touches when it sets the clock, or use \
             systemd-timesyncd"
                .to_owned(),
        ),
        Some((holder, true)) => (
            format!("{holder} runs but has not reached its server"),
            "timedatectl timesync-status tells which server and why".to_owned(),
        ),
        None => (
            "no time daemon runs".to_owned(),
            "apt install systemd-timesyncd, name a server of the port's in \
             /etc/systemd/timesyncd.conf, systemctl restart systemd-timesyncd"
                .to_owned(),
        ),
    };
    let what = format!("free-running: {why}, {said}");
    let from_authority = around.config.authority_broker.is_some();
    if around.config.clock.rtc_trusted {
        let what = format!("{what}; the clock chip is believed by configuration (clock.rtc)");
        findings.warning(Area::Clock, "clock", what, then);
    } else if from_authority {
        let what = format!(
            "{what}; after a start every truck holds until the authority's heartbeat agrees with it"
        );
        findings.warning(Area::Clock, "clock", what, then);
    } else {
        let what =
            format!("{what}, and there is no authority: every verdict would be Hold clock.unknown");
        findings.fault(Area::Clock, "clock", what, then);
    }
}

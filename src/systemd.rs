//! What the service manager is told (sd_notify), and how often it wants to be
//! patted. Without `$NOTIFY_SOCKET` everything here does nothing.
//!
//! Who pats is not decided here: the lane loop alone does, so that a
//! controller whose lanes stand still is restarted.

use std::io;
use std::time::Duration;

use lanegate_core::time::Micros;
use sd_notify::NotifyState;

/// Longest status line; more is cut.
const STATUS_LEN_MAX: usize = 200;

/// A start that waits is given so much longer each time it says so.
pub const START_WAITS_US: u32 = 30_000_000;

/// What to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The lanes run: once at the start, after journal and configuration are
    /// good, and at the end of each reload.
    Ready,
    /// The configured policy is read again; [`Notice::Ready`] ends it.
    Reloading,
    /// Alive.
    Watchdog,
    /// A part stands still: restart us now, as if the watchdog had run out.
    Stalled,
    /// No new passages are taken; the present ones are finished.
    Stopping,
    /// The start is not done and goes on waiting for what this line says; to be
    /// told again within [`START_WAITS_US`].
    StartWaits(String),
    /// One line for `systemctl status`. No plates: it is not behind a role.
    Status(String),
}

/// Tells the service manager.
///
/// # Errors
/// There is a socket but it cannot be written to.
pub fn notify(notice: &Notice) -> io::Result<()> {
    match notice {
        Notice::Ready => sd_notify::notify(&[NotifyState::Ready]),
        // Without the time the manager could take an old answer for this one's.
        Notice::Reloading => {
            sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        Notice::Watchdog => sd_notify::notify(&[NotifyState::Watchdog]),
        Notice::Stalled => sd_notify::notify(&[NotifyState::WatchdogTrigger]),
        Notice::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Notice::StartWaits(text) => sd_notify::notify(&[
            NotifyState::Status(&status_line(text)),
            NotifyState::ExtendTimeoutUsec(START_WAITS_US),
            NotifyState::Watchdog,
        ]),
        Notice::Status(text) => sd_notify::notify(&[NotifyState::Status(&status_line(text))]),
    }
}

/// How often to pat: half of what the unit's `WatchdogSec` asks, read from
/// `$WATCHDOG_USEC`; none if the manager does not watch this process.
#[must_use]
pub fn watchdog_every() -> Option<Micros> {
    sd_notify::watchdog_enabled().map(half)
}

fn half(interval: Duration) -> Micros {
    let us = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
    Micros(us / 2)
}

/// The protocol ends a value at a line break; the rest would be read as more
/// settings.
fn status_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut out = String::new();
    for c in line {
        if out.len() + c.len_utf8() > STATUS_LEN_MAX {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pat_comes_twice_as_often_as_asked() {
        assert_eq!(half(Duration::from_secs(10)), Micros::from_s(5));
        assert_eq!(half(Duration::MAX), Micros(u64::MAX / 2));
    }

    #[test]
    fn a_status_is_one_line_of_bounded_length() {
        assert_eq!(status_line("lanes 2\nMAINPID=1"), "lanes 2 MAINPID=1");
        let long = "道".repeat(100);
        assert_eq!(status_line(&long), "道".repeat(66));
    }

    /// Plays both sides: run by itself it listens, and has itself run again as
    /// the service. (The socket's name comes from the environment, which a
    /// process cannot safely change for itself.)
    #[test]
    fn the_manager_hears_ready_watchdog_status_and_stopping() {
        const NAME: &str = "systemd::tests::the_manager_hears_ready_watchdog_status_and_stopping";
        const CHILD: &str = "LANEGATE_TEST_IS_THE_SERVICE";
        if std::env::var_os(CHILD).is_some() {
            assert_eq!(watchdog_every(), Some(Micros::from_ms(1500)));
            let status = Notice::Status("2 lanes".to_owned());
            let all = [
                Notice::Ready,
                Notice::Reloading,
                Notice::Watchdog,
                Notice::Stalled,
                Notice::StartWaits("full".to_owned()),
                status,
                Notice::Stopping,
            ];
            for notice in all {
                notify(&notice).unwrap();
            }
            return;
        }
        let path = std::env::temp_dir().join(format!("lanegate-notify-{}", std::process::id()));
        let manager = UnixDatagram::bind(&path).unwrap();
        manager
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let service = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env(CHILD, "1")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "3000000")
            .output();
        std::fs::remove_file(&path).unwrap();
        let service = service.unwrap();
        assert!(service.status.success(), "{service:?}");
        let heard: Vec<String> = (0..7)
            .map(|_| {
                let mut buffer = [0; 256];
                let len = manager.recv(&mut buffer).unwrap();
                let text = String::from_utf8_lossy(&buffer[..len]);
                // A time of the monotonic clock differs each time.
                let lines = text.lines().map(|line| match line.split_once('=') {
                    Some(("MONOTONIC_USEC", us)) => format!("us {}", us.parse::<u64>().is_ok()),
                    Some(_) | None => line.to_owned(),
                });
                lines.collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(
            heard,
            [
                "READY=1",
                "RELOADING=1 us true",
                "WATCHDOG=1",
                "WATCHDOG=trigger",
                "STATUS=full EXTEND_TIMEOUT_USEC=30000000 WATCHDOG=1",
                "STATUS=2 lanes",
                "STOPPING=1"
            ]
        );
    }
}

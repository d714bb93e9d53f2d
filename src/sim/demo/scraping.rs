//! What a scrape every second costs the lanes: windows with and without one
//! take turns in the same run, and each lift counts where it fell.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use firmware_sim::Us;

use super::TruckLog;

/// A window with scrapes, then one without.
const WINDOW_US: Us = 15_000_000;
/// Between two scrapes.
const EVERY_US: Us = 1_000_000;
/// A scrape that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(5);

/// Scrapes in every second window.
#[derive(Debug)]
pub(super) struct Scraping {
    asks: SyncSender<()>,
    last: Option<Us>,
    scraped: Arc<Scraped>,
}

#[derive(Debug, Default)]
struct Scraped {
    scrapes: AtomicU64,
    bytes: AtomicU64,
}

impl Scraping {
    /// Of the daemon that serves its metrics at `address`.
    pub(super) fn of(address: SocketAddr) -> Self {
        let (asks, asked) = sync_channel(1);
        let scraped = Arc::new(Scraped::default());
        let seen = Arc::clone(&scraped);
        std::thread::spawn(move || scrape_when(&asked, address, &seen));
        Self {
            asks,
            last: None,
            scraped,
        }
    }

    /// The world is at `now`.
    pub(super) fn step(&mut self, now: Us) {
        let due = self.last.is_none_or(|last| now >= last + EVERY_US);
        if due && is_scraped(now) {
            self.last = Some(now);
            // One under way is enough.
            self.asks.try_send(()).ok();
        }
    }

    /// Both figures of the run.
    pub(super) fn to_lines(&self, trucks: &[TruckLog]) -> Vec<String> {
        let lifts: Vec<(Us, Us)> = trucks
            .iter()
            .filter_map(|log| Some((log.lifted?, log.latency_us?)))
            .collect();
        let n = self.scraped.scrapes.load(Ordering::Relaxed);
        let kb = self.scraped.bytes.load(Ordering::Relaxed) / n.max(1) / 1000;
        let mut lines = vec![format!("{n} scrapes, one a second, {kb} kB each")];
        match Compared::of(&lifts) {
            Some(compared) => lines.extend(compared.to_lines()),
            None => lines.push("too few lifts in both kinds of windows to compare".to_owned()),
        }
        lines
    }
}

fn scrape_when(asked: &Receiver<()>, address: SocketAddr, seen: &Scraped) {
    for () in asked {
        // A daemon that has just begun or is about to end.
        if let Ok(bytes) = scrape(address) {
            seen.scrapes.fetch_add(1, Ordering::Relaxed);
            seen.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

fn scrape(address: SocketAddr) -> io::Result<u64> {
    let mut stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page)?;
    Ok(page.len() as u64)
}

const fn is_scraped(at: Us) -> bool {
    (at / WINDOW_US) % 2 == 1
}

/// Lift p99 with and without scrapes, and how it varies by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Compared {
    with: Us,
    without: Us,
    /// The p99 of each window without scrapes.
    alone: Vec<Us>,
}

impl Compared {
    /// `lifts`: when, and how long after the last evidence.
    fn of(lifts: &[(Us, Us)]) -> Option<Self> {
        let kind = |scraped: bool| {
            let of = lifts.iter().filter(|(at, _)| is_scraped(*at) == scraped);
            p99(of.map(|(_, took)| *took))
        };
        let last = lifts.iter().map(|(at, _)| at / WINDOW_US).max()?;
        let window = |n: Us| {
            p99(lifts
                .iter()
                .filter(|(at, _)| at / WINDOW_US == n)
                .map(|l| l.1))
        };
        let alone: Vec<Us> = (0..=last).step_by(2).filter_map(window).collect();
        if alone.len() < 2 {
            return None;
        }
        Some(Self {
            with: kind(true)?,
            without: kind(false)?,
            alone,
        })
    }

    fn spread(&self) -> Us {
        let (low, high) = (self.alone.iter().min(), self.alone.iter().max());
        high.zip(low).map_or(0, |(high, low)| high - low)
    }

    fn to_lines(&self) -> Vec<String> {
        let change = self.with.abs_diff(self.without);
        let more = if self.with >= self.without { "+" } else { "-" };
        let verdict = if change <= self.spread() {
            "less than it varies by itself"
        } else {
            "MORE than it varies by itself"
        };
        vec![
            format!(
                "lift p99: {} us without scrapes, {} us with them: {more}{change} us",
                self.without, self.with
            ),
            format!(
                "from window to window without scrapes it varies by {} us ({} windows): {verdict}",
                self.spread(),
                self.alone.len()
            ),
        ]
    }
}

fn p99(values: impl Iterator<Item = Us>) -> Option<Us> {
    let mut all: Vec<Us> = values.collect();
    all.sort_unstable();
    let place = (all.len() * 99).div_ceil(100).checked_sub(1)?;
    all.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifts_count_in_the_window_they_fell_into() {
        let lift = |window: Us, took: Us| (window * WINDOW_US + 5, took);
        let lifts = [lift(0, 10), lift(1, 50), lift(2, 30), lift(3, 40)];
        let compared = Compared::of(&lifts).unwrap();
        assert_eq!((compared.with, compared.without), (50, 30));
        assert_eq!((compared.spread(), compared.alone.len()), (20, 2));
        let said = compared.to_lines().join("\n");
        assert!(
            said.contains("+20 us") && said.contains("less than"),
            "{said}"
        );
        let slow = [lift(0, 10), lift(1, 500), lift(2, 30)];
        let said = Compared::of(&slow).unwrap().to_lines().join("\n");
        assert!(said.contains("+470 us") && said.contains("MORE"), "{said}");
        assert_eq!(Compared::of(&lifts[..2]), None);
    }
}

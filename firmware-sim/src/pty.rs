//! A pseudo-terminal as a serial line: the gateway opens the slave by its
//! path as if it were `/dev/ttyUSB0`, the simulated device holds the master.
//!
//! Bytes to the gateway are paced as 9600 8N1 would deliver them. What a
//! pseudo-terminal cannot show: baud rates that differ, parity and framing
//! errors, `tcdrain` that waits.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, QueueSelector};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

const BAUD: u32 = 9600;
/// Start bit, eight data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;
/// Bytes come in lumps of this many, as from a USB adapter. A Modbus answer
/// of the lane I/O board fits into one, so that no gap of more than 3.5
/// characters appears inside it.
const LUMP: usize = 8;

/// A pseudo-terminal in raw mode, not yet attached to a runtime.
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    /// Held open, or reading the master would fail with EIO whenever the
    /// gateway has the line closed.
    slave: OwnedFd,
    path: PathBuf,
}

impl Pty {
    /// Opens a new pair.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn open() -> io::Result<Self> {
        let master =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let path = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, flags, Mode::empty())?;
        let mut termios = rustix::termios::tcgetattr(&slave)?;
        termios.make_raw();
        termios.set_speed(BAUD)?;
        rustix::termios::tcsetattr(&slave, OptionalActions::Now, &termios)?;
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        Ok(Self {
            master,
            slave,
            path,
        })
    }

    /// The path the gateway opens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it readable and writable within the current tokio runtime.
    ///
    /// # Errors
    /// If the runtime cannot watch it.
    #[expect(
        deprecated,
        reason = "its successor is unsafe; an OwnedFd keeps the promise asked for: one descriptor, open until dropped"
    )]
    pub fn attach(self) -> io::Result<Line> {
        Ok(Line {
            master: AsyncFd::new(self.master)?,
            slave: self.slave,
            overruns: AtomicU64::new(0),
        })
    }
}

/// The device's end of a serial line.
#[derive(Debug)]
pub struct Line {
    master: AsyncFd<OwnedFd>,
    slave: OwnedFd,
    overruns: AtomicU64,
}

impl Line {
    /// Reads what the gateway sent, at least one byte. May be cancelled
    /// without losing any.
    ///
    /// # Errors
    /// If the terminal fails.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.master.readable().await?;
            let read = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut *buffer)?));
            if let Ok(result) = read {
                return result;
            }
        }
    }

    /// Sends `bytes`, each lump when its last byte would have come over the
    /// wire, the first not before `free_at`; returns when the line is free
    /// again.
    ///
    /// # Errors
    /// If the terminal fails.
    pub async fn write_paced(&self, bytes: &[u8], free_at: Instant) -> io::Result<Instant> {
        let mut free_at = free_at.max(Instant::now());
        for lump in bytes.chunks(LUMP) {
            free_at += time_on_wire(lump.len());
            tokio::time::sleep_until(free_at).await;
            self.write_now(lump)?;
        }
        Ok(free_at)
    }

    /// How often the gateway was so far behind, or away, that what waited for
    /// it was thrown away.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Ordering::Relaxed)
    }

    /// A serial line waits for nobody: when nobody reads, what waits is lost
    /// and the newest bytes take its place.
    fn write_now(&self, lump: &[u8]) -> io::Result<()> {
        let mut rest = lump;
        let mut flushed = false;
        while !rest.is_empty() {
            match rustix::io::write(self.master.get_ref(), rest) {
                Ok(written) => rest = &rest[written..],
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) if !flushed => {
                    flushed = true;
                    self.overruns.fetch_add(1, Ordering::Relaxed);
                    rustix::termios::tcflush(&self.slave, QueueSelector::IFlush)?;
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }
}

fn time_on_wire(bytes: usize) -> Duration {
    let bits = u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .saturating_mul(BITS_PER_BYTE);
    Duration::from_micros(bits * 1_000_000 / u64::from(BAUD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read as _, Write as _};

    fn gateway(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn every_byte_value_passes_both_ways_untouched() {
        let all: Vec<u8> = (0..=255).collect();
        let pty = Pty::open().unwrap();
        let mut gateway = gateway(pty.path());
        let expected = all.clone();
        let echo = std::thread::spawn(move || {
            let mut heard = vec![0; 256];
            gateway.read_exact(&mut heard).unwrap();
            gateway.write_all(&heard).unwrap();
            gateway
        });
        runtime().block_on(async {
            let line = pty.attach().unwrap();
            line.write_paced(&all, Instant::now()).await.unwrap();
            let mut heard = Vec::new();
            while heard.len() < 256 {
                let mut chunk = [0; 64];
                let n = line.read(&mut chunk).await.unwrap();
                heard.extend_from_slice(&chunk[..n]);
            }
            assert_eq!(heard, expected);
        });
        echo.join().unwrap();
    }

    #[test]
    fn bytes_take_the_time_they_take_at_9600_baud() {
        let pty = Pty::open().unwrap();
        runtime().block_on(async {
            let line = pty.attach().unwrap();
            // Ahead, so that the sum does not depend on how fast we get there.
            let start = Instant::now() + Duration::from_millis(500);
            let free_at = line.write_paced(&[0x55; 20], start).await.unwrap();
            assert_eq!(free_at - start, Duration::from_micros(2 * 8333 + 4166));
            assert!(Instant::now() >= free_at);
        });
    }

    #[test]
    fn the_line_outlives_a_gateway_that_closes_it_and_opens_it_again() {
        let pty = Pty::open().unwrap();
        let path = pty.path().to_owned();
        runtime().block_on(async {
            let line = pty.attach().unwrap();
            drop(gateway(&path));
            let mut again = gateway(&path);
            again.write_all(b"(id,@JT)").unwrap();
            let mut heard = [0; 64];
            let n = line.read(&mut heard).await.unwrap();
            assert_eq!(&heard[..n], b"(id,@JT)");
        });
    }

    #[test]
    fn what_nobody_reads_is_lost_and_the_newest_bytes_are_there() {
        let pty = Pty::open().unwrap();
        let mut gateway = gateway(pty.path());
        runtime().block_on(async {
            let line = pty.attach().unwrap();
            for _ in 0..200_000 {
                line.write_now(&[0; 8]).unwrap();
                if line.overruns() > 0 {
                    break;
                }
            }
            assert_eq!(line.overruns(), 1, "the buffer has an end");
            line.write_now(b"newest").unwrap();
            let mut heard = vec![0; 65_536];
            let n = gateway.read(&mut heard).unwrap();
            assert!(heard[..n].ends_with(b"newest"));
        });
    }
}

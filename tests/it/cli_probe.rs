//! `probe` on pseudo-terminals: what devices send there is told, and what
//! cannot be told is said.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use firmware_sim::bench::{Bench, Day, Instrument};
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use serde_json::Value;

use crate::cli_support::{Ran, Site};

/// A device at the far end of a port; nobody else holds the port.
struct Device {
    port: PathBuf,
    heard: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Device {
    /// `say` is called again and again: the bytes to send, given those heard.
    fn new(mut say: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let port = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
        let status = rustix::fs::fcntl_getfl(&master).unwrap();
        rustix::fs::fcntl_setfl(&master, status | OFlags::NONBLOCK).unwrap();
        let (heard, over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, end) = (Arc::clone(&heard), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut master = File::from(master);
            let mut buffer = [0; 512];
            while !end.load(Ordering::Relaxed) {
                // Nobody there reads as an error, nothing to read as another.
                let len = master.read(&mut buffer).unwrap_or(0);
                count.fetch_add(len, Ordering::Relaxed);
                let bytes = say(&buffer[..len]);
                // A device's line waits for nobody.
                drop(master.write(&bytes));
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        Self {
            port,
            heard,
            over,
            thread: Some(thread),
        }
    }

    fn saying(bytes: &'static [u8]) -> Self {
        Self::new(|_| bytes.to_vec())
    }

    fn probed(&self, more: &[&str]) -> (Ran, Value) {
        let port = self.port.to_str().unwrap();
        let mut args = vec!["probe", port, "--json"];
        args.extend(more);
        let ran = Site::new().run(&args);
        let json = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
        (ran, json)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

const WEIGHTS: &[u8] = b"\x02+038240016\x03\x02+038240016\x03";

#[test]
fn an_indicator_is_told_with_its_evidence_and_what_to_paste() {
    let device = Device::saying(WEIGHTS);
    let (ran, found) = device.probed(&["--seconds", "60"]);
    let ran = ran.ends(0);
    let best = &found["fits"][0];
    assert_eq!(best["protocol"], "yaohua-tf0", "{ran:#?}");
    assert_eq!(best["checked"], true, "{best}");
    assert_eq!(best["readings"][0]["value"], "38240", "{best}");
    assert_eq!(
        (&found["decided"], &found["speed_told"]),
        (&true.into(), &false.into())
    );
    let toml = best["toml"].as_str().unwrap();
    let port = device.port.to_str().unwrap();
    let source = format!("source = {{ serial = \"{port}\", line = \"9600 8N1\" }}");
    assert!(
        toml.contains("protocol = \"yaohua-tf0\"") && toml.contains(&source),
        "{toml}"
    );
    assert_eq!(device.heard.load(Ordering::Relaxed), 0, "it only listens");
}

#[test]
fn seven_bits_with_parity_are_told_in_words() {
    let even = |b: &u8| b | (((b.count_ones() % 2) as u8) << 7);
    let bytes: Vec<u8> = WEIGHTS.iter().map(even).collect();
    let device = Device::new(move |_| bytes.clone());
    let (ran, found) = device.probed(&["--seconds", "60"]);
    let ran = ran.ends(0);
    assert_eq!(found["fits"][0]["line"], "9600 7E1", "{ran:#?}");
    let hint = found["lines"][0]["hint"].as_str().unwrap();
    assert!(hint.contains("even parity"), "{hint}");
}

#[test]
fn seals_and_readers_are_told_apart() {
    for (instrument, name) in [
        (Instrument::Jt701, "jt701"),
        (Instrument::Jt808, "jt808"),
        (Instrument::Uhf18, "uhfreader18"),
        (Instrument::Uhf288, "uhfreader288"),
        (Instrument::Wiegand26, "wiegand26"),
    ] {
        let mut bench = Bench::new(instrument, Day::Good, 7);
        let device = Device::new(move |_| bench.say(1_795_478_400_000).bytes);
        let (ran, found) = device.probed(&["--seconds", "4"]);
        assert_eq!(found["fits"][0]["protocol"], name, "{ran:#?}");
    }
}

#[test]
fn a_reader_that_waits_to_be_asked_is_asked_only_with_leave() {
    let reader = || {
        let mut bench = Bench::new(Instrument::Uhf288, Day::Good, 7);
        Device::new(move |heard| bench.hear(heard).map_or_else(Vec::new, |said| said.bytes))
    };
    let silent = reader();
    let (ran, found) = silent.probed(&["--seconds", "2"]);
    ran.ends(1);
    assert_eq!(found["fits"], serde_json::json!([]));
    assert_eq!(
        silent.heard.load(Ordering::Relaxed),
        0,
        "nothing was written"
    );
    let port = silent.port.to_str().unwrap().to_owned();
    let said = Site::new().run(&["probe", &port, "--seconds", "1"]).ends(1);
    assert!(
        said.out.contains("--ask") && said.out.contains("uhfreader288"),
        "{said:#?}"
    );
    let asked = reader();
    let (ran, found) = asked.probed(&["--seconds", "20", "--ask"]);
    assert_eq!(found["fits"][0]["protocol"], "uhfreader288", "{ran:#?}");
    assert_eq!(found["fits"][0]["asked"], "uhfreader288");
}

#[test]
fn noise_fits_nothing_and_is_said_to() {
    let mut state = 7_u32;
    let device = Device::new(move |_| {
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(200).collect()
    });
    let port = device.port.to_str().unwrap();
    let ran = Site::new().run(&["probe", port, "--seconds", "3"]).ends(1);
    assert!(ran.out.contains("no protocol fits"), "{ran:#?}");
    assert!(ran.out.contains("a wrong speed or parity"), "{ran:#?}");
}

#[test]
fn a_port_that_is_none_or_is_held_is_refused_with_who_holds_it() {
    let site = Site::new();
    site.run(&["probe", "/dev/null-port"])
        .ends(74)
        .says("cannot be found");
    site.write("file", "");
    site.run(&["probe", "file"]).ends(74).says("is no port");
    let device = Device::saying(WEIGHTS);
    let held = File::options()
        .read(true)
        .write(true)
        .open(&device.port)
        .unwrap();
    let own = std::process::id().to_string();
    let port = device.port.to_str().unwrap();
    site.run(&["probe", port])
        .ends(74)
        .says("is held by")
        .says(&own);
    drop(held);
    site.run(&["probe", port, "--seconds", "0"]).ends(64);
}

//! A device that is unplugged and plugged in again, many times, on a
//! pseudo-terminal and over TCP, before the real daemon: it is back each time,
//! nothing is leaked, and while it is absent the daemon rests.
//!
//! `LANEGATE_REPLUGS=1000` asks for more than the 50 cycles of a usual run. How
//! long each took is printed; what is asserted is no time a busy machine could
//! miss.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use lanegate::clock::Stopwatch;
use serde_json::Value;

use crate::peers::programs::{Terminal, free_port, until};
use crate::peers::site::Site;

/// 38,240 kg in the vendor's document's form (XK3190-A26, page 12).
const FRAME: &[u8] = b"\x02+038240016\x03";
const FRAME_EVERY: Duration = Duration::from_millis(50);
/// Cycles of a usual run.
const CYCLES: u32 = 50;
/// Descriptors and threads that may come and go besides: a status connection,
/// a worker of the runtime.
const SLACK: usize = 4;
/// How long the daemon is watched while the device is absent.
const ABSENT: Duration = Duration::from_secs(3);

fn cycles() -> u32 {
    let asked = std::env::var("LANEGATE_REPLUGS").ok();
    asked.map_or(CYCLES, |n| n.parse().expect("LANEGATE_REPLUGS is a number"))
}

/// A scale that can be plugged in and taken away.
trait Plug {
    fn plug(&mut self);
    fn unplug(&mut self);
}

/// Writes frames until told to leave, or nobody takes them.
fn sender(mut out: impl std::io::Write + Send + 'static) -> (Arc<AtomicBool>, JoinHandle<()>) {
    let leave = Arc::new(AtomicBool::new(false));
    let left = leave.clone();
    let thread = std::thread::spawn(move || {
        while !left.load(Ordering::SeqCst) && out.write_all(FRAME).is_ok() {
            std::thread::park_timeout(FRAME_EVERY);
        }
    });
    (leave, thread)
}

/// An adapter: a name that comes and goes with its terminal.
struct Adapter {
    name: PathBuf,
    plugged: Option<(Terminal, Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Plug for Adapter {
    fn plug(&mut self) {
        let terminal = Terminal::open();
        let (leave, thread) = sender(terminal.near.try_clone().unwrap());
        symlink(&terminal.path, &self.name).unwrap();
        self.plugged = Some((terminal, leave, thread));
    }

    fn unplug(&mut self) {
        let (terminal, leave, thread) = self.plugged.take().unwrap();
        fs::remove_file(&self.name).unwrap();
        leave.store(true, Ordering::SeqCst);
        thread.thread().unpark();
        thread.join().unwrap();
        drop(terminal);
    }
}

/// A serial device server: its port listens, or does not.
struct Server {
    port: u16,
    served: Option<(Arc<AtomicBool>, JoinHandle<()>, Connections)>,
}

type Connections = Arc<Mutex<Vec<TcpStream>>>;

impl Plug for Server {
    fn plug(&mut self) {
        // Its port may still be held by the system for a moment.
        let listener = until("the port is free", || {
            TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).ok()
        });
        listener.set_nonblocking(true).unwrap();
        let leave = Arc::new(AtomicBool::new(false));
        let connections = Connections::default();
        let (left, all) = (leave.clone(), connections.clone());
        let thread = std::thread::spawn(move || {
            while !left.load(Ordering::SeqCst) {
                if let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(false).unwrap();
                    all.lock().unwrap().push(stream);
                }
                all.lock()
                    .unwrap()
                    .retain_mut(|s| s.write_all(FRAME).is_ok());
                std::thread::park_timeout(FRAME_EVERY);
            }
        });
        self.served = Some((leave, thread, connections));
    }

    fn unplug(&mut self) {
        let (leave, thread, connections) = self.served.take().unwrap();
        leave.store(true, Ordering::SeqCst);
        thread.thread().unpark();
        thread.join().unwrap();
        connections.lock().unwrap().clear();
    }
}

fn scale(site: &Site) -> Option<Value> {
    site.device("scale-1")
}

fn until_scale(site: &Site, what: &str, wanted: impl Fn(&Value) -> bool) {
    until(what, || scale(site).filter(|scale| wanted(scale)));
}

/// The developer's lane with another source of its scale.
fn site(source: &str) -> Site {
    let shipped = "source = { serial = \"dev/scale\", line = \"9600 8N1\" }";
    Site::open(&[(shipped, &format!("source = {{ {source} }}"))])
}

/// Cycles, and what the daemon holds and uses before, meanwhile and after.
fn replug(site: &Site, device: &mut impl Plug, of: &str) {
    let ok = |scale: &Value| scale["state"] == "ok";
    device.plug();
    until_scale(site, "the scale is heard", ok);
    // Everything that is opened once has been opened.
    device.unplug();
    until_scale(site, "the scale is lost", |s| s["state"] == "lost");
    device.plug();
    until_scale(site, "the scale is back", ok);
    let before = site.holds();
    let opens = scale(site).unwrap()["opens"].as_u64().unwrap();
    let mut took = Vec::new();
    for _ in 0..cycles() {
        device.unplug();
        until_scale(site, "the scale is lost", |s| s["state"] == "lost");
        device.plug();
        let waiting = Stopwatch::started();
        until_scale(site, "the scale is back", ok);
        took.push(waiting.elapsed());
    }
    let after = site.holds();
    assert!(
        after.0 <= before.0 + SLACK && after.1 <= before.1 + SLACK,
        "descriptors and threads {before:?} before, {after:?} after {} cycles",
        took.len()
    );
    let opened = scale(site).unwrap()["opens"].as_u64().unwrap() - opens;
    assert_eq!(opened, took.len() as u64, "each cycle is one opening");
    took.sort();
    let slow = took.iter().filter(|t| t.as_secs() >= 2).count();
    println!(
        "{of}: {} cycles, back within {:?} (median), {:?} (longest), {slow} of them later than \
         2 s; descriptors and threads {before:?} -> {after:?}",
        took.len(),
        took[took.len() / 2],
        took.last().unwrap(),
    );
    rests(site, device, of);
}

/// While the device is absent the daemon tries now and then, and no more.
fn rests(site: &Site, device: &mut impl Plug, of: &str) {
    device.unplug();
    until_scale(site, "the scale is lost", |s| s["state"] == "lost");
    let (ticks, watched) = (site.ticks(), Stopwatch::started());
    while watched.elapsed() < ABSENT {
        std::thread::park_timeout(ABSENT.saturating_sub(watched.elapsed()));
    }
    let used = site.ticks() - ticks;
    let wall = watched.elapsed().as_millis() / 10;
    println!("{of}: {used} of {wall} ticks used while absent");
    assert!(
        u128::from(used) * 4 < wall,
        "{used} of {wall} ticks while absent"
    );
}

#[test]
fn a_device_on_a_serial_port_comes_back_every_time_and_leaks_nothing() {
    let site = site("serial = \"dev/scale\", line = \"9600 8N1\"");
    let name = site.dir.join("dev/scale");
    replug(
        &site,
        &mut Adapter {
            name,
            plugged: None,
        },
        "pseudo-terminal",
    );
}

#[test]
fn a_device_behind_a_device_server_comes_back_every_time_and_leaks_nothing() {
    let port = free_port();
    let site = site(&format!("tcp = \"127.0.0.1:{port}\""));
    replug(&site, &mut Server { port, served: None }, "TCP");
}

//! Drivers on real pseudo-terminals, with the real clock.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use lanegate_core::lane::{Lights, Role};
use lanegate_core::model::{Content, Kg, Taken, WeightReading, WeightUnit};
use lanegate_core::wire::Settings;
use lanegate_core::wire::checksum::crc16_modbus;
use lanegate_core::wire::io::board::{BoardWire, Numbers};
use lanegate_core::wire::scale::StableRule;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::OptionalActions;
use tokio::time::timeout;

use super::*;
use crate::clock::ClockConfig;
use crate::config::{
    ArmDown, ArmDrive, DeviceConfig, Flow, InputBit, InputMap, IoConfig, Line, Outputs, Parity,
    PulseTimer, ScaleConfig, SerialLine, Source, Turn,
};
use crate::device::serial::Port;

const PATIENCE: Duration = Duration::from_secs(20);
const TRUCK: &[u8] = b"\x02+038240016\x03";

/// A pseudo-terminal behind a stable name, as by-path names an adapter.
struct Adapter {
    name: PathBuf,
    dir: PathBuf,
    plugged: Option<Plugged>,
}

struct Plugged {
    master: File,
    path: PathBuf,
    /// Held open, or the master reads as gone while the driver is away.
    _slave: OwnedFd,
}

impl Adapter {
    fn new(test: &str) -> Self {
        let id = std::process::id();
        let dir = std::env::temp_dir().join(format!("lanegate-port-{test}-{id}"));
        std::fs::create_dir_all(&dir).unwrap();
        Self {
            name: dir.join("pci-0-usb-0:1:1.0-port0"),
            dir,
            plugged: None,
        }
    }

    fn plugged(test: &str) -> Self {
        let mut adapter = Self::new(test);
        adapter.plug();
        adapter
    }

    fn plug(&mut self) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let path = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, flags, Mode::empty()).unwrap();
        let mut termios = rustix::termios::tcgetattr(&slave).unwrap();
        termios.make_raw();
        rustix::termios::tcsetattr(&slave, OptionalActions::Now, &termios).unwrap();
        std::os::unix::fs::symlink(&path, &self.name).unwrap();
        self.plugged = Some(Plugged {
            master: File::from(master),
            path,
            _slave: slave,
        });
    }

    fn unplug(&mut self) {
        std::fs::remove_file(&self.name).unwrap();
        self.plugged = None;
    }

    fn line(&self) -> SerialLine {
        SerialLine {
            path: self.name.clone(),
            baud: 9600,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: 1,
            flow: Flow::None,
            turn: None,
        }
    }

    fn master(&self) -> File {
        self.plugged.as_ref().unwrap().master.try_clone().unwrap()
    }

    fn send(&self, bytes: &[u8]) {
        self.master().write_all(bytes).unwrap();
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.plugged = None;
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// A driver with its lane's end.
struct Bench {
    running: Running,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

fn surroundings(room: usize) -> (Surroundings, mpsc::Receiver<Event>) {
    let config = ClockConfig {
        rtc_trusted: true,
        mark: None,
        hold: Micros::from_s(600),
    };
    let (events, from_driver) =
        crate::metrics::queues::channel(crate::metrics::queues::Queue::LaneEvents, room);
    let around = Surroundings {
        clock: Clock::start(config, None),
        events,
        stop: CancellationToken::new(),
    };
    (around, from_driver)
}

impl Bench {
    fn stream(config: DeviceConfig, line: SerialLine, room: usize) -> Self {
        let (around, events) = surroundings(room);
        let stop = around.stop.clone();
        let stream = Stream::new(config, Micros::from_ms(100), around.clock.mono()).unwrap();
        Self {
            running: start_stream(stream, Line::Serial(line), around).unwrap(),
            events,
            stop,
        }
    }

    async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the driver runs");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// What comes before the port is open is thrown away.
    async fn opened(&mut self) {
        let mut seen = self.running.seen.clone();
        let opened = seen.wait_for(|s| s.counts.opens > 0);
        timeout(PATIENCE, opened)
            .await
            .expect("the port can be opened")
            .unwrap();
    }

    async fn back(&mut self) {
        let back = |e: &Event| matches!(e, Event::DeviceBack(_)).then_some(());
        self.until("the device", back).await;
    }

    async fn lost(&mut self) {
        let lost = |e: &Event| matches!(e, Event::DeviceLost(_)).then_some(());
        self.until("the loss", lost).await;
    }

    async fn why(&mut self, wanted: impl Fn(&Why) -> bool) {
        let mut seen = self.running.seen.clone();
        let found = seen.wait_for(|s| s.why.as_ref().is_some_and(&wanted));
        let found = timeout(PATIENCE, found).await.is_ok();
        assert!(found, "{:?}", self.running.seen.borrow().why);
    }
}

fn weight(event: &Event) -> Option<(WeightReading, Taken)> {
    let Event::Reading(reading) = event else {
        return None;
    };
    let Content::Weight(weight) = reading.content else {
        return None;
    };
    Some((weight, reading.taken))
}

fn scale(id: &str) -> DeviceConfig {
    DeviceConfig {
        id: DeviceId::parse(id).unwrap(),
        role: Role::Scale,
        protocol: "yaohua-tf0".to_owned(),
        settings: Settings::new(),
        source: Source::Serial(Adapter::new("unused").line()),
        scale: Some(ScaleConfig {
            unit: WeightUnit::Kg,
            division: Kg(20),
            capacity: Kg(100_000),
            stable: StableRule {
                values_min: 3,
                over: Micros::from_ms(1),
                division: Kg(20),
                gap_max: Micros::from_s(10),
            },
        }),
        undated: crate::config::Undated::Arrival,
        late: Micros::from_ms(500),
        lost: Micros::from_s(60),
    }
}

/// Sends a frame now and then until it is dropped.
struct Sender(Arc<Mutex<bool>>, Option<JoinHandle<()>>);

impl Sender {
    fn start(mut master: File, frame: &'static [u8]) -> Self {
        let on = Arc::new(Mutex::new(true));
        let runs = on.clone();
        let thread = std::thread::spawn(move || {
            let (_keep, pace) = std::sync::mpsc::sync_channel::<()>(0);
            while *runs.lock().unwrap() {
                // The other end may be unplugged meanwhile.
                master.write_all(frame).ok();
                pace.recv_timeout(Duration::from_millis(20)).ok();
            }
        });
        Self(on, Some(thread))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = false;
        self.1.take().unwrap().join().unwrap();
    }
}

#[tokio::test]
async fn a_scale_that_is_unplugged_is_lost_and_weighs_again_when_plugged_in() {
    let mut adapter = Adapter::plugged("replug");
    let mut bench = Bench::stream(scale("scale-1"), adapter.line(), 64);
    let sender = Sender::start(adapter.master(), TRUCK);
    bench.back().await;
    let evidence = |e: &Event| {
        let (weight, taken) = weight(e)?;
        (weight.stable && taken == Taken::OnArrival).then_some(weight.gross)
    };
    assert_eq!(bench.until("a weight", evidence).await, Some(Kg(38_240)));
    drop(sender);
    adapter.unplug();
    bench.lost().await;
    bench.why(|w| matches!(w, Why::Gone | Why::Absent)).await;
    adapter.plug();
    let _sender = Sender::start(adapter.master(), TRUCK);
    bench.back().await;
    assert_eq!(bench.until("a weight", evidence).await, Some(Kg(38_240)));
    bench.stop.cancel();
    bench.running.ended().await;
}

/// Answers each question with the same frame until the port is gone.
fn answering(mut master: File, question: &'static [u8], answer: &'static [u8]) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        let mut byte = [0];
        while master.read_exact(&mut byte).is_ok() {
            heard.extend(byte);
            if heard.ends_with(question) {
                heard.clear();
                // What the driver does not fetch any more is no fault.
                master.write_all(answer).ok();
            }
        }
    })
}

#[tokio::test]
async fn a_scale_that_is_asked_weighs_over_a_port() {
    let mut adapter = Adapter::plugged("asked");
    let mut config = scale("scale-1");
    config.protocol = "yaohua-command".to_owned();
    config.settings = [("every_ms", "1000")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    config.late = Micros::from_s(5);
    let mut bench = Bench::stream(config, adapter.line(), 64);
    let scale = answering(adapter.master(), b"\x02AB03\x03", b"\x02AB+038240015\x03");
    bench.back().await;
    let evidence = |e: &Event| {
        let (weight, taken) = weight(e)?;
        (weight.stable && taken == Taken::OnArrival).then_some(weight.gross)
    };
    assert_eq!(bench.until("a weight", evidence).await, Some(Kg(38_240)));
    bench.stop.cancel();
    bench.running.ended().await;
    // With nobody on the other side its read ends.
    adapter.unplug();
    scale.join().unwrap();
}

/// Case c68: the port is not there, then another program has it, then it works.
#[tokio::test]
async fn a_port_that_is_absent_then_busy_says_so_and_is_used_when_it_is_free() {
    let mut adapter = Adapter::new("busy");
    let mut bench = Bench::stream(scale("scale-1"), adapter.line(), 64);
    bench.lost().await;
    bench.why(|w| *w == Why::Absent).await;
    adapter.plug();
    let path = adapter.plugged.as_ref().unwrap().path.clone();
    let thief = take(&path).await;
    bench.why(|w| *w == Why::Busy).await;
    drop(thief);
    let _sender = Sender::start(adapter.master(), TRUCK);
    bench.back().await;
}

/// A pseudo-terminal has no RTS: the kernel refuses, and the words say what to
/// change.
#[tokio::test]
async fn a_port_that_cannot_turn_its_line_says_so() {
    let adapter = Adapter::plugged("turn");
    let line = SerialLine {
        turn: Some(Turn {
            high: true,
            before: Micros(0),
            after: Micros::from_ms(1),
        }),
        ..adapter.line()
    };
    let mut bench = Bench::stream(scale("scale-1"), line, 64);
    bench.lost().await;
    bench.why(|w| matches!(w, Why::Turn(_))).await;
    let why = Why::Turn("Inappropriate ioctl for device".to_owned());
    assert!(why.to_string().contains("leave rs485 out"), "{why}");
}

/// Takes a port for itself, which may need several tries against the driver.
async fn take(path: &Path) -> Port {
    let line = SerialLine {
        path: path.to_owned(),
        ..Adapter::new("unused").line()
    };
    let taken = async {
        loop {
            if let Ok(port) = Port::open(&line) {
                return port;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taken).await.expect("the port can be had")
}

#[tokio::test]
async fn a_lane_that_is_slow_finds_the_latest_weight_and_every_change_of_health() {
    const LATER: &[u8] = b"\x02+000020019\x03";
    let adapter = Adapter::plugged("slow");
    let mut bench = Bench::stream(scale("scale-1"), adapter.line(), 1);
    bench.opened().await;
    for _ in 0..50 {
        adapter.send(TRUCK);
    }
    let frames = |n: u64| move |s: &Seen| s.counts.frames >= n;
    let mut seen = bench.running.seen.clone();
    timeout(PATIENCE, seen.wait_for(frames(50)))
        .await
        .expect("the driver reads on")
        .unwrap();
    adapter.send(LATER);
    timeout(PATIENCE, seen.wait_for(frames(51)))
        .await
        .expect("the driver reads on")
        .unwrap();
    bench.back().await;
    let (first, _) = bench.until("a weight", weight).await;
    assert_eq!(first.gross, Some(Kg(20)), "an old one waited in a queue");
}

#[tokio::test]
async fn a_seals_report_is_acknowledged_on_its_line() {
    let adapter = Adapter::plugged("ack");
    let mut config = scale("seal-1");
    config.role = Role::SealReader;
    config.protocol = "jt701".to_owned();
    config.scale = None;
    let mut bench = Bench::stream(config, adapter.line(), 64);
    bench.opened().await;
    adapter.send(
        b"(8000620011,P45,170720,020614,22.56035,N,114.01640,E,A,36,270,1,1,0008627839,0,0,24,5)",
    );
    bench.back().await;
    let mut master = adapter.master();
    let mut heard = [0; 10];
    master.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"(P69,0,24)");
}

mod board {
    use super::*;

    /// A relay board on the other end of the line.
    #[derive(Default)]
    struct Relays {
        coils: u8,
        /// The adapter is pulled out at the next question.
        gone: bool,
        /// Function and number of every question.
        asked: Vec<(u8, u16, u16)>,
    }

    fn serve(mut master: File, relays: Arc<Mutex<Relays>>) {
        std::thread::spawn(move || {
            let mut question = [0; 8];
            while master.read_exact(&mut question).is_ok() {
                let number = u16::from_be_bytes([question[2], question[3]]);
                let value = u16::from_be_bytes([question[4], question[5]]);
                let mut relays = relays.lock().unwrap();
                if relays.gone {
                    return;
                }
                relays.asked.push((question[1], number, value));
                let body = match question[1] {
                    1 => vec![1, 1, 1, relays.coils],
                    // The arm is down.
                    2 => vec![1, 2, 1, 0b1000],
                    _ => {
                        if number < 8 {
                            relays.coils &= !(1 << number);
                            relays.coils |= u8::from(value != 0) << number;
                        }
                        question[..6].to_vec()
                    }
                };
                let crc = crc16_modbus(&body).to_le_bytes();
                if master.write_all(&[&body[..], &crc].concat()).is_err() {
                    return;
                }
            }
        });
    }

    fn config(line: SerialLine) -> IoConfig {
        let bit = |number| InputBit {
            number,
            inverted: false,
        };
        IoConfig {
            id: DeviceId::parse("io-1").unwrap(),
            protocol: "modbus-rtu".to_owned(),
            wire: BoardWire::of(
                "modbus-rtu",
                &Settings::new(),
                Numbers {
                    inputs: 4,
                    outputs: 5,
                },
            )
            .unwrap(),
            source: Source::Serial(line),
            arm: ArmDrive::UpDown {
                up: 0,
                down: 1,
                stop: None,
            },
            pulse: Micros::from_ms(500),
            pulse_timed_by: PulseTimer::Board,
            outputs: Outputs {
                exit_red: Some(3),
                exit_green: Some(4),
                ..Outputs::default()
            },
            inputs: InputMap {
                presence: bit(0),
                inhibit: bit(1),
                arm_up: bit(2),
                arm_down: ArmDown::Input(bit(3)),
                bay: None,
                diverter_bay: None,
                whole: None,
            },
            poll: Micros::from_ms(100),
            answer_max: Micros::from_ms(200),
            late: Micros::from_ms(500),
            lost: Micros::from_ms(1500),
        }
    }

    fn start(adapter: &Adapter) -> (Bench, BoardHandle) {
        let (around, events) = surroundings(64);
        let stop = around.stop.clone();
        let config = config(adapter.line());
        let line = config.source.line().unwrap();
        let board = Board::new(config, around.clock.mono());
        let (running, handle) = start_board(board, line, around).unwrap();
        let bench = Bench {
            running,
            events,
            stop,
        };
        (bench, handle)
    }

    fn green() -> BoardCommand {
        BoardCommand::Lights(Lights {
            exit_green: true,
            entry_red: false,
            to_bay: false,
            reverse_out: false,
        })
    }

    async fn until(relays: &Mutex<Relays>, what: &str, wanted: impl Fn(&Relays) -> bool) {
        let found = async {
            while !wanted(&relays.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let found = timeout(PATIENCE, found).await;
        assert!(found.is_ok(), "waited in vain for {what}");
    }

    #[tokio::test]
    async fn a_lift_reaches_the_board_and_at_a_stop_every_output_is_off() {
        let adapter = Adapter::plugged("lift");
        let relays = Arc::new(Mutex::new(Relays::default()));
        serve(adapter.master(), relays.clone());
        let (mut bench, handle) = start(&adapter);
        bench.back().await;
        assert!(handle.command(green()));
        until(&relays, "the green lamp", |r| r.coils & 0b1_0000 != 0).await;
        assert!(handle.command(BoardCommand::Lift));
        let lifted = |r: &Relays| r.asked.contains(&(5, 0x200, 5));
        until(&relays, "the lift", lifted).await;
        bench.stop.cancel();
        bench.running.ended().await;
        let relays = relays.lock().unwrap();
        assert_eq!(relays.coils, 0);
        let lifts = relays.asked.iter().filter(|a| a.1 == 0x200).count();
        assert_eq!(lifts, 1);
    }

    /// Case c20: the scale hangs where the board should.
    #[tokio::test]
    async fn a_port_with_another_device_behind_it_is_never_written_to_and_is_lost() {
        let adapter = Adapter::plugged("swapped");
        let _sender = Sender::start(adapter.master(), TRUCK);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (mut master, listener) = (adapter.master(), heard.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 64];
            while let Ok(n) = master.read(&mut chunk) {
                listener.lock().unwrap().extend_from_slice(&chunk[..n]);
            }
        });
        let (mut bench, handle) = start(&adapter);
        assert!(handle.command(green()));
        assert!(handle.command(BoardCommand::Lift));
        let failed = |e: &Event| matches!(e, Event::OutputFailed { .. }).then_some(());
        bench.until("the lift's failure", failed).await;
        bench.lost().await;
        let heard = heard.lock().unwrap();
        let questions: Vec<u8> = heard.chunks(8).filter_map(|q| q.get(1).copied()).collect();
        assert!(!questions.is_empty());
        assert!(
            questions.iter().all(|f| matches!(f, 1 | 2)),
            "{questions:?}"
        );
    }

    #[tokio::test]
    async fn a_board_that_is_unplugged_is_lost_and_gets_its_lamps_when_it_is_back() {
        let mut adapter = Adapter::plugged("io-replug");
        let relays = Arc::new(Mutex::new(Relays::default()));
        serve(adapter.master(), relays.clone());
        let (mut bench, handle) = start(&adapter);
        bench.back().await;
        assert!(handle.command(green()));
        until(&relays, "the green lamp", |r| r.coils & 0b1_0000 != 0).await;
        relays.lock().unwrap().gone = true;
        adapter.unplug();
        bench.lost().await;
        bench.why(|w| matches!(w, Why::Gone | Why::Absent)).await;
        adapter.plug();
        let relays = Arc::new(Mutex::new(Relays::default()));
        serve(adapter.master(), relays.clone());
        bench.back().await;
        until(&relays, "the green lamp", |r| r.coils & 0b1_0000 != 0).await;
        assert!(relays.lock().unwrap().asked.iter().all(|a| a.1 != 0x200));
    }
}

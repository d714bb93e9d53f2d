//! Boards and a sign that are not on a serial port, against programs nobody
//! here wrote: pymodbus over TCP, Mosquitto between.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::certificates::{certify, listener, tls};
use super::programs::{Lines, Mosquitto, Owned, free_port, python, until};
use super::site::Site;

const SERIAL: &str =
    "protocol = \"modbus-rtu\"\nsource = { serial = \"dev/io\", line = \"9600 8N1\" }";
const BY_BOARD: (&str, &str) = ("pulse_timed_by = \"board\"", "pulse_timed_by = \"gateway\"");

/// The arm down, nothing on the loops, red.
const DOWN: &str = r#"{"inputs":[0,0,0,1,0],"outputs":[0,0,0,1,0,0,0,0]}"#;

fn said(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|said| *said == line).count()
}

#[test]
fn a_board_of_pymodbus_over_tcp_moves_the_arm_and_is_back_after_a_restart() {
    let port = free_port();
    let board = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers/modbus_tcp.py");
        let mut command = Command::new(python());
        command
            .arg(script)
            .arg(port.to_string())
            .stdout(Stdio::piped());
        let mut process = Owned::start(&mut command);
        let lines = Lines::of(&mut process);
        lines.until("ready", |lines| (said(lines, "ready") > 0).then_some(()));
        (process, lines)
    };
    let (mut process, lines) = board();
    let tcp = format!("protocol = \"modbus-tcp\"\nsource = {{ tcp = \"127.0.0.1:{port}\" }}");
    let site = Site::open(&[(SERIAL, &tcp), BY_BOARD]);
    site.until_device("io-1", "ok");
    until("the lane is vacant", || {
        site.lane().filter(|lane| lane["state"] == "vacant")
    });
    site.officer(&["maintenance"]);
    site.officer(&["move", "up"]);
    lines.until("the arm is lifted and the contact opened", |lines| {
        (said(lines, "coil 0 1") == 1 && said(lines, "coil 0 0") >= 1).then_some(())
    });
    site.officer(&["move", "down"]);
    lines.until("the arm is lowered", |lines| {
        (said(lines, "coil 1 1") == 1).then_some(())
    });
    // Down and seen to be: an arm that is lost on its way is raised again (L3).
    lines.until("the contact is opened and the inputs read", |lines| {
        let opened = lines.iter().position(|line| line == "coil 1 0")?;
        (said(&lines[opened..], "poll") > 3).then_some(())
    });
    process.kill();
    site.until_device("io-1", "lost");
    let why = site.device("io-1").unwrap()["why"].to_string();
    assert!(why.contains("nothing listens"), "{why}");
    let (_process, lines) = board();
    site.until_device("io-1", "ok");
    lines.until("the inputs are read again", |lines| {
        (said(lines, "poll") > 3).then_some(())
    });
    assert_eq!(
        said(&lines.all(), "coil 0 1"),
        0,
        "a lift is never repeated"
    );
}

/// The near end of a tunnel to it.
fn tunnel(dir: &Path, to: u16) -> (Owned, u16) {
    let (script, near) = ("tests/it/peers/tunnel.py", free_port());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let mut command = Command::new("python3");
    command.arg(script).args([near.to_string(), to.to_string()]);
    let mut process = Owned::start(command.arg(dir.join("yard-ca.pem")).stdout(Stdio::piped()));
    let lines = Lines::of(&mut process);
    lines.until("ready", |lines| (said(lines, "ready") > 0).then_some(()));
    (process, near)
}

/// A device with user, password and rights of its own.
fn rights(dir: &Path) -> String {
    let passwords = dir.join("passwords");
    for (n, user) in ["gateway", "board", "stranger"].iter().enumerate() {
        let mut command = Command::new("mosquitto_passwd");
        command.args(if n == 0 { &["-c", "-b"][..] } else { &["-b"] });
        command.arg(&passwords).arg(user).arg(format!("of-{user}"));
        assert!(command.status().unwrap().success(), "{command:?}");
    }
    let rights = dir.join("rights");
    let text = "user gateway\ntopic read lane/1/state\ntopic write lane/1/set\n\
                user board\ntopic write lane/1/state\ntopic read lane/1/set\n\
                user stranger\ntopic readwrite lane/2/#\n";
    fs::write(&rights, text).unwrap();
    format!(
        "allow_anonymous false\npassword_file {}\nacl_file {}",
        passwords.display(),
        rights.display()
    )
}

/// Who carries the daemon's TLS.
#[derive(Clone, Copy, Debug)]
enum Carried {
    ByATunnel,
    /// And the broker asks for its certificate.
    ByItself,
}

#[test]
fn a_board_behind_mosquitto_with_tls_and_rights_of_its_own_moves_the_arm_and_a_stranger_nothing() {
    board_with_rights(Carried::ByATunnel);
}

#[test]
fn the_same_where_the_daemon_speaks_tls_itself_and_shows_its_own_certificate() {
    board_with_rights(Carried::ByItself);
}

/// The broker, a tunnel to it, and the daemon's lines.
fn broker_with_rights(dir: &Path, carried: Carried) -> (Mosquitto, Option<Owned>, String) {
    let secured = free_port();
    let asks = match carried {
        Carried::ByATunnel => "",
        Carried::ByItself => "require_certificate true",
    };
    let lines = listener(dir, "yard", secured, asks);
    let broker = Mosquitto::start(dir, &(rights(dir) + &lines));
    match carried {
        Carried::ByATunnel => {
            let (tunnel, near) = tunnel(dir, secured);
            (broker, Some(tunnel), format!("port = {near}"))
        }
        Carried::ByItself => {
            let near = format!("port = {secured}\n{}", tls(dir, "yard"));
            (broker, None, near)
        }
    }
}

fn board_with_rights(carried: Carried) {
    let name = format!("lanegate-rights-{carried:?}-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir_all(&dir).unwrap();
    certify(&dir, "yard", &["broker", "gateway"]);
    let (broker, _tunnel, near) = broker_with_rights(&dir, carried);
    let client = |program: &str, user: &str, topic: &str| {
        let mut command = Command::new(program);
        let password = format!("of-{user}");
        command.args(["-p", &broker.port.to_string(), "-u", user, "-P", &password]);
        command.args(["-t", topic]);
        command
    };
    // Each tells a state a line, ten times a second.
    let teller = |user: &str| {
        let mut command = client("mosquitto_pub", user, "lane/1/state");
        let mut process = Owned::start(command.arg("-l").stdin(Stdio::piped()));
        let mut tell = process.0.stdin.take().unwrap();
        let thread = std::thread::spawn(move || {
            while writeln!(tell, "{DOWN}").is_ok() {
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        (process, thread)
    };
    let mut heard = client("mosquitto_sub", "board", "lane/1/set");
    let mut heard = Owned::start(heard.stdout(Stdio::piped()));
    let heard_lines = Lines::of(&mut heard);
    let secret = dir.join("secret");
    fs::write(&secret, "of-gateway\n").unwrap();
    let messages = "protocol = \"mqtt-io\"\n\
                    source = { topics = [\"lane/1/state\"], command_topic = \"lane/1/set\" }";
    let devices = format!(
        "client_id = \"dev-devices\"\n{}\nusername = \"gateway\"\npassword_file = \"{}\"",
        near,
        secret.display()
    );
    let site = Site::open(&[
        (SERIAL, messages),
        ("client_id = \"dev-devices\"", &devices),
    ]);
    // What a stranger says on this lane's topic never arrives.
    until("the daemon listens", || {
        (broker.logged("Sending SUBACK to dev-devices") > 0).then_some(())
    });
    let stranger = teller("stranger");
    until("the broker refuses the stranger", || {
        (broker.logged("Denied PUBLISH from") > 10).then_some(())
    });
    assert_eq!(site.device("io-1").unwrap()["frames"], 0);
    // The board itself is heard.
    let board = teller("board");
    until("the lane is vacant", || {
        site.lane().filter(|lane| lane["state"] == "vacant")
    });
    site.officer(&["maintenance"]);
    site.officer(&["move", "up"]);
    let lift = r#"{"output":0,"pulse_ms":500}"#;
    heard_lines.until("the lift", |lines| (said(lines, lift) > 0).then_some(()));
    drop(site);
    for (process, thread) in [stranger, board] {
        drop(process);
        thread.join().unwrap();
    }
    drop(broker);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_sign_over_tcp_shows_the_state_of_the_lane_in_its_own_characters() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = heard.clone();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut chunk = [0; 256];
        while let Ok(len @ 1..) = stream.read(&mut chunk) {
            kept.lock().unwrap().extend_from_slice(&chunk[..len]);
        }
    });
    let sign = format!(
        "[lane.sign]\nid = \"sign-1\"\nprotocol = \"text-sign\"\n\
         source = {{ tcp = \"127.0.0.1:{port}\" }}\n\n[[lane.device]]\nid = \"cam-1\""
    );
    let site = Site::open(&[("[[lane.device]]\nid = \"cam-1\"", &sign)]);
    // No board: the lane cannot start, and its sign says stop. 停车 is CDA3
    // B3B5 in GBK.
    const STOP: &[u8] = b"\xcd\xa3\xb3\xb5\r\n";
    until("the sign is told", || {
        let heard = heard.lock().unwrap();
        heard
            .windows(STOP.len())
            .any(|part| part == STOP)
            .then_some(())
    });
    site.until_device("sign-1", "ok");
}

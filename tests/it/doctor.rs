//! `lanegate doctor` on machines that are broken for real: each fault stands
//! first, with what to do.

mod machine;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use self::machine::Machine;
use crate::peers::programs::{Owned, free_port, until};

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[test]
fn a_machine_that_is_right_has_no_fault() {
    let machine = Machine::right();
    let said = machine.doctor();
    assert_eq!(
        (said.code, said.json["ok"].as_bool()),
        (Some(0), Some(true)),
        "{said:#?}"
    );
    for area in [
        "config", "unit", "port", "state", "disk", "broker", "clock", "limits",
    ] {
        assert!(said.has("good", area), "{area}: {said:#?}");
    }
    // Nobody plays the authority: that is told, and stops no lane.
    assert!(said.has("warning", "authority"), "{said:#?}");
    let shown = machine.shown();
    assert!(shown.contains("ok: every lane could run; "), "{shown}");
}

#[test]
fn a_port_without_permission() {
    let machine = Machine::right();
    let port = fs::canonicalize(machine.site.path("dev/io")).unwrap();
    let said = if is_root() {
        fs::set_permissions(&port, fs::Permissions::from_mode(0o600)).unwrap();
        machine.doctor_as(NOBODY)
    } else {
        fs::set_permissions(&port, fs::Permissions::from_mode(0o000)).unwrap();
        machine.doctor()
    };
    said.begins("port", "SZB-X-01 io-1", "no permission");
    assert!(
        said.first()["do"]
            .as_str()
            .unwrap()
            .contains("70-lanegate.rules")
    );
}

#[test]
fn a_port_another_process_holds() {
    let machine = Machine::right();
    let mut holder = Command::new("sh");
    holder.args(["-c", "exec 3<>\"$0\"; echo open; exec cat"]);
    holder.arg(machine.site.path("dev/scale"));
    let holder = Talking::start(&mut holder);
    let said = machine.doctor();
    said.begins(
        "port",
        "SZB-X-01 scale-1",
        &format!("held by cat (process {})", holder.id()),
    );
}

#[test]
fn a_full_disk() {
    let machine = Machine::right();
    fs::create_dir_all(machine.site.state()).unwrap();
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    // A disk of 80 MiB, above the floor of 64, filled until nothing fits.
    let script = "mount -t tmpfs -o size=80m none dev/state && \
                  { cat /dev/zero > dev/state/fills 2>/dev/null || true; } && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]);
    let said = machine.doctor_under(&mut command);
    said.begins("disk", "dev/state", "full: 0 MiB free");
}

#[test]
fn a_broker_that_is_down() {
    let mut machine = Machine::right();
    machine.broker.kill();
    machine
        .doctor()
        .begins("broker", "devices 127.0.0.1", "not reached");
}

#[test]
fn a_broker_whose_access_list_forbids_to_speak_or_to_listen() {
    let forbids_to_speak = |dir: &Path| {
        let rules = "topic read lanegate/dev/#\ntopic read device/#\n";
        fs::write(dir.join("acl"), rules).unwrap();
        format!("acl_file {}", dir.join("acl").display())
    };
    let machine = Machine::with(forbids_to_speak);
    let said = machine.doctor();
    said.begins(
        "broker",
        "authority 127.0.0.1",
        "forbids to write lanegate/dev/orders/answer",
    );
    assert!(
        said.first()["do"]
            .as_str()
            .unwrap()
            .contains("docs/topics.md")
    );

    const FEED: &str = "lanegate/dev/feed";
    let machine = Machine::with(|dir| crate::peers::refusing(dir, FEED));
    machine.doctor().begins(
        "broker",
        "authority 127.0.0.1",
        "forbids to read lanegate/dev/feed",
    );
}

#[test]
fn a_broker_that_takes_small_packets_only_or_asks_for_another_password() {
    let machine = Machine::with(|_| "max_packet_size 65536".to_owned());
    machine.doctor().begins(
        "broker",
        "devices 127.0.0.1",
        "packets of 65536 bytes at most",
    );

    let machine = Machine::with(|_| "allow_anonymous false".to_owned());
    machine.doctor().begins(
        "broker",
        "devices 127.0.0.1",
        "does not take us: NotAuthorized",
    );
}

#[test]
fn a_clock_that_runs_free() {
    let machine = Machine::right();
    machine.without_authority();
    let mark = machine.site.path("synchronized");
    let free = "rtc = \"untrusted\"\nhold_s = 3600";
    machine.site.edit("lane.toml", "rtc = \"trusted\"", free);
    fs::remove_file(&mark).unwrap();
    machine
        .doctor()
        .begins("clock", "clock", "free-running: there is no ");
    // A time daemon that gave up long ago is none.
    fs::write(&mark, "").unwrap();
    assert!(machine.doctor().has("good", "clock"));
    let aged = Command::new("touch")
        .args(["-d", "2 hours ago"])
        .arg(&mark)
        .status();
    assert!(aged.unwrap().success());
    machine.doctor().begins("clock", "clock", "free-running");
}

#[test]
fn a_disk_that_syncs_slowly() {
    let machine = Machine::right();
    machine.site.edit(
        "lane.toml",
        "gather_ms_max = 2500",
        "gather_ms_max = 2500\ncommit_ms_max = 200",
    );
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"]);
    command.args(["-e", "inject=fdatasync:delay_exit=150000"]);
    let said = machine.doctor_under(&mut command);
    said.begins("disk", "sync", "too slow: fdatasync");
}

#[test]
fn a_state_directory_another_process_has_locked() {
    let machine = Machine::right();
    let journal = machine.site.state().join("journal");
    fs::create_dir_all(&journal).unwrap();
    let mut holder = Command::new("flock");
    holder
        .arg(journal.join("lock"))
        .args(["sh", "-c", "echo open; exec cat"]);
    let holder = Talking::start(&mut holder);
    let said = machine.doctor();
    said.begins(
        "state",
        "dev/state",
        &format!("locked by flock (process {})", holder.id()),
    );
}

/// A machine whose broker has three listeners with TLS: its certificate has
/// expired, is good, and is good where ours is asked for.
fn with_certificates() -> (Machine, [u16; 3]) {
    let mut machine = Machine::with(|dir| {
        certify(dir, "expired", &["localhost"], (2020, 2021));
        certify(dir, "good", &["localhost"], (2020, 2099));
        String::new()
    });
    let dir = machine.site.path("broker");
    let tls = |certificate: &str, more: &str| {
        let port = free_port();
        let file = |name: &str| dir.join(name).display().to_string();
        let lines = format!(
            "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\n{more}",
            file(&format!("{certificate}-ca.pem")),
            file(&format!("{certificate}.pem")),
            file(&format!("{certificate}.key")),
        );
        (port, lines)
    };
    let (expired, expired_lines) = tls("expired", "");
    let (good, good_lines) = tls("good", "");
    let (strict, strict_lines) = tls("good", "require_certificate true");
    machine.broker.kill();
    machine.broker = crate::peers::programs::Mosquitto::start(
        &dir,
        &[expired_lines, good_lines, strict_lines].join("\n"),
    );
    machine.point_at_broker();
    (machine, [expired, good, strict])
}

#[test]
fn a_tunnel_whose_far_end_has_a_bad_certificate() {
    let (machine, [expired, good, strict]) = with_certificates();
    machine.tunnel("expired", expired);
    let subject = format!(
        "authority 127.0.0.1:{} behind localhost:{expired}",
        machine.broker.port
    );
    machine
        .doctor()
        .begins("certificate", &subject, "certificate expired");

    machine.tunnel("good", good);
    let said = machine.doctor();
    assert!(
        said.has("good", "certificate") && said.code == Some(0),
        "{said:#?}"
    );
    // Signed by somebody else; for somebody else; and ours, which is not there.
    machine.tunnel("expired", good);
    machine
        .doctor()
        .begins("certificate", "authority", "invalid peer certificate");
    machine.tunnel("good", good);
    machine.site.edit(
        "lane.toml",
        "address = \"localhost:",
        "name = \"elsewhere.example\"\naddress = \"localhost:",
    );
    machine
        .doctor()
        .begins("certificate", "authority", "not valid for name");
    machine.tunnel("good", strict);
    let said = machine.doctor();
    said.begins("certificate", "authority", "CertificateRequired");
    assert!(
        said.first()["do"]
            .as_str()
            .unwrap()
            .contains("own certificate")
    );
}

#[test]
fn a_broker_the_daemon_speaks_tls_to_with_a_bad_certificate() {
    let (machine, [expired, good, strict]) = with_certificates();
    let subject = |port: u16| format!("authority 127.0.0.1:{port}");
    machine.tls("expired", expired);
    let said = machine.doctor();
    said.begins("certificate", &subject(expired), "certificate expired");
    machine.tls("good", strict);
    let said = machine.doctor();
    said.begins("certificate", &subject(strict), "CertificateRequired");
    machine.tls("good", good);
    let said = machine.doctor();
    assert!(
        said.has("good", "certificate") && said.code == Some(0),
        "{said:#?}"
    );
}

/// A certificate for `names` with its key and the authority that made it.
fn certify(dir: &Path, name: &str, names: &[&str], years: (i32, i32)) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{name} test authority"));
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    for (file, text) in [
        (format!("{name}-ca.pem"), issuer.pem()),
        (format!("{name}.pem"), certificate.pem()),
        (format!("{name}.key"), key.serialize_pem()),
    ] {
        fs::write(dir.join(file), text).unwrap();
    }
}

#[test]
fn a_unit_that_was_edited() {
    let machine = Machine::right();
    machine.site.edit(
        "lanegate.service",
        "ProtectSystem=strict\n",
        "ProtectSystem=no\n",
    );
    let said = machine.doctor();
    said.begins_with_warning(
        "unit",
        "lanegate.service",
        "without ProtectSystem=strict; with ProtectSystem=no",
    );
    // What a site may say goes into a drop-in and is no edit.
    let machine = Machine::right();
    let drop_ins = machine.site.path("lanegate.service.d");
    fs::create_dir(&drop_ins).unwrap();
    fs::write(
        drop_ins.join("site.conf"),
        "[Service]\nIPAddressAllow=192.0.2.7\n",
    )
    .unwrap();
    let said = machine.doctor();
    assert!(
        said.code == Some(0) && !said.has("warning", "unit"),
        "{said:#?}"
    );
    fs::write(drop_ins.join("odd.conf"), "[Service]\nRestart=no\n").unwrap();
    machine
        .doctor()
        .begins_with_warning("unit", "odd.conf", "changes Restart=no");
    fs::write(drop_ins.join("odd.conf"), "[Service]\nPrivateDevices=yes\n").unwrap();
    machine
        .doctor()
        .begins("unit", "lanegate.service", "hides the serial ports");
}

#[test]
fn a_port_that_is_not_there_and_a_configuration_with_a_fault() {
    let machine = Machine::right();
    fs::remove_file(machine.site.path("dev/seal")).unwrap();
    machine
        .doctor()
        .begins("port", "SZB-X-01 seal-1", "cannot be found");
    machine.site.edit(
        "lane.toml",
        "geometry = \"side-exit\"",
        "geometry = \"sideways\"",
    );
    machine.doctor().begins("config", "lane.toml", "sideways");
}

#[test]
fn beside_a_running_daemon_its_ports_and_its_lock_are_its_own() {
    let machine = Machine::right();
    let log = fs::File::create(machine.site.path("log")).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_lanegate"));
    daemon
        .args(["run", "--config", "lane.toml"])
        .current_dir(machine.site.path("."));
    let _daemon = Owned::start(daemon.stdin(Stdio::null()).stderr(log));
    let said = until("the daemon has its ports", || {
        let said = machine.doctor();
        let held = said
            .all("good", "port")
            .iter()
            .filter(|what| what.contains("held by the daemon"))
            .count();
        (held == 3).then_some(said)
    });
    assert!(
        said.all("good", "state")[0].contains("in use by the daemon"),
        "{said:#?}"
    );
    assert_eq!(said.json["faults"], 0, "{said:#?}");
}

/// A process that says one line once it has what it is to have.
struct Talking(Owned);

impl Talking {
    fn start(command: &mut Command) -> Self {
        let mut owned = Owned::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut line = String::new();
        let out = owned.0.stdout.as_mut().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        assert_eq!(line, "open\n");
        Self(owned)
    }

    fn id(&self) -> u32 {
        self.0.0.id()
    }
}

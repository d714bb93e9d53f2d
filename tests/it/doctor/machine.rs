//! A machine on which the developer's lane could run, and what the doctor
//! says of it.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::pty::OpenptFlags;
use serde_json::Value;

use crate::cli_support::Site;
use crate::peers::programs::Mosquitto;

const TUNNEL: &str = "[broker.authority.tunnel]";

pub(super) struct Machine {
    pub(super) site: Site,
    pub(super) broker: Mosquitto,
    /// The devices' ends; nobody has the daemon's ends open.
    _devices: Vec<OwnedFd>,
}

/// What the doctor said.
#[derive(Debug)]
pub(super) struct Doctored {
    pub(super) code: Option<i32>,
    pub(super) json: Value,
}

impl Machine {
    const ARGS: [&'static str; 8] = [
        "doctor",
        "--json",
        "--config",
        "lane.toml",
        "--unit",
        "lanegate.service",
        "--listen-s",
        "1",
    ];

    pub(super) fn right() -> Self {
        Self::with(|_| String::new())
    }

    /// With what `more` adds to the broker's configuration, in whose directory
    /// it may leave files.
    pub(super) fn with(more: impl FnOnce(&Path) -> String) -> Self {
        let site = Site::new();
        let dir = site.path("broker");
        fs::create_dir(&dir).unwrap();
        fs::create_dir(site.path("dev")).unwrap();
        let broker = Mosquitto::start(&dir, &more(&dir));
        let devices = ["io", "scale", "seal"].map(|name| {
            let (near, far) = port();
            symlink(far, site.path("dev").join(name)).unwrap();
            near
        });
        site.edit("lane.toml", "127.0.0.1:9464", "127.0.0.1:0");
        // The time daemon has just set the clock.
        site.edit(
            "lane.toml",
            "rtc = \"trusted\"",
            "rtc = \"trusted\"\nmark = \"synchronized\"",
        );
        site.write("synchronized", "");
        site.edit(
            "lane.toml",
            "host = \"127.0.0.1\"\n",
            "host = \"127.0.0.1\"\nport = 1\n",
        );
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/lanegate.service");
        fs::copy(shipped, site.path("lanegate.service")).unwrap();
        let machine = Self {
            site,
            broker,
            _devices: devices.into(),
        };
        machine.point_at_broker();
        machine
    }

    /// Both brokers are the one that runs.
    pub(super) fn point_at_broker(&self) {
        let text = fs::read_to_string(self.site.path("lane.toml")).unwrap();
        let port = format!("port = {}", self.broker.port);
        // The customs code of the port is a text.
        let line = |line: &str| match line.strip_prefix("port = ") {
            Some(n) if !n.starts_with('"') => port.clone(),
            Some(_) | None => line.to_owned(),
        };
        let lines: Vec<String> = text.lines().map(line).collect();
        self.site.write("lane.toml", lines.join("\n") + "\n");
    }

    pub(super) fn without_authority(&self) {
        let text = fs::read_to_string(self.site.path("lane.toml")).unwrap();
        let (before, rest) = text.split_once("[broker.authority]").unwrap();
        let (_, after) = rest.split_once("\n[").unwrap();
        self.site.write("lane.toml", format!("{before}[{after}"));
    }

    /// The authority's broker stands behind a tunnel to this port, known by
    /// the authority of `certificate`.
    pub(super) fn tunnel(&self, certificate: &str, port: u16) {
        let text = self.without_tunnel();
        let table = format!(
            "{TUNNEL}\naddress = \"localhost:{port}\"\nca = \"broker/{certificate}-ca.pem\"\n\n[http]\n"
        );
        self.site
            .write("lane.toml", text.replace("[http]\n", &table));
    }

    fn without_tunnel(&self) -> String {
        let text = fs::read_to_string(self.site.path("lane.toml")).unwrap();
        match text.split_once(TUNNEL) {
            Some((before, rest)) => {
                let (_, after) = rest.split_once("\n[").unwrap();
                format!("{before}[{after}")
            }
            None => text,
        }
    }

    /// The daemon speaks TLS to the authority's broker at this port itself.
    pub(super) fn tls(&self, certificate: &str, port: u16) {
        let text = self.without_tunnel();
        let (before, rest) = text.split_once("[broker.authority]\n").unwrap();
        let (section, after) = rest.split_once("\n[").unwrap();
        let kept = section.lines();
        let kept = kept.filter(|l| !l.starts_with("port = ") && !l.starts_with("tls = "));
        let kept: Vec<&str> = kept.collect();
        let tls = format!(
            "port = {port}\ntls = {{ name = \"localhost\", ca = \"broker/{certificate}-ca.pem\" }}"
        );
        let section = format!("[broker.authority]\n{}\n{tls}\n", kept.join("\n"));
        self.site
            .write("lane.toml", format!("{before}{section}\n[{after}"));
    }

    pub(super) fn doctor(&self) -> Doctored {
        self.doctor_by(&mut Command::new(env!("CARGO_BIN_EXE_lanegate")))
    }

    /// Run by a program that runs what it is given.
    pub(super) fn doctor_under(&self, command: &mut Command) -> Doctored {
        self.doctor_by(command.arg(env!("CARGO_BIN_EXE_lanegate")))
    }

    fn doctor_by(&self, command: &mut Command) -> Doctored {
        command.args(Self::ARGS).args(Self::whose());
        self.told(command)
    }

    /// The daemon runs as whoever runs the test: the unit's user is made by
    /// the package.
    fn whose() -> &'static [&'static str] {
        match rustix::process::getuid().is_root() {
            true => &["--user", "root"],
            false => &[],
        }
    }

    /// Asked by another user, with a copy of the program it may run.
    pub(super) fn doctor_as(&self, id: u32) -> Doctored {
        let program = self.site.path("lanegate");
        // Copied by another process: one this process writes stays open in
        // whatever another test starts meanwhile, and cannot be run.
        let mut copy = Command::new("cp");
        copy.arg(env!("CARGO_BIN_EXE_lanegate")).arg(&program);
        assert!(copy.status().unwrap().success());
        let mut command = Command::new(program);
        self.told(command.uid(id).gid(id).args(Self::ARGS))
    }

    fn told(&self, command: &mut Command) -> Doctored {
        let output = command.current_dir(self.site.path(".")).output();
        let output = output.unwrap_or_else(|why| panic!("{command:?}: {why}; .ci/run installs it"));
        let json = serde_json::from_slice(&output.stdout);
        Doctored {
            code: output.status.code(),
            json: json.unwrap_or_else(|why| panic!("{why}: {output:?}")),
        }
    }

    /// What a person sees.
    pub(super) fn shown(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        let args = Self::ARGS.iter().filter(|arg| **arg != "--json");
        command.args(args).current_dir(self.site.path("."));
        command.args(Self::whose());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }
}

/// Numbers below this may be in the configuration of a daemon of another test,
/// whose terminals are gone and which opens again whoever has the number now.
const OTHERS: u32 = 200;

/// A pseudo-terminal whose far end nobody holds.
fn port() -> (OwnedFd, PathBuf) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    // Held until one is high enough.
    let mut low = Vec::new();
    loop {
        let near = rustix::pty::openpt(flags).unwrap();
        let name = rustix::pty::ptsname(&near, Vec::new()).unwrap();
        let far = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let number = far
            .file_name()
            .and_then(|n| n.to_str()?.parse::<u32>().ok());
        if number.unwrap() < OTHERS {
            low.push(near);
            continue;
        }
        rustix::pty::grantpt(&near).unwrap();
        rustix::pty::unlockpt(&near).unwrap();
        return (near, far);
    }
}

impl Doctored {
    pub(super) fn first(&self) -> &Value {
        &self.json["findings"][0]
    }

    /// `what` of every finding of this weight about this.
    pub(super) fn all(&self, severity: &str, area: &str) -> Vec<String> {
        let findings = self.json["findings"].as_array().unwrap().iter();
        let of = findings.filter(|f| f["severity"] == severity && f["area"] == area);
        of.map(|finding| finding["what"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) fn has(&self, severity: &str, area: &str) -> bool {
        !self.all(severity, area).is_empty()
    }

    /// A fault stands first, and ends with 1.
    #[track_caller]
    pub(super) fn begins(&self, area: &str, subject: &str, what: &str) {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert_eq!(self.json["ok"], false);
        self.is_first("fault", area, subject, what);
    }

    /// The same of what stops no lane.
    #[track_caller]
    pub(super) fn begins_with_warning(&self, area: &str, subject: &str, what: &str) {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.is_first("warning", area, subject, what);
    }

    #[track_caller]
    fn is_first(&self, severity: &str, area: &str, subject: &str, what: &str) {
        let first = self.first();
        assert_eq!(
            (&first["severity"], &first["area"]),
            (&severity.into(), &area.into()),
            "{self:#?}"
        );
        for (key, wanted) in [("subject", subject), ("what", what)] {
            assert!(
                first[key].as_str().unwrap().contains(wanted),
                "{wanted}: {self:#?}"
            );
        }
        assert_ne!(first["do"], "", "{self:#?}");
    }
}

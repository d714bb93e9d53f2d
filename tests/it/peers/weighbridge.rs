//! weighbridge-simulator of the Python package index: an indicator nobody here
//! wrote. It writes each figure of a file back to front with a `=` behind it,
//! then pauses: the dialect of Yaohua's tF=1 whose `=` does not come first.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::programs::{Owned, Terminal, cable, python_that_has, until};
use super::site::Site;
use super::yard::{PRESENCE, Yard, readme_blocks};
use super::{drives_away, ready_in};

const SHIPPED: &str = "protocol = \"yaohua-tf0\"";

/// The simulator on a cable whose other end the daemon opens.
struct Weighbridge {
    process: Option<Owned>,
    ends: [Terminal; 2],
    figures: PathBuf,
}

impl Weighbridge {
    /// Says nothing yet; its figures are kept in `dir`.
    fn on_a_cable(dir: &Path) -> Self {
        let ends = [Terminal::open(), Terminal::open()];
        cable(&ends[0], &ends[1]);
        Self {
            process: None,
            ends,
            figures: dir.join("figures"),
        }
    }

    fn port(&self) -> &Path {
        &self.ends[0].path
    }

    /// Shows these tonnes one after the other, five times a second, endlessly.
    fn shows(&mut self, tonnes: &[&str]) {
        self.process = None;
        fs::write(&self.figures, tonnes.join("\n")).unwrap();
        let mut command = Command::new(python_that_has("weighbridge_simulator"));
        command.args(["-m", "weighbridge_simulator", "--loops", "0"]);
        command.arg("--port").arg(&self.ends[1].path);
        command.arg("--data-file").arg(&self.figures);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Owned::start(&mut command));
    }
}

#[test]
fn a_weighbridge_nobody_here_wrote_weighs_a_truck() {
    let yard = Yard::open(|_| String::new());
    let mut scale = Weighbridge::on_a_cable(&yard.dir);
    let config = yard.dir.join("config");
    let link = config.join("dev/scale");
    fs::remove_file(&link).unwrap();
    symlink(scale.port(), &link).unwrap();
    let edits = [
        (
            SHIPPED,
            "protocol = \"yaohua-tf1\"\nsettings = { sign = \"none\", mark = \"after\" }",
        ),
        ("unit = \"kg\"", "unit = \"t\""),
    ];
    let file = config.join("lane.dev.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    for (old, new) in edits {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    fs::write(&file, text).unwrap();
    scale.shows(&["000.000"]);
    let blocks = readme_blocks();
    let (mut yard, mut authority) = ready_in(yard, &blocks[0]);

    // It rolls on, and stands, before the loop sees it: a program takes its
    // time to start.
    scale.shows(&["008.600"]);
    let frames = || {
        let status = yard.status()?;
        let devices = status["lanes"][0]["devices"].as_array()?;
        let scale = devices.iter().find(|d| d["id"] == "scale-1")?;
        scale["frames"].as_u64()
    };
    let before = until("the scale is heard", frames);
    until("the scale is still", || {
        frames().filter(|n| *n >= before + 8)
    });
    yard.inputs(&[PRESENCE]);
    let (plate, _) = blocks[1].split_once("lanegate status").unwrap();
    yard.by_hand(plate);
    let verdict = authority.until(&yard.broker, "a verdict", |a| a.last("verdict").cloned());
    let weight = &verdict["body"]["case"]["weight"];
    assert_eq!(weight["gross_kg"], 8600, "{verdict:#}");
    assert_eq!(
        (&weight["stable"], &weight["seen_empty"]),
        (&true.into(), &true.into())
    );
    assert_eq!(verdict["body"]["verdict"]["verdict"], "release");
    scale.shows(&["000.000"]);
    drives_away(&mut yard);
    yard.until_lane_is("vacant");
    yard.close();
}

/// A lane whose scale is read as `line` says.
fn read_as(line: &str) -> (Site, Weighbridge) {
    let site = Site::open(&[(SHIPPED, line), ("unit = \"kg\"", "unit = \"t\"")]);
    let mut scale = Weighbridge::on_a_cable(&site.dir);
    symlink(scale.port(), site.dir.join("dev/scale")).unwrap();
    scale.shows(&["012.340", "000.300", "038.240"]);
    (site, scale)
}

#[test]
fn its_figures_read_by_another_order_are_said_to_be_none_and_never_believed() {
    for line in [
        "protocol = \"yaohua-tf2\"",
        "protocol = \"yaohua-tf1\"",
        "protocol = \"yaohua-tf1\"\nsettings = { sign = \"none\" }",
    ] {
        let (site, _scale) = read_as(line);
        let said = until(&format!("it is said: {line}"), || {
            let device = site.device("scale-1")?;
            let noise = device["noise_runs"].as_u64()?;
            (noise >= 6).then_some(device)
        });
        assert_eq!(said["frames"], 0, "{line}: {said:#}");
        assert_ne!(said["state"], "ok", "{line}: {said:#}");
        let why = said["why"].as_str().unwrap();
        assert!(why.contains("no frame of its protocol"), "{line}: {why}");
        assert!(why.contains("mark = \"after\""), "{line}: {why}");
    }
}

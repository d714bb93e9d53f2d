//! A camera that is asked: Dahua's and Hikvision's streams behind lighttpd,
//! which asks who is there by Digest, and releases a truck by what they say.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use firmware_sim::cameras::{Make, Sight, heartbeat, message};

use super::programs::{Owned, free_port, until};
use super::yard::{PRESENCE, Yard, readme_blocks};
use super::{drives_away, ready_in};

/// The plate of the README's truck.
const PLATE: &str = "粤B12345";

/// A camera's web server, and the stream it gives.
struct Camera {
    _server: Owned,
    stream: File,
    make: Make,
    vehicle: u64,
}

impl Camera {
    /// In a directory of `yard`'s.
    fn start(yard: &Yard, make: Make, port: u16) -> Self {
        let dir = yard.dir.join("camera");
        fs::create_dir_all(dir.join("www")).unwrap();
        let stream = dir.join("stream");
        fs::write(&stream, "").unwrap();
        // What was said before somebody asked is said to nobody.
        let script = format!(
            "printf 'Content-Type: multipart/x-mixed-replace; boundary=boundary\\r\\n\\r\\n'\n\
             exec tail -c 0 -f {}\n",
            stream.display()
        );
        fs::write(dir.join("www/stream.cgi"), script).unwrap();
        fs::write(dir.join("users"), "lanegate:a gate of many lanes\n").unwrap();
        fs::write(dir.join("lighttpd.conf"), configuration(&dir, port)).unwrap();
        let server = Owned::start(
            Command::new("lighttpd")
                .arg("-D")
                .arg("-f")
                .arg(dir.join("lighttpd.conf")),
        );
        Self {
            _server: server,
            stream: OpenOptions::new().append(true).open(stream).unwrap(),
            make,
            vehicle: 0,
        }
    }

    fn says(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn beats(&mut self) {
        let beat = heartbeat(self.make, lanegate::clock::wall_now().0);
        self.says(&beat.unwrap());
    }

    fn sees(&mut self, plate: &str) {
        self.vehicle += 1;
        let sight = Sight {
            unix_ms: lanegate::clock::wall_now().0,
            plates: vec![plate.to_owned()],
            confidence_pct: 97,
            vehicle: self.vehicle,
            stored: false,
        };
        self.says(&message(self.make, &sight));
    }
}

fn configuration(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "server.document-root = \"{dir}/www\"\nserver.bind = \"127.0.0.1\"\nserver.port = {port}\n\
         server.errorlog = \"{dir}/errors\"\nserver.stream-response-body = 2\n\
         server.modules = (\"mod_auth\", \"mod_authn_file\", \"mod_cgi\")\n\
         cgi.assign = (\".cgi\" => \"/bin/sh\")\n\
         auth.backend = \"plain\"\nauth.backend.plain.userfile = \"{dir}/users\"\n\
         auth.require = (\"/\" => (\"method\" => \"digest\", \"realm\" => \"Login to camera\", \
         \"require\" => \"valid-user\"))\n"
    )
}

/// A lane whose camera is asked for its stream, with this password.
fn lane_with(make: Make, protocol: &str, password: &str) -> (Yard, Camera) {
    let yard = Yard::open(|_| String::new());
    let port = free_port();
    let camera = Camera::start(&yard, make, port);
    let secret = yard.dir.join("camera-password");
    fs::write(&secret, password).unwrap();
    let file = yard.dir.join("config/lane.dev.toml");
    let config = fs::read_to_string(&file).unwrap();
    let posts = "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }";
    assert!(config.contains(posts));
    let asked = format!(
        "protocol = \"{protocol}\"\nsource = {{ pull = \"http://127.0.0.1:{port}/stream.cgi?action=attach\
         &codes=[All]&heartbeat=5\", username = \"lanegate\", password_file = \"{}\" }}",
        secret.display()
    );
    fs::write(&file, config.replace(posts, &asked)).unwrap();
    (yard, camera)
}

/// How the camera is, and why.
fn camera_is(yard: &Yard) -> Option<(String, String)> {
    let status = yard.status()?;
    let devices = status["lanes"][0]["devices"].as_array()?;
    let camera = devices.iter().find(|d| d["id"] == "cam-1")?;
    let word = |name: &str| camera[name].as_str().unwrap_or_default().to_owned();
    Some((word("state"), word("why")))
}

/// Waits until the stream is asked for, by what comes of a heartbeat.
fn until_asked(yard: &Yard, camera: &mut Camera) {
    until("the camera is ok", || {
        camera.beats();
        (camera_is(yard)?.0 == "ok").then_some(())
    });
}

#[test]
fn a_camera_that_is_asked_by_digest_releases_a_truck() {
    for (make, protocol) in [
        (Make::Dahua, "dahua"),
        (Make::HikvisionXml, "hikvision-isapi"),
    ] {
        let (yard, mut camera) = lane_with(make, protocol, "a gate of many lanes\n");
        let blocks = readme_blocks();
        let (mut yard, mut authority) = ready_in(yard, &blocks[0]);
        until_asked(&yard, &mut camera);
        yard.inputs(&[PRESENCE]);
        yard.scale.shows(8600);
        camera.sees(PLATE);
        let verdict = authority.until(&yard.broker, "a verdict", |a| a.last("verdict").cloned());
        let said = &verdict["body"]["verdict"]["verdict"];
        assert_eq!(said, "release", "{protocol}: {verdict:#}");
        let read = &verdict["body"]["case"]["plates"][0];
        assert_eq!(read["text"], PLATE, "{verdict:#}");
        drives_away(&mut yard);
        authority.until(&yard.broker, "an outcome", |a| a.last("outcome").cloned());
        yard.close();
    }
}

#[test]
fn a_wrong_password_of_a_camera_is_told_in_words() {
    let (mut yard, _camera) = lane_with(Make::Dahua, "dahua", "guessed\n");
    yard.daemon.start().unwrap();
    let told = until("the camera refuses us", || {
        let (state, why) = camera_is(&yard)?;
        (state == "lost" && why.contains("refuses us")).then_some(why)
    });
    assert!(told.contains("401"), "{told}");
    assert!(told.contains("check username and password_file"), "{told}");
    yard.close();
}

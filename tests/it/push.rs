//! Cameras that post, played by curl, and the real daemon: what is taken shows
//! in `status`, what is refused is counted, and no answer is an order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::cli_daemon::Daemon;
use crate::cli_support::Site;

/// A daemon with two cameras that post; where they post, and their secret.
fn daemon() -> (Daemon, String, String) {
    let site = Site::new();
    let secret = format!("test-{:020}", std::process::id());
    site.write("cam-secret", format!("{secret}\nnot this line\n"));
    let path = site.path("cam-secret");
    let source = |name: &str| {
        format!(
            "{{ http = \"{name}\", secret_file = \"{}\" }}",
            path.display()
        )
    };
    site.edit(
        "lane.toml",
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        &format!(
            "protocol = \"hikvision-isapi\"\nsource = {}",
            source("cam-1")
        ),
    );
    let second = format!(
        "[[lane.device]]\nid = \"cam-2\"\nrole = \"camera\"\nprotocol = \"vzenith-http\"\nsource = {}\n\
         side = \"rear\"\nlate_ms = 15000\nlost_ms = 45000\nevidence_ms_max = 2000\n\n\
         [push]\nlisten = \"127.0.0.1:0\"\nbody_kib_max = 64\n\n[pictures]\ndir = \"dev/pictures\"\n\n[socket]",
        source("cam-2")
    );
    site.edit("lane.toml", "[socket]", "[cut]");
    let text = std::fs::read_to_string(site.path("lane.toml")).unwrap();
    let (before, after) = text.split_once("[cut]\n").unwrap();
    let (socket, lanes) = after.split_once("\n[journal]").unwrap();
    let (device, push) = second.split_once("[push]").unwrap();
    let push = format!("[push]{push}\n{socket}\n[journal]{lanes}\n{device}");
    site.write("lane.toml", format!("{before}{push}"));
    let daemon = Daemon::start_in(site);
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains("devices may post"));
    let (_, address) = line.unwrap().rsplit_once("listen=").unwrap();
    let address = address.trim().to_owned();
    (daemon, address, secret)
}

/// Runs curl; the answer's code and body.
fn curl(args: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--max-time",
            "60",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(args)
        .output()
        .expect("curl: .ci/run installs it");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, code) = text.rsplit_once('\n').unwrap();
    (code.to_owned(), body.to_owned())
}

fn device(daemon: &Daemon, id: &str) -> Value {
    let status = daemon.ask(&["status", "--json"]).ends(0).json();
    let mut lanes = status["lanes"].as_array().unwrap().iter();
    let found = lanes.find_map(|lane| {
        let devices = lane["devices"].as_array()?;
        devices.iter().find(|d| d["id"] == id).cloned()
    });
    found.unwrap_or_else(|| panic!("{id}: {status}"))
}

fn the_picture_is_kept(daemon: &Daemon) {
    let kept = std::fs::read_dir(daemon.site.path("dev/pictures")).unwrap();
    let kept: Vec<_> = kept.map(|f| f.unwrap().path()).collect();
    let picture = std::fs::read(daemon.site.path("plate.jpg")).unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(std::fs::read(&kept[0]).unwrap(), picture);
}

#[test]
fn what_a_camera_posts_shows_in_status_and_what_is_refused_is_counted() {
    let (mut daemon, address, secret) = daemon();
    assert_eq!(device(&daemon, "cam-1")["frames"], 0);
    daemon.site.write(
        "anpr.xml",
        "<EventNotificationAlert xmlns=\"http://www.isapi.org/ver20/XMLSchema\"><eventType>ANPR</eventType>\
         <eventState>active</eventState><ANPR><licensePlate>粤ZAB12港</licensePlate><confidenceLevel>97\
         </confidenceLevel></ANPR></EventNotificationAlert>",
    );
    daemon
        .site
        .write("plate.jpg", b"\xff\xd8\xff\xe0 a picture {\r\n\xff\xd9");
    let folder = daemon.site.path(".");
    let file = |name: &str| folder.join(name).display().to_string();
    let xml = format!("anpr.xml=@{};type=text/xml", file("anpr.xml"));
    let jpg = format!("plate.jpg=@{};type=image/jpeg", file("plate.jpg"));
    let to = |name: &str| format!("http://{address}/{name}");
    let header = format!("X-Lanegate-Secret: {secret}");

    // Parts, with the secret in a header.
    let (code, body) = curl(&["-H", &header, "-F", &xml, "-F", &jpg, &to("cam-1")]);
    assert_eq!((code.as_str(), body.as_str()), ("200", "{}"));
    daemon.await_that(|d| device(d, "cam-1")["frames"] == 1);
    assert_eq!(device(&daemon, "cam-1")["state"], "ok");
    the_picture_is_kept(&daemon);

    // JSON, with the secret as a password; the answer is no order to open.
    let post = r#"{"AlarmInfoPlate":{"serialno":"a1","result":{"PlateResult":{"license":"粤ZAB12港","confidence":97}}}}"#;
    let login = format!("camera:{secret}");
    let (code, body) = curl(&[
        "-u",
        &login,
        "-H",
        "Content-Type: application/json",
        "-d",
        post,
        &to("cam-2"),
    ]);
    assert_eq!(code, "200");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["Response_AlarmInfoPlate"]["info"], "no");
    assert_eq!(
        answer["Response_AlarmInfoPlate"]["content"],
        "retransfer_stop"
    );
    daemon.await_that(|d| device(d, "cam-2")["frames"] == 1);

    // Noise is told as noise, of the device it came from.
    let (code, _) = curl(&["-d", "hello", &format!("{}/{secret}", to("cam-2"))]);
    assert_eq!(code, "200");
    daemon.await_that(|d| device(d, "cam-2")["noise_runs"] == 1);

    let refused = |daemon: &Daemon, why: &str| {
        daemon.value(&format!("lanegate_push_refused_total{{why=\"{why}\"}}"))
    };
    let wrong = to("cam-1?secret=0000000000000000");
    assert_eq!(curl(&["-d", "x", &wrong]).0, "403");
    assert_eq!(curl(&["-d", "x", &to("cam-9")]).0, "403");
    assert_eq!(curl(&[&to("cam-1")]).0, "405");
    daemon.site.write("large", vec![b'x'; 65 * 1024]);
    let large = format!("@{}", file("large"));
    assert_eq!(
        curl(&["-H", &header, "--data-binary", &large, &to("cam-1")]).0,
        "413"
    );
    let mut slow = TcpStream::connect(&address).unwrap();
    slow.write_all(b"POST /cam-1 HTTP/1.1\r\nHost").unwrap();
    let mut answer = Vec::new();
    drop(slow.read_to_end(&mut answer));
    for why in ["secret", "path", "method", "size", "slow"] {
        assert!(refused(&daemon, why) >= 1.0, "{why}");
    }
    assert_eq!(device(&daemon, "cam-1")["frames"], 1);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_secret_that_is_short_or_not_there_is_a_wrong_configuration() {
    let site = Site::new();
    site.write("cam-secret", "short\n");
    let path = site.path("cam-secret");
    let source = format!(
        "{{ http = \"cam-1\", secret_file = \"{}\" }}",
        path.display()
    );
    site.edit(
        "lane.toml",
        "protocol = \"vzenith-mqtt\"\nsource = { sn = \"7a1c9e20-5b014d11\" }",
        &format!("protocol = \"openalpr\"\nsource = {source}"),
    );
    site.run(&["check", "--config", "lane.toml"])
        .ends(1)
        .says("push: is missing, but a device's source is http");
    site.edit(
        "lane.toml",
        "[socket]",
        "[push]\nlisten = \"127.0.0.1:0\"\n\n[socket]",
    );
    site.edit("lane.toml", "127.0.0.1:9464", "127.0.0.1:0");
    let place = "lane[0].device[0].source.secret_file: ";
    let short = site.run(&["check", "--config", "lane.toml"]).ends(1);
    short.says(place).says("write 16 to 128 letters");
    site.run(&["run", "--config", "lane.toml"])
        .ends(78)
        .says("write 16 to 128 letters");
    site.edit("lane.toml", &path.display().to_string(), "/nonexistent/x");
    let absent = site.run(&["check", "--config", "lane.toml"]).ends(1);
    absent.says(place).says("/nonexistent/x cannot be read");
    // A credential is there only while the service runs.
    site.edit("lane.toml", "/nonexistent/x", "cam-1-secret");
    let credential = site.run(&["check", "--config", "lane.toml"]).ends(0);
    credential
        .says("secret_file \"cam-1-secret\"")
        .says("each needs a LoadCredential=");
    site.run(&["run", "--config", "lane.toml"])
        .ends(78)
        .says("LoadCredential=cam-1-secret:/");
}

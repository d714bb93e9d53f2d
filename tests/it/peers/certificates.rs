//! Certificates made here and now, and brokers that have them.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;

use super::programs::{Mosquitto, free_port, until};
use super::site::Site;

/// An authority `by`, and certificates for localhost it signed, each with its
/// key: `yard-ca.pem`, `broker.pem`, `broker.key`.
pub(super) fn certify(dir: &Path, by: &str, names: &[&str]) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, format!("the authority of the {by}"));
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(dir.join(format!("{by}-ca.pem")), issuer.pem()).unwrap();
    for name in names {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &issuer).unwrap();
        fs::write(dir.join(format!("{name}.pem")), signed.pem()).unwrap();
        fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// A listener with TLS on this port, for clients `by` certified if `more` asks.
pub(super) fn listener(dir: &Path, by: &str, port: u16, more: &str) -> String {
    let file = |name: &str| dir.join(name).display().to_string();
    format!(
        "\nlistener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\n{more}",
        file(&format!("{by}-ca.pem")),
        file("broker.pem"),
        file("broker.key")
    )
}

/// The daemon's line for it.
pub(super) fn tls(dir: &Path, by: &str) -> String {
    let file = |name: &str| dir.join(name).display().to_string();
    format!(
        "tls = {{ name = \"localhost\", ca = \"{}\", certificate = \"{}\", key = \"{}\" }}",
        file(&format!("{by}-ca.pem")),
        file("gateway.pem"),
        file("gateway.key")
    )
}

/// How the devices' broker is.
fn broker(site: &Site) -> Option<Value> {
    let output = site.lanegate(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).ok()?;
    let brokers = status["brokers"].as_array()?.clone();
    brokers.into_iter().find(|b| b["peer"] == "devices")
}

fn until_down(site: &Site, why: &str) {
    until(&format!("it is said: {why}"), || {
        let said = broker(site)?["why_down"].as_str()?.to_owned();
        said.contains(why).then_some(())
    });
}

fn until_up(site: &Site) {
    until("the broker is up", || {
        (broker(site)?["up"] == true).then_some(())
    });
}

/// Each thing that may be wrong with TLS is said in the broker's status, and
/// what is mended on the disk counts at the next try, without a restart.
#[test]
fn what_is_wrong_with_tls_is_said_and_mended_without_a_restart() {
    let dir = std::env::temp_dir().join(format!("lanegate-tls-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    certify(&dir, "yard", &["broker", "gateway"]);
    certify(&dir, "stranger", &["stranger"]);
    let secured = free_port();
    let lines = listener(&dir, "yard", secured, "require_certificate true");
    let mut mosquitto = Mosquitto::start(&dir, &lines);
    let own = dir.join("own");
    fs::create_dir_all(&own).unwrap();
    let give = |from: &str, to: &str| fs::copy(dir.join(from), own.join(to)).unwrap();
    give("gateway.pem", "gateway.pem");
    give("gateway.key", "gateway.key");
    let devices = format!(
        "client_id = \"dev-devices\"\nport = {secured}\n{}",
        tls(&own, "yard")
    );
    let site = Site::open(&[("client_id = \"dev-devices\"", &devices)]);
    until_down(&site, "yard-ca.pem");
    give("stranger-ca.pem", "yard-ca.pem");
    until_down(&site, "TLS: invalid peer certificate: UnknownIssuer");
    give("stranger.pem", "gateway.pem");
    give("stranger.key", "gateway.key");
    give("yard-ca.pem", "yard-ca.pem");
    until_down(&site, "TLS: received fatal alert");
    give("gateway.pem", "gateway.pem");
    give("gateway.key", "gateway.key");
    until_up(&site);
    mosquitto.kill();
    until_down(&site, "Connection refused");
    mosquitto.start_again();
    until_up(&site);
    drop(site);
    drop(mosquitto);
    // A broker that speaks in the clear.
    let plain = Mosquitto::start(&dir, "");
    let devices = format!(
        "client_id = \"dev-devices\"\nport = {}\n{}",
        plain.port,
        tls(&own, "yard")
    );
    let site = Site::open(&[("client_id = \"dev-devices\"", &devices)]);
    until_down(&site, "TLS: ");
    drop(site);
    drop(plain);
    fs::remove_dir_all(dir).unwrap();
}

/// What is said last goes out: the broker hears the goodbye, and publishes no
/// will.
#[test]
fn the_goodbye_goes_out_over_tls() {
    let dir = std::env::temp_dir().join(format!("lanegate-goodbye-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    certify(&dir, "yard", &["broker", "gateway"]);
    let secured = free_port();
    let broker = Mosquitto::start(&dir, &listener(&dir, "yard", secured, ""));
    let authority = format!(
        "client_id = \"dev-authority\"\nport = {secured}\n{}",
        tls(&dir, "yard")
    );
    let mut site = Site::open(&[("client_id = \"dev-authority\"", &authority)]);
    until("the authority's broker listens to it", || {
        (broker.logged("Sending SUBACK to dev-authority") > 0).then_some(())
    });
    site.daemon.terminate().unwrap();
    until("it has ended", || site.daemon.ended().unwrap());
    until("the broker heard its goodbye", || {
        (broker.logged("Received DISCONNECT from dev-authority") > 0).then_some(())
    });
    drop(site);
    drop(broker);
    fs::remove_dir_all(dir).unwrap();
}

//! Who carries a broker's TLS.

use super::{parse, with};
use crate::config::Secured;

const AT: &str = "client_id = \"dev-authority\"";

fn broker(lines: &str) -> Result<Secured, String> {
    let text = with(AT, &format!("{AT}\n{lines}"));
    let parsed = parse(&text).map_err(|faults| {
        let said = faults.iter().map(|f| format!("{}: {}", f.path, f.why));
        said.collect::<Vec<_>>().join("\n")
    });
    Ok(parsed?.authority_broker.unwrap().secured)
}

#[test]
fn a_broker_is_spoken_to_in_the_clear_over_tls_or_through_a_tunnel() {
    assert_eq!(broker(""), Ok(Secured::No));
    let tls = "tls = { ca = \"ca.pem\", certificate = \"own.pem\", key = \"/keys/own.key\" }";
    let Ok(Secured::Tls(files)) = broker(tls) else {
        panic!("{:?}", broker(tls));
    };
    // From the directory of lane.toml.
    assert_eq!(files.ca.to_str(), Some("/etc/lanegate/ca.pem"));
    let own = files.own.unwrap();
    assert_eq!(own.0.to_str(), Some("/etc/lanegate/own.pem"));
    assert_eq!(own.1.to_str(), Some("/keys/own.key"));
    assert_eq!(files.name, None);
    let tunnel = "tunnel = { address = \"far.example:8883\", ca = \"ca.pem\" }";
    let Ok(Secured::Tunnel(tunnel)) = broker(tunnel) else {
        panic!("{:?}", broker(tunnel));
    };
    assert_eq!((tunnel.host.as_str(), tunnel.port), ("far.example", 8883));
}

#[test]
fn half_a_tls_is_none_and_says_what_is_missing() {
    let all = [
        ("tls = { name = \"x\" }", "tls.ca: is missing"),
        (
            "tls = { ca = \"a\", key = \"k\" }",
            "tls.certificate: is missing: key and certificate go together",
        ),
        ("tls = { ca = \"a\", cert = \"k\" }", "tls.cert: "),
        (
            "tls = { ca = \"a\" }\ntunnel = { address = \"far:1\", ca = \"a\" }",
            "tls: is one thing, a tunnel another",
        ),
    ];
    for (lines, why) in all {
        let said = broker(lines).unwrap_err();
        let expected = format!("broker.authority.{why}");
        assert!(said.contains(&expected), "{lines}: {said}");
    }
}

//! Scales that are asked, or described by the integrator.

use super::{faults, parse, with};

const SCALE: &str =
    "protocol = \"yaohua-tf0\"\nsource = { serial = \"dev/scale\", line = \"9600 8N1\" }";
const SERIAL: &str = "source = { serial = \"dev/scale\", line = \"9600 8N1\" }";

fn scale(protocol: &str, settings: &str) -> String {
    let lines = format!("protocol = \"{protocol}\"\n{SERIAL}\nsettings = {settings}");
    with(SCALE, &lines)
}

#[test]
fn every_scale_is_taken_with_the_rest_left_out() {
    let scales = lanegate_core::wire::protocols().iter();
    for known in scales.filter(|p| p.kind == lanegate_core::wire::ProtocolKind::Scale) {
        let config = parse(&scale(known.name, "{}")).unwrap();
        assert_eq!(config.lanes[0].devices[1].protocol, known.name);
    }
}

#[test]
fn a_make_that_is_not_known_is_described_in_the_file() {
    let described = r#"{ layout = '{status:2},{mode:2},{skip:2},{weight:8} {unit:2}\r\n', status = "ST=stable US=motion OL=out", modes = "GS=gross NT=gross TR=net" }"#;
    let config = parse(&scale("ascii-line", described)).unwrap();
    let set = &config.lanes[0].devices[1].settings;
    assert_eq!(set["modes"], "GS=gross NT=gross TR=net");
    let wrong = faults(&scale(
        "ascii-line",
        "{ layout = '{weight:7}', modes = 'G' }",
    ));
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].contains("write what ends the line"), "{wrong:?}");
    assert!(wrong[1].contains("write WORD=meaning"), "{wrong:?}");
}

#[test]
fn a_scale_that_is_asked_needs_times_that_go_together() {
    let fault = |settings: &str| faults(&scale("yaohua-command", settings));
    let slow = fault("{ every_ms = 1000 }");
    assert_eq!(slow.len(), 2, "{slow:?}");
    assert!(
        slow.iter().any(|f| f.contains("late_ms: is not above")),
        "{slow:?}"
    );
    assert!(
        slow.iter().any(|f| f.contains("nothing would be stable")),
        "{slow:?}"
    );
    let address = fault("{ address = \"AB\" }");
    assert!(address[0].contains("address"), "{address:?}");
}

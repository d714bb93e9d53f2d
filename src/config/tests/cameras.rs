//! What a camera's read is worth that does not say when it was taken.

use super::{DEV, faults, parse};
use crate::config::Undated;

const CAMERA: &str = "protocol = \"vzenith-mqtt\"";

fn dev(lines: &str) -> String {
    assert!(DEV.contains(CAMERA));
    DEV.replacen(CAMERA, lines, 1)
}

#[test]
fn a_camera_behind_a_broker_is_not_believed_without_a_time_unless_told_to() {
    let undated = |text: &str| parse(text).unwrap().lanes[0].devices[0].undated;
    assert_eq!(undated(DEV), Undated::Never);
    let said = dev(&format!("{CAMERA}\nundated = \"arrival\""));
    assert_eq!(undated(&said), Undated::Arrival);
    // A scale has no times, and its line is proven.
    let scale = &parse(DEV).unwrap().lanes[0].devices;
    assert!(
        scale
            .iter()
            .all(|d| d.id.as_str() == "cam-1" || d.undated == Undated::Arrival)
    );
}

#[test]
fn a_camera_that_could_never_be_believed_is_refused_with_what_to_do() {
    let own = "protocol = \"json-camera\"\nsettings = { plate = \"plate\" }";
    let source = |text: String| {
        let start = text.find("source = { sn").unwrap();
        let end = start + text[start..].find('\n').unwrap();
        let mut text = text;
        text.replace_range(start..end, "source = { topics = [\"cam/1\"] }");
        text
    };
    let refused = faults(&source(dev(own)));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("has no `time`"), "{refused:?}");
    assert!(refused[0].contains("undated = \"arrival\""), "{refused:?}");
    let timed = own.replace("plate = \"plate\" ", "plate = \"plate\", time = \"t\" ");
    assert!(parse(&source(dev(&timed))).is_ok());
    assert!(parse(&source(dev(&format!("{own}\nundated = \"arrival\"")))).is_ok());
}

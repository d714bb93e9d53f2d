use serde_json::Value;

use super::*;

fn sight(plates: &[&str]) -> Sight {
    Sight {
        unix_ms: 1_795_478_403_250,
        plates: plates.iter().map(|p| (*p).to_owned()).collect(),
        confidence_pct: 97,
        vehicle: 7,
        stored: false,
    }
}

fn text(make: Make, sight: &Sight) -> String {
    String::from_utf8_lossy(&message(make, sight)).into_owned()
}

#[test]
fn documents_are_json_with_the_makers_names_and_scales() {
    let document =
        |make| -> Value { serde_json::from_slice(&message(make, &sight(&["MX7742"]))).unwrap() };
    assert_eq!(document(Make::Axis)["plateConfidence"], "0.979");
    assert_eq!(
        document(Make::Frigate)["timestamp"].to_string(),
        "1795478403.25"
    );
    assert_eq!(document(Make::Trassir)["time"], 1_795_478_403_250_003_i64);
    assert_eq!(
        document(Make::PlateRecognizer)["data"]["results"][0]["plate"],
        "mx7742"
    );
    assert_eq!(
        document(Make::PlateRecognizer)["data"]["timestamp"],
        "2026-11-24T00:00:03.250000Z"
    );
    assert_eq!(
        document(Make::OpenAlprFrame)["results"][0]["confidence"].to_string(),
        "97.9"
    );
    assert_eq!(
        document(Make::Verkada)["data"]["detected"],
        1_795_478_403_250_i64
    );
    let several = text(Make::VzenithHttp, &sight(&["粤ZJ068澳", "MX7742"]));
    assert!(
        several.contains("\"license\":\"粤ZJ068澳|MX7742\""),
        "{several}"
    );
}

#[test]
fn a_stream_has_its_boundary_before_each_part_and_a_picture_that_contains_an_event() {
    for make in [Make::HikvisionXml, Make::HikvisionJson, Make::Dahua] {
        let said = text(make, &sight(&["MX7742"]));
        let boundary = said.lines().next().unwrap().to_owned();
        let parts = said.lines().filter(|line| *line == boundary).count();
        assert_eq!(parts, 2, "{said}");
        assert!(said.contains("Code=TrafficJunction"), "{said}");
        assert!(heartbeat(make, 0).unwrap().starts_with(boundary.as_bytes()));
    }
}

#[test]
fn no_plate_is_what_each_maker_writes_for_it() {
    assert!(text(Make::HikvisionXml, &sight(&[])).contains("<licensePlate>unknown<"));
    assert!(text(Make::Dahua, &sight(&[])).contains("\"PlateNumber\" : \"\""));
    assert!(text(Make::VzenithHttp, &sight(&[])).contains("\"license\":\"_无_\""));
    assert!(text(Make::OpenAlprFrame, &sight(&[])).contains("\"results\":[]"));
}

#[test]
fn what_is_stored_says_so_where_the_maker_can() {
    let stored = Sight {
        stored: true,
        ..sight(&["MX7742"])
    };
    for make in Make::ALL {
        let differs = message(make, &stored) != message(make, &sight(&["MX7742"]));
        assert_eq!(differs, make.tells_replay(), "{make:?}");
    }
}

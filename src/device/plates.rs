//! What a camera's frame claims, for the lane: its texts, and those of its
//! candidates that look like one of them.

use lanegate_core::clearance::look_alike;
use lanegate_core::model::{Plate, PlateRead, PlatesReading};
use lanegate_core::wire::{PlateText, PlatesFrame};

/// The reading of a frame. A candidate that does not look like what was read
/// is another guess at something else, and left out.
pub(super) fn reading(frame: PlatesFrame, pictures: Vec<String>) -> PlatesReading {
    let rival = |candidate: &&PlateText| {
        let Ok(text) = Plate::parse(&candidate.text) else {
            return false;
        };
        let mut read = frame
            .reads
            .iter()
            .filter_map(|r| Plate::parse(&r.text).ok());
        read.any(|plate| plate != text && look_alike(&plate, &text))
    };
    let read = |text: &PlateText, rival| PlateRead {
        text: text.text.clone(),
        confidence_pct: text.confidence_pct,
        rival,
    };
    let rivals = frame.candidates.iter().filter(rival);
    let chosen = frame.reads.iter().map(|r| read(r, false));
    PlatesReading {
        event: frame.event.clone(),
        reads: chosen.chain(rivals.map(|r| read(r, true))).collect(),
        pictures,
        on_request: frame.on_request,
    }
}

#[cfg(test)]
mod tests {
    use lanegate_core::wire::{Frame, Item, Settings, decode_line, protocol};

    use super::*;

    #[test]
    fn candidates_that_look_like_the_text_are_rivals_and_no_others() {
        let message = r#"{"data_type":"alpr_results","epoch_time":1,"results":[{"plate":"粤B12345","confidence":85,
            "candidates":[{"plate":"粤B1Z345","confidence":93},{"plate":"粤B12345","confidence":85},
            {"plate":"粤B12845","confidence":84},{"plate":"B12345","confidence":80}]}]}"#;
        let hex: String = message.bytes().map(|b| format!("{b:02x}")).collect();
        let mut decoder = protocol("openalpr")
            .unwrap()
            .decoder(&Settings::new())
            .unwrap();
        let items = decode_line(decoder.as_mut(), &hex).unwrap();
        let Some(Item::Frame(Frame::Plates(frame))) = items.into_iter().next() else {
            panic!("a frame is expected");
        };
        let reading = reading(frame, Vec::new());
        let read: Vec<_> = reading
            .reads
            .iter()
            .map(|r| (r.text.as_str(), r.rival))
            .collect();
        // 3 and 8 are not alike, and B12345 has no plate's shape.
        assert_eq!(read, [("粤B12345", false), ("粤B1Z345", true)]);
    }
}

//! Plate cameras of other makers than the yard's, as their makers' documents
//! and captured streams show their messages, bad days included: a replay from
//! memory, several plates at once, no plate at all, a result for the whole
//! vehicle when it has long left, pictures that contain events.

mod parts;
mod posts;

#[cfg(test)]
mod tests;

/// A make, and how it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// ISAPI, XML among pictures.
    HikvisionXml,
    /// ISAPI, JSON among pictures, in the newer namespace's firmware.
    HikvisionJson,
    /// Dahua's event stream, text among pictures.
    Dahua,
    /// Vzenith and its kin, by HTTP.
    VzenithHttp,
    /// OpenALPR's agent: one frame.
    OpenAlprFrame,
    /// OpenALPR's agent: one vehicle, after it has left.
    OpenAlprGroup,
    /// Plate Recognizer Stream.
    PlateRecognizer,
    /// FF Group on Axis.
    Axis,
    /// Frigate.
    Frigate,
    /// Verkada.
    Verkada,
    /// Trassir.
    Trassir,
}

impl Make {
    /// All of them.
    pub const ALL: [Make; 11] = [
        Make::HikvisionXml,
        Make::HikvisionJson,
        Make::Dahua,
        Make::VzenithHttp,
        Make::OpenAlprFrame,
        Make::OpenAlprGroup,
        Make::PlateRecognizer,
        Make::Axis,
        Make::Frigate,
        Make::Verkada,
        Make::Trassir,
    ];

    /// What its messages can carry: most say one plate each.
    #[must_use]
    pub const fn plates_max(self) -> usize {
        match self {
            Make::VzenithHttp | Make::OpenAlprFrame | Make::PlateRecognizer => 3,
            Make::HikvisionXml
            | Make::HikvisionJson
            | Make::Dahua
            | Make::OpenAlprGroup
            | Make::Axis
            | Make::Frigate
            | Make::Verkada
            | Make::Trassir => 1,
        }
    }

    /// Whether it says that a message comes from its memory.
    #[must_use]
    pub const fn tells_replay(self) -> bool {
        matches!(
            self,
            Make::HikvisionXml | Make::HikvisionJson | Make::VzenithHttp
        )
    }

    /// Whether its messages follow one another on one stream.
    #[must_use]
    pub const fn streams(self) -> bool {
        matches!(self, Make::HikvisionXml | Make::HikvisionJson | Make::Dahua)
    }
}

/// What a camera saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// When, in UTC.
    pub unix_ms: i64,
    /// The texts; none = no plate was read.
    pub plates: Vec<String>,
    /// How sure it is.
    pub confidence_pct: u8,
    /// The camera's number of the vehicle.
    pub vehicle: u64,
    /// Sent again from the camera's memory.
    pub stored: bool,
}

/// The message of `make` that says so.
#[must_use]
pub fn message(make: Make, sight: &Sight) -> Vec<u8> {
    match make {
        Make::HikvisionXml => parts::hikvision_xml(sight),
        Make::HikvisionJson => parts::hikvision_json(sight),
        Make::Dahua => parts::dahua(sight),
        Make::VzenithHttp => posts::vzenith(sight),
        Make::OpenAlprFrame => posts::openalpr_frame(sight),
        Make::OpenAlprGroup => posts::openalpr_group(sight),
        Make::PlateRecognizer => posts::plate_recognizer(sight),
        Make::Axis => posts::axis(sight),
        Make::Frigate => posts::frigate(sight),
        Make::Verkada => posts::verkada(sight),
        Make::Trassir => posts::trassir(sight),
    }
}

/// A sign of life on the stream of `make`, if it sends any.
#[must_use]
pub fn heartbeat(make: Make, unix_ms: i64) -> Option<Vec<u8>> {
    match make {
        Make::HikvisionXml | Make::HikvisionJson => Some(parts::hikvision_heartbeat(unix_ms)),
        Make::Dahua => Some(parts::dahua_heartbeat()),
        Make::VzenithHttp => Some(posts::vzenith_heartbeat()),
        Make::OpenAlprFrame
        | Make::OpenAlprGroup
        | Make::PlateRecognizer
        | Make::Axis
        | Make::Frigate
        | Make::Verkada
        | Make::Trassir => None,
    }
}

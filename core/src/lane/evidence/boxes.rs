//! Container numbers: texts of readers, each once, as often as its reader must
//! have read it. A text that is no number by ISO 6346 and could be a misread one
//! is kept: for the rules it is the misread of a declared one.

use super::{Evidence, READS_MAX, Rejected, pictures};
use crate::model::{BoxesReading, ContainerError, ContainerNo, ContainerRead, DeviceId};

/// A number has eleven characters; a reader may miss one or see one too many.
const MISREAD_LEN: std::ops::RangeInclusive<usize> = 10..=12;

/// One text read by one reader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct BoxRead {
    device: DeviceId,
    event: Option<String>,
    /// Normalised.
    no: String,
    /// By shape and check digit.
    good: bool,
    confidence_pct: u8,
    /// Of its most confident read.
    pictures: Vec<String>,
    /// How often it was read.
    n: u32,
    /// How often it must be.
    reads_min: u32,
}

impl BoxRead {
    const fn stands(&self) -> bool {
        self.n >= self.reads_min
    }
}

impl Evidence {
    pub(super) fn admit_boxes(
        &mut self,
        device: &DeviceId,
        boxes: &BoxesReading,
        reads_min: u32,
    ) -> Result<(), Rejected> {
        self.own(device, boxes.event.as_ref())?;
        let mut taken = Ok(());
        for (text, pct) in &boxes.reads {
            // The rest of a message is good although one text is not.
            taken = taken.and(self.admit_box(device, boxes, text, *pct, reads_min));
        }
        // A misread alone leaves its reader time to read it right.
        let good = |b: &BoxRead| b.device == *device && b.stands() && b.good;
        if self.boxes.iter().any(good) {
            self.gave.insert(device.clone());
        }
        taken
    }

    fn admit_box(
        &mut self,
        device: &DeviceId,
        boxes: &BoxesReading,
        text: &str,
        pct: u8,
        reads_min: u32,
    ) -> Result<(), Rejected> {
        let (no, good) = match ContainerNo::parse(text) {
            Ok(no) => (no.as_str().to_owned(), true),
            Err(ContainerError::Shape(text) | ContainerError::CheckDigit { text, .. }) => {
                (text, false)
            }
        };
        if !MISREAD_LEN.contains(&no.chars().count()) {
            return Err("no-box-number");
        }
        let of_device = |b: &&BoxRead| b.device == *device;
        let held = self.boxes.iter().filter(of_device).count();
        let bad = self.boxes.iter().filter(of_device).filter(|b| !b.good);
        let room = held < READS_MAX && (good || bad.count() < READS_MAX / 2);
        let same = |b: &&mut BoxRead| b.device == *device && b.no == no;
        if let Some(read) = self.boxes.iter_mut().find(same) {
            read.n = read.n.saturating_add(1);
            if pct >= read.confidence_pct && !boxes.pictures.is_empty() {
                read.pictures = pictures(&boxes.pictures);
            }
            read.confidence_pct = read.confidence_pct.max(pct);
        } else if room {
            self.boxes.push(BoxRead {
                device: device.clone(),
                event: boxes.event.clone(),
                no,
                good,
                confidence_pct: pct,
                pictures: pictures(&boxes.pictures),
                n: 1,
                reads_min,
            });
        } else {
            return Err("too-many-reads");
        }
        Ok(())
    }

    /// Events of this truck's boxes.
    pub(super) fn box_events(&self) -> impl Iterator<Item = (DeviceId, String)> {
        let event = |b: &BoxRead| Some((b.device.clone(), b.event.clone()?));
        self.boxes.iter().filter_map(event)
    }

    pub(in crate::lane) fn has_container(&self, no: &ContainerNo) -> bool {
        let mut standing = self.boxes.iter().filter(|b| b.stands());
        standing.any(|b| b.no == no.as_str())
    }

    /// The pictures of the texts that stand.
    pub(super) fn box_pictures(&self) -> impl Iterator<Item = (&DeviceId, &str, &[String])> {
        let pictured = self.boxes.iter().filter(|b| !b.pictures.is_empty());
        let standing = pictured.filter(|b| b.stands());
        standing.map(|b| (&b.device, b.no.as_str(), b.pictures.as_slice()))
    }

    /// Each text once, with the best of its confidences.
    pub(in crate::lane) fn containers(&self) -> Vec<ContainerRead> {
        let mut all: Vec<ContainerRead> = Vec::new();
        for read in self.boxes.iter().filter(|b| b.stands()) {
            let pct = Some(read.confidence_pct);
            match all.iter_mut().find(|known| known.no == read.no) {
                Some(known) => known.confidence_pct = known.confidence_pct.max(pct),
                None => all.push(ContainerRead {
                    no: read.no.clone(),
                    confidence_pct: pct,
                }),
            }
        }
        all
    }
}

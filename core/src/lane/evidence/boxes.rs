//! Container numbers: texts of readers, each once, as often as its reader must
//! have read it. A text that is no number by ISO 6346 is kept as it was read:
//! for the rules it is the misread of a declared one.

use super::{Evidence, READS_MAX, Rejected};
use crate::lane::EvidenceDevice;
use crate::model::{ContainerNo, ContainerRead, DeviceId};

/// Longest text kept.
const TEXT_LEN_MAX: usize = 24;

/// One text read by one reader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct BoxRead {
    device: DeviceId,
    /// As ISO 6346 writes it, where it is a number.
    no: String,
    confidence_pct: u8,
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
    pub(super) fn admit_box(
        &mut self,
        reader: &EvidenceDevice,
        device: &DeviceId,
        text: &str,
        pct: u8,
    ) -> Result<(), Rejected> {
        let no = ContainerNo::parse(text).map_or_else(
            |_| text.chars().take(TEXT_LEN_MAX).collect(),
            |no| no.as_str().to_owned(),
        );
        let same = |b: &&mut BoxRead| b.device == *device && b.no == no;
        if let Some(read) = self.boxes.iter_mut().find(same) {
            read.n = read.n.saturating_add(1);
            read.confidence_pct = read.confidence_pct.max(pct);
        } else if self.boxes.len() < READS_MAX {
            self.boxes.push(BoxRead {
                device: device.clone(),
                no,
                confidence_pct: pct,
                n: 1,
                reads_min: reader.reads_min,
            });
        } else {
            return Err("too-many-reads");
        }
        // A misread alone leaves its reader time to read it right.
        let good = |b: &BoxRead| b.stands() && ContainerNo::parse(&b.no).is_ok();
        if self.boxes.iter().any(|b| b.device == *device && good(b)) {
            self.gave.insert(device.clone());
        }
        Ok(())
    }

    pub(in crate::lane) fn has_container(&self, no: &ContainerNo) -> bool {
        let mut standing = self.boxes.iter().filter(|b| b.stands());
        standing.any(|b| b.no == no.as_str())
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

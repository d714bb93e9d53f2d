//! What a passage's evidence says together, as a case has it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Evidence, PICTURED_MAX, Read, Texts};
use crate::clearance::look_alike;
use crate::lane::LaneConfig;
use crate::model::{CasePlate, CaseSeal, DeviceId, Plate, SealReading, TagRead, normalise};
use crate::time::Mono;

impl Evidence {
    /// What the cameras say, each text once a device.
    pub(in crate::lane) fn plates(&self, config: &LaneConfig) -> Vec<CasePlate> {
        let of = |device: &DeviceId| {
            let known = config.devices.get(device);
            let side = known.and_then(|d| d.side.clone());
            self.plates_of(device, known.map_or(1, |d| d.reads_min), side)
        };
        self.reads.keys().flat_map(of).collect()
    }

    /// Agreement decides among texts of one event that could be one plate
    /// (same kind, or of no kind); outvoted ones stay on the record.
    pub(in crate::lane) fn plates_of(
        &self,
        device: &DeviceId,
        reads_min: u32,
        side: Option<String>,
    ) -> Vec<CasePlate> {
        let Some(reads) = self.reads.get(device) else {
            return Vec::new();
        };
        let mut groups: BTreeMap<(Option<&str>, String), Texts<'_>> = BTreeMap::new();
        for read in reads.iter().filter(|r| !r.rival) {
            let kind = Plate::parse(&read.text).map_or_else(
                |_| format!("none:{}", read.text),
                |plate| format!("{:?}", plate.kind()),
            );
            let texts = groups.entry((read.event.as_deref(), kind)).or_default();
            let seen = texts.entry(read.text.as_str()).or_insert((0, read));
            seen.0 += read.n;
            if read.confidence_pct >= seen.1.confidence_pct {
                seen.1 = read;
            }
        }
        let mut plates = Vec::new();
        for texts in groups.values() {
            let best = texts.values().map(|(n, _)| *n).max().unwrap_or(0);
            let tied = texts.values().filter(|(n, _)| *n == best).count() > 1;
            for (n, read) in texts.values() {
                plates.push(CasePlate {
                    text: read.raw.clone(),
                    confidence_pct: read.confidence_pct,
                    side: side.clone(),
                    device: Some(device.clone()),
                    taken_at: read.at,
                    reads: Some(*n),
                    outvoted: *n < best || tied || *n < reads_min,
                });
            }
        }
        plates.extend(rivals(reads, &plates, device, side.as_ref()));
        plates
    }

    /// Plates that arrived after `since`, are as confident as `pct` and were
    /// not outvoted by a clear majority: those could contradict a verdict of
    /// then.
    pub(in crate::lane) fn plates_since(
        &self,
        config: &LaneConfig,
        since: Mono,
        pct: u8,
    ) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for (device, reads) in &self.reads {
            let reads_min = config.devices.get(device).map_or(1, |d| d.reads_min);
            let kind = |r: &Read| Plate::parse(&r.text).ok().map(|p| p.kind());
            for read in reads
                .iter()
                .filter(|r| r.arrived > since && r.n >= reads_min && !r.rival)
            {
                let rivals = reads
                    .iter()
                    .filter(|r| r.event == read.event && kind(r) == kind(read));
                let outvoted = rivals.map(|r| r.n).any(|n| n > read.n);
                if kind(read).is_some() && read.confidence_pct >= pct && !outvoted {
                    texts.insert(read.text.clone());
                }
            }
        }
        texts
    }

    /// The pictures of the texts that stand, by device and text: for whoever
    /// looks at the record, no part of what is judged.
    pub(in crate::lane) fn pictures(&self, config: &LaneConfig) -> Vec<serde_json::Value> {
        let plates = self.plates(config);
        let stands = |device: &DeviceId, read: &Read| {
            let mut of = plates.iter().filter(|p| p.device.as_ref() == Some(device));
            of.any(|p| usable(p) && normalise(&p.text) == read.text)
        };
        let mut all = Vec::new();
        for (device, reads) in &self.reads {
            let chosen = reads.iter().filter(|r| !r.rival && !r.pictures.is_empty());
            for read in chosen.filter(|r| stands(device, r)) {
                all.push(serde_json::json!({
                    "device": device, "text": read.raw, "sha256": read.pictures,
                }));
            }
        }
        for (device, no, pictures) in self.box_pictures() {
            all.push(serde_json::json!({"device": device, "text": no, "sha256": pictures}));
        }
        all.truncate(PICTURED_MAX);
        all
    }

    pub(in crate::lane) fn seals(&self) -> Vec<CaseSeal> {
        self.seals.values().map(case_seal).collect()
    }

    pub(in crate::lane) fn tags(&self) -> Vec<TagRead> {
        self.tags
            .iter()
            .map(|id| TagRead { id: id.clone() })
            .collect()
    }

    pub(in crate::lane) fn card(&self) -> Option<&str> {
        self.card.as_deref()
    }
}

/// Look-alikes the camera considered in at least half of the reads of a text
/// that stands: the rules call that text doubtful (field case c15).
fn rivals(
    reads: &[Read],
    plates: &[CasePlate],
    device: &DeviceId,
    side: Option<&String>,
) -> Vec<CasePlate> {
    let doubts = |rival: &Read| {
        let Ok(text) = Plate::parse(&rival.text) else {
            return false;
        };
        let doubted = |chosen: &CasePlate| {
            let often = chosen.reads.unwrap_or(0) <= rival.n.saturating_mul(2);
            let like = |plate: Plate| plate != text && look_alike(&plate, &text);
            !chosen.outvoted && often && Plate::parse(&chosen.text).is_ok_and(like)
        };
        let chosen_too = |p: &CasePlate| normalise(&p.text) == rival.text;
        plates.iter().any(doubted) && !plates.iter().any(chosen_too)
    };
    let shown = |rival: &Read| CasePlate {
        text: rival.raw.clone(),
        confidence_pct: rival.confidence_pct,
        side: side.cloned(),
        device: Some(device.clone()),
        taken_at: rival.at,
        reads: Some(rival.n),
        outvoted: false,
    };
    let all = reads.iter().filter(|r| r.rival);
    all.filter(|r| doubts(r)).map(shown).collect()
}

pub(super) fn has_rival(plate: &CasePlate, plates: &[CasePlate]) -> bool {
    let parsed = |p: &CasePlate| Plate::parse(&p.text).ok();
    let Some(own) = parsed(plate) else {
        return false;
    };
    let mut others = plates.iter().filter(|p| usable(p)).filter_map(parsed);
    others.any(|other| other != own && look_alike(&own, &other))
}

fn case_seal(seal: &SealReading) -> CaseSeal {
    CaseSeal {
        id: seal.id.clone(),
        state: seal.state,
        alarms: seal.alarms.clone(),
        battery_pct: seal.battery_pct,
        taken_at: seal.at,
        replay: seal.replay,
    }
}

pub(super) fn usable(plate: &CasePlate) -> bool {
    !plate.outvoted && Plate::parse(&plate.text).is_ok()
}

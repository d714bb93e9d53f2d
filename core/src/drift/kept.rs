//! The memory as text, to be kept over a restart: a first line with version and
//! checksum, then one line of JSON that it is of.
//!
//! ```text
//! {"v":1,"sha256":"…"}
//! {"lanes":["SZB-X-01"],"tractors":[["00f1…",[[0,498000,-35]]]]}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LANES_MAX, Memory, Past, RESIDUAL_KG_MAX, TRACTORS_MAX, Tractor, WEIGHINGS_MAX};
use crate::model::LaneId;
use crate::record::sha256_hex;

/// Longest text of a memory that is full.
pub const KEPT_LEN_MAX: usize = 4 << 20;

const VERSION: u32 = 1;

/// Why a text is no memory.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeptError {
    /// It is not what was written.
    #[error("its checksum is not that of its content")]
    Damaged,
    /// Of another program.
    #[error("it is of version {0}, and this program reads version {VERSION}")]
    Version(u32),
    /// It is whole and yet no memory.
    #[error("it holds more than is kept, or what cannot be")]
    Unfit,
}

#[derive(Serialize, Deserialize)]
struct Head {
    v: u32,
    sha256: String,
}

/// Lane, hour, kilograms.
type KeptPast = (u8, u32, i32);

#[derive(Serialize, Deserialize)]
struct Kept {
    lanes: Vec<LaneId>,
    tractors: Vec<(String, Vec<KeptPast>)>,
}

impl Memory {
    /// As it is kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        let tractors = self.tractors.iter().map(|(tractor, pasts)| {
            let pasts = pasts.iter().map(|p| (p.lane, p.hour, p.kg));
            (format!("{:016x}", tractor.0), pasts.collect())
        });
        let kept = Kept {
            lanes: self.lanes.clone(),
            tractors: tractors.collect(),
        };
        let body = json(&kept);
        let head = Head {
            v: VERSION,
            sha256: sha256_hex(body.as_bytes()),
        };
        format!("{}\n{body}\n", json(&head))
    }

    /// As it was kept.
    ///
    /// # Errors
    /// It is damaged, of another version, or beyond the bounds.
    pub fn from_text(text: &str) -> Result<Self, KeptError> {
        let (head, rest) = text.split_once('\n').ok_or(KeptError::Damaged)?;
        let head: Head = serde_json::from_str(head).map_err(|_| KeptError::Damaged)?;
        if head.v != VERSION {
            return Err(KeptError::Version(head.v));
        }
        let body = rest.strip_suffix('\n').ok_or(KeptError::Damaged)?;
        if head.sha256 != sha256_hex(body.as_bytes()) {
            return Err(KeptError::Damaged);
        }
        let kept: Kept = serde_json::from_str(body).map_err(|_| KeptError::Unfit)?;
        kept.read().ok_or(KeptError::Unfit)
    }
}

impl Kept {
    fn read(self) -> Option<Memory> {
        let mut names = self.lanes.clone();
        names.sort_unstable();
        names.dedup();
        if names.len() != self.lanes.len() || names.len() > LANES_MAX {
            return None;
        }
        let mut tractors = BTreeMap::new();
        for (tractor, pasts) in self.tractors {
            let tractor = Tractor(u64::from_str_radix(&tractor, 16).ok()?);
            if pasts.is_empty() || pasts.len() > WEIGHINGS_MAX {
                return None;
            }
            let past = |(lane, hour, kg): KeptPast| {
                let known = usize::from(lane) < self.lanes.len();
                let fits = i64::from(kg).abs() <= RESIDUAL_KG_MAX;
                (known && fits).then_some(Past { lane, hour, kg })
            };
            let pasts: Vec<Past> = pasts.into_iter().map(past).collect::<Option<_>>()?;
            if tractors.insert(tractor, pasts).is_some() || tractors.len() > TRACTORS_MAX {
                return None;
            }
        }
        Some(Memory {
            lanes: self.lanes,
            tractors,
        })
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers are always JSON")
}

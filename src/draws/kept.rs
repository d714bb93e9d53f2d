//! A chain of our own, kept in the state directory: written aside, synced,
//! renamed, for nobody's eyes but ours.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::Date;
use lanegate_core::clearance::{DayKey, KeyChain};
use serde::{Deserialize, Serialize};

use super::SeedError;

/// Its name in the state directory.
pub(super) const NAME: &str = "draw-chain.json";

#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    #[serde(flatten)]
    chain: KeptChain,
    /// The one it follows: a crash may come before that is on record.
    old: Option<KeptChain>,
}

#[derive(Serialize, Deserialize)]
struct KeptChain {
    last_day: Date,
    key: String,
}

impl KeptChain {
    fn of(chain: &KeyChain) -> Self {
        Self {
            last_day: chain.last_day(),
            key: chain.last().reveal(),
        }
    }

    fn read(&self) -> Option<KeyChain> {
        let key = DayKey::parse(&self.key)?;
        Some(KeyChain::new(self.last_day, key))
    }
}

/// What was kept.
#[derive(Default)]
pub(super) struct Own {
    pub(super) chain: Option<KeyChain>,
    /// The chain it follows.
    pub(super) old: Option<KeyChain>,
}

/// The chain in `file`; none if there is none, or none that can be used: the
/// next begins explicitly on the record.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn read(file: &Path) -> Result<Own, SeedError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Own::default()),
        Err(source) => {
            let path = file.display().to_string();
            return Err(SeedError::Own { path, source });
        }
    };
    // What stands in it is never shown, not even in a fault.
    let kept: Option<Kept> = serde_json::from_str(&text).ok();
    let kept = kept.filter(|kept| kept.v == 1);
    let own = kept.map(|kept| Own {
        chain: kept.chain.read(),
        old: kept.old.as_ref().and_then(KeptChain::read),
    });
    let own = own.unwrap_or_default();
    if own.chain.is_none() {
        tracing::warn!(file = %file.display(), "our chain of draw keys is damaged: a new one begins");
    }
    Ok(own)
}

/// Draws a chain of `days` days from `day` on, and keeps it.
pub(super) fn renew(
    file: &Path,
    day: Date,
    days: i32,
    old: Option<&KeyChain>,
) -> io::Result<KeyChain> {
    let last_day = day
        .checked_add((days - 1).days())
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let chain = KeyChain::new(last_day, DayKey::new(seed));
    let kept = Kept {
        v: 1,
        chain: KeptChain::of(&chain),
        old: old.map(KeptChain::of),
    };
    let text = serde_json::to_string(&kept)?;
    let aside = file.with_extension("new");
    let removed = std::fs::remove_file(&aside);
    if let Err(why) = removed
        && why.kind() != io::ErrorKind::NotFound
    {
        return Err(why);
    }
    let mut written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&aside, file)?;
    if let Some(dir) = file.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(chain)
}

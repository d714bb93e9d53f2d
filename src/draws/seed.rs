//! A seed handed in: the last day's key of a chain whose anchor is published.

use lanegate_core::clearance::{DayKey, KeyChain};

use crate::config::DrawConfig;

/// Why the draw's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file.
    #[error("the draw's seed, {path}, cannot be read; its first line is 64 hex digits")]
    Unread {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What stands in it; it is not shown.
    #[error("the draw's seed is no key: the file's first line must be 64 lower-case hex digits")]
    NoKey,
    /// Another chain's.
    #[error(
        "the draw's seed does not lead to the published anchor: hashed down from last_day to \
         anchor_day it gives another key; correct seed, last_day, anchor or anchor_day under [draw]"
    )]
    Anchor,
    /// Our own chain.
    #[error("our own chain of draw keys, {path}, cannot be read")]
    Own {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl SeedError {
    /// Whether the configuration is wrong; else the disk is.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::NoKey | Self::Anchor => true,
            Self::Unread { source, .. } => crate::config::is_mistake(source),
            Self::Own { .. } => false,
        }
    }
}

/// Reads the seed and checks it against the anchor.
///
/// # Errors
/// See [`SeedError`].
pub fn read_seed(config: &DrawConfig) -> Result<KeyChain, SeedError> {
    let dir = crate::config::credentials_dir();
    let text = config.read_seed(dir.as_deref());
    let text = text.map_err(|source| SeedError::Unread {
        path: config.seed.display().to_string(),
        source,
    })?;
    let first = text.lines().next().unwrap_or_default().trim();
    let seed = DayKey::parse(first).ok_or(SeedError::NoKey)?;
    let chain = KeyChain::new(config.last_day, seed);
    if chain.key_of(config.anchor_day).as_ref() != Some(&config.anchor) {
        return Err(SeedError::Anchor);
    }
    Ok(chain)
}

//! The outbox: how far the authority has acknowledged the journal. Only a
//! position, kept in a small file now and then: if it is behind after a crash,
//! records are sent again under the same id (L5).

use serde::{Deserialize, Serialize};

use crate::journal::{Disk, JournalError};

const NAME: &str = "outbox.json";
const ASIDE: &str = "outbox.new";
/// Acknowledgements between two writings.
const KEPT_EVERY: u64 = 256;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    genesis: String,
    through: u64,
}

/// How far the authority has acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outbox {
    through: Option<u64>,
    kept: Option<u64>,
}

impl Outbox {
    /// What was kept for the journal `genesis`; nothing if it is another's or
    /// unreadable, which only means sending again.
    pub(super) fn read<D: Disk>(disk: &D, genesis: &str) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io {
            name: NAME.to_owned(),
            what: "read",
            source,
        };
        if !disk.list().map_err(io)?.iter().any(|n| n == NAME) {
            return Ok(Self::default());
        }
        let bytes = disk.read(NAME).map_err(io)?;
        let kept = serde_json::from_slice::<Kept>(&bytes).ok();
        let through = kept.filter(|k| k.genesis == genesis).map(|k| k.through);
        Ok(Self {
            through,
            kept: through,
        })
    }

    /// Takes an acknowledgement; says whether it is time to keep it.
    pub(super) fn acknowledge(&mut self, through: u64) -> bool {
        self.through = self.through.max(Some(through));
        let kept = self.kept.map_or(0, |kept| kept + 1);
        through + 1 >= kept + KEPT_EVERY
    }

    /// Whether something was acknowledged that is not kept.
    pub(super) fn is_dirty(&self) -> bool {
        self.through != self.kept
    }

    /// Keeps the position. A failure only means sending again.
    pub(super) fn keep<D: Disk>(&mut self, disk: &mut D, genesis: &str) -> std::io::Result<()> {
        let Some(through) = self.through else {
            return Ok(());
        };
        let kept = Kept {
            genesis: genesis.to_owned(),
            through,
        };
        let bytes = serde_json::to_vec(&kept).expect("it has text keys");
        if disk.list()?.iter().any(|n| n == ASIDE) {
            disk.remove(ASIDE)?;
        }
        disk.create(ASIDE)?;
        disk.append(ASIDE, &bytes)?;
        disk.sync(ASIDE)?;
        disk.rename(ASIDE, NAME)?;
        self.kept = Some(through);
        Ok(())
    }

    /// The last record acknowledged.
    #[must_use]
    pub const fn through(&self) -> Option<u64> {
        self.through
    }
}

//! Which of a case's plates may identify or contradict: confident, not
//! outvoted, with the shape of a plate, and without a close rival that a
//! camera could have taken for it (DOMAIN 2).

use smallvec::SmallVec;

use super::sheet::Few;
use crate::model::{Case, CasePlate, ContainerError, ContainerNo, Declaration, Plate};

/// Two readings of one plate whose scores differ by at most this are rivals;
/// further apart the better one stands.
const RIVAL_MARGIN_PCT: u8 = 10;

/// The plates of a case, sorted by what they are good for.
#[derive(Default)]
pub(super) struct Reads {
    /// May identify and contradict.
    pub(super) sure: SmallVec<[Plate; 4]>,
    /// One of several look-alike readings of one plate.
    pub(super) ambiguous: SmallVec<[Plate; 4]>,
    /// Trailer plates, compared with trailers alone.
    pub(super) trailers: SmallVec<[Plate; 4]>,
    /// Texts without the shape of a plate.
    pub(super) shapeless: usize,
    /// Reads below the policy's confidence, or outvoted.
    pub(super) weak: usize,
    /// The case's container reads in their order, each once looked at.
    pub(super) containers: SmallVec<[Result<ContainerNo, ContainerError>; 2]>,
}

impl Reads {
    pub(super) fn of(case: &Case, confidence_pct_min: u8) -> Self {
        let parsed = case.containers.iter().map(|c| ContainerNo::parse(&c.no));
        Self {
            containers: parsed.collect(),
            ..Self::of_plates(&case.plates, confidence_pct_min)
        }
    }

    fn of_plates(plates: &[CasePlate], confidence_pct_min: u8) -> Self {
        let mut reads = Self::default();
        let mut usable: Few<(&CasePlate, Plate)> = Few::new();
        for read in plates {
            match Plate::parse(&read.text) {
                Err(_) => reads.shapeless += 1,
                Ok(_) if read.outvoted || read.confidence_pct < confidence_pct_min => {
                    reads.weak += 1;
                }
                Ok(plate) => usable.push((read, plate)),
            }
        }
        let rivalries: Few<_> = usable
            .iter()
            .map(|(read, plate)| rivalry(read, plate, &usable))
            .collect();
        for ((_, plate), rivalry) in usable.into_iter().zip(rivalries) {
            let into = match rivalry {
                Rivalry::Beaten => {
                    reads.weak += 1;
                    continue;
                }
                Rivalry::Close if !plate.kind().is_trailer() => &mut reads.ambiguous,
                Rivalry::Close | Rivalry::None if plate.kind().is_trailer() => &mut reads.trailers,
                Rivalry::Close | Rivalry::None => &mut reads.sure,
            };
            if !into.contains(&plate) {
                into.push(plate);
            }
        }
        // Another device, or an officer, has read the same text without doubt.
        let sure = std::mem::take(&mut reads.sure);
        reads.ambiguous.retain(|plate| !sure.contains(plate));
        reads.sure = sure;
        reads
    }

    /// A declared trailer's plate was read exactly, and nothing like it beside.
    pub(super) fn trailer_read(&self, declaration: &Declaration) -> bool {
        let alone = |p: &Plate| {
            let mut others = self.trailers.iter().filter(|read| *read != p);
            !others.any(|read| look_alike(p, read))
        };
        let read = |p: &Plate| self.trailers.contains(p) && alone(p);
        declaration.trailers.iter().any(|t| read(&t.plate))
    }
}

/// Whether a plate that may identify the truck is among `plates`.
pub(crate) fn identify(plates: &[CasePlate], confidence_pct_min: u8) -> bool {
    let reads = Reads::of_plates(plates, confidence_pct_min);
    !reads.sure.is_empty()
}

enum Rivalry {
    None,
    Close,
    Beaten,
}

/// A rival comes from the same device and differs by look-alikes only.
fn rivalry(read: &CasePlate, plate: &Plate, all: &[(&CasePlate, Plate)]) -> Rivalry {
    let mut found = Rivalry::None;
    for (other, text) in all {
        let rival = read.device.is_some()
            && read.device == other.device
            && plate != text
            && look_alike(plate, text);
        if !rival {
            continue;
        }
        if other.confidence_pct > read.confidence_pct.saturating_add(RIVAL_MARGIN_PCT) {
            return Rivalry::Beaten;
        }
        if read.confidence_pct <= other.confidence_pct.saturating_add(RIVAL_MARGIN_PCT) {
            found = Rivalry::Close;
        }
    }
    found
}

/// Of one kind and equal once look-alike characters are folded; 港 and 澳
/// never fold, since they are kinds of their own.
#[must_use]
pub fn look_alike(a: &Plate, b: &Plate) -> bool {
    a.kind() == b.kind()
        && a.as_str().len() == b.as_str().len()
        && folded(a.as_str()).eq(folded(b.as_str()))
}

/// A plate's text with every look-alike character as the one that stands for
/// them all: what an index of look-alikes is ordered by.
pub fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(fold)
}

const fn fold(c: char) -> char {
    match c {
        'O' | 'D' | 'Q' => '0',
        'I' | 'L' => '1',
        'Z' => '2',
        'S' => '5',
        'B' => '8',
        'G' => '6',
        other => other,
    }
}

//! Evidence that is lost or becomes doubtful, and which of it speaks against
//! the truck.

use lanegate_core::clearance::{Need, Policy};
use lanegate_core::model::{
    Case, ContainerNo, Declaration, DeviceId, DeviceState, JournalState, Plate, SealState,
    StoreState,
};
use lanegate_core::time::Clock;
use proptest::prelude::*;
use proptest::sample::select;

/// What is lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    Plate(usize, PlateLoss),
    Seal(usize, SealLoss),
    Container(usize, BoxLoss),
    Tag(usize),
    Card,
    Weight(WeightLoss),
    Doubt(Doubt),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PlateLoss {
    Gone,
    Unsure,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum SealLoss {
    Gone,
    NoState,
    NoTime,
    Replayed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum BoxLoss {
    Gone,
    Misread,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum WeightLoss {
    Gone,
    Unstable,
    NotFromEmpty,
    NotWhole,
    Overload,
}

/// Doubt about what the controller knows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doubt {
    Device,
    Clock,
    CacheAge,
    CacheOld,
    Link,
    StoreUnverified,
    StoreUnavailable,
    Enterprises,
    Candidates,
    Findings,
    Convoy,
    Draw,
    Journal,
    Contended,
    ControlUnreadable,
    Unusable,
}

pub(crate) fn loss() -> impl Strategy<Value = Loss> {
    let plate = select(vec![PlateLoss::Gone, PlateLoss::Unsure]);
    let seal = select(vec![
        SealLoss::Gone,
        SealLoss::NoState,
        SealLoss::NoTime,
        SealLoss::Replayed,
    ]);
    let boxes = select(vec![BoxLoss::Gone, BoxLoss::Misread]);
    let weight = select(vec![
        WeightLoss::Gone,
        WeightLoss::Unstable,
        WeightLoss::NotFromEmpty,
        WeightLoss::NotWhole,
        WeightLoss::Overload,
    ]);
    prop_oneof![
        3 => (0usize..4, plate).prop_map(|(i, l)| Loss::Plate(i, l)),
        2 => (0usize..3, seal).prop_map(|(i, l)| Loss::Seal(i, l)),
        2 => (0usize..3, boxes).prop_map(|(i, l)| Loss::Container(i, l)),
        1 => (0usize..3).prop_map(Loss::Tag),
        1 => Just(Loss::Card),
        2 => weight.prop_map(Loss::Weight),
        4 => doubt().prop_map(Loss::Doubt),
    ]
}

fn doubt() -> impl Strategy<Value = Doubt> {
    select(vec![
        Doubt::Device,
        Doubt::Clock,
        Doubt::CacheAge,
        Doubt::CacheOld,
        Doubt::Link,
        Doubt::StoreUnverified,
        Doubt::StoreUnavailable,
        Doubt::Enterprises,
        Doubt::Candidates,
        Doubt::Findings,
        Doubt::Convoy,
        Doubt::Draw,
        Doubt::Journal,
        Doubt::Contended,
        Doubt::ControlUnreadable,
        Doubt::Unusable,
    ])
}

type Adverse = Box<dyn Fn(&[&Declaration]) -> bool>;

/// A case with less to go by.
pub(crate) struct Less {
    pub(crate) case: Case,
    /// Whether what was lost speaks against a truck with these documents.
    pub(crate) adverse: Adverse,
    /// Nothing at all may be released now.
    pub(crate) never: bool,
}

impl Less {
    fn of(case: Case, adverse: impl Fn(&[&Declaration]) -> bool + 'static) -> Option<Self> {
        Some(Self {
            case,
            adverse: Box::new(adverse),
            never: false,
        })
    }
}

/// The case without it; none where there is nothing to lose, or a finding may
/// cover the evidence.
pub(crate) fn lose(case: &Case, policy: &Policy, loss: Loss) -> Option<Less> {
    let c = case.clone();
    let covered = !c.facts.findings.is_empty();
    match loss {
        Loss::Plate(i, loss) => lose_plate(c, i, loss),
        Loss::Seal(i, loss) => lose_seal(c, i, loss).filter(|_| !covered),
        Loss::Container(i, loss) => lose_container(c, policy, i, loss).filter(|_| !covered),
        Loss::Tag(i) => lose_tag(c, i),
        Loss::Card => lose_card(c),
        Loss::Weight(loss) => lose_weight(c, loss).filter(|_| !covered),
        Loss::Doubt(doubt) => cast(c, doubt),
    }
}

fn lose_plate(mut c: Case, i: usize, loss: PlateLoss) -> Option<Less> {
    let at = i % c.plates.len().max(1);
    let read = Plate::parse(&c.plates.get(at)?.text).ok();
    match loss {
        PlateLoss::Gone => drop(c.plates.remove(at)),
        PlateLoss::Unsure => c.plates[at].confidence_pct = 0,
    }
    Less::of(c, move |all| {
        let trailers = all.iter().flat_map(|d| d.trailers.iter().map(|t| &t.plate));
        let plates = all.iter().flat_map(|d| &d.vehicles).flat_map(|v| &v.plates);
        let mut declared = plates.chain(trailers);
        read.as_ref()
            .is_some_and(|read| !declared.any(|p| p == read))
    })
}

fn lose_tag(mut c: Case, i: usize) -> Option<Less> {
    let at = i % c.tags.len().max(1);
    let tag = c.tags.get(at)?.id.clone();
    c.tags.remove(at);
    Less::of(c, move |all| {
        let mut vehicles = all.iter().flat_map(|d| &d.vehicles);
        !vehicles.any(|v| v.tag.as_ref() == Some(&tag))
    })
}

fn lose_card(mut c: Case) -> Option<Less> {
    let card = c.driver_card.take()?;
    Less::of(c, move |all| {
        let mut drivers = all.iter().filter_map(|d| d.driver.as_ref());
        drivers.any(|d| d.card.trim() != card.trim())
    })
}

fn lose_seal(mut c: Case, i: usize, loss: SealLoss) -> Option<Less> {
    let at = i % c.seals.len().max(1);
    let seal = c.seals.get(at)?.clone();
    match loss {
        SealLoss::Gone => drop(c.seals.remove(at)),
        SealLoss::NoState => c.seals[at].state = SealState::Unknown,
        SealLoss::NoTime => c.seals[at].taken_at = None,
        SealLoss::Replayed => c.seals[at].replay = true,
    }
    let bad = seal.state != SealState::Sealed || !seal.alarms.is_empty();
    Less::of(c, move |all| {
        let mut declared = all.iter().flat_map(|d| d.all_seals());
        bad || !declared.any(|id| *id == seal.id)
    })
}

/// Where the policy does not ask for boxes, an unread one is no doubt.
fn lose_container(mut c: Case, policy: &Policy, i: usize, loss: BoxLoss) -> Option<Less> {
    let at = i % c.containers.len().max(1);
    let no = ContainerNo::parse(&c.containers.get(at)?.no).ok();
    match loss {
        BoxLoss::Gone => drop(c.containers.remove(at)),
        BoxLoss::Misread => c.containers[at].no = "CSQU3054384".into(),
    }
    let asked = policy.defaults.container == Need::Required;
    Less::of(c, move |all| {
        let mut declared = all.iter().flat_map(|d| &d.containers);
        !asked || !no.as_ref().is_some_and(|no| declared.any(|c| c.no == *no))
    })
}

fn lose_weight(mut c: Case, loss: WeightLoss) -> Option<Less> {
    let weight = c.weight.as_mut()?;
    match loss {
        WeightLoss::Gone => c.weight = None,
        WeightLoss::Unstable => weight.stable = false,
        WeightLoss::NotFromEmpty => weight.seen_empty = false,
        WeightLoss::NotWhole => weight.whole = Some(false),
        WeightLoss::Overload => weight.overload = true,
    }
    never(c)
}

fn never(case: Case) -> Option<Less> {
    let less = Less::of(case, |_| false)?;
    Some(Less {
        never: true,
        ..less
    })
}

fn cast(mut c: Case, doubt: Doubt) -> Option<Less> {
    let facts = &mut c.facts;
    match doubt {
        Doubt::Device => {
            let id = DeviceId::parse("cam-9").expect("a device id");
            c.devices.insert(id, DeviceState::Lost);
        }
        Doubt::Clock => c.clock = Clock::Unknown,
        Doubt::CacheAge => facts.cache_age_s = None,
        Doubt::CacheOld => facts.cache_age_s = Some(604_801),
        Doubt::StoreUnverified => facts.store = Some(StoreState::Unverified),
        Doubt::StoreUnavailable => facts.store = Some(StoreState::Unavailable),
        Doubt::Enterprises => facts.enterprises.clear(),
        Doubt::Candidates => facts.candidates.clear(),
        Doubt::Journal => facts.journal = Some(JournalState::Full),
        Doubt::Contended => facts.contended = true,
        Doubt::ControlUnreadable => facts.control_unreadable = true,
        Doubt::Unusable => {
            facts.unusable = facts.candidates.iter().map(|d| d.id.clone()).collect();
        }
        Doubt::Link | Doubt::Findings | Doubt::Convoy | Doubt::Draw => return weaken(c, doubt),
    }
    never(c)
}

/// Facts without which some trucks may still be released, but none that was
/// not.
fn weaken(mut c: Case, doubt: Doubt) -> Option<Less> {
    if matches!(doubt, Doubt::Link) {
        c.facts.link = None;
    }
    if matches!(doubt, Doubt::Findings) {
        c.facts.findings.clear();
    }
    if matches!(doubt, Doubt::Convoy) {
        c.facts.convoy = None;
    }
    if matches!(doubt, Doubt::Draw) {
        c.facts.draw.as_mut()?.value = "unreadable".into();
    }
    Less::of(c, |_| false)
}

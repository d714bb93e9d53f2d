//! The start: recover, name the journal if it is new, record the start, and
//! end what the last run left open.

use std::collections::VecDeque;

use lanegate_core::ledger::{Policies, PolicyOffer};
use lanegate_core::model::{ControllerId, LaneId, Outcome, PassageId, PolicyRef, PortCode};
use lanegate_core::record::{
    Draft, GenesisBody, Link, OutcomeBody, PolicyBody, PolicySource, PolicyStanding, Prepared,
    StartBody,
};
use lanegate_core::time::{Clock, Mono, Now, Wall};

use super::checkpoints::{Checkpoints, Signing};
use super::gatekeeper::Gatekeeper;
use super::outbox::Outbox;
use crate::journal::{
    AppendError, Disk, JournalError, Recovered, Reserve, SEGMENT_LEN_MAX, Torn, Writer, is_full,
    recover,
};

/// How a journal is opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// This controller.
    pub controller: ControllerId,
    /// Its port.
    pub port: PortCode,
    /// The time of the start.
    pub at: Wall,
    /// Random text that tells a new journal from any other.
    pub nonce: String,
    /// Version of the program.
    pub program: String,
    /// The policy in force if no record tells of one.
    pub policy: PolicyRef,
    /// The configured policies, put on record if they are news; none = the
    /// journal alone says what is in force.
    pub configured: Option<Configured>,
    /// Size at which a new segment is begun.
    pub segment_len_max: u64,
    /// Below so many free bytes nothing is released.
    pub free_floor_bytes: u64,
    /// Set aside for what has to be written on a full disk, less than the
    /// floor; 0 = nothing, and what another set aside is left to it.
    pub reserve_bytes: u64,
    /// Signed heads of the chain; none = there are none.
    pub checkpoints: Option<Checkpoints>,
}

impl Options {
    /// Ordinary sizes: segments of 64 MiB, a floor of two of them.
    #[must_use]
    pub const fn new(
        controller: ControllerId,
        port: PortCode,
        at: Wall,
        nonce: String,
        program: String,
        policy: PolicyRef,
    ) -> Self {
        Self {
            controller,
            port,
            at,
            nonce,
            program,
            policy,
            configured: None,
            segment_len_max: SEGMENT_LEN_MAX,
            free_floor_bytes: 2 * SEGMENT_LEN_MAX,
            reserve_bytes: 0,
            checkpoints: None,
        }
    }
}

/// The policies the configuration names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Configured {
    /// The policy.
    pub policy: PolicyOffer,
    /// One that judges beside it.
    pub shadow: Option<PolicyOffer>,
    /// Whether the time of the start is to be believed.
    pub clock: Clock,
}

/// What the start found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Number of this start.
    pub start: u64,
    /// The journal was begun just now.
    pub is_new: bool,
    /// Passages the last run left open; their outcome is now `unknown`.
    pub ended_unknown: Vec<PassageId>,
    /// Records folded.
    pub replayed: u64,
    /// The snapshot it began from.
    pub snapshot: Option<u64>,
    /// A tail that was cut.
    pub torn: Option<Torn>,
    /// The first record read; see [`Recovered::read_from`].
    pub read_from: u64,
    /// The first record that is there; see [`Recovered::begins`].
    pub begins: u64,
}

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read, or is damaged.
    #[error("the journal cannot be opened")]
    Journal(#[from] JournalError),
    /// The start could not be recorded.
    #[error("the start cannot be recorded in the journal; free some space and start again")]
    Start(#[source] AppendError),
}

impl OpenError {
    /// Whether the disk had no room: nothing else is wrong, and a start may be
    /// tried again when there is some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Start(AppendError::Full) => true,
            Self::Journal(why) | Self::Start(AppendError::Fatal(why)) => match why {
                JournalError::Io { source, .. } => is_full(source.kind()),
                JournalError::Damaged { .. }
                | JournalError::Missing { .. }
                | JournalError::Headless { .. }
                | JournalError::ArchivedOther { .. }
                | JournalError::OtherController { .. } => false,
            },
        }
    }
}

impl<D: Disk, T> Gatekeeper<D, T> {
    /// Opens the journal on `disk`. Everything the start writes is durable
    /// when this returns.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(mut disk: D, options: Options) -> Result<(Self, Opened), OpenError> {
        let found = recover(&mut disk, options.segment_len_max)?;
        let is_new = found.is_none();
        let recovered = match found {
            Some(recovered) => recovered,
            None => begin(&mut disk, &options)?,
        };
        let link = recovered.writer.link();
        if link.controller != options.controller {
            return Err(OpenError::Journal(JournalError::OtherController {
                found: link.controller.to_string(),
                expected: options.controller.to_string(),
            }));
        }
        let outbox = Outbox::read(&disk, &link.genesis)?;
        let start = recovered.ledger.starts() + 1;
        let open = recovered.ledger.open_passages();
        let open: Vec<_> = open.map(|(id, lane)| (id.clone(), lane.cloned())).collect();
        let mut opened = Opened {
            start,
            is_new,
            ended_unknown: Vec::new(),
            replayed: recovered.replayed,
            snapshot: recovered.snapshot,
            torn: recovered.torn,
            read_from: recovered.read_from,
            begins: recovered.begins,
        };
        let policies = news(recovered.ledger.policies(), &options);
        let body = StartBody {
            start,
            program: options.program.clone(),
            policy: in_force(recovered.ledger.policies(), &policies, &options),
        };
        let mut drafts = VecDeque::new();
        if is_new {
            drafts.push_back(genesis(&options));
        }
        drafts.push_back(controllers_own(options.at, body.into()));
        drafts.extend(
            policies
                .into_iter()
                .map(|p| controllers_own(options.at, p.into())),
        );
        for (passage, lane) in open {
            drafts.push_back(ended_unknown(options.at, passage.clone(), lane));
            opened.ended_unknown.push(passage);
        }
        let mut writer = recovered.writer;
        writer.set_aside(Reserve::on(&disk, options.reserve_bytes));
        let mut gatekeeper = Self::with(
            disk,
            writer,
            recovered.ledger,
            outbox,
            options.free_floor_bytes,
        );
        let drafts = Prepared::all(drafts.into());
        gatekeeper.append_now(&drafts).map_err(OpenError::Start)?;
        gatekeeper.look_at_space();
        let signing = options.checkpoints;
        gatekeeper.signing = signing.map(|checkpoints| Signing::new(checkpoints, options.at));
        gatekeeper.publish();
        Ok((gatekeeper, opened))
    }
}

/// Nobody saw how it ended.
fn ended_unknown(at: Wall, passage: PassageId, lane: Option<LaneId>) -> Draft {
    let how = Outcome::Unknown;
    Draft {
        at,
        lane,
        passage: Some(passage),
        body: OutcomeBody { how }.into(),
    }
}

/// What the configured files put on record.
fn news(policies: &Policies, options: &Options) -> Vec<PolicyBody> {
    let Some(configured) = &options.configured else {
        return Vec::new();
    };
    let now = Now {
        mono: Mono(0),
        wall: options.at,
        clock: configured.clock,
    };
    let taken = policies.take_file(&configured.policy, now);
    let taken = taken.unwrap_or_else(|why| {
        tracing::error!(%why, "the configured policy is not taken: what was in force stays");
        None
    });
    let shadow = policies.take_shadow_file(configured.shadow.as_ref(), PolicySource::Start);
    taken.into_iter().chain(shadow).collect()
}

/// The policy trucks are judged by from this start on.
fn in_force(policies: &Policies, news: &[PolicyBody], options: &Options) -> PolicyRef {
    let active = news.iter().find(|p| p.standing == PolicyStanding::Active);
    let active = active.map(|p| &p.policy);
    let held = || policies.active().map(|held| &held.policy);
    active.or_else(held).unwrap_or(&options.policy).clone()
}

/// A record of the controller's own.
pub(super) const fn controllers_own(at: Wall, body: lanegate_core::record::Body) -> Draft {
    Draft {
        at,
        lane: None,
        passage: None,
        body,
    }
}

fn genesis(options: &Options) -> Draft {
    let body = GenesisBody {
        controller: options.controller.clone(),
        port: options.port.clone(),
        created: options.at,
        nonce: options.nonce.clone(),
        v: 1,
    };
    controllers_own(options.at, body.into())
}

fn begin<D: Disk>(disk: &mut D, options: &Options) -> Result<Recovered, JournalError> {
    let first = Prepared::from(genesis(options));
    let link = Link::before(options.controller.clone(), &first);
    Ok(Recovered {
        ledger: lanegate_core::ledger::Ledger::default(),
        writer: Writer::create(disk, link, options.segment_len_max)?,
        torn: None,
        snapshot: None,
        replayed: 0,
        read_from: 0,
        begins: 0,
    })
}

//! Which policy is in force, which ones wait for their time, which ones were
//! in force before: a fold over `policy` records, and what a policy somebody
//! hands in comes to.
//!
//! ```text
//!  handed in --its time has come--> active --another--> before (a stack)
//!      |                              ^                   |
//!      +--not yet, or clock unknown--> waiting            +--rollback--> active
//! ```
//!
//! Absent: reading a policy's text in the fold, so that a record means the
//! same to every later program; the caller reads it before it is offered.

mod held;

use serde::{Deserialize, Serialize};

use crate::record::{PolicyBody, PolicySource, PolicyStanding};
use crate::time::{Clock, Now, Wall};

pub use held::{HeldPolicy, PolicyBy, PolicyOffer};

/// Policies that may wait (L9); one more is refused.
const WAITING_MAX: usize = 8;
/// Policies one may go back to (L9); the oldest is forgotten.
const BEFORE_MAX: usize = 8;
/// Policies of the feed that are known again in a snapshot (L9).
const FED_MAX: usize = 16;

/// Why a policy without faults is not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PolicyRefusal {
    /// It is the one in force.
    #[error("policy {0} is in force already")]
    InForceAlready(String),
    /// It waits for its time.
    #[error("policy {0} waits for its time already")]
    WaitsAlready(String),
    /// `WAITING_MAX` wait.
    #[error(
        "{WAITING_MAX} policies wait for their time already: withdraw one (policy rollback --waiting VERSION)"
    )]
    TooManyWait,
    /// There is none to go back to.
    #[error("no policy was in force before this one: activate another instead")]
    NothingBefore,
    /// None of that name waits.
    #[error("no policy {0} waits for its time; `lanegate status` shows which do")]
    NotWaiting(String),
    /// None judges beside.
    #[error("no shadow policy judges here")]
    NoShadow,
}

/// Which policies are in force, wait and were in force before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    active: Option<HeldPolicy>,
    /// By their time, then by record.
    waiting: Vec<HeldPolicy>,
    /// The last one was in force last.
    before: Vec<HeldPolicy>,
    shadow: Option<HeldPolicy>,
    /// SHA-256 of the configured file as last read.
    file: Option<String>,
    shadow_file: Option<String>,
    /// SHA-256 of what the feed sent, the latest last.
    fed: Vec<String>,
}

impl Policies {
    /// What they are after a record.
    #[must_use]
    pub fn after(&self, seq: u64, at: Wall, body: &PolicyBody) -> Self {
        let mut after = self.clone();
        after.apply(seq, at, body);
        after
    }

    /// Folds one record in.
    pub(super) fn apply(&mut self, seq: u64, at: Wall, body: &PolicyBody) {
        let (Some(text), Some(source)) = (&body.text, body.source) else {
            return;
        };
        let held = HeldPolicy {
            policy: body.policy.clone(),
            text: text.clone(),
            effective_from: body.effective_from.unwrap_or_default(),
            by: PolicyBy {
                source,
                officer: body.officer.clone(),
                reason: body.reason.clone(),
                uid: body.uid,
            },
            since: at,
            seq,
        };
        if !body.waited {
            self.remember(&held, body.standing);
        }
        match body.standing {
            PolicyStanding::Active => self.put_in_force(held),
            PolicyStanding::Waiting => {
                self.waiting.retain(|w| !w.is(&held.policy.sha256));
                self.waiting.push(held);
                self.waiting.sort_by_key(|w| (w.effective_from, w.seq));
            }
            PolicyStanding::Withdrawn => self.waiting.retain(|w| !w.is(&held.policy.sha256)),
            PolicyStanding::Shadow => self.shadow = Some(held),
            PolicyStanding::ShadowEnded => self.shadow = None,
        }
    }

    /// What a file or the feed said last, so that saying it again is no news.
    fn remember(&mut self, held: &HeldPolicy, standing: PolicyStanding) {
        let sha256 = held.policy.sha256.clone();
        let source = held.by.source;
        match standing {
            PolicyStanding::Active | PolicyStanding::Waiting if source.is_file() => {
                self.file = Some(sha256);
            }
            PolicyStanding::Active | PolicyStanding::Waiting if source == PolicySource::Feed => {
                self.fed.retain(|known| *known != sha256);
                self.fed.push(sha256);
                let forgotten = self.fed.len().saturating_sub(FED_MAX);
                self.fed.drain(..forgotten);
            }
            PolicyStanding::Shadow if source.is_file() => self.shadow_file = Some(sha256),
            PolicyStanding::ShadowEnded if source.is_file() => self.shadow_file = None,
            PolicyStanding::Active
            | PolicyStanding::Waiting
            | PolicyStanding::Withdrawn
            | PolicyStanding::Shadow
            | PolicyStanding::ShadowEnded => {}
        }
    }

    fn put_in_force(&mut self, held: HeldPolicy) {
        let sha256 = held.policy.sha256.clone();
        self.waiting.retain(|w| !w.is(&sha256));
        let Some(old) = self.active.take() else {
            self.active = Some(held);
            return;
        };
        if old.is(&sha256) {
            // The same text from somewhere else: it has been in force since.
            let (since, seq) = (old.since, old.seq);
            self.active = Some(HeldPolicy { since, seq, ..held });
            return;
        }
        if held.by.source == PolicySource::Rollback {
            let back_to = self.before.iter().rposition(|b| b.is(&sha256));
            self.before.truncate(back_to.unwrap_or(0));
        } else {
            self.before.push(old);
            let forgotten = self.before.len().saturating_sub(BEFORE_MAX);
            self.before.drain(..forgotten);
        }
        self.active = Some(held);
    }

    /// What an officer or the feed hands in comes to.
    ///
    /// # Errors
    /// Nothing changes then.
    pub fn take(&self, offer: &PolicyOffer, now: Now) -> Result<PolicyBody, PolicyRefusal> {
        let (sha256, version) = (&offer.policy.sha256, &offer.policy.version);
        let active = self.active.as_ref();
        let in_force = active.is_some_and(|a| a.is(sha256));
        let waits = self.waiting.iter().any(|w| w.is(sha256));
        let by_officer = offer.by.source == PolicySource::Officer;
        if by_officer && in_force {
            return Err(PolicyRefusal::InForceAlready(version.clone()));
        }
        // Without any other there is nothing to wait with.
        if in_force || active.is_none() || is_due(offer.effective_from, now) {
            return Ok(offer.body(PolicyStanding::Active));
        }
        if by_officer && waits {
            return Err(PolicyRefusal::WaitsAlready(version.clone()));
        }
        if !waits && self.waiting.len() >= WAITING_MAX {
            return Err(PolicyRefusal::TooManyWait);
        }
        Ok(offer.body(PolicyStanding::Waiting))
    }

    /// What the configured file comes to: nothing if it is as it was when it
    /// was last read, so that what an officer or the feed put in force stands.
    ///
    /// # Errors
    /// Nothing changes then.
    pub fn take_file(
        &self,
        offer: &PolicyOffer,
        now: Now,
    ) -> Result<Option<PolicyBody>, PolicyRefusal> {
        let known = self.file.as_ref() == Some(&offer.policy.sha256);
        if known && self.active.is_some() {
            return Ok(None);
        }
        self.take(offer, now).map(Some)
    }

    /// The same for the configured shadow; none = none is configured.
    #[must_use]
    pub fn take_shadow_file(
        &self,
        offer: Option<&PolicyOffer>,
        source: PolicySource,
    ) -> Option<PolicyBody> {
        match offer {
            Some(offer) if self.shadow_file.as_ref() == Some(&offer.policy.sha256) => None,
            Some(offer) => Some(offer.body(PolicyStanding::Shadow)),
            None => {
                let ours = self.shadow.as_ref().filter(|s| s.by.source.is_file())?;
                let by = PolicyBy::itself(source);
                Some(ours.body(PolicyStanding::ShadowEnded, &by))
            }
        }
    }

    /// What a policy of the feed comes to. A snapshot says again what was sent
    /// before: what is known of it is no news, and does not undo an officer's
    /// rollback.
    ///
    /// # Errors
    /// Nothing changes then.
    pub fn take_fed(
        &self,
        offer: &PolicyOffer,
        in_snapshot: bool,
        now: Now,
    ) -> Result<Option<PolicyBody>, PolicyRefusal> {
        if in_snapshot && self.fed.contains(&offer.policy.sha256) {
            return Ok(None);
        }
        self.take(offer, now).map(Some)
    }

    /// Goes back to the policy that was in force before.
    ///
    /// # Errors
    /// There is none.
    pub fn roll_back(&self, by: &PolicyBy) -> Result<PolicyBody, PolicyRefusal> {
        let before = self.before.last().ok_or(PolicyRefusal::NothingBefore)?;
        Ok(before.body(PolicyStanding::Active, by))
    }

    /// Withdraws one that waits, by version or the first digits of its
    /// SHA-256.
    ///
    /// # Errors
    /// None of that name waits.
    pub fn withdraw(&self, name: &str, by: &PolicyBy) -> Result<PolicyBody, PolicyRefusal> {
        let found = self.waiting.iter().find(|w| w.is_called(name));
        let found = found.ok_or_else(|| PolicyRefusal::NotWaiting(name.to_owned()))?;
        Ok(found.body(PolicyStanding::Withdrawn, by))
    }

    /// Lets `offer` judge beside the active one.
    #[must_use]
    pub fn take_shadow(&self, offer: &PolicyOffer) -> PolicyBody {
        offer.body(PolicyStanding::Shadow)
    }

    /// Lets the shadow go.
    ///
    /// # Errors
    /// There is none.
    pub fn end_shadow(&self, by: &PolicyBy) -> Result<PolicyBody, PolicyRefusal> {
        let shadow = self.shadow.as_ref().ok_or(PolicyRefusal::NoShadow)?;
        Ok(shadow.body(PolicyStanding::ShadowEnded, by))
    }

    /// The first of those that wait whose time has come by a trusted clock.
    #[must_use]
    pub fn due(&self, now: Now) -> Option<PolicyBody> {
        let first = self.waiting.first()?;
        is_due(first.effective_from, now).then(|| PolicyBody {
            waited: true,
            ..first.body(PolicyStanding::Active, &first.by)
        })
    }

    /// The one in force.
    #[must_use]
    pub const fn active(&self) -> Option<&HeldPolicy> {
        self.active.as_ref()
    }

    /// Those that wait, by their time.
    #[must_use]
    pub fn waiting(&self) -> &[HeldPolicy] {
        &self.waiting
    }

    /// Those that were in force before, the last one last.
    #[must_use]
    pub fn before(&self) -> &[HeldPolicy] {
        &self.before
    }

    /// The one that judges beside.
    #[must_use]
    pub const fn shadow(&self) -> Option<&HeldPolicy> {
        self.shadow.as_ref()
    }
}

/// A clock that is not believed brings nothing into force (L4).
fn is_due(effective_from: Wall, now: Now) -> bool {
    now.clock == Clock::Trusted && now.wall >= effective_from
}

//! Filling in the facts a case leaves out: by the daemon's own cache and
//! ledger, made of files instead of a feed.

use std::collections::{BTreeMap, BTreeSet};

use lanegate_core::lane::Query;
use lanegate_core::ledger::Ledger;
use lanegate_core::model::{
    Balance, Case, Control, Declaration, DeclarationId, Enterprise, StoreState,
};
use lanegate_core::time::Wall;

use crate::cli::output::chain;
use crate::cli::{Exit, No};
use crate::store::{FeedApply, MemStore, Store as _};

/// What the files say.
pub(super) struct Files {
    store: MemStore,
    ledger: Ledger,
    as_of: Option<Wall>,
}

impl Files {
    pub(super) fn new(
        declarations: Vec<Declaration>,
        controls: &[Control],
        enterprises: &[Enterprise],
        balances: &BTreeMap<DeclarationId, Balance>,
        as_of: Option<Wall>,
    ) -> Result<Self, No> {
        let mut store = MemStore::in_memory();
        let batch = FeedApply {
            upserts: declarations,
            ..FeedApply::default()
        };
        let kept = store.apply(batch);
        kept.map_err(|error| No::new(Exit::Data, chain(&error)))?;
        // A file that was read whole is what it should be.
        let held = store.buckets().clone();
        store.expect(&held);
        Ok(Self {
            store,
            ledger: Ledger::given(controls, enterprises, balances),
            as_of,
        })
    }

    /// The case with every fact it does not say itself.
    pub(super) fn fill(&mut self, mut case: Case, given: &BTreeSet<String>) -> Case {
        let says = |name: &str| given.contains(name);
        let query = Query::of_case(&case);
        let (found, state) = if says("candidates") {
            (case.facts.candidates.clone(), StoreState::Ok)
        } else {
            let found = self.store.candidates(&query);
            (found.declarations, found.state)
        };
        let known = self.ledger.facts(found, state, &query);
        let age_s = self.age_s(case.judged_at);
        let facts = &mut case.facts;
        if !says("candidates") {
            facts.candidates = known.candidates;
            facts.store = facts.store.max(known.store);
        }
        if !says("controls") {
            facts.controls = known.controls;
        }
        if !says("enterprises") {
            facts.enterprises = known.enterprises;
            if !says("sampling") {
                facts.sampling = known.sampling;
            }
        }
        if !says("ledger") {
            facts.ledger = known.ledger;
        }
        if !says("cache_age_s") {
            facts.cache_age_s = age_s;
        }
        case
    }

    /// How old the files were when the case was judged; a file of a later
    /// moment says nothing about that one.
    fn age_s(&self, judged_at: Wall) -> Option<u32> {
        let ms = judged_at - self.as_of?;
        let ms = u64::try_from(ms).ok()?;
        u32::try_from(ms.div_ceil(1000)).ok()
    }
}

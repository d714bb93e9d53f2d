use std::sync::mpsc;

use lanegate_core::model::parse_json;

use super::*;
use crate::store::testing::{batch, declaration, id, part, plate, query};
use crate::store::{Cache, MemMedium, MemStore};

const DEADLINE: Duration = Duration::from_secs(20);

/// Marks what passed through it.
struct Generation(u64);

impl Overlay for Generation {
    fn facts(&self, found: Vec<Declaration>, state: StoreState, query: &Query) -> (Facts, Draws) {
        assert!(query.driver_card.is_none(), "a card breaks this overlay");
        let facts = Facts {
            candidates: found,
            store: Some(state),
            generation: self.0,
            ..Facts::unknown()
        };
        (facts, Draws::default())
    }
}

struct World {
    handle: StoreHandle,
    thread: StoreThread,
    notices: mpsc::Receiver<StoreNotice>,
}

fn world<S: Store + 'static>(make: impl FnOnce() -> S + Send + 'static) -> World {
    let (tell, notices) = mpsc::sync_channel(64);
    let notify = move |notice| tell.send(notice).unwrap();
    let (handle, thread) = StoreHandle::spawn(make, Box::new(Generation(9)), notify).unwrap();
    World {
        handle,
        thread,
        notices,
    }
}

/// Asks and waits for the answer.
fn wait<T: Send + 'static>(ask: impl FnOnce(Box<dyn FnOnce(T) + Send>) -> Result<(), Busy>) -> T {
    let (tell, told) = mpsc::sync_channel(1);
    ask(Box::new(move |answer| tell.send(answer).unwrap())).unwrap();
    told.recv_timeout(DEADLINE).unwrap()
}

#[test]
fn look_ups_come_back_with_the_journals_facts() {
    let world = world(MemStore::in_memory);
    let loaded = world.notices.recv_timeout(DEADLINE).unwrap();
    assert_eq!(
        loaded,
        StoreNotice::Loaded {
            position: None,
            count: 0
        }
    );
    let applied = wait(|r| world.handle.apply(batch(1, vec![declaration(1)]), r));
    assert_eq!(applied.unwrap().kept, 1);
    let (facts, _) = wait(|r| world.handle.look_up(query(1), r));
    assert_eq!(facts.candidates, [declaration(1)]);
    assert_eq!((facts.generation, facts.store), (9, Some(StoreState::Ok)));
    let (miss, _) = wait(|r| world.handle.look_up(query(2), r));
    assert_eq!(miss.store, Some(StoreState::Unverified));
    assert_eq!(wait(|r| world.handle.count(r)), 1);
    let shown = world.handle.shown();
    assert_eq!((shown.state, shown.count), ("ready", 1));
    assert_eq!(shown.unverified_buckets, 256, "the journal was not asked");
    let one = wait(|r| world.handle.get(id(1), r)).unwrap();
    assert_eq!(one, Some(declaration(1)));
    let page = wait(|r| world.handle.export(None, 10, r)).unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(wait(|r| world.handle.expect(Buckets::default(), r)), 1);
    assert_eq!(world.handle.shown().unverified_buckets, 1);
    let ended = declaration(1).valid_until.plus_s(1);
    assert_eq!(wait(|r| world.handle.purge(ended, r)).unwrap(), 1);
    let progress = world.handle.progress();
    assert_eq!(progress.asked, progress.answered);
    assert!(world.thread.stop());
}

#[test]
fn a_damaged_cache_says_so_once_and_can_be_filled_again() {
    let world = world(|| {
        let mut store = MemStore::in_memory();
        store
            .apply(batch(1, (0..3).map(declaration).collect()))
            .unwrap();
        store.medium_mut().flip(1, 99);
        store
    });
    let loaded = |count| StoreNotice::Loaded {
        position: (count > 0).then_some(Position { epoch: 7, seq: 1 }),
        count,
    };
    assert_eq!(world.notices.recv_timeout(DEADLINE).unwrap(), loaded(3));
    let (facts, _) = wait(|r| world.handle.look_up(query(0), r));
    assert_eq!(facts.store, Some(StoreState::Unavailable));
    let notice = world.notices.recv_timeout(DEADLINE).unwrap();
    assert!(
        matches!(notice, StoreNotice::Quarantined { .. }),
        "{notice:?}"
    );
    assert_eq!(world.notices.recv_timeout(DEADLINE).unwrap(), loaded(0));
    let refill = part(2, 1, 1, (0..3).map(declaration).collect());
    wait(|r| world.handle.apply(refill, r)).unwrap();
    let (facts, _) = wait(|r| world.handle.look_up(query(0), r));
    assert_eq!(facts.store, Some(StoreState::Ok));
    assert!(world.thread.stop());
}

#[test]
fn while_the_cache_is_verified_look_ups_are_answered_and_the_rest_waits_its_turn() {
    let world = world(|| {
        let mut store = MemStore::in_memory();
        let many = (0..5000).map(declaration).collect();
        store.apply(batch(1, many)).unwrap();
        store.reopen();
        store
    });
    let (tell, told) = mpsc::sync_channel(2);
    let tell_count = tell.clone();
    let batch = batch(2, vec![declaration(5000)]);
    world
        .handle
        .apply(batch, move |done| tell.send(done.unwrap().kept).unwrap())
        .unwrap();
    world
        .handle
        .count(move |count| tell_count.send(count).unwrap())
        .unwrap();
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), 1);
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), 5001);
    assert!(world.thread.stop());
}

/// A store that cannot be opened, or does wrong in our own code.
struct Broken;

impl Store for Broken {
    fn apply(&mut self, _: FeedApply) -> Result<Applied, StoreError> {
        panic!("apply")
    }
    fn candidates(&mut self, _: &Query) -> Candidates {
        panic!("candidates")
    }
    fn get(&mut self, _: &DeclarationId) -> Result<Option<Declaration>, StoreError> {
        panic!("get")
    }
    fn export(
        &mut self,
        _: Option<&DeclarationId>,
        _: usize,
    ) -> Result<Vec<Declaration>, StoreError> {
        panic!("export")
    }
    fn count(&self) -> usize {
        0
    }
    fn position(&self) -> Option<Position> {
        None
    }
    fn is_ready(&self) -> bool {
        false
    }
    fn expect(&mut self, _: &Buckets) -> usize {
        256
    }
    fn purge(&mut self, _: Wall) -> Result<usize, StoreError> {
        panic!("purge")
    }
    fn tend(&mut self) -> Upkeep {
        panic!("tend")
    }
    fn take_quarantined(&mut self) -> Option<String> {
        None
    }
}

#[test]
fn a_panic_in_the_store_is_an_answer_that_says_unavailable() {
    let world = world(|| Broken);
    for _ in 0..3 {
        let (facts, _) = wait(|r| world.handle.look_up(query(1), r));
        assert_eq!(facts.store, Some(StoreState::Unavailable));
    }
    let applied = wait(|r| world.handle.apply(batch(1, vec![]), r));
    assert!(matches!(applied, Err(StoreError::Unavailable)));
    assert!(world.thread.stop());
}

#[test]
fn a_panic_in_the_journals_view_holds_that_truck_alone() {
    let world = world(MemStore::in_memory);
    let mut with_card = query(1);
    with_card.driver_card = Some("1".to_owned());
    let (facts, _) = wait(|r| world.handle.look_up(with_card, r));
    assert_eq!(facts.store, Some(StoreState::Unavailable));
    let (facts, _) = wait(|r| world.handle.look_up(query(1), r));
    assert_eq!(facts.generation, 9);
    assert!(world.thread.stop());
}

#[test]
fn a_full_queue_refuses_at_once_and_counts() {
    let (open, gate) = mpsc::sync_channel::<()>(1);
    let world = world(move || {
        gate.recv_timeout(DEADLINE).unwrap();
        MemStore::in_memory()
    });
    for _ in 0..QUEUE_LEN_MAX {
        world.handle.look_up(query(1), drop).unwrap();
    }
    assert_eq!(world.handle.look_up(query(1), drop), Err(Busy));
    assert_eq!(world.handle.refused(), 1);
    assert_eq!(world.handle.progress().asked, QUEUE_LEN_MAX as u64);
    open.send(()).unwrap();
    assert!(world.thread.stop());
    assert_eq!(world.handle.progress().answered, QUEUE_LEN_MAX as u64);
    assert_eq!(world.handle.look_up(query(1), drop), Err(Busy));
}

#[test]
fn a_store_that_cannot_be_opened_answers_everything_with_unavailable() {
    let world = world(|| {
        let mut medium = MemMedium::default();
        medium.fail_open(true);
        Cache::new(medium)
    });
    let applied = wait(|r| world.handle.apply(batch(1, vec![]), r));
    assert!(matches!(applied, Err(StoreError::Unavailable)));
    let (facts, _) = wait(|r| world.handle.look_up(query(1), r));
    assert_eq!(facts.store, Some(StoreState::Unavailable));
    assert!(world.thread.stop());
}

/// Plates are personal data: what the store says of itself shows none.
#[test]
fn the_notice_of_a_damaged_cache_shows_no_plate() {
    let mut store = MemStore::in_memory();
    store.apply(batch(1, vec![declaration(1)])).unwrap();
    store.medium_mut().flip(1, 99);
    store.get(&id(1)).unwrap_err();
    let why = store.take_quarantined().unwrap();
    assert!(!why.contains(&plate(1)), "{why}");
    assert!(parse_json::<Declaration>(&why).is_err());
}

use super::*;
use crate::store::testing::{EXAMPLE, batch, declaration, id, part, query};
use lanegate_core::model::parse_json;
use proptest::prelude::*;

fn filled(n: u32) -> MemStore {
    let mut store = MemStore::in_memory();
    store
        .apply(batch(1, (0..n).map(declaration).collect()))
        .unwrap();
    let all = store.buckets().clone();
    assert_eq!(store.expect(&all), 0);
    store
}

fn ids(candidates: &Candidates) -> Vec<&str> {
    let found = candidates.declarations.iter();
    found.map(|d| d.id.as_str()).collect()
}

/// What a second implementation folds from the declarations it was given.
fn folded(declarations: &[Declaration]) -> Buckets {
    let mut buckets = Buckets::default();
    for d in declarations {
        let json = lanegate_core::record::canonical(d);
        buckets.toggle(&d.id, &ItemDigest::of(json.as_bytes()));
    }
    buckets
}

#[test]
fn every_identity_of_a_truck_finds_its_declaration() {
    let mut store = filled(5);
    let mut d: Declaration = parse_json(EXAMPLE).unwrap();
    d.vehicles[0].tag = Some("E200AA".to_owned());
    store.apply(batch(2, vec![d.clone()])).unwrap();
    let all = store.buckets().clone();
    store.expect(&all);
    let one = |text: &str| vec![text.to_owned()];
    let queries = [
        Query {
            plates: one("AB1234"),
            ..Query::default()
        },
        Query {
            plates: one("粤ZAB12港"),
            ..Query::default()
        },
        Query {
            plates: one("粤B1234挂"),
            ..Query::default()
        },
        Query {
            seals: one("8000620011"),
            ..Query::default()
        },
        Query {
            containers: one("CSQU3054383"),
            ..Query::default()
        },
        Query {
            tags: one("E200AA"),
            ..Query::default()
        },
        Query {
            driver_card: Some("4403000123".to_owned()),
            ..Query::default()
        },
    ];
    for query in queries {
        let found = store.candidates(&query);
        assert_eq!(found.declarations, vec![d.clone()], "{query:?}");
        assert_eq!(found.state, StoreState::Ok);
    }
    let other = store.candidates(&Query {
        seals: one("AB1234"),
        ..Query::default()
    });
    assert_eq!((ids(&other).len(), other.state), (0, StoreState::Ok));
}

#[test]
fn a_lower_version_is_left_and_a_higher_one_takes_its_place() {
    let mut store = filled(1);
    let mut second = declaration(0);
    second.version = 2;
    second.vehicles = declaration(77).vehicles;
    let applied = store
        .apply(batch(2, vec![second.clone(), declaration(0)]))
        .unwrap();
    assert_eq!((applied.kept, applied.stale), (1, 0)); // the higher of the batch
    let applied = store.apply(batch(3, vec![declaration(0)])).unwrap();
    assert_eq!((applied.kept, applied.stale), (0, 1));
    assert_eq!(store.get(&id(0)).unwrap(), Some(second.clone()));
    assert!(store.candidates(&query(0)).declarations.is_empty());
    assert_eq!(ids(&store.candidates(&query(77))), ["D000000"]);
    assert_eq!(store.buckets(), &folded(&[second]));
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 3 }));
}

#[test]
fn removed_declarations_are_gone_from_every_index() {
    let mut store = filled(3);
    let removal = FeedApply {
        removals: vec![id(1), id(99)],
        ..FeedApply::default()
    };
    assert_eq!(store.apply(removal).unwrap().removed, 1);
    assert_eq!(store.count(), 2);
    assert!(store.candidates(&query(1)).declarations.is_empty());
    assert_eq!(store.buckets(), &folded(&[declaration(0), declaration(2)]));
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 1 }));
}

#[test]
fn documents_that_ride_along_are_candidates_too() {
    let mut store = filled(3);
    let mut main = declaration(10);
    main.covers = vec![id(11)];
    let mut middle = declaration(11);
    middle.covers = vec![id(2), id(10)]; // round and round
    store.apply(batch(2, vec![main.clone(), middle])).unwrap();
    let all = store.buckets().clone();
    store.expect(&all);
    let found = store.candidates(&query(10));
    assert_eq!(ids(&found), ["D000002", "D000010", "D000011"]);
    assert_eq!(found.state, StoreState::Ok);
    // One that is not there is only known to be absent in a verified bucket.
    main.covers = vec![id(500)];
    store.apply(batch(3, vec![main])).unwrap();
    assert_eq!(store.candidates(&query(10)).state, StoreState::Ok);
    let mut other = store.buckets().clone();
    other.toggle(&id(500), &ItemDigest::of(b"lost"));
    assert_eq!(store.expect(&other), 1);
    assert_eq!(store.candidates(&query(10)).state, StoreState::Unverified);
}

#[test]
fn a_miss_counts_only_when_every_bucket_is_as_the_journal_says() {
    let mut store = filled(3);
    assert_eq!(store.candidates(&query(8)).state, StoreState::Ok);
    let lost = folded(&[
        declaration(0),
        declaration(1),
        declaration(2),
        declaration(8),
    ]);
    assert_eq!(store.expect(&lost), 1);
    let miss = store.candidates(&query(8));
    assert_eq!((ids(&miss).len(), miss.state), (0, StoreState::Unverified));
    // A truck that is found is found.
    assert_eq!(store.candidates(&query(1)).state, StoreState::Ok);
    store.apply(batch(2, vec![declaration(8)])).unwrap();
    assert_eq!(store.expect(&lost), 0);
    assert_eq!(store.candidates(&query(9)).state, StoreState::Ok);
}

/// The truck's plate misses while its container hits: the plate's declaration
/// may be the one that was lost.
#[test]
fn a_hit_by_a_container_alone_is_no_hit_for_a_plate_in_an_unverified_cache() {
    let mut store = filled(1);
    store
        .apply(batch(2, vec![parse_json(EXAMPLE).unwrap()]))
        .unwrap();
    store.expect(&Buckets::default());
    let mut query = query(50);
    query.containers = vec!["CSQU3054383".to_owned()];
    let found = store.candidates(&query);
    assert_eq!(
        (ids(&found).len(), found.state),
        (1, StoreState::Unverified)
    );
}

#[test]
fn a_new_store_knows_nothing_until_it_is_told_what_to_expect_or_filled() {
    let mut store = MemStore::in_memory();
    assert_eq!(store.candidates(&query(1)).state, StoreState::Unverified);
    assert_eq!(store.expect(&Buckets::default()), 0);
    assert_eq!(store.candidates(&query(1)).state, StoreState::Ok);
}

#[test]
fn a_snapshot_comes_into_force_with_its_last_part_and_what_it_does_not_name_is_gone() {
    let mut store = filled(3);
    store.apply(part(9, 1, 2, vec![declaration(1)])).unwrap();
    assert_eq!(ids(&store.candidates(&query(0))), ["D000000"]);
    assert!(store.apply(part(9, 3, 3, vec![])).is_err());
    store.apply(part(9, 1, 2, vec![declaration(1)])).unwrap();
    let last = store.apply(part(9, 2, 2, vec![declaration(7)])).unwrap();
    assert_eq!((last.kept, last.removed), (1, 1));
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 9 }));
    assert_eq!(store.candidates(&query(0)).state, StoreState::Ok);
    assert!(store.candidates(&query(0)).declarations.is_empty());
    assert_eq!(ids(&store.candidates(&query(7))), ["D000007"]);
    assert_eq!(store.buckets(), &folded(&[declaration(1), declaration(7)]));
    store.reopen();
    store.load();
    assert_eq!(store.count(), 2);
}

#[test]
fn a_snapshot_that_is_cut_leaves_what_was_there() {
    let mut store = filled(3);
    store.apply(part(9, 1, 2, vec![declaration(1)])).unwrap();
    store.reopen();
    store.load();
    assert_eq!(
        (store.count(), store.position()),
        (3, Some(Position { epoch: 7, seq: 1 }))
    );
    assert!(matches!(
        store.apply(part(9, 2, 2, vec![])),
        Err(StoreError::PartOutOfOrder(2))
    ));
}

#[test]
fn a_declaration_named_by_two_parts_leaves_its_bucket_in_doubt() {
    let mut store = filled(0);
    store.apply(part(9, 1, 2, vec![declaration(1)])).unwrap();
    store.apply(part(9, 2, 2, vec![declaration(1)])).unwrap();
    assert_eq!(store.candidates(&query(2)).state, StoreState::Unverified);
    assert_eq!(store.expect(&folded(&[declaration(1)])), 0);
}

#[test]
fn a_flipped_bit_sets_the_cache_aside_when_it_is_read() {
    let mut store = filled(3);
    store.medium_mut().flip(1, 200); // key 0 is its own count, key 1 the first declaration
    let found = store.candidates(&query(0));
    assert_eq!(
        (ids(&found).len(), found.state),
        (0, StoreState::Unavailable)
    );
    assert!(store.take_quarantined().is_some());
    assert!(store.take_quarantined().is_none());
    assert_eq!((store.count(), store.medium().quarantined()), (0, 1));
    assert_eq!(store.candidates(&query(1)).state, StoreState::Unverified);
    // The refill.
    store
        .apply(part(5, 1, 1, (0..3).map(declaration).collect()))
        .unwrap();
    assert_eq!(store.candidates(&query(0)).state, StoreState::Ok);
}

#[test]
fn a_lost_key_shows_at_the_next_start() {
    for lost in 0..4 {
        let mut store = filled(3);
        store.medium_mut().lose(lost);
        store.reopen();
        store.load();
        assert!(store.take_quarantined().is_some(), "key {lost}");
        assert_eq!(store.candidates(&query(1)).state, StoreState::Unverified);
    }
}

/// A version that cannot read what another wrote must find out at once, not at
/// the first truck.
#[test]
fn what_another_version_wrote_is_read_whole_at_the_start() {
    let mut store = filled(3);
    let unreadable = cached::frame(&serde_json::json!({
        "id": declaration(1).id, "valid_until": declaration(1).valid_until,
    }));
    let key = cached::key(&declaration(1).id);
    let mut meta = store.held.meta();
    let mut buckets = store.buckets().clone();
    buckets.toggle(&declaration(1).id, &folded(&[declaration(1)]).total());
    buckets.toggle(&declaration(1).id, &unreadable.digest);
    meta.total = buckets.total();
    for (by, whole) in [("0.0.0", true), (Meta::BY, false)] {
        let mut store = filled(3);
        meta.by = by.to_owned();
        let changes = vec![
            (key.clone(), Some(unreadable.bytes.clone())),
            (META_KEY.to_vec(), Some(cached::frame(&meta).bytes)),
        ];
        store.medium_mut().write(&changes).unwrap();
        store.reopen();
        store.load();
        assert_eq!(store.take_quarantined().is_some(), whole, "{by}");
        // One that was skimmed is found out by whoever looks.
        let found = store.candidates(&query(1));
        assert_ne!(found.state, StoreState::Ok, "{by}");
        assert_eq!(ids(&found).len(), 0);
    }
    store.load();
}

#[test]
fn while_it_is_being_verified_or_closed_it_is_unavailable() {
    let mut store = filled(2 * u32::try_from(SLICE_LEN).unwrap() + 5);
    store.reopen();
    assert_eq!(store.candidates(&query(1)).state, StoreState::Unavailable);
    let mut slices = 0;
    while !store.is_ready() {
        store.tend();
        slices += 1;
        if !store.is_ready() {
            assert_eq!(store.candidates(&query(1)).state, StoreState::Unavailable);
            assert!(store.apply(batch(2, vec![])).is_err());
        }
    }
    assert_eq!(slices, 4); // open, and three slices
    assert_eq!(ids(&store.candidates(&query(1))), ["D000001"]);
}

#[test]
fn a_write_that_fails_applies_nothing_and_the_cache_is_opened_again() {
    let mut store = filled(3);
    store.medium_mut().fail_writes(true);
    assert!(matches!(
        store.apply(batch(2, vec![declaration(9)])),
        Err(StoreError::Io { .. })
    ));
    assert_eq!(store.candidates(&query(1)).state, StoreState::Unavailable);
    store.medium_mut().fail_open(true);
    store.load();
    assert!(!store.is_ready());
    store.medium_mut().fail_open(false);
    store.medium_mut().fail_writes(false);
    store.load();
    assert_eq!((store.count(), store.take_quarantined()), (3, None));
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 1 }));
}

#[test]
fn what_ended_long_ago_is_forgotten() {
    let mut store = filled(3);
    let mut late = declaration(1);
    late.valid_until = late.valid_until.plus_s(60);
    store.apply(batch(2, vec![late.clone()])).unwrap();
    assert_eq!(store.purge(declaration(0).valid_until).unwrap(), 0);
    assert_eq!(store.purge(late.valid_until).unwrap(), 2);
    assert_eq!(store.get(&id(1)).unwrap(), Some(late));
}

#[test]
fn a_look_up_that_finds_too_many_answers_nothing_rather_than_some() {
    let same_truck = |n: u32| Declaration {
        vehicles: declaration(1).vehicles,
        ..declaration(n)
    };
    let limit = u32::try_from(CANDIDATES_MAX).unwrap();
    let mut store = MemStore::in_memory();
    store
        .apply(part(1, 1, 1, (0..limit).map(same_truck).collect()))
        .unwrap();
    assert_eq!(
        store.candidates(&query(1)).declarations.len(),
        CANDIDATES_MAX
    );
    store.apply(batch(2, vec![same_truck(limit)])).unwrap();
    let found = store.candidates(&query(1));
    assert_eq!(
        (ids(&found).len(), found.state),
        (0, StoreState::Unavailable)
    );
}

#[test]
fn pages_of_an_export_name_each_declaration_once() {
    let mut store = filled(5);
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = store.export(after.as_ref(), 2).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        all.extend(page);
    }
    assert_eq!(all, (0..5).map(declaration).collect::<Vec<_>>());
}

/// Case c30: files far beyond the data are rewritten aside, slice by slice,
/// and what changes in between is there as well.
#[test]
fn a_grown_cache_is_rewritten_aside_while_it_answers_and_changes() {
    let n = 2 * u32::try_from(SLICE_LEN).unwrap();
    let mut store = filled(n);
    let bound = store.disk_bytes_max();
    store.medium_mut().bloat(bound);
    for seq in 2..66 {
        store.apply(batch(seq, vec![])).unwrap();
    }
    assert_eq!(store.tend(), Upkeep::More);
    assert_eq!(store.tend(), Upkeep::More); // half is copied
    let mut first = declaration(0);
    first.version = 2;
    let last = Declaration {
        version: 2,
        ..declaration(n - 1)
    };
    let change = FeedApply {
        removals: vec![id(1), id(n - 2)],
        ..batch(66, vec![first.clone(), last.clone(), declaration(n)])
    };
    store.apply(change).unwrap();
    assert_eq!(ids(&store.candidates(&query(5))), ["D000005"]);
    store.load();
    assert!(store.medium().disk_bytes() < bound);
    store.reopen();
    store.load();
    assert_eq!(store.take_quarantined(), None);
    assert_eq!(store.count(), 2 * SLICE_LEN - 1);
    assert_eq!(store.get(&id(0)).unwrap(), Some(first));
    assert_eq!(store.get(&id(n - 1)).unwrap(), Some(last));
    assert_eq!(store.get(&id(1)).unwrap(), None);
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 66 }));
}

proptest! {
    /// Any sequence of batches leaves what a plain map would hold, and the
    /// digests a second fold gives.
    #[test]
    fn the_cache_agrees_with_a_plain_map(
        steps in proptest::collection::vec((0_u32..6, 1_u32..4, 0_u32..6, any::<bool>()), 1..40)
    ) {
        let mut store = MemStore::in_memory();
        let mut map: BTreeMap<DeclarationId, Declaration> = BTreeMap::new();
        for (seq, (n, version, truck, remove)) in (1..).zip(steps) {
            let d = Declaration { version, vehicles: declaration(truck).vehicles, ..declaration(n) };
            if remove {
                map.remove(&id(n));
                store.apply(FeedApply { removals: vec![id(n)], ..FeedApply::default() }).unwrap();
            } else {
                if map.get(&id(n)).is_none_or(|old| old.version <= version) {
                    map.insert(id(n), d.clone());
                }
                store.apply(batch(seq, vec![d])).unwrap();
            }
            if seq % 7 == 0 {
                store.reopen();
                store.load();
            }
        }
        let all: Vec<Declaration> = map.values().cloned().collect();
        prop_assert_eq!(&store.export(None, 100).unwrap(), &all);
        prop_assert_eq!(store.buckets(), &folded(&all));
        prop_assert_eq!(store.expect(&folded(&all)), 0);
        for truck in 0..6 {
            let want: Vec<_> = all.iter().filter(|d| d.vehicles == declaration(truck).vehicles).cloned().collect();
            prop_assert_eq!(store.candidates(&query(truck)).declarations, want);
        }
        prop_assert!(store.take_quarantined().is_none());
    }

    /// One bit or one key gone wrong anywhere: no look-up is ever answered Ok
    /// with something other than what was put in.
    #[test]
    fn no_fault_makes_a_wrong_answer_that_counts(nth in 0_usize..20, bit in 0_usize..8000, lose in any::<bool>(), restart in any::<bool>()) {
        let mut store = filled(12);
        let expected = store.buckets().clone();
        if lose {
            store.medium_mut().lose(nth);
        } else {
            store.medium_mut().flip(nth, bit);
        }
        if restart {
            store.reopen();
            store.load();
            store.expect(&expected);
        }
        for n in 0..12 {
            let found = store.candidates(&query(n));
            if found.state == StoreState::Ok {
                prop_assert_eq!(found.declarations, vec![declaration(n)]);
            }
        }
    }
}

use std::collections::BTreeMap;

use lanegate_core::model::{Buckets, Position, StoreState};

use super::*;
use crate::store::testing::{TempDir, batch, declaration, id, load_until_ready, part, query};
use crate::store::{Cache, SledStore, Store};

#[path = "media_tests.rs"]
mod media;

const COUNT: u32 = 120;

fn medium(dir: &TempDir) -> SledMedium {
    SledMedium::new(DiskOptions {
        dir: dir.0.join("store"),
        cache_bytes: 8 << 20,
    })
}

fn open(dir: &TempDir) -> SledStore {
    let mut store = Cache::new(medium(dir));
    load_until_ready(&mut store);
    store
}

fn filled(dir: &TempDir) -> Buckets {
    let mut store = open(dir);
    store
        .apply(batch(1, (0..COUNT).map(declaration).collect()))
        .unwrap();
    store.buckets().clone()
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn read_tree(path: &Path, files: &mut Files) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_tree(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

/// The files of a store that was closed, to spoil and put back.
fn files_of(dir: &TempDir) -> Files {
    drop(open(dir)); // the lock is free: nothing is written any more
    let mut files = Files::new();
    read_tree(&dir.0.join("store"), &mut files);
    files
}

fn put_back(dir: &TempDir, files: &Files) {
    fs::remove_dir_all(dir.0.join("store")).unwrap();
    for (path, bytes) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Whatever was done to the files: the process lives, what is answered is
/// right or says that it is not to be relied on, and a refill mends it.
/// Returns whether the cache was set aside.
fn answers_right_or_not_at_all(dir: &TempDir, expected: &Buckets) -> bool {
    let mut store = open(dir);
    store.expect(expected);
    for n in 0..COUNT {
        let found = store.candidates(&query(n));
        if found.state == StoreState::Ok {
            assert_eq!(found.declarations, vec![declaration(n)]);
        }
    }
    let set_aside = store.take_quarantined().is_some();
    if !store.is_ready() {
        store.load();
    }
    store
        .apply(part(2, 1, 1, (0..COUNT).map(declaration).collect()))
        .unwrap();
    assert_eq!(store.expect(expected), 0);
    assert_eq!(
        store.candidates(&query(3)).declarations,
        vec![declaration(3)]
    );
    set_aside
}

/// The file of the tree's pages, by far the largest.
fn largest(files: &Files) -> (&PathBuf, &Vec<u8>) {
    files.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap()
}

/// The last byte that is not zero, below which data lies.
fn used_len(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&b| b != 0).unwrap() + 1
}

#[test]
fn what_was_applied_is_there_after_a_restart_with_its_position() {
    let dir = TempDir::new();
    let expected = filled(&dir);
    let mut store = open(&dir);
    assert_eq!(store.take_quarantined(), None);
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 1 }));
    assert_eq!(store.count(), COUNT as usize);
    assert_eq!(store.candidates(&query(200)).state, StoreState::Unverified);
    assert_eq!(store.expect(&expected), 0);
    assert_eq!(store.candidates(&query(200)).state, StoreState::Ok);
    assert_eq!(
        store.candidates(&query(7)).declarations,
        vec![declaration(7)]
    );
}

#[test]
fn a_flipped_bit_never_makes_a_wrong_answer() {
    let dir = TempDir::new();
    let expected = filled(&dir);
    let files = files_of(&dir);
    let (path, bytes) = largest(&files);
    let used = used_len(bytes);
    let mut set_aside = 0;
    for trial in 0..40 {
        let mut spoiled = files.clone();
        // Spread over the part in use, a different bit each time.
        let at = used * trial / 40;
        spoiled.get_mut(path).unwrap()[at] ^= 1 << (trial % 8);
        put_back(&dir, &spoiled);
        set_aside += usize::from(answers_right_or_not_at_all(&dir, &expected));
    }
    assert!(
        set_aside > 0,
        "no flip was noticed: the trial does not reach the data"
    );
}

#[test]
fn truncated_files_never_make_a_wrong_answer() {
    let dir = TempDir::new();
    let expected = filled(&dir);
    let files = files_of(&dir);
    let mut noticed = 0;
    for (path, bytes) in &files {
        for eighths in 0..8 {
            let mut spoiled = files.clone();
            let len = used_len(bytes) * eighths / 8;
            spoiled.insert(path.clone(), bytes[..len].to_vec());
            put_back(&dir, &spoiled);
            let mut store = open(&dir);
            noticed += usize::from(store.expect(&expected) > 0);
            drop(store);
            answers_right_or_not_at_all(&dir, &expected);
        }
    }
    assert!(noticed > 0, "no truncation was noticed");
}

#[test]
fn a_directory_full_of_rubbish_is_set_aside_and_one_such_is_kept() {
    let dir = TempDir::new();
    filled(&dir);
    for round in 0..3 {
        let store_dir = dir.0.join("store");
        let current = fs::read_to_string(store_dir.join("current")).unwrap();
        let db = store_dir.join(current.trim());
        for entry in fs::read_dir(&db).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::write(path, b"rubbish").unwrap();
            }
        }
        let mut store = open(&dir);
        assert!(store.take_quarantined().is_some(), "round {round}");
        assert_eq!(store.count(), 0);
        assert_eq!(store.candidates(&query(1)).state, StoreState::Unverified);
    }
    assert_eq!(medium(&dir).numbers("bad-").len(), 1);
    assert_eq!(medium(&dir).numbers("db-").len(), 1);
}

#[test]
fn a_snapshot_takes_the_place_of_the_files_and_leaves_none_behind() {
    let dir = TempDir::new();
    filled(&dir);
    let mut store = open(&dir);
    store.apply(part(5, 1, 2, vec![declaration(500)])).unwrap();
    assert_eq!(medium(&dir).numbers("db-").len(), 2);
    store.apply(part(5, 2, 2, vec![declaration(501)])).unwrap();
    assert_eq!(medium(&dir).numbers("db-").len(), 1);
    drop(store);
    let mut store = open(&dir);
    assert_eq!((store.count(), store.take_quarantined()), (2, None));
    assert_eq!(store.position(), Some(Position { epoch: 7, seq: 5 }));
}

#[test]
fn a_snapshot_cut_by_a_crash_is_cleared_away_at_the_next_start() {
    let dir = TempDir::new();
    filled(&dir);
    let mut store = open(&dir);
    store.apply(part(5, 1, 2, vec![declaration(500)])).unwrap();
    drop(store);
    let mut store = open(&dir);
    assert_eq!(store.count(), COUNT as usize);
    assert_eq!(store.get(&id(500)).unwrap(), None);
    assert_eq!(medium(&dir).numbers("db-").len(), 1);
}

/// Case c56: a second opener is told, and sets nothing aside.
#[test]
fn a_store_in_use_is_left_alone_by_a_second_opener() {
    let dir = TempDir::new();
    filled(&dir);
    let mut first = open(&dir);
    let mut second = medium(&dir);
    assert!(matches!(second.open(), Err(StoreError::InUse(_))));
    let mut second = Cache::new(medium(&dir));
    second.load();
    assert!(!second.is_ready());
    assert_eq!(second.take_quarantined(), None);
    assert_eq!(second.candidates(&query(1)).state, StoreState::Unavailable);
    assert_eq!(
        first.candidates(&query(1)).declarations,
        vec![declaration(1)]
    );
    first.apply(batch(2, vec![declaration(900)])).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_unavailable_and_not_damaged() {
    let dir = TempDir::new();
    fs::write(dir.0.join("store"), b"a file where the directory should be").unwrap();
    let mut store = Cache::new(medium(&dir));
    store.load();
    assert_eq!(store.take_quarantined(), None);
    assert_eq!(store.candidates(&query(1)).state, StoreState::Unavailable);
    fs::remove_file(dir.0.join("store")).unwrap();
    store.load();
    assert!(store.is_ready());
}

/// Case c30, in small: rewriting everything again and again keeps the files
/// within their bound.
#[test]
fn rewriting_everything_keeps_the_files_within_their_bound() {
    let dir = TempDir::new();
    let mut store = open(&dir);
    for seq in 1..40 {
        let all = (0..COUNT).map(|n| lanegate_core::model::Declaration {
            version: u32::try_from(seq).unwrap(),
            ..declaration(n)
        });
        store.apply(part(seq, 1, 1, all.collect())).unwrap();
        assert!(store.medium().disk_bytes() <= store.disk_bytes_max());
    }
    assert_eq!(store.count(), COUNT as usize);
}

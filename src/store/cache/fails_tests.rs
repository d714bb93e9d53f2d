//! Every call of the medium fails once: the first, the second, ... until a
//! scenario runs through. Then the cache is opened again without failures. It
//! may have lost what it likes, but says so: a declaration the journal knows of
//! is found as it is, or the answer is worth nothing (L4); and a cache that was
//! set aside is whole again once it is filled.

use std::cell::RefCell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;

use super::*;
use crate::store::names::fails;
use crate::store::testing::{TempDir, batch, declaration, id, load_until_ready, part, query};
use crate::store::{DiskOptions, Page, SledMedium};

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// Nothing was done.
    Full,
    /// It was done, and said not to be.
    Done,
    /// What was read makes no sense.
    Damaged,
}

impl How {
    const ALL: [Self; 3] = [Self::Full, Self::Done, Self::Damaged];

    fn error(self) -> StoreError {
        match self {
            Self::Full | Self::Done => StoreError::Io {
                what: "written",
                source: Error::from(ErrorKind::StorageFull),
            },
            Self::Damaged => StoreError::Damaged("a page is bad".to_owned()),
        }
    }
}

#[derive(Default)]
struct Count {
    calls: u64,
    fails_at: Option<(u64, How)>,
    failed: Option<&'static str>,
}

/// A medium whose n-th call fails.
struct Failing<M> {
    medium: M,
    count: Rc<RefCell<Count>>,
}

impl<M: Medium> Failing<M> {
    fn call(&self, what: &'static str) -> Option<How> {
        let mut count = self.count.borrow_mut();
        count.calls += 1;
        let how = count.fails_at.filter(|(n, _)| *n == count.calls)?.1;
        count.failed = Some(what);
        Some(how)
    }

    fn change<T>(
        &mut self,
        what: &'static str,
        change: impl FnOnce(&mut M) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.call(what) {
            Some(how @ How::Done) => change(&mut self.medium).and(Err(how.error())),
            Some(how @ (How::Full | How::Damaged)) => Err(how.error()),
            None => change(&mut self.medium),
        }
    }

    fn look<T>(
        &self,
        what: &'static str,
        look: impl FnOnce(&M) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.call(what) {
            Some(how) => Err(how.error()),
            None => look(&self.medium),
        }
    }
}

impl<M: Medium> Medium for Failing<M> {
    fn open(&mut self) -> Result<Opened, StoreError> {
        self.change("open", Medium::open)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.look("get", |medium| medium.get(key))
    }

    fn page(&self, after: &[u8], limit: usize) -> Result<Page, StoreError> {
        self.look("page", |medium| medium.page(after, limit))
    }

    fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.change("write", |medium| medium.write(changes))
    }

    fn begin_aside(&mut self) -> Result<(), StoreError> {
        self.change("begin_aside", Medium::begin_aside)
    }

    fn write_aside(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.change("write_aside", |medium| medium.write_aside(changes))
    }

    fn swap(&mut self) -> Result<(), StoreError> {
        self.change("swap", Medium::swap)
    }

    fn drop_aside(&mut self) {
        self.medium.drop_aside();
    }

    fn quarantine(&mut self) -> Result<(), StoreError> {
        self.change("quarantine", Medium::quarantine)
    }

    fn disk_bytes(&self) -> u64 {
        self.medium.disk_bytes()
    }
}

/// Declarations in the scenarios.
const N: u32 = 12;

/// The second version of a declaration.
fn second(n: u32) -> Declaration {
    let mut declaration = declaration(n);
    declaration.version = 2;
    declaration
}

/// Nothing before: opened, filled by an import and a batch.
fn import<M: Medium>(store: &mut Cache<M>) {
    store.load();
    let all = (0..N).map(declaration).collect();
    store.apply(batch(1, all)).ok();
    store.load();
    store.apply(batch(2, vec![second(1), second(2)])).ok();
    store.candidates(&query(1));
    store.load();
}

/// Filled before; one value is bad when it is opened again.
fn damaged_before<M: Medium>(store: &mut Cache<M>) {
    import(store);
    store.reopen();
    store.load();
    // As a checksum that does not fit is found by a look-up.
    store.suffer(damaged("a checksum is wrong"));
    store.load();
    refill(store);
}

/// A snapshot in three parts replaces what is there.
fn snapshot<M: Medium>(store: &mut Cache<M>) {
    import(store);
    refill(store);
    store.candidates(&query(5));
    store.reopen();
    store.load();
}

/// All the journal knows, as the authority sends it when asked.
fn refill<M: Medium>(store: &mut Cache<M>) {
    let of = |from: u32, until: u32| (from..until).map(latest).collect();
    for (n, (from, until)) in (1..).zip([(0, 4), (4, 8), (8, N)]) {
        store.apply(part(3, n, 3, of(from, until))).ok();
        store.load();
    }
}

fn latest(n: u32) -> Declaration {
    match n {
        1 | 2 => second(n),
        _ => declaration(n),
    }
}

/// What the journal says should be held.
fn known() -> Buckets {
    let mut store = MemStore::in_memory();
    store.apply(batch(9, (0..N).map(latest).collect())).unwrap();
    store.buckets().clone()
}

fn law<M: Medium>(store: &mut Cache<M>, context: &str) {
    store.reopen();
    load_until_ready(store);
    store.expect(&known());
    for n in 0..N {
        let found = store.candidates(&query(n));
        let held = found.declarations.iter().find(|d| d.id == id(n));
        let worth = found.state == StoreState::Ok;
        // An older version is seen through: the ledger knows the newer.
        assert!(held.is_some() || !worth, "{context}: D{n} silently gone");
        assert!(held.is_none_or(|d| d.version <= latest(n).version));
    }
    let nobody = store.candidates(&query(N + 1));
    let whole = store.buckets() == &known();
    assert_eq!(nobody.state == StoreState::Ok, whole, "{context}: a miss");
    // Filled again it is whole.
    refill(store);
    assert_eq!(store.expect(&known()), 0, "{context}: not whole again");
    for n in 0..N {
        let found = store.candidates(&query(n));
        assert_eq!(found.state, StoreState::Ok, "{context}");
        assert!(found.declarations.contains(&latest(n)), "{context}: D{n}");
    }
}

/// Calls failed.
fn every_call_fails<M: Medium>(
    name: &str,
    medium: impl Fn() -> M,
    act: fn(&mut Cache<Failing<M>>),
) -> u64 {
    let mut failed = 0;
    for how in How::ALL {
        let mut n = 1;
        loop {
            let count = Rc::new(RefCell::new(Count {
                fails_at: Some((n, how)),
                ..Count::default()
            }));
            let mut store = Cache::new(Failing {
                medium: medium(),
                count: Rc::clone(&count),
            });
            act(&mut store);
            let Some(call) = count.borrow().failed else {
                break;
            };
            count.borrow_mut().fails_at = None;
            law(&mut store, &format!("{name}: call {n}, {call} ({how:?})"));
            failed += 1;
            n += 1;
        }
    }
    println!("{name}: {failed} calls failed");
    failed
}

#[test]
fn every_call_of_the_medium_fails_once_and_nothing_is_silently_gone() {
    let mut failed = 0;
    failed += every_call_fails("an import", MemMedium::default, import);
    failed += every_call_fails("opened after damage", MemMedium::default, damaged_before);
    failed += every_call_fails("a snapshot", MemMedium::default, snapshot);
    println!("{failed} calls failed");
    assert!(failed > 100, "{failed}");
}

/// A directory of its own each time.
fn sleds(dir: &TempDir) -> impl Fn() -> SledMedium {
    let next = std::cell::Cell::new(0);
    move || {
        next.set(next.get() + 1);
        SledMedium::new(DiskOptions {
            dir: dir.0.join(next.get().to_string()),
            cache_bytes: 1 << 20,
        })
    }
}

#[test]
fn the_same_over_sled() {
    let dir = TempDir::new();
    let medium = sleds(&dir);
    let mut failed = every_call_fails("an import, sled", &medium, import);
    failed += every_call_fails("opened after damage, sled", &medium, damaged_before);
    failed += every_call_fails("a snapshot, sled", &medium, snapshot);
    assert!(failed > 100, "{failed}");
}

/// Below the medium: what gives the directory in force its name fails, with
/// nothing done or with everything done.
#[test]
fn every_call_that_names_renames_or_removes_fails_once_and_nothing_is_silently_gone() {
    type Act = fn(&mut Cache<SledMedium>);
    let scenarios: [(&str, Act); 3] = [
        ("an import", import),
        ("opened after damage", damaged_before),
        ("a snapshot", snapshot),
    ];
    let dir = TempDir::new();
    let medium = sleds(&dir);
    let mut failed = std::collections::BTreeMap::new();
    for (name, act) in scenarios {
        for done in [false, true] {
            for n in 1.. {
                fails::set(Some(fails::At { n, done }));
                let mut store = Cache::new(medium());
                act(&mut store);
                let call = fails::failed();
                fails::set(None);
                let Some(call) = call else {
                    break;
                };
                law(&mut store, &format!("{name}: call {n}, {call} ({done})"));
                *failed.entry(call).or_insert(0) += 1;
            }
        }
    }
    println!("{failed:?}");
    let all = [
        "create",
        "read",
        "remove",
        "rename",
        "sync",
        "sync of the directory",
        "write",
    ];
    assert_eq!(failed.keys().copied().collect::<Vec<_>>(), all);
}

//! The thread: bounded, grouped, fatal when the journal is.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::*;
use lanegate_core::lane::{Refusal, Took};
use lanegate_core::record::Record;

const DEADLINE: Duration = Duration::from_secs(20);

/// A disk whose syncs wait for a permit, as a slow one's do.
struct SlowDisk {
    disk: MemDisk,
    begun: SyncSender<()>,
    permits: Receiver<()>,
}

impl Disk for SlowDisk {
    fn list(&self) -> std::io::Result<Vec<String>> {
        self.disk.list()
    }
    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.disk.read(name)
    }
    fn read_at(&self, name: &str, offset: u64, len_max: usize) -> std::io::Result<Vec<u8>> {
        self.disk.read_at(name, offset, len_max)
    }
    fn size(&self, name: &str) -> std::io::Result<u64> {
        self.disk.size(name)
    }
    fn create(&mut self, name: &str) -> std::io::Result<()> {
        self.disk.create(name)
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.disk.append(name, bytes)
    }
    fn sync(&mut self, name: &str) -> std::io::Result<()> {
        let _ = self.begun.send(());
        let _ = self.permits.recv();
        self.disk.sync(name)
    }
    fn truncate(&mut self, name: &str, len: u64) -> std::io::Result<()> {
        self.disk.truncate(name, len)
    }
    fn rename(&mut self, from: &str, to: &str) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&mut self, name: &str) -> std::io::Result<()> {
        self.disk.remove(name)
    }
    fn free_bytes(&self) -> std::io::Result<u64> {
        self.disk.free_bytes()
    }
}

struct Rig {
    disk: MemDisk,
    committer: Committer,
    handle: CommitterHandle,
    notices: Receiver<Notice>,
    begun: Receiver<()>,
    permits: SyncSender<()>,
}

fn rig(queue_len_max: usize) -> Rig {
    let disk = MemDisk::new();
    let (begin, begun) = sync_channel(1000);
    let (permits, permitted) = sync_channel(1000);
    let slow = SlowDisk {
        disk: disk.clone(),
        begun: begin,
        permits: permitted,
    };
    permits.send(()).unwrap();
    let (gatekeeper, _) = Gatekeeper::open(slow, options()).unwrap();
    begun.recv().unwrap();
    let (notify, notices) = sync_channel(100);
    let notify = move |notice| notify.send(notice).unwrap();
    let spawned = Committer::spawn(gatekeeper, queue_len_max, NoHooks, notify);
    let (committer, handle) = spawned.unwrap();
    Rig {
        disk,
        committer,
        handle,
        notices,
        begun,
        permits,
    }
}

type Answers = Receiver<(u64, Committed)>;

fn ask(
    rig: &Rig,
    answers: &SyncSender<(u64, Committed)>,
    n: u64,
    kind: VerdictKind,
) -> Result<(), Busy> {
    let draft = verdict(&rig.handle.view(), &passage(1, n), &list(100), kind);
    let answers = answers.clone();
    let reply = move |answer| answers.send((n, answer)).unwrap();
    rig.handle.commit(vec![draft], Guard::Verdict, reply)
}

fn channel() -> (SyncSender<(u64, Committed)>, Answers) {
    sync_channel(1000)
}

#[test]
fn thirty_two_lanes_are_durable_within_three_syncs_on_a_slow_disk() {
    let rig = rig(QUEUE_LEN_MAX);
    let syncs = rig.disk.counts().syncs;
    let (tell, answers) = channel();
    for n in 0..32 {
        ask(&rig, &tell, n, VerdictKind::Hold).unwrap();
    }
    // The first sync has begun, with as many as were there; the rest waits.
    rig.begun.recv_timeout(DEADLINE).unwrap();
    assert!(
        answers.try_recv().is_err(),
        "nobody is answered before the sync"
    );
    for _ in 0..3 {
        rig.permits.send(()).unwrap();
    }
    for _ in 0..32 {
        let (n, answer) = answers.recv_timeout(DEADLINE).unwrap();
        assert_eq!(answer.unwrap().1, Took::Nothing, "{n}");
    }
    assert!(rig.disk.counts().syncs - syncs <= 3);
}

#[test]
fn a_full_queue_says_so_at_once_and_is_no_progress() {
    let rig = rig(4);
    let (tell, answers) = channel();
    ask(&rig, &tell, 0, VerdictKind::Hold).unwrap();
    rig.begun.recv_timeout(DEADLINE).unwrap();
    for n in 1..=4 {
        ask(&rig, &tell, n, VerdictKind::Hold).unwrap();
    }
    assert_eq!(ask(&rig, &tell, 5, VerdictKind::Hold), Err(Busy));
    assert_eq!(
        (
            rig.handle.progress().outstanding(),
            rig.handle.progress().done()
        ),
        (5, 0)
    );
    for _ in 0..2 {
        rig.permits.send(()).unwrap();
    }
    for _ in 0..5 {
        answers.recv_timeout(DEADLINE).unwrap().1.unwrap();
    }
}

#[test]
fn a_late_control_is_told_at_once_and_a_stop_is_the_last_record() {
    let rig = rig(QUEUE_LEN_MAX);
    for _ in 0..100 {
        rig.permits.send(()).unwrap();
    }
    let (tell, answers) = channel();
    ask(&rig, &tell, 1, VerdictKind::Release).unwrap();
    let (_, answer) = answers.recv_timeout(DEADLINE).unwrap();
    assert_eq!(answer.unwrap().1, Took::Spent);
    let body = FeedBody {
        controls: vec![control("c-1")],
        ..batch(2)
    };
    let (applied, generation) = sync_channel(1);
    let reply = move |generation| applied.send(generation).unwrap();
    rig.handle.apply_feed(now(), body, reply).unwrap();
    let generation = generation.recv_timeout(DEADLINE).unwrap();
    assert_eq!(generation, Some(rig.handle.view().ledger.generation()));
    match rig.notices.recv_timeout(DEADLINE).unwrap() {
        Notice::ControlLate(late) => assert_eq!(late.passage, passage(1, 1)),
        Notice::Fatal(why) => panic!("{why}"),
    }
    let written = rig
        .handle
        .view()
        .write_snapshot(&mut rig.disk.clone(), now());
    rig.handle.note(vec![written.unwrap()]).unwrap();
    rig.handle.stop(now(), "drained").unwrap();
    rig.committer.join();
    let mut g = open(rig.disk.clone());
    let records = g.records_from(0, 100).unwrap();
    let read = records.iter().map(|(_, text)| Record::read(text).unwrap());
    let records: Vec<_> = read.collect();
    let start = records
        .iter()
        .rposition(|r| r.kind.as_str() == "start")
        .unwrap();
    let last = &records[start - 1];
    assert_eq!(
        (last.kind.as_str(), &last.body.value()["why"]),
        ("stop", &json!("drained"))
    );
    assert_eq!(
        rig.handle.note(Vec::new()),
        Err(Busy),
        "the thread has ended"
    );
}

#[test]
fn a_failed_sync_ends_the_thread_and_answers_nobody() {
    let rig = rig(QUEUE_LEN_MAX);
    let (tell, answers) = channel();
    rig.disk.fail_syncs(1);
    ask(&rig, &tell, 1, VerdictKind::Release).unwrap();
    rig.permits.send(()).unwrap();
    match rig.notices.recv_timeout(DEADLINE).unwrap() {
        Notice::Fatal(why) => assert!(why.contains("journal"), "{why}"),
        Notice::ControlLate(late) => panic!("{late:?}"),
    }
    rig.committer.join();
    drop(tell);
    assert!(answers.recv_timeout(DEADLINE).is_err());
    assert!(
        rig.handle.progress().outstanding() > 0,
        "the watchdog sees it"
    );
}

#[test]
fn a_refusal_is_answered_too() {
    let rig = rig(QUEUE_LEN_MAX);
    for _ in 0..100 {
        rig.permits.send(()).unwrap();
    }
    let (tell, answers) = channel();
    let stale = verdict(
        &rig.handle.view(),
        &passage(1, 2),
        &list(100),
        VerdictKind::Release,
    );
    ask(&rig, &tell, 1, VerdictKind::Release).unwrap();
    answers.recv_timeout(DEADLINE).unwrap().1.unwrap();
    let reply = move |answer| tell.send((2, answer)).unwrap();
    rig.handle
        .commit(vec![stale], Guard::Verdict, reply)
        .unwrap();
    let (_, answer) = answers.recv_timeout(DEADLINE).unwrap();
    assert_eq!(answer, Err(Refusal::Changed));
}

#[test]
fn room_that_returns_is_seen_although_nobody_writes() {
    let disk = MemDisk::new();
    let mut options = options();
    options.free_floor_bytes = 1 << 20;
    let (gatekeeper, _) = Gatekeeper::open(disk.clone(), options).unwrap();
    let spawned = Committer::spawn(gatekeeper, 8, NoHooks, |_| {});
    let (committer, handle) = spawned.unwrap();
    let seen = |journal| {
        handle.look_at_space().unwrap();
        // What is answered later was looked at before.
        let (tell, told) = sync_channel(1);
        let reply = move |held| tell.send(held).unwrap();
        let genesis = handle.view().genesis.clone();
        handle.authority_holds(now(), genesis, 0, reply).unwrap();
        told.recv_timeout(DEADLINE).unwrap();
        assert_eq!(handle.view().journal, journal);
    };
    disk.set_capacity(Some(disk.used_bytes() + 1000));
    seen(lanegate_core::model::JournalState::Full);
    disk.set_capacity(None);
    seen(lanegate_core::model::JournalState::Ok);
    handle.stop(now(), "test").unwrap();
    committer.join();
}

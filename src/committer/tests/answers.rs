//! What is answered, and when.

use super::*;
use lanegate_core::lane::{Refusal, Took};
use lanegate_core::model::{JournalState, Order};
use lanegate_core::record::{OrderBody, ReconciledBody, Record, SpendOf};

fn fed(disk: &MemDisk, trips: u32) -> (Gatekeeper<MemDisk, u32>, Declaration) {
    let mut g = open(disk.clone());
    let list = list(trips);
    g.apply_feed(0, now(), batch_of(1, &list));
    g.flush().unwrap();
    (g, list)
}

fn kinds(g: &mut Gatekeeper<MemDisk, u32>) -> Vec<String> {
    let records = g.records_from(0, 1000).unwrap();
    let read = records.iter().map(|(_, text)| Record::read(text).unwrap());
    read.map(|r| r.kind.as_str().to_owned()).collect()
}

#[test]
fn thirty_two_lanes_commit_with_one_sync() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 100);
    let before = disk.counts();
    for n in 0..32 {
        g.ask(n, &passage(1, u64::from(n)), &list, VerdictKind::Hold);
    }
    let answers = g.flush().unwrap();
    assert_eq!(answers.len(), 32);
    assert!(
        answers
            .iter()
            .all(|a| matches!(a, Answer::Committed { .. }))
    );
    let after = disk.counts();
    assert_eq!(
        (after.syncs - before.syncs, after.appends - before.appends),
        (1, 1)
    );
    assert_eq!(disk.unsynced_bytes(), 0);
    assert_eq!(g.last_flush().records, 32);
}

#[test]
fn a_commit_sees_what_was_asked_before_it_in_the_same_flush() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 1);
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    g.ask(2, &passage(1, 2), &list, VerdictKind::Release);
    let answers = g.flush().unwrap();
    assert_eq!(
        answers[0],
        Answer::Committed {
            token: 1,
            seq: 3,
            took: Took::Spent
        }
    );
    assert_eq!(
        answers[1],
        Answer::Refused {
            token: 2,
            why: Refusal::Changed
        }
    );
    assert_eq!(g.issued(), 1);
}

#[test]
fn a_control_in_the_same_flush_counts_if_it_came_before_and_is_late_if_after() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 9);
    let with = |seq, id| FeedBody {
        controls: vec![control(id)],
        ..batch(seq)
    };
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    g.apply_feed(2, now(), with(2, "c-1"));
    g.ask(3, &passage(1, 2), &list, VerdictKind::Release);
    let answers = g.flush().unwrap();
    assert!(matches!(answers[0], Answer::Committed { token: 1, .. }));
    assert!(matches!(answers[1], Answer::Applied { token: 2, .. }));
    let Answer::ControlLate(late) = &answers[2] else {
        panic!("{:?}", answers[2]);
    };
    assert_eq!((late.passage.clone(), late.verdict_seq), (passage(1, 1), 3));
    assert_eq!(
        answers[3],
        Answer::Refused {
            token: 3,
            why: Refusal::Changed
        }
    );
    assert_eq!(
        kinds(&mut g)[2..],
        ["feed", "verdict", "feed", "control-late"]
    );
}

#[test]
fn an_officers_release_is_written_with_what_it_took() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 1);
    for n in [1, 2] {
        let id = passage(1, n);
        g.ask(1, &id, &list, VerdictKind::Hold);
        let Answer::Committed { seq, .. } = g.flush().unwrap()[0] else {
            panic!("a hold is never refused");
        };
        let text = json!({"id": format!("o-{n}"), "passage": id, "kind": "release", "officer": "o", "reason": "r"});
        let order: Order = parse_json(&text.to_string()).unwrap();
        let take = SpendOf {
            declaration: list.id.clone(),
            spend: Spend {
                trips: 1,
                goods_kg: list.goods_gross_kg,
            },
            vehicle: Some(PLATE.into()),
        };
        let body = OrderBody {
            order,
            accepted: true,
            why: None,
            spends: Some(vec![take]),
            reserves: None,
            lifts: true,
        };
        let guard = Guard::Order {
            verdict_seq: seq,
            plate_since: false,
        };
        g.submit(2, vec![draft(&id, body.into()).into()], guard);
        let Answer::Committed { took, .. } = g.flush().unwrap()[0] else {
            panic!("an officer decides");
        };
        let records = g.records_from(seq + 1, 1).unwrap();
        let record = Record::read(&records[0].1).unwrap();
        assert_eq!(took == Took::Spent, n == 1);
        assert_eq!(
            record.body.value()["spends"].is_array(),
            n == 1,
            "the second is flagged: {}",
            record.body.text()
        );
    }
    assert_eq!(g.issued(), 1);
}

#[test]
fn below_the_floor_nothing_is_released_and_what_happens_is_still_written() {
    let disk = MemDisk::new();
    let mut low = options();
    low.free_floor_bytes = 1_000_000;
    disk.set_capacity(Some(1_500_000));
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), low).unwrap();
    let list = list(9);
    assert_eq!(g.view().journal, JournalState::Ok);
    let release = verdict(&g.view(), &passage(1, 1), &list, VerdictKind::Release);
    disk.set_capacity(Some(900_000));
    g.submit(1, vec![release.into()], Guard::Verdict);
    assert_eq!(
        g.flush().unwrap(),
        [Answer::Refused {
            token: 1,
            why: Refusal::Changed
        }]
    );
    assert_eq!(facts(&g.view(), &list).journal, Some(JournalState::Full));
    g.ask(2, &passage(1, 1), &list, VerdictKind::Hold);
    assert!(matches!(
        g.flush().unwrap()[0],
        Answer::Committed { token: 2, .. }
    ));
    disk.set_capacity(None);
    g.ask(3, &passage(1, 2), &list, VerdictKind::Release);
    assert!(matches!(
        g.flush().unwrap()[0],
        Answer::Committed { token: 3, .. }
    ));
    assert_eq!(facts(&g.view(), &list).journal, None);
}

#[test]
fn on_a_full_disk_commits_are_refused_and_notes_wait_in_their_order() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 9);
    let used: u64 = disk
        .list()
        .unwrap()
        .iter()
        .map(|n| disk.read(n).unwrap().len() as u64)
        .sum();
    disk.set_capacity(Some(used + 100));
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    g.note(vec![outcome(&passage(1, 7), Outcome::Left)]);
    g.apply_feed(2, now(), batch(2));
    g.note(vec![outcome(&passage(1, 8), Outcome::Left)]);
    let answers = g.flush().unwrap();
    assert_eq!(
        answers[0],
        Answer::Refused {
            token: 1,
            why: Refusal::Unavailable
        }
    );
    assert_eq!(answers[1], Answer::NotApplied { token: 2 });
    assert!(g.last_flush().full);
    assert_eq!(
        (g.issued(), g.view().ledger.position().unwrap().seq),
        (0, 1)
    );
    assert!(g.flush().unwrap().is_empty(), "still full");
    disk.set_capacity(None);
    assert!(g.flush().unwrap().is_empty());
    assert_eq!(kinds(&mut g)[3..], ["outcome", "outcome"]);
    assert!(g.is_idle());
    assert!(crate::journal::verify(&disk).unwrap().ok);
}

#[test]
fn a_failed_sync_is_fatal_and_answers_nobody() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 9);
    let head = g.view().head_seq;
    disk.fail_syncs(1);
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    let syncs = disk.counts().syncs;
    assert!(g.flush().is_err());
    assert_eq!(disk.counts().syncs, syncs + 1, "never tried again");
    assert_eq!(g.view().head_seq, head, "nothing of it can be read");
}

#[test]
fn a_replaced_disk_takes_nothing_until_it_is_reconciled() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 9);
    let genesis = g.view().genesis.clone();
    let head = g.view().head_seq;
    assert!(!g.authority_holds(now(), &genesis, head).unwrap());
    for (named, ahead) in [("another", 0), (genesis.as_str(), 1)] {
        let through = g.view().head_seq + ahead;
        assert!(g.authority_holds(now(), named, through).unwrap());
        assert_eq!(
            facts(&g.view(), &list).journal,
            Some(JournalState::Unreconciled)
        );
        for kind in [VerdictKind::Release, VerdictKind::Inspect] {
            g.ask(1, &passage(1, 1), &list, kind);
            let why = Refusal::NotReconciled;
            assert_eq!(g.flush().unwrap(), [Answer::Refused { token: 1, why }]);
        }
        g.ask(2, &passage(1, 1), &list, VerdictKind::Hold);
        assert!(matches!(
            g.flush().unwrap()[0],
            Answer::Committed { token: 2, .. }
        ));
        let body = ReconciledBody {
            genesis: named.to_owned(),
            through,
            ledger: Vec::new(),
            open: false,
        };
        g.reconcile(now(), body).unwrap();
    }
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    assert!(matches!(
        g.flush().unwrap()[0],
        Answer::Committed { token: 1, .. }
    ));
}

#[test]
fn the_outbox_reads_every_record_in_order_and_remembers_what_was_acknowledged() {
    let disk = MemDisk::new();
    let mut small = options();
    small.segment_len_max = 500;
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), small).unwrap();
    for n in 0..600 {
        g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
        g.flush().unwrap();
    }
    assert!(disk.list().unwrap().len() > 100, "many segments");
    let head = g.view().head_seq;
    let (mut next, mut prev) = (0, lanegate_core::record::NO_PREV.to_owned());
    loop {
        let records = g.records_from(next, 7).unwrap();
        if records.is_empty() {
            break;
        }
        for (seq, text) in records {
            let record = Record::read(&text).unwrap();
            assert_eq!((seq, record.seq, record.prev), (next, next, prev));
            prev = sha256_hex(text.as_bytes());
            next += 1;
        }
    }
    assert_eq!(next, head + 1);
    assert_eq!(g.records_from(5, 2).unwrap().len(), 2, "and back again");
    assert_eq!(g.view().unacknowledged(), head + 1);
    g.acknowledged(300);
    g.acknowledged(200);
    assert_eq!(g.view().acknowledged, Some(300));
    g.acknowledged(10_000);
    assert_eq!(g.view().unacknowledged(), 0, "no more than there is");
    g.stop(now(), "test").unwrap();
    let g = open(disk);
    assert_eq!(g.view().acknowledged, Some(head));
    assert_eq!(g.view().unacknowledged(), 2, "its stop and this start");
}

#[test]
fn a_start_is_counted_and_ends_what_was_left_open() {
    let disk = MemDisk::new();
    let (mut g, list) = fed(&disk, 9);
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    g.ask(2, &passage(1, 2), &list, VerdictKind::Hold);
    g.note(vec![outcome(&passage(1, 2), Outcome::Left)]);
    g.flush().unwrap();
    drop(g);
    let (g, opened) = Gatekeeper::<_, u32>::open(disk, options()).unwrap();
    assert_eq!((opened.start, opened.is_new), (2, false));
    assert_eq!(opened.ended_unknown, [passage(1, 1)]);
    let unsettled = g.ledger().balance(&list.id).unwrap().unsettled;
    assert_eq!(unsettled[0].passage, passage(1, 1));
}

#[test]
fn another_controllers_journal_is_not_opened() {
    let disk = MemDisk::new();
    drop(open(disk.clone()));
    let mut other = options();
    other.controller = ControllerId::parse("SZB-Y").unwrap();
    let error = Gatekeeper::<_, u32>::open(disk, other).err().unwrap();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "this journal is of controller SZB-X, not of SZB-Y");
}

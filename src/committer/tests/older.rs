//! Holes in front of the newest snapshot: where segments meet a start sees
//! them, every other one the reading behind it; both name the place the
//! verifier names, and what a reading found the next start finds by itself.

use super::archive::{journal_of, leave, segments};
use super::*;
use crate::journal::{JournalError, Older, archive, read_older, suspect, verify};

fn journal() -> (MemDisk, u64) {
    journal_of(500)
}

/// Segment, byte and sequence of a fault.
type Place = (String, u64, u64);

/// Who saw a fault.
#[derive(PartialEq, Eq, Debug)]
enum Seen {
    Start(Place),
    Reading(Place),
}

fn place(why: JournalError) -> Place {
    let JournalError::Damaged {
        segment,
        offset,
        seq,
        ..
    } = why
    else {
        panic!("{why}");
    };
    (segment, offset, seq)
}

fn start(disk: &MemDisk) -> Result<u64, JournalError> {
    match Gatekeeper::<_, u32>::open(disk.clone(), options()) {
        Ok((_, opened)) => {
            assert!(opened.snapshot.is_some());
            Ok(opened.read_from)
        }
        Err(OpenError::Journal(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

/// What start or reading say of a journal that is not whole, and that the
/// verifier says the same.
fn seen(disk: &MemDisk) -> Seen {
    let fault = verify(disk).unwrap().fault.expect("it is not whole");
    let said = |(segment, offset, seq): &Place| {
        let place = format!("record {seq} ({segment}, byte {offset})");
        assert!(fault.contains(&place), "{place}: {fault}");
    };
    match start(disk) {
        Err(why) => {
            let found = place(why);
            said(&found);
            Seen::Start(found)
        }
        Ok(until) => {
            let found = place(read_older(disk, until, || true).unwrap_err());
            said(&found);
            Seen::Reading(found)
        }
    }
}

/// Segments in front of the one the newest snapshot is in.
fn older(disk: &MemDisk) -> Vec<String> {
    let until = start(&disk.fork()).unwrap();
    let begin = format!("journal-{until:012}.lgj");
    let mut names = segments(disk);
    names.retain(|name| *name < begin);
    assert!(names.len() > 3, "{names:?}");
    names
}

fn first(name: &str) -> u64 {
    name[8..20].parse().unwrap()
}

/// The other bytes in place of a file's.
fn write(disk: &mut MemDisk, name: &str, bytes: &[u8]) {
    disk.truncate(name, 0).unwrap();
    disk.append(name, bytes).unwrap();
    disk.sync(name).unwrap();
}

fn offsets(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut offsets) = (0, Vec::new());
    while at < bytes.len() {
        offsets.push(at);
        at += 8 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    }
    offsets
}

#[test]
fn an_intact_journal_is_read_whole_and_counted() {
    let (disk, _) = journal();
    let names = older(&disk);
    let until = start(&disk).unwrap();
    let read = read_older(&disk, until, || true).unwrap();
    assert_eq!(read.segments, names.len() as u64);
    assert_eq!(read.records, until + 1, "and the first behind them");
    assert!(!read.stopped);
    // From record 0 there is nothing older.
    assert_eq!(
        read_older(&disk, 0, || true).unwrap(),
        Older::default(),
        "nothing is read"
    );
    let mut pieces = 0;
    let stopped = read_older(&disk, until, || {
        pieces += 1;
        pieces < 3
    });
    let stopped = stopped.unwrap();
    assert!(stopped.stopped && stopped.bytes <= 300, "{stopped:?}");
}

#[test]
fn a_flipped_bit_anywhere_in_an_older_segment_is_found_by_the_reading() {
    let (disk, _) = journal();
    for name in older(&disk) {
        let bytes = disk.read(&name).unwrap();
        let offsets = offsets(&bytes);
        for at in (0..bytes.len()).step_by(61) {
            let mut bent = disk.fork();
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            write(&mut bent, &name, &flipped);
            let record = offsets.iter().rposition(|offset| *offset <= at).unwrap();
            let place = (
                name.clone(),
                offsets[record] as u64,
                first(&name) + record as u64,
            );
            // In the last words of a segment already the start sees it.
            let found = seen(&bent);
            let near_the_end = at + 64 >= bytes.len();
            match found {
                Seen::Start(found) if near_the_end => assert_eq!(found, place),
                found @ (Seen::Start(_) | Seen::Reading(_)) => {
                    assert_eq!(found, Seen::Reading(place), "{name}, byte {at}");
                }
            }
        }
    }
}

#[test]
fn a_missing_an_empty_and_a_cut_older_segment_stop_the_start() {
    let (disk, _) = journal();
    let names = older(&disk);
    for (i, name) in names.iter().enumerate().skip(1) {
        let behind = names.get(i + 1).cloned();
        let behind = behind.unwrap_or_else(|| segments(&disk)[i + 1].clone());
        let place = (behind, 0, first(name));
        let mut gone = disk.fork();
        gone.remove(name).unwrap();
        assert_eq!(seen(&gone), Seen::Start(place.clone()), "{name} is gone");
        let mut empty = disk.fork();
        write(&mut empty, name, b"");
        assert_eq!(seen(&empty), Seen::Start(place), "{name} is empty");
    }
    for (i, name) in names.iter().enumerate() {
        let bytes = disk.read(name).unwrap();
        let offsets = offsets(&bytes);
        for cut in [bytes.len() - 1, bytes.len() - 70, bytes.len() / 2, 5] {
            let mut short = disk.fork();
            short.truncate(name, cut as u64).unwrap();
            let record = offsets.iter().rposition(|offset| *offset <= cut).unwrap();
            let place = (
                name.clone(),
                offsets[record] as u64,
                first(name) + record as u64,
            );
            assert_eq!(seen(&short), Seen::Start(place), "{name} is cut at {cut}");
        }
        // At a record: what is missing is missed by the next file.
        for (record, offset) in offsets.iter().enumerate().skip(1) {
            let mut short = disk.fork();
            short.truncate(name, *offset as u64).unwrap();
            let place = (
                segments(&disk)[i + 1].clone(),
                0,
                first(name) + record as u64,
            );
            assert_eq!(seen(&short), Seen::Start(place));
        }
    }
}

#[test]
fn swapped_older_segments_and_bytes_behind_one_stop_the_start() {
    let (disk, _) = journal();
    let names = older(&disk);
    for pair in names.windows(2) {
        let (a, b) = (disk.read(&pair[0]).unwrap(), disk.read(&pair[1]).unwrap());
        let mut swapped = disk.fork();
        write(&mut swapped, &pair[0], &b);
        write(&mut swapped, &pair[1], &a);
        let place = (pair[0].clone(), 0, first(&pair[0]));
        assert_eq!(seen(&swapped), Seen::Start(place));
        let mut longer = disk.fork();
        write(&mut longer, &pair[0], &[&a[..], &[0; 70]].concat());
        let place = (pair[0].clone(), a.len() as u64, first(&pair[1]));
        assert_eq!(seen(&longer), Seen::Start(place));
    }
}

/// Each record is whole, and one of them is another's: the chain tells.
#[test]
fn a_segment_written_anew_with_right_checksums_is_found_by_the_reading() {
    let (disk, _) = journal();
    let name = older(&disk)[1].clone();
    let bytes = disk.read(&name).unwrap();
    let behind = offsets(&bytes).get(1).copied().unwrap_or(bytes.len());
    let text = String::from_utf8(bytes[8..behind].to_vec()).unwrap();
    let forged = text.replacen("2026", "2025", 1);
    assert_ne!(forged, text);
    let crc = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
    let mut frame = bytes[..4].to_vec();
    frame.extend(crc.checksum(forged.as_bytes()).to_le_bytes());
    frame.extend(forged.as_bytes());
    let mut bent = disk.fork();
    write(&mut bent, &name, &[&frame[..], &bytes[behind..]].concat());
    let Seen::Reading((_, _, seq)) = seen(&bent) else {
        panic!("where segments meet nothing is wrong");
    };
    assert_eq!(seq, first(&name) + 1, "it does not follow what was forged");
}

#[test]
fn what_a_reading_found_the_next_start_finds_until_it_is_mended() {
    let (disk, _) = journal();
    for name in older(&disk) {
        let mut bent = disk.fork();
        let bytes = bent.read(&name).unwrap();
        bent.flip(&name, bytes.len() / 2);
        let until = start(&bent).unwrap();
        let why = read_older(&bent, until, || true).unwrap_err();
        suspect(&mut bent, &why).unwrap();
        suspect(&mut bent, &why).unwrap();
        let found = place(why);
        assert_eq!(found.0, name);
        for _ in 0..2 {
            assert_eq!(place(start(&bent).unwrap_err()), found);
        }
        // The segment from a backup.
        write(&mut bent, &name, &bytes);
        assert_eq!(start(&bent).unwrap(), until);
        assert!(!bent.list().unwrap().iter().any(|n| n == "suspect"));
        assert!(verify(&bent).unwrap().ok);
    }
}

#[test]
fn what_left_for_the_archive_before_or_meanwhile_is_no_hole() {
    let (disk, head) = journal();
    let names = older(&disk);
    let until = start(&disk.fork()).unwrap();
    for after in [1, 5, 20] {
        let (mut live, mut pieces) = (disk.fork(), 0);
        let read = read_older(&live.clone(), until, || {
            pieces += 1;
            if pieces == after {
                let none: Option<&mut MemDisk> = None;
                let gone = archive(&mut live, none, leave(head)).unwrap();
                assert!(gone.len() > 1 && gone.len() < names.len(), "{gone:?}");
            }
            true
        });
        assert!(!read.unwrap().stopped);
        let until = start(&live).unwrap();
        let read = read_older(&live, until, || true).unwrap();
        assert!(read.segments < names.len() as u64);
    }
    // One that goes from the middle is one.
    let mut pieces = 0;
    let live = disk.fork();
    let why = read_older(&live, until, || {
        pieces += 1;
        if pieces == 5 {
            live.clone().remove(&names[2]).unwrap();
        }
        true
    });
    why.unwrap_err();
}

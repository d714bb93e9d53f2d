//! Files of a journal's directory, whatever is in them.

use lanegate::journal::{
    Disk, JournalReader, MemDisk, Pages, Recovered, SEGMENT_LEN_MAX, read_older, recover, verify,
};

const FIRST: &str = "journal-000000000000.lgj";
/// A journal that is whole, for snapshots to lie beside.
const ONE_TRUCK: &[u8] = include_bytes!("corpus/journal/one-truck");
/// Record a snapshot in its corpus is of.
const SNAPSHOT: &str = "snapshot-000000000005.json";
/// Frames whose checksums are mended.
const FRAMES_MAX: usize = 4_096;

fn disk(files: &[(&str, &[u8])]) -> MemDisk {
    let mut disk = MemDisk::new();
    for (name, bytes) in files {
        let made = disk.create(name).and_then(|()| disk.append(name, bytes));
        made.and_then(|()| disk.sync(name))
            .expect("a disk in memory has room");
    }
    disk
}

/// The bytes as the only segment of a journal; and with right checksums, or
/// nothing that is bent inside a record would ever be read further.
pub(super) fn segment(data: &[u8]) {
    only_segment(data);
    let mended = mended(data);
    if mended != data {
        only_segment(&mended);
    }
}

fn only_segment(data: &[u8]) {
    let mut disk = disk(&[(FIRST, data)]);
    // Whatever is wrong with it, whoever reads it comes to an end.
    drop((by_reader(&disk, u64::MAX), by_pages(&disk)));
    let report = verify(&disk).expect("a disk in memory can be read");
    let first = match recover(&mut disk, SEGMENT_LEN_MAX) {
        Ok(Some(first)) => first,
        Ok(None) => return,
        Err(why) => return assert!(!report.ok, "it verifies and does not start: {why}"),
    };
    let kept = disk.read(FIRST).expect("it is there");
    assert!(data.starts_with(&kept), "recovery only cuts a tail");
    assert_eq!(first.torn.is_some(), kept.len() < data.len());
    if let Some(torn) = &first.torn {
        assert!(!report.ok || torn.damage.is_none(), "damage verifies");
        assert_eq!(torn.bytes, (data.len() - kept.len()) as u64);
    }
    read_alike(&disk, &kept, &first);
    let again = recover(&mut disk, SEGMENT_LEN_MAX).expect("what was recovered starts");
    assert!(again.is_none_or(|again| again.torn.is_none()));
}

/// What recovery kept verifies, and is the same to every reader, also with a
/// second file begun in its middle.
fn read_alike(disk: &MemDisk, kept: &[u8], first: &Recovered) {
    let report = verify(disk).expect("it can be read");
    // What a record says may still be wrong: a draw, a signature.
    let Some(head) = report.head_seq else {
        return;
    };
    let read = by_pages(disk).expect("what was kept can be paged through");
    assert_eq!(read.len() as u64, report.records);
    assert_eq!(by_reader(disk, head).expect("and read"), read);
    let offsets = offsets(kept);
    let middle = offsets.len() / 2;
    if middle == 0 || report.records != offsets.len() as u64 {
        return;
    }
    let second = format!("journal-{:012}.lgj", read[middle].0);
    let (a, b) = kept.split_at(offsets[middle]);
    let mut two = self::disk(&[(FIRST, a), (&second, b)]);
    assert_eq!(by_pages(&two).expect("in two files"), read);
    assert_eq!(by_reader(&two, head).expect("in two files"), read);
    assert_eq!(verify(&two).expect("it can be read").ok, report.ok);
    let older = read_older(&two, read[middle].0, || true).expect("it was whole");
    assert_eq!((older.segments, older.records), (1, middle as u64 + 1));
    let again = recover(&mut two, SEGMENT_LEN_MAX).expect("in two files it starts");
    let again = again.expect("it has records");
    assert_eq!(ledger(&again), ledger(first));
}

fn ledger(recovered: &Recovered) -> String {
    serde_json::to_string(&recovered.ledger).expect("a ledger is plain")
}

fn by_pages(disk: &MemDisk) -> Option<Vec<(u64, String)>> {
    let mut pages = Pages::new(disk.clone()).ok()?;
    let mut all = Vec::new();
    loop {
        let page = pages.next_page(3).ok()?;
        if page.is_empty() {
            return Some(all);
        }
        all.extend(page);
    }
}

fn by_reader(disk: &MemDisk, head: u64) -> Option<Vec<(u64, String)>> {
    let mut reader = JournalReader::new(disk.clone());
    let (mut all, mut next) = (Vec::new(), 0);
    while next <= head {
        let page = reader.records_from(next, head, 3).ok()?;
        let (last, _) = page.last()?;
        next = last.checked_add(1)?;
        all.extend(page);
    }
    Some(all)
}

/// Where frames begin, by their lengths alone.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut offsets) = (0, Vec::new());
    while let Some(len) = bytes.get(at..at + 4) {
        let len: [u8; 4] = len.try_into().expect("four bytes");
        let behind = (at + 8).saturating_add(u32::from_le_bytes(len) as usize);
        if behind > bytes.len() || offsets.len() == FRAMES_MAX {
            break;
        }
        offsets.push(at);
        at = behind;
    }
    offsets
}

fn mended(data: &[u8]) -> Vec<u8> {
    let crc = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
    let mut mended = data.to_vec();
    let offsets = offsets(data);
    for (i, at) in offsets.iter().enumerate() {
        let len: [u8; 4] = data[*at..at + 4].try_into().expect("four bytes");
        let payload = at + 8..at + 8 + u32::from_le_bytes(len) as usize;
        let checksum = crc.checksum(&data[payload]).to_le_bytes();
        // Some stay as they are, so that bad ones come before good ones too.
        if i % 7 != 6 {
            mended[at + 4..at + 8].copy_from_slice(&checksum);
        }
    }
    mended
}

/// The bytes as a snapshot beside a journal that is whole.
pub(super) fn snapshot(data: &[u8]) {
    let start = |files: &[(&str, &[u8])]| {
        let mut disk = disk(files);
        let recovered = recover(&mut disk, SEGMENT_LEN_MAX);
        recovered
            .expect("the journal is whole")
            .expect("it has records")
    };
    let without = start(&[(FIRST, ONE_TRUCK)]);
    let beside = start(&[(FIRST, ONE_TRUCK), (SNAPSHOT, data)]);
    assert_eq!(ledger(&beside), ledger(&without));
}

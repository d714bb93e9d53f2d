//! `declarations` without a daemon: in the state directory, under its lock.

use std::fs;

use lanegate::journal::{RealDisk, recover};
use lanegate::store::{DiskOptions, SledMedium, SledStore, Store as _};
use lanegate_core::ledger::Ledger;
use lanegate_core::time::Wall;

use crate::cli_support::{Site, declaration, declaration_until};

fn ledger(site: &Site) -> Ledger {
    let mut disk = RealDisk::lock(&site.state().join("journal")).unwrap();
    recover(&mut disk, 1 << 26).unwrap().unwrap().ledger
}

fn store(site: &Site) -> SledStore {
    let mut store = SledStore::new(SledMedium::new(DiskOptions {
        dir: site.state().join("store"),
        cache_bytes: 1 << 20,
    }));
    store.load();
    assert!(store.is_ready());
    store
}

#[test]
fn what_was_imported_is_counted_shown_and_exported_by_id() {
    let site = Site::new();
    site.write(
        "new.jsonl",
        declaration("D-2", 1) + "\n" + &declaration("D-1", 3),
    );
    let ran = site.declarations(&["import", "new.jsonl"]).ends(0);
    assert_eq!(ran.out, "2 imported; 2 held now\n");
    assert_eq!(site.declarations(&["count"]).ends(0).out, "2\n");
    let json = site.declarations(&["count", "--json"]).ends(0).json();
    assert_eq!(json, serde_json::json!({"count": 2}));
    let shown = site.declarations(&["show", "D-1", "--json"]).ends(0).json();
    assert_eq!(
        (&shown["id"], &shown["version"]),
        (&"D-1".into(), &3.into())
    );
    site.declarations(&["show", "D-9"])
        .ends(1)
        .says("no declaration D-9");

    let exported = site.declarations(&["export"]).ends(0).out;
    let ids: Vec<_> = exported
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, ["D-1", "D-2"]);
    // An export is an import again.
    site.write("again.jsonl", &exported);
    site.declarations(&["import", "again.jsonl"]).ends(0);
    assert_eq!(site.declarations(&["export"]).ends(0).out, exported);
}

/// Law L2's other half: what the journal says should be there is there, or a
/// miss would be a Hold.
#[test]
fn journal_and_store_have_the_same_buckets_after_imports_of_several_versions() {
    let site = Site::new();
    let many: String = (0..300)
        .map(|n| declaration(&format!("D-{n}"), 2))
        .collect();
    site.write("many.jsonl", many);
    let ran = site
        .declarations(&["import", "many.jsonl", "--json"])
        .ends(0);
    assert_eq!(ran.json()["kept"], 300);
    site.write(
        "mixed.jsonl",
        declaration("D-7", 1) + &declaration("D-8", 3),
    );
    let ran = site
        .declarations(&["import", "mixed.jsonl", "--json"])
        .ends(0);
    assert_eq!(
        ran.json(),
        serde_json::json!({"kept":1,"stale":1,"ended":0,"count":300})
    );
    assert!(ran.err.is_empty(), "{ran:#?}");

    let ledger = ledger(&site);
    let mut store = store(&site);
    assert_eq!(ledger.declaration_count(), 300);
    assert_eq!(store.count(), 300);
    assert_eq!(store.expect(ledger.buckets()), 0);
    assert_eq!(ledger.position(), store.position());
    // Two imports, each a start and a stop of its own.
    assert_eq!(ledger.starts(), 2);
}

#[test]
fn an_import_says_how_old_the_cache_is_only_if_it_is_told_and_never_makes_it_older() {
    let site = Site::new();
    site.write("new.jsonl", declaration("D-1", 1));
    site.declarations(&["import", "new.jsonl"]).ends(0);
    assert_eq!(ledger(&site).heard_at(), Some(Wall::default()));
    for (as_of, heard) in [
        ("2026-01-02T00:00:00+08:00", "2026-01-02T00:00:00+08:00"),
        ("2026-01-01T00:00:00+08:00", "2026-01-02T00:00:00+08:00"),
    ] {
        site.declarations(&["import", "new.jsonl", "--as-of", as_of])
            .ends(0);
        assert_eq!(ledger(&site).heard_at(), Some(Wall::parse(heard).unwrap()));
    }
    site.declarations(&["import", "new.jsonl"]).ends(0);
    let heard = Wall::parse("2026-01-02T00:00:00+08:00").unwrap();
    assert_eq!(ledger(&site).heard_at(), Some(heard));
    let future = [
        "import",
        "new.jsonl",
        "--as-of",
        "2099-01-01T00:00:00+08:00",
    ];
    site.declarations(&future).ends(64).says("future");
}

#[test]
fn what_ended_long_ago_is_left_out_unless_it_ends_what_is_held() {
    let site = Site::new();
    site.write("held.jsonl", declaration("D-1", 1));
    site.declarations(&["import", "held.jsonl"]).ends(0);
    let ended = |id, version| declaration_until(id, version, "2020-01-02T00:00:00+08:00");
    site.write("old.jsonl", ended("D-1", 2) + &ended("D-2", 1));
    let ran = site
        .declarations(&["import", "old.jsonl", "--json"])
        .ends(0);
    assert_eq!(
        ran.json(),
        serde_json::json!({"kept":1,"stale":0,"ended":1,"count":1})
    );
    let shown = site.declarations(&["show", "D-1", "--json"]).ends(0).json();
    assert_eq!(shown["version"], 2);
}

/// Field case c60, with the columns an import needs.
#[test]
fn a_file_a_spreadsheet_has_been_at_is_refused_whole_with_every_line() {
    let site = Site::new();
    let head = "id,form,version,status,direction,port,enterprise,class,plates,tare_kg,load,\
                goods_gross_kg,valid_from,valid_until";
    let rest = "1,released,export,5345,4403161234,advanced,粤B12345,8600,empty,0,\
                2020-01-01T00:00:00+08:00,2099-01-01T00:00:00+08:00";
    let ids = [
        "5.3452E+17",
        "'534520261000123457",
        "534520261000123000",
        "4403161E34",
    ];
    let rows = ids.map(|id| format!("{id},bill,{rest}"));
    site.write("mangled.csv", format!("{head}\n{}\n", rows.join("\n")));
    let ran = site.declarations(&["import", "mangled.csv"]).ends(65);
    for said in [
        "mangled.csv:2: id: spreadsheet number format",
        "mangled.csv:3: id: leading apostrophe",
        "mangled.csv:5: id: wrong kind of document",
        "3 faults; nothing was imported",
    ] {
        assert!(ran.err.contains(said), "{said}: {ran:#?}");
    }
    assert!(!ran.err.contains("mangled.csv:4"), "{ran:#?}");
    assert!(!site.state().exists(), "a refused file changes nothing");
}

/// Field case c71.
#[test]
fn an_id_sent_as_a_number_refuses_the_file_and_is_never_said_back_rounded() {
    let site = Site::new();
    let number = declaration("X", 1).replace("\"X\"", "534520261000123457");
    site.write("numbers.jsonl", declaration("D-1", 1) + &number);
    let ran = site.declarations(&["import", "numbers.jsonl"]).ends(65);
    assert!(ran.err.contains("numbers.jsonl:2: id: "), "{ran:#?}");
    assert!(!ran.err.contains("534520261000123456"), "{ran:#?}");
    assert!(!site.state().exists());
}

#[test]
fn bytes_that_are_no_utf_8_are_a_fault_of_their_line() {
    let site = Site::new();
    let mut bytes = declaration("D-1", 1).into_bytes();
    bytes.extend(b"{\"id\":\"\xd4\xc1B12345\"}\n");
    site.write("gbk.jsonl", bytes);
    site.declarations(&["import", "gbk.jsonl"])
        .ends(65)
        .says("gbk.jsonl:2: is no UTF-8");
    site.declarations(&["import", "none.jsonl"])
        .ends(74)
        .says("none.jsonl");
}

#[test]
fn rounded_looking_ids_are_imported_with_a_warning() {
    let site = Site::new();
    let ids = ["534520261000123000", "534520261000124000"];
    site.write("round.jsonl", ids.map(|id| declaration(id, 1)).concat());
    let ran = site.declarations(&["import", "round.jsonl"]).ends(0);
    assert!(ran.err.contains("2 of 2 ids end in 000"), "{ran:#?}");
}

/// Field case c56: one owner; who holds it is said; reading goes on.
#[test]
fn while_another_process_has_the_directory_nothing_is_touched_and_it_is_named() {
    let site = Site::new();
    site.write("new.jsonl", declaration("D-1", 1));
    site.declarations(&["import", "new.jsonl"]).ends(0);
    let held = RealDisk::lock(&site.state().join("journal")).unwrap();
    let us = format!("(process {})", std::process::id());
    for args in [
        &["count"][..],
        &["import", "new.jsonl"],
        &["show", "D-1"],
        &["export"],
    ] {
        let ran = site.declarations(args).ends(74);
        assert!(ran.err.contains("is in use by"), "{ran:#?}");
        assert!(ran.err.contains("lanegate.sock"), "{ran:#?}");
        if fs::read_to_string("/proc/locks").is_ok_and(|locks| locks.contains("FLOCK")) {
            assert!(ran.err.contains(&us), "{ran:#?}");
        }
    }
    site.run(&["journal", "verify", "dev/state"])
        .ends(0)
        .says("intact");
    drop(held);
    assert_eq!(site.declarations(&["count"]).ends(0).out, "1\n");
}

#[test]
fn a_state_directory_that_is_not_there_is_not_taken_for_an_empty_one() {
    let site = Site::new();
    site.declarations(&["count"]).ends(74).says("state_dir");
    assert!(!site.state().exists());
}

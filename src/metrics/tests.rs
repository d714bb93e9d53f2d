use std::collections::BTreeSet;

use super::testing::{scraped, series};
use super::*;

#[test]
fn the_document_is_made_of_the_table() {
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let made = markdown();
    if std::env::var_os("LANEGATE_WRITE_DOCS").is_some() {
        std::fs::write(&document, &made).unwrap();
    }
    let written = std::fs::read_to_string(&document).unwrap();
    assert!(
        written == made,
        "docs/metrics.md is not what the table says: LANEGATE_WRITE_DOCS=1 cargo test --lib metrics::tests"
    );
}

#[test]
fn names_are_unique_and_say_kind_and_unit() {
    let names: BTreeSet<_> = ALL.iter().map(|m| m.name).collect();
    assert_eq!(names.len(), ALL.len());
    for metric in ALL {
        let name = metric.name;
        // Those every exporter calls so.
        let ours = name.starts_with("lanegate_") || name.starts_with("process_");
        assert!(ours, "{name}");
        assert_eq!(
            metric.shape == Shape::Counter,
            name.ends_with("_total"),
            "{name}"
        );
        if matches!(metric.shape, Shape::Histogram | Shape::Wait) {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        if metric.shape == Shape::Ratio {
            assert!(name.ends_with("_ratio"), "{name}");
        }
        assert!(metric.help.ends_with('.'), "{name}");
    }
}

/// Field case c66: nothing from outside becomes a series.
#[test]
fn ten_thousand_passages_make_no_new_series_and_show_no_plate() {
    let before = scraped(|_, _| ());
    let after = scraped(|metrics, handle| {
        for n in 0..10_000 {
            let plate = format!("粤Z{n:05}港");
            let seal = format!("80006{:05}", n % 500);
            let topic = format!("gate/{}/plate", n % 300);
            metrics.count(&VERDICTS, &["SZB-X-01", "release"], 1);
            metrics.count(&VERDICTS, &[&plate, &seal], 1);
            metrics.count(&REASONS, &["SZB-X-02", &plate], 1);
            metrics.count(&DEVICE_FRAMES, &[&topic], 1);
            metrics.count(
                &ORDERS,
                &["SZB-X-01", "release", &format!("why {}", n % 200)],
                1,
            );
            metrics.observe(&GATHER_SECONDS, &[&plate], Micros(n));
            metrics.lane_state("SZB-X-01", &plate);
            if n % 1000 == 0 {
                handle.run_upkeep();
            }
        }
    });
    let (before, after_series) = (series(&before), series(&after));
    assert!(before.len() > 400, "{}", before.len());
    assert_eq!(before, after_series);
    for outside in ["粤", "80006", "gate/", "why "] {
        assert!(!after.contains(outside), "{outside}");
    }
    let row = |text: &str| assert!(after.lines().any(|l| l == text), "{text}\n{after}");
    row("lanegate_verdicts_total{lane=\"SZB-X-01\",verdict=\"release\"} 10000");
    row("lanegate_verdicts_total{lane=\"other\",verdict=\"other\"} 10000");
    row("lanegate_reasons_total{lane=\"SZB-X-02\",code=\"other\"} 10000");
    row("lanegate_device_frames_total{device=\"other\"} 10000");
}

#[test]
fn a_lane_is_in_one_state() {
    let scrape = scraped(|metrics, _| {
        metrics.lane_state("SZB-X-01", "held");
        metrics.lane_state("SZB-X-01", "vacant");
    });
    let on = scrape
        .lines()
        .filter(|l| l.starts_with("lanegate_lane_state") && l.ends_with(" 1"));
    let on: Vec<_> = on.collect();
    assert_eq!(
        on,
        ["lanegate_lane_state{lane=\"SZB-X-01\",state=\"vacant\"} 1"]
    );
}

#[test]
fn durations_fall_into_buckets_of_seconds() {
    let scrape = scraped(|metrics, _| {
        metrics.observe(&JOURNAL_SYNC_SECONDS, &[], Micros(100));
        metrics.observe(&JOURNAL_SYNC_SECONDS, &[], Micros(101));
        metrics.observe(&JOURNAL_SYNC_SECONDS, &[], Micros::from_s(31));
    });
    let row = |text: &str| assert!(scrape.lines().any(|l| l == text), "{text}");
    row("lanegate_journal_sync_seconds_bucket{le=\"0.0001\"} 1");
    row("lanegate_journal_sync_seconds_bucket{le=\"0.00025\"} 2");
    row("lanegate_journal_sync_seconds_bucket{le=\"30\"} 2");
    row("lanegate_journal_sync_seconds_bucket{le=\"+Inf\"} 3");
    row("# TYPE lanegate_journal_sync_seconds histogram");
}

#[test]
fn ratios_fall_into_buckets_around_one_and_keep_their_sum() {
    let scrape = scraped(|metrics, _| {
        for millionths in [500_000, 1_000_000, 2_000_000] {
            metrics.observe_millionths(&WEIGHT_RATIO, &["SZB-X-01"], millionths);
        }
    });
    let row = |text: &str| assert!(scrape.lines().any(|l| l == text), "{text}\n{scrape}");
    row("lanegate_weight_ratio_bucket{lane=\"SZB-X-01\",le=\"0.995\"} 1");
    row("lanegate_weight_ratio_bucket{lane=\"SZB-X-01\",le=\"1\"} 2");
    row("lanegate_weight_ratio_bucket{lane=\"SZB-X-01\",le=\"1.05\"} 2");
    row("lanegate_weight_ratio_count{lane=\"SZB-X-01\"} 3");
    row("lanegate_weight_ratio_sum{lane=\"SZB-X-01\"} 3.5");
}

#[test]
fn a_total_counted_elsewhere_and_a_fraction_are_shown_as_they_are() {
    let scrape = scraped(|metrics, _| {
        metrics.total(&DEVICE_BYTES, &["cam-1"], 7);
        metrics.total(&DEVICE_BYTES, &["cam-1"], 9);
        metrics.set_thousandths(&CACHE_AGE, &[], -1500);
    });
    let row = |text: &str| assert!(scrape.lines().any(|l| l == text), "{text}");
    row("lanegate_device_bytes_total{device=\"cam-1\"} 9");
    row("lanegate_cache_age_seconds -1.5");
}

#[test]
#[should_panic(expected = "lanegate_lifts_total has 1 labels")]
fn a_value_too_many_is_a_mistake_of_ours() {
    Metrics::new([], []).count(&LIFTS, &["SZB-X-01", "more"], 1);
}

/// Sources of the daemon with their paths, without tests and this module.
fn sources() -> Vec<(String, String)> {
    fn read(dir: &std::path::Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if name.contains("tests") || ["metrics", "sim", "testing"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                read(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                into.push((path.to_string_lossy().into_owned(), code.to_owned()));
            }
        }
    }
    let mut files = Vec::new();
    read(
        &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    assert!(files.len() > 80, "{}", files.len());
    files
}

/// A metric nobody sets reads as "all is well" on a dashboard.
#[test]
fn every_metric_is_set_somewhere() {
    let files = sources();
    let words: BTreeSet<&str> = files
        .iter()
        .flat_map(|(_, text)| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .collect();
    for line in include_str!("table.rs").lines() {
        let name = line.trim().split_once(" = ").filter(|(_, kind)| {
            ["Counter ", "Gauge ", "Histogram ", "Ratio "]
                .iter()
                .any(|k| kind.starts_with(k))
        });
        if let Some((name, _)) = name {
            // Those are set by calls of their own.
            let set = match name {
                "BUILD" => "install",
                "LANE_STATE" => "lane_state",
                "LANE_FAULT" => "lane_fault",
                other => other,
            };
            assert!(words.contains(set), "nothing sets {name}");
        }
    }
}

/// Where a queue is made that has no number, in one file.
fn unseen_queues(path: &str, text: &str) -> Vec<String> {
    let makers = [
        "mpsc::channel",
        "= sync_channel",
        "mpsc::sync_channel",
        "broadcast::channel",
        "Semaphore::new",
        "AsyncClient::new",
    ];
    // Named beside, by the same file.
    let shown = |maker: &str| maker == "AsyncClient::new" && text.contains("Queue::MqttRequests");
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap();
        let made = makers.iter().find(|maker| code.contains(**maker));
        if let Some(maker) = made.filter(|maker| !shown(maker)) {
            found.push(format!("{path}:{}: {maker}", n + 1));
        }
        if code.contains(": VecDeque<") && !text.contains("Level") {
            found.push(format!("{path}:{}: VecDeque", n + 1));
        }
    }
    found
}

/// Lists that are no queues between parts, with what bounds them.
const LISTS: [(&str, &str); 14] = [
    (
        "gateway/older.rs",
        "nothing goes through it: dropped, it ends the reading",
    ),
    (
        "gateway/telling.rs",
        "orders under way, 64, for numbers alone",
    ),
    (
        "telling/underway.rs",
        "passages under way, 16, for numbers alone",
    ),
    ("committer/queue.rs", "a group of the committer's queue"),
    (
        "committer/gatekeeper.rs",
        "a group of the committer's queue, and notes while the disk is full",
    ),
    ("gateway/desk.rs", "the order of remembered answers, 4096"),
    ("mqtt/subscriptions.rs", "the configured topics"),
    ("mqtt/outbox.rs", "shown by its connection as mqtt-outbox"),
    (
        "authority/session.rs",
        "what one message asks for, done before the next is read",
    ),
    (
        "store/thread.rs",
        "behind the store's queue, which fills when it is full",
    ),
    ("committer/open.rs", "the records of one start"),
    (
        "journal/pages.rs",
        "the segments of one journal that is looked back over",
    ),
    (
        "device/pictures.rs",
        "the files of a folder that is kept below its limit",
    ),
    (
        "cli/replay.rs",
        "in a command that ends: no daemon, no scrape",
    ),
];

/// L9: whoever makes a queue shows it.
#[test]
fn every_queue_of_the_sources_is_in_the_table() {
    let files = sources();
    let listed = |path: &String| LISTS.iter().any(|(list, _)| path.ends_with(list));
    let unseen: Vec<_> = files
        .iter()
        .filter(|(path, _)| !listed(path))
        .flat_map(|(path, text)| unseen_queues(path, text))
        .collect();
    assert!(
        unseen.is_empty(),
        "made past metrics::queues:\n{}",
        unseen.join("\n")
    );
    let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
    for queue in queues::Queue::ALL {
        assert!(
            all.contains(&format!("Queue::{queue:?}")),
            "nobody makes {queue:?}"
        );
    }
    for (list, bound) in LISTS {
        let (_, text) = files.iter().find(|(path, _)| path.ends_with(list)).unwrap();
        let own = ["mpsc::channel", "Semaphore::new"];
        assert!(
            own.iter().all(|maker| !text.contains(maker)),
            "{list}: {bound}"
        );
    }
}

#[test]
fn a_queue_made_without_a_number_is_found() {
    let made = |text: &str| unseen_queues("x.rs", text).len();
    assert_eq!(made("let (a, b) = mpsc::channel(4);"), 1);
    assert_eq!(made("let places = Arc::new(Semaphore::new(4));"), 1);
    assert_eq!(made("    waiting: VecDeque<Batch>,"), 1);
    assert_eq!(made("    waiting: VecDeque<Batch>,\n    level: Level,"), 0);
    assert_eq!(made("let (a, b) = queues::channel(Queue::Store, 4);"), 0);
    assert_eq!(made("// mpsc::channel(4)"), 0);
}

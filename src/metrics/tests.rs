use std::collections::BTreeSet;

use super::*;

/// Runs `body` with a recorder of its own; what a scrape shows afterwards.
fn scraped(body: impl FnOnce(&Metrics, &PrometheusHandle)) -> String {
    let recorder = recorder().unwrap();
    let handle = recorder.handle();
    let metrics = Metrics::new(
        ["SZB-X-01".to_owned(), "SZB-X-02".to_owned()],
        ["cam-1".to_owned(), "scale-1".to_owned()],
    );
    metrics::with_local_recorder(&recorder, || {
        metrics.register();
        body(&metrics, &handle);
    });
    handle.run_upkeep();
    handle.render()
}

fn series(scrape: &str) -> BTreeSet<&str> {
    let lines = scrape
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn the_document_is_made_of_the_table() {
    let (written, made) = (include_str!("../../docs/metrics.md"), markdown());
    if written != made {
        let expected = std::env::temp_dir().join("lanegate-metrics.md");
        std::fs::write(&expected, &made).unwrap();
        panic!(
            "docs/metrics.md is not up to date; copy {}",
            expected.display()
        );
    }
}

#[test]
fn names_are_unique_and_say_kind_and_unit() {
    let names: BTreeSet<_> = ALL.iter().map(|m| m.name).collect();
    assert_eq!(names.len(), ALL.len());
    for metric in ALL {
        let name = metric.name;
        assert!(name.starts_with("lanegate_"), "{name}");
        assert_eq!(
            metric.shape == Shape::Counter,
            name.ends_with("_total"),
            "{name}"
        );
        if metric.shape == Shape::Histogram {
            assert!(name.ends_with("_seconds"), "{name}");
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

/// A metric nobody sets reads as "all is well" on a dashboard.
#[test]
fn every_metric_is_set_somewhere() {
    fn read(dir: &std::path::Path, into: &mut String) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("metrics") {
                read(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut sources = String::new();
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    read(&src, &mut sources);
    let words: std::collections::BTreeSet<&str> = sources
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    for line in include_str!("table.rs").lines() {
        let name = line.trim().split_once(" = ").filter(|(_, kind)| {
            ["Counter ", "Gauge ", "Histogram "]
                .iter()
                .any(|k| kind.starts_with(k))
        });
        if let Some((name, _)) = name {
            assert!(words.contains(name), "nothing sets {name}");
        }
    }
}

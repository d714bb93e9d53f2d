//! A recorder for one test: what it says and what a scrape shows of it.

use std::collections::BTreeSet;

use super::*;

/// Runs `body` with a recorder of its own; what a scrape shows afterwards.
pub(crate) fn scraped(body: impl FnOnce(&Metrics, &PrometheusHandle)) -> String {
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

pub(crate) fn series(scrape: &str) -> BTreeSet<&str> {
    let lines = scrape
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, _)| name)
        .collect()
}

/// A line of the scrape is `text`.
pub(crate) fn shows(scrape: &str, text: &str) {
    assert!(scrape.lines().any(|line| line == text), "{text}\n{scrape}");
}

//! Metrics: one table of what there is, and the only way to say it.
//!
//! A label takes its values from the configuration or from a fixed list;
//! whatever else is said becomes "other". So what trucks, devices and
//! strangers send never makes a new series (law L9) and no plate, seal or
//! document number ever stands in one. Every series exists from the start, so
//! that a rate over it needs no first event.
//!
//! Absent on purpose: a listener (that is `http`), a push gateway, time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use lanegate_core::time::Micros;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};

pub mod queues;
mod table;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use metrics_exporter_prometheus::PrometheusHandle;
pub use table::*;

/// Upper bounds of the buckets of every histogram of seconds: a commit takes
/// 100 us, a truck 30 s, one that waits for an officer minutes.
const SECONDS: [f64; 20] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 20.0, 30.0, 60.0, 300.0,
];

/// What a truck waits for, from a state to the whole passage. Each state of each
/// lane has its own, and a scrape carries every bucket.
const WAITS: [f64; 8] = [1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// The same of ratios: rates of selection below, weights around 1.
const RATIOS: [f64; 20] = [
    0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995, 1.0, 1.005,
    1.01, 1.015, 1.02, 1.05,
];

/// Classes known at a time (L9): those of the policies this start has seen.
const CLASSES_MAX: usize = 64;

/// What stands for every value that is not on the list.
const OTHER: &str = "other";

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [Label],
    /// What it says.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Only rises.
    Counter,
    /// A present value.
    Gauge,
    /// A distribution of durations in seconds.
    Histogram,
    /// A distribution of what a truck waits for, in seconds.
    Wait,
    /// A distribution of ratios.
    Ratio,
}

impl Shape {
    /// Upper bounds of its buckets; none = it has no buckets.
    const fn buckets(self) -> Option<&'static [f64]> {
        match self {
            Self::Counter | Self::Gauge => None,
            Self::Histogram => Some(&SECONDS),
            Self::Wait => Some(&WAITS),
            Self::Ratio => Some(&RATIOS),
        }
    }

    /// As Prometheus calls it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram | Self::Wait | Self::Ratio => "histogram",
        }
    }
}

/// A label with where its values come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// `lane`, as configured.
    Lane,
    /// `device`, as configured.
    Device,
    /// `code`, a reason code.
    Code,
    /// `code`, a reason code or `none`.
    Worst,
    /// `class`, as a policy names it, `none` or `unknown`.
    Class,
    /// `version` of the program.
    Version,
    /// From what is in force: a policy's version, a class's id. Not said to the
    /// recorder but written out by [`live`], so that what is gone is gone.
    Live(&'static str),
    /// Fixed words.
    Words {
        /// The label's name.
        name: &'static str,
        /// Its values.
        words: &'static [&'static str],
    },
}

impl Label {
    const fn name(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Device => "device",
            Self::Code | Self::Worst => "code",
            Self::Class => "class",
            Self::Version => "version",
            Self::Live(name) | Self::Words { name, .. } => name,
        }
    }
}

/// Says metrics to the recorder installed.
#[derive(Clone, Debug)]
pub struct Metrics {
    names: Arc<Names>,
}

#[derive(Debug)]
struct Names {
    lanes: BTreeSet<String>,
    devices: BTreeSet<String>,
    classes: RwLock<BTreeSet<String>>,
}

/// Metrics cannot be installed.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be installed")]
pub struct InstallError(#[from] BuildError);

/// Installs the process's recorder. Call [`PrometheusHandle::run_upkeep`]
/// every few seconds: durations said are kept until then.
///
/// # Errors
/// There is one already.
pub fn install(
    lanes: impl IntoIterator<Item = String>,
    devices: impl IntoIterator<Item = String>,
) -> Result<(Metrics, PrometheusHandle), InstallError> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|e| InstallError(BuildError::FailedToSetGlobalRecorder(e)))?;
    let metrics = Metrics::new(lanes, devices);
    metrics.register();
    Ok((metrics, handle))
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in ALL {
        let Some(buckets) = metric.shape.buckets() else {
            continue;
        };
        let matcher = Matcher::Full(metric.name.to_owned());
        builder = builder.set_buckets_for_metric(matcher, buckets)?;
    }
    Ok(builder.build_recorder())
}

impl Metrics {
    /// For a controller of these lanes and devices. Until [`install`] has run,
    /// what is said goes nowhere.
    pub fn new(
        lanes: impl IntoIterator<Item = String>,
        devices: impl IntoIterator<Item = String>,
    ) -> Self {
        let names = Names {
            lanes: lanes.into_iter().collect(),
            devices: devices.into_iter().collect(),
            classes: RwLock::new(["none", "unknown"].map(str::to_owned).into()),
        };
        Self {
            names: Arc::new(names),
        }
    }

    /// A policy with these classes is in force, or is tried.
    pub fn classes(&self, ids: impl IntoIterator<Item = String>) {
        let classes = &self.names.classes;
        let mut classes = classes.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if classes.len() < CLASSES_MAX {
                classes.insert(id);
            }
        }
    }

    /// Adds to a counter.
    ///
    /// # Panics
    /// `metric` is no counter, or `values` are not as many as its labels.
    pub fn count(&self, metric: &Metric, values: &[&str], by: u64) {
        assert_eq!(metric.shape, Shape::Counter, "{}", metric.name);
        metrics::counter!(metric.name, self.labels(metric, values)).increment(by);
    }

    /// Brings a counter to what something else has counted.
    ///
    /// # Panics
    /// `metric` is no counter, or `values` are not as many as its labels.
    pub fn total(&self, metric: &Metric, values: &[&str], total: u64) {
        assert_eq!(metric.shape, Shape::Counter, "{}", metric.name);
        metrics::counter!(metric.name, self.labels(metric, values)).absolute(total);
    }

    /// Sets a gauge.
    ///
    /// # Panics
    /// `metric` is no gauge, or `values` are not as many as its labels.
    pub fn set(&self, metric: &Metric, values: &[&str], value: i64) {
        self.set_thousandths(metric, values, value.saturating_mul(1000));
    }

    /// Sets a gauge given in thousandths of its unit.
    ///
    /// # Panics
    /// `metric` is no gauge, or `values` are not as many as its labels.
    pub fn set_thousandths(&self, metric: &Metric, values: &[&str], thousandths: i64) {
        assert_eq!(metric.shape, Shape::Gauge, "{}", metric.name);
        // Exact up to 2^53; nothing counted here comes near.
        let value = thousandths as f64 / 1000.0;
        metrics::gauge!(metric.name, self.labels(metric, values)).set(value);
    }

    /// Says that a gauge is not known: NaN, which no alert's comparison holds of.
    ///
    /// # Panics
    /// `metric` is no gauge, or `values` are not as many as its labels.
    pub fn unknown(&self, metric: &Metric, values: &[&str]) {
        assert_eq!(metric.shape, Shape::Gauge, "{}", metric.name);
        metrics::gauge!(metric.name, self.labels(metric, values)).set(f64::NAN);
    }

    /// Takes a duration into a histogram.
    ///
    /// # Panics
    /// `metric` is no histogram, or `values` are not as many as its labels.
    pub fn observe(&self, metric: &Metric, values: &[&str], took: Micros) {
        let is_of_time = matches!(metric.shape, Shape::Histogram | Shape::Wait);
        assert!(is_of_time, "{}", metric.name);
        let seconds = took.0 as f64 / 1_000_000.0;
        metrics::histogram!(metric.name, self.labels(metric, values)).record(seconds);
    }

    /// Takes a ratio, given in millionths, into a histogram.
    ///
    /// # Panics
    /// `metric` is no histogram of ratios, or `values` are not as many as its
    /// labels.
    pub fn observe_millionths(&self, metric: &Metric, values: &[&str], millionths: u64) {
        assert_eq!(metric.shape, Shape::Ratio, "{}", metric.name);
        let ratio = millionths as f64 / 1_000_000.0;
        metrics::histogram!(metric.name, self.labels(metric, values)).record(ratio);
    }

    /// 1 for the state a lane is in, 0 for the others.
    pub fn lane_state(&self, lane: &str, state: &str) {
        self.one_of(&LANE_STATE, lane, Some(state));
    }

    /// 1 for the cause a faulted lane waits with, 0 for the others.
    pub fn lane_fault(&self, lane: &str, cause: Option<&str>) {
        self.one_of(&LANE_FAULT, lane, cause);
    }

    fn one_of(&self, metric: &Metric, lane: &str, value: Option<&str>) {
        let [_, label] = metric.labels else {
            unreachable!("the table gives it two labels");
        };
        for word in self.words(*label) {
            let on = value == Some(word.as_str());
            self.set(metric, &[lane, &word], i64::from(on));
        }
        let known = value.is_none_or(|value| self.knows(*label, value));
        self.set(metric, &[lane, OTHER], i64::from(!known));
    }

    /// Describes every metric and makes every series.
    fn register(&self) {
        for metric in ALL {
            match metric.shape {
                Shape::Counter => metrics::describe_counter!(metric.name, metric.help),
                Shape::Gauge => metrics::describe_gauge!(metric.name, metric.help),
                Shape::Histogram | Shape::Wait | Shape::Ratio => {
                    metrics::describe_histogram!(metric.name, metric.help);
                }
            }
            // Classes change with the policy, and most combinations never are.
            if metric.labels.contains(&Label::Class) {
                continue;
            }
            for values in self.series(metric) {
                let labels: Vec<&str> = values.iter().map(String::as_str).collect();
                let labels = self.labels(metric, &labels);
                match metric.shape {
                    Shape::Counter => metrics::counter!(metric.name, labels).increment(0),
                    Shape::Gauge => metrics::gauge!(metric.name, labels).increment(0.0),
                    Shape::Histogram | Shape::Wait | Shape::Ratio => {
                        drop(metrics::histogram!(metric.name, labels));
                    }
                }
            }
        }
        self.set(&BUILD, &[env!("CARGO_PKG_VERSION")], 1);
    }

    /// Every combination of label values.
    fn series(&self, metric: &Metric) -> Vec<Vec<String>> {
        let mut all = vec![Vec::new()];
        for label in metric.labels {
            let with = |values: &Vec<String>| -> Vec<Vec<String>> {
                let words = self.words(*label).into_iter().chain(other(*label));
                words
                    .map(|word| [values.as_slice(), &[word]].concat())
                    .collect()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }

    fn words(&self, label: Label) -> Vec<String> {
        match label {
            Label::Lane => self.names.lanes.iter().cloned().collect(),
            Label::Device => self.names.devices.iter().cloned().collect(),
            Label::Version => vec![env!("CARGO_PKG_VERSION").to_owned()],
            Label::Words { words, .. } => words.iter().map(|w| (*w).to_owned()).collect(),
            Label::Live(_) => Vec::new(),
            Label::Code | Label::Worst => {
                core_words(label).into_iter().map(str::to_owned).collect()
            }
            Label::Class => self.names.classes().iter().cloned().collect(),
        }
    }

    fn labels(&self, metric: &Metric, values: &[&str]) -> Vec<metrics::Label> {
        let (name, wanted) = (metric.name, metric.labels.len());
        assert_eq!(values.len(), wanted, "{name} has {wanted} labels");
        let label = |(label, value): (&Label, &&str)| {
            let value = if self.knows(*label, value) {
                value
            } else {
                OTHER
            };
            metrics::Label::new(label.name(), value.to_owned())
        };
        metric.labels.iter().zip(values).map(label).collect()
    }

    fn knows(&self, label: Label, value: &str) -> bool {
        match label {
            Label::Lane => self.names.lanes.contains(value),
            Label::Device => self.names.devices.contains(value),
            Label::Version => value == env!("CARGO_PKG_VERSION"),
            Label::Words { words, .. } => words.contains(&value),
            Label::Live(_) => false,
            Label::Code | Label::Worst => core_words(label).contains(&value),
            Label::Class => self.names.classes().contains(value),
        }
    }
}

impl Names {
    fn classes(&self) -> std::sync::RwLockReadGuard<'_, BTreeSet<String>> {
        self.classes.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// "other" as a series from the start, where something may be said that is on
/// no list.
fn other(label: Label) -> Option<String> {
    match label {
        Label::Version | Label::Live(_) => None,
        Label::Lane
        | Label::Device
        | Label::Code
        | Label::Worst
        | Label::Class
        | Label::Words { .. } => Some(OTHER.to_owned()),
    }
}

/// Rows of a metric whose labels are taken from what is in force, in
/// Prometheus' text format.
///
/// # Panics
/// A row has not as many values as the metric has labels.
#[must_use]
pub fn live(metric: &Metric, rows: &[(Vec<String>, u64)]) -> String {
    let shape = match metric.shape {
        Shape::Counter => "counter",
        Shape::Gauge | Shape::Histogram | Shape::Wait | Shape::Ratio => "gauge",
    };
    let name = metric.name;
    let mut out = format!("# HELP {name} {}\n# TYPE {name} {shape}\n", metric.help);
    for (values, n) in rows {
        assert_eq!(values.len(), metric.labels.len(), "{name}");
        let labels = metric.labels.iter().zip(values);
        let labels: Vec<_> = labels
            .map(|(label, value)| format!("{}=\"{}\"", label.name(), escaped(value)))
            .collect();
        writeln!(out, "{name}{{{}}} {n}", labels.join(",")).expect("a string takes all");
    }
    out
}

fn escaped(value: &str) -> String {
    let plain = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        '"' => "\\\"".to_owned(),
        '\n' => "\\n".to_owned(),
        c => c.to_string(),
    };
    value.chars().map(plain).collect()
}

/// `docs/metrics.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# Metrics\n\n\
         Served at `/metrics` of `[http] listen`, in Prometheus' text format. A label takes its values from the\n\
         configuration (`lane`, `device`), from the policies in force or from the lists below; everything else is counted under\n\
         `other`, so nothing a truck, a device or a stranger sends makes a new series. Every series exists from the start, save\n\
         those with a `class`, which appear when first counted: a policy names the classes.\n\
         Histograms of seconds have buckets from 100 us to 300 s, those of what a truck waits for from 1 s to 900 s. This page is made of the program's own table; a test\n\
         keeps it so.\n\n\
         `port` and `controller` are no labels of the daemon: it is one target, and whoever scrapes it names it\n\
         (`monitoring/prometheus/prometheus.yml`). Rules and dashboards in `monitoring/` go by those two.\n\n\
         | metric | kind | labels | says |\n|---|---|---|---|\n",
    );
    for metric in ALL {
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|l| format!("`{}`", l.name()))
            .collect();
        let shape = metric.shape.as_str();
        let (name, labels, help) = (metric.name, labels.join(", "), metric.help);
        writeln!(out, "| `{name}` | {shape} | {labels} | {help} |").expect("a string takes all");
    }
    out.push_str("\n## Values of labels\n\n| metric | label | values |\n|---|---|---|\n");
    for metric in ALL {
        for label in metric.labels {
            let (metric, words) = match label {
                Label::Words { words, .. } => (metric.name, words.join(", ")),
                Label::Live(_) => (
                    metric.name,
                    "from the configuration and the policies in force, as they are now".to_owned(),
                ),
                Label::Lane
                | Label::Device
                | Label::Code
                | Label::Worst
                | Label::Class
                | Label::Version => continue,
            };
            let name = label.name();
            writeln!(out, "| `{metric}` | `{name}` | {words} |").expect("a string takes all");
        }
    }
    out.push_str(
        "\n`code` is one of the reason codes, `none` where there was no reason. `class` is the id of a class of the\n\
         policies in force since the start (at most 64), `none` without a document, `unknown` where the policy does\n\
         not know the class. A gauge that cannot be known is NaN.\n\n\
         `lanegate_device_battery_ratio` has no label of the seal: seals travel with their trucks, and a label for each\n\
         would be a label from outside. It is the charge of whichever seal told it last; the reader itself has none. A low one\n\
         is the reason `seal.battery-low` on its truck, which somebody can act on; so there is no alert for it.\n",
    );
    out
}

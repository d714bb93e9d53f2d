//! Present values, read when somebody scrapes: nothing here is on a lane's
//! way, and nothing waits for one.

use lanegate_core::lane::Role;
use lanegate_core::model::{DeviceId, DeviceState, Link};
use lanegate_core::time::{Clock, Micros, Mono, Now};
use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo as _};
use serde_json::Value;
use tokio::sync::watch;

use super::port::{Port, PortShared};
use crate::config::{DeviceConfig, LaneSetup};
use crate::device::Seen;
use crate::metrics::{self, Metric, Metrics, queues};

/// Sets every gauge, and brings every total kept elsewhere up to date.
pub(super) fn say(port: &Port, lanes: &[watch::Receiver<Value>]) {
    let shared = &port.shared;
    let now = shared.clock.now();
    say_journal(shared, now);
    let floor = port.config.journal.free_space_floor_bytes;
    shared
        .metrics
        .set(&metrics::JOURNAL_FLOOR, &[], whole(floor));
    for lane in lanes {
        say_lane(&shared.metrics, &lane.borrow());
    }
    say_process(&shared.metrics);
    say_cache(port, now);
    say_links(shared);
    say_queues(&shared.metrics);
    for (id, seen) in shared.devices() {
        say_device(&shared.metrics, &id, &seen, now.mono);
    }
    let trusted = i64::from(now.clock == Clock::Trusted);
    shared.metrics.set(&metrics::CLOCK_TRUSTED, &[], trusted);
    let steps = shared.clock.steps();
    shared.metrics.total(&metrics::CLOCK_STEPS, &[], steps);
    let key = shared.draw_day(now).is_some();
    shared.metrics.set(&metrics::DRAW_KEY, &[], i64::from(key));
}

/// What only this controller's configuration knows: which device stands where.
pub(super) fn devices_text(lanes: &[LaneSetup]) -> String {
    let row = |lane: &LaneSetup, id: &DeviceId, role: &str, protocol: &str| {
        let lane = lane.config.lane.as_str();
        let labels = [id.as_str(), lane, role, protocol];
        (labels.map(str::to_owned).to_vec(), 1)
    };
    let of = |lane: &LaneSetup| {
        let device = |d: &DeviceConfig| row(lane, &d.id, role(d.role), &d.protocol);
        let mut rows: Vec<_> = lane.devices.iter().map(device).collect();
        rows.push(row(lane, &lane.io.id, "io", &lane.io.protocol));
        let sign = lane.sign.iter();
        rows.extend(sign.map(|sign| row(lane, &sign.id, "sign", &sign.protocol)));
        rows
    };
    let rows: Vec<_> = lanes.iter().flat_map(of).collect();
    metrics::live(&metrics::DEVICE_INFO, &rows)
}

/// As `lane.toml` says it.
const fn role(role: Role) -> &'static str {
    match role {
        Role::Camera => "camera",
        Role::Scale => "scale",
        Role::SealReader => "seal",
        Role::ContainerReader => "container",
        Role::TagReader => "tag",
        Role::CardReader => "card",
    }
}

/// How long a lane has been in its state and how its scale reads, as its
/// status last said.
fn say_lane(say: &Metrics, status: &Value) {
    if let (Some(lane), Some(age)) = (status["lane"].as_str(), status["since_s"].as_i64()) {
        say.set(&metrics::LANE_STATE_AGE, &[lane], age);
        say_scale(say, lane, &status["scale_drift"]);
    }
}

fn say_scale(say: &Metrics, lane: &str, drift: &Value) {
    let tell = |metric: &Metric, value: Option<i64>| match value {
        Some(value) => say.set(metric, &[lane], value),
        None => say.unknown(metric, &[lane]),
    };
    let grams = drift["kg"].as_i64().map(|kg| kg.saturating_mul(1000));
    tell(&metrics::SCALE_DRIFT, grams);
    tell(&metrics::SCALE_DRIFT_TRACTORS, drift["tractors"].as_i64());
}

/// What the process takes of the machine. Where /proc does not tell, the
/// numbers stay as they were.
fn say_process(say: &Metrics) {
    if let Err(why) = look_at_process(say) {
        tracing::debug!(%why, "/proc does not tell of this process");
    }
}

fn look_at_process(say: &Metrics) -> ProcResult<()> {
    let me = Process::myself()?;
    let stat = me.stat()?;
    let ticks = (stat.utime + stat.stime) / procfs::ticks_per_second().max(1);
    say.total(&metrics::PROCESS_CPU, &[], ticks);
    let resident = stat.rss_bytes().get();
    say.set(&metrics::PROCESS_RESIDENT, &[], whole(resident));
    let open = me.fd_count()? as u64;
    say.set(&metrics::PROCESS_FDS, &[], whole(open));
    match me.limits()?.max_open_files.soft_limit {
        LimitValue::Value(limit) => say.set(&metrics::PROCESS_FDS_MAX, &[], whole(limit)),
        LimitValue::Unlimited => say.unknown(&metrics::PROCESS_FDS_MAX, &[]),
    }
    Ok(())
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn say_journal(shared: &PortShared, now: Now) {
    let say = &shared.metrics;
    let view = shared.committer.view();
    say.total(&metrics::STARTS, &[], view.ledger.starts());
    say.set(&metrics::JOURNAL_SEQ, &[], whole(view.head_seq));
    let records = whole(view.head_seq.saturating_add(1));
    say.set(&metrics::JOURNAL_RECORDS, &[], records);
    match shared.journal_usage() {
        Some(usage) => {
            say.set(&metrics::JOURNAL_BYTES, &[], whole(usage.bytes));
            say.set(&metrics::JOURNAL_SEGMENTS, &[], whole(usage.segments));
            say.set(&metrics::JOURNAL_FREE, &[], whole(usage.free_bytes));
        }
        None => say.unknown(&metrics::JOURNAL_FREE, &[]),
    }
    let unacknowledged = view.unacknowledged();
    say.set(&metrics::OUTBOX, &[], whole(unacknowledged));
    let oldest = shared.outbox_oldest().filter(|_| unacknowledged > 0);
    let age_ms = oldest.map_or(0, |at| (now.wall - at).max(0));
    say.set_thousandths(&metrics::OUTBOX_AGE, &[], age_ms);
}

fn say_cache(port: &Port, now: Now) {
    let say = &port.shared.metrics;
    let store = port.store.shown();
    let ready = i64::from(store.state == "ready");
    say.set(&metrics::STORE_READY, &[], ready);
    say.set(&metrics::STORE_DECLARATIONS, &[], whole(store.count));
    let unverified = whole(store.unverified_buckets);
    say.set(&metrics::STORE_UNVERIFIED, &[], unverified);
    let (age, link) = {
        let freshness = port.shared.freshness();
        (freshness.age_s(now), freshness.link(now.mono))
    };
    let up = i64::from(link == Link::Up);
    say.set(&metrics::AUTHORITY_UP, &[], up);
    say.set(&metrics::CACHE_AGE, &[], age.map_or(-1, i64::from));
    let view = port.shared.committer.view();
    let position = view.ledger.position();
    let (epoch, seq) = position.map_or((0, 0), |at| (at.epoch, at.seq));
    say.set(&metrics::FEED_EPOCH, &[], whole(epoch));
    say.set(&metrics::FEED_SEQ, &[], whole(seq));
    let unreadable = i64::from(view.ledger.is_control_unreadable());
    say.set(&metrics::CONTROLS_UNREADABLE, &[], unreadable);
    let waiting = view.ledger.policies().waiting().len();
    say.set(&metrics::POLICIES_WAITING, &[], whole(waiting as u64));
}

fn say_links(shared: &PortShared) {
    let say = &shared.metrics;
    for (peer, status) in shared.links() {
        say.set(&metrics::LINK_UP, &[peer], i64::from(status.up));
        say.total(&metrics::RECONNECTS, &[peer], status.connects);
    }
}

fn say_queues(say: &Metrics) {
    for depth in queues::depths() {
        let queue = [depth.queue.as_str()];
        say.set(&metrics::QUEUE_DEPTH, &queue, whole(depth.depth as u64));
        say.set(&metrics::QUEUE_LIMIT, &queue, whole(depth.limit as u64));
        say.total(&metrics::QUEUE_FULL, &queue, depth.full);
    }
}

/// One device, as its driver last showed it.
fn say_device(say: &Metrics, id: &DeviceId, seen: &Seen, now: Mono) {
    let device = [id.as_str()];
    let state = match seen.state {
        DeviceState::Ok => 0,
        DeviceState::Late => 1,
        DeviceState::Lost => 2,
    };
    say.set(&metrics::DEVICE_STATE, &device, state);
    say.set(&metrics::DEVICE_UP, &device, i64::from(state == 0));
    let in_state = whole(now.since(seen.since).as_ms());
    say.set_thousandths(&metrics::DEVICE_STATE_AGE, &device, in_state);
    let waited = seen.bus_wait.map(|wait| whole(wait.as_ms()));
    maybe(say, &metrics::DEVICE_BUS_WAIT, &device, waited);
    let noise = i64::from(seen.noise_permille);
    say.set_thousandths(&metrics::DEVICE_NOISE, &device, noise);
    let age = seen.last_frame.map(|at| now.since(at));
    let age_ms = age.map(|age: Micros| whole(age.as_ms()));
    maybe(say, &metrics::DEVICE_FRAME_AGE, &device, age_ms);
    maybe(say, &metrics::DEVICE_SKEW, &device, seen.clock_off_ms);
    let charge = seen.battery_pct.map(|pct| i64::from(pct) * 10);
    maybe(say, &metrics::DEVICE_BATTERY, &device, charge);
    let counts = seen.counts;
    let totals = [
        (&metrics::DEVICE_FRAMES, counts.frames),
        (&metrics::DEVICE_NOISE_BYTES, counts.noise_bytes),
        (&metrics::DEVICE_NOISE_RUNS, counts.noise_runs),
        (&metrics::DEVICE_BYTES, counts.bytes),
        (&metrics::DEVICE_TIMEOUTS, counts.timeouts),
        (&metrics::DEVICE_REFUSALS, counts.refusals),
        (&metrics::DEVICE_OPENS, counts.opens),
        (&metrics::DEVICE_STRANGERS, counts.strangers),
        (&metrics::DEVICE_DROPPED, seen.dropped),
    ];
    for (metric, total) in totals {
        say.total(metric, &device, total);
    }
}

fn maybe(say: &Metrics, metric: &Metric, device: &[&str], thousandths: Option<i64>) {
    match thousandths {
        Some(thousandths) => say.set_thousandths(metric, device, thousandths),
        None => say.unknown(metric, device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use crate::metrics::testing::{scraped, series, shows};

    fn seen() -> Seen {
        Seen {
            state: DeviceState::Late,
            since: Mono(0),
            why: None,
            last_frame: None,
            counts: Counts {
                frames: 7,
                noise_bytes: 30,
                noise_runs: 2,
                bytes: 100,
                timeouts: 3,
                refusals: 1,
                opens: 4,
                strangers: 6,
            },
            noise_permille: 0,
            hint: None,
            clock_fault: None,
            clock_off_ms: None,
            dropped: 5,
            battery_pct: None,
            bus_wait: None,
        }
    }

    #[test]
    fn everything_a_driver_shows_of_its_device_is_a_number() {
        let id = DeviceId::parse("cam-1").unwrap();
        let scrape = scraped(|say, _| say_device(say, &id, &seen(), Mono(1_000_000)));
        let of = |name: &str, value: &str| {
            shows(
                &scrape,
                &format!("lanegate_device_{name}{{device=\"cam-1\"}} {value}"),
            );
        };
        of("state", "1");
        of("up", "0");
        of("last_frame_age_seconds", "NaN");
        of("clock_skew_seconds", "NaN");
        of("state_age_seconds", "1");
        of("bus_wait_seconds", "NaN");
        of("battery_ratio", "NaN");
        of("frames_total", "7");
        of("noise_bytes_total", "30");
        of("noise_runs_total", "2");
        of("bytes_total", "100");
        of("timeouts_total", "3");
        of("refusals_total", "1");
        of("opens_total", "4");
        of("strangers_total", "6");
        of("readings_lost_total", "5");

        let well = Seen {
            state: DeviceState::Ok,
            last_frame: Some(Mono(400_000)),
            noise_permille: 125,
            clock_off_ms: Some(-1500),
            battery_pct: Some(40),
            bus_wait: Some(Micros::from_ms(40)),
            ..seen()
        };
        let scrape = scraped(|say, _| say_device(say, &id, &well, Mono(1_000_000)));
        let of = |name: &str, value: &str| {
            shows(
                &scrape,
                &format!("lanegate_device_{name}{{device=\"cam-1\"}} {value}"),
            );
        };
        of("up", "1");
        of("last_frame_age_seconds", "0.6");
        of("noise_ratio", "0.125");
        of("clock_skew_seconds", "-1.5");
        of("bus_wait_seconds", "0.04");
        of("battery_ratio", "0.4");
    }

    #[test]
    fn the_age_of_a_lanes_state_and_what_the_process_takes_are_numbers() {
        let scrape = scraped(|say, _| {
            say_lane(say, &serde_json::json!({"lane": "SZB-X-01", "since_s": 7}));
            // A lane that has not said anything yet.
            say_lane(say, &Value::Null);
            look_at_process(say).unwrap();
        });
        shows(
            &scrape,
            "lanegate_lane_state_age_seconds{lane=\"SZB-X-01\"} 7",
        );
        for name in ["resident_memory_bytes", "open_fds", "max_fds"] {
            let line = format!("process_{name} ");
            let value = scrape.lines().find_map(|l| l.strip_prefix(&line));
            assert!(value.is_some_and(|v| v != "0"), "{name}: {value:?}");
        }
    }

    /// A lane without a scale, one that cannot tell yet, and one that can.
    #[test]
    fn how_a_lanes_scale_reads_is_a_number_once_it_can_be_said() {
        let drift = |drift: Value| {
            let status = serde_json::json!({
                "lane": "SZB-X-01", "since_s": 7, "scale_drift": drift,
            });
            scraped(|say, _| say_lane(say, &status))
        };
        let of = |scrape: &str, name: &str, value: &str| {
            let line = format!("lanegate_scale_drift_{name}{{lane=\"SZB-X-01\"}} {value}");
            shows(scrape, &line);
        };
        let none = drift(Value::Null);
        of(&none, "grams", "NaN");
        of(&none, "tractors", "NaN");
        let few = drift(serde_json::json!({"kg": null, "error_kg": null, "tractors": 12}));
        of(&few, "grams", "NaN");
        of(&few, "tractors", "12");
        let said = drift(serde_json::json!({"kg": -310, "error_kg": 21, "tractors": 61}));
        of(&said, "grams", "-310000");
        of(&said, "tractors", "61");
    }

    #[test]
    fn every_device_is_named_with_the_lane_it_stands_at() {
        let text = include_str!("../../config/lane.toml");
        let config = crate::config::Config::parse(text, std::path::Path::new("/")).unwrap();
        let shown = devices_text(&config.lanes);
        for lane in &config.lanes {
            let id = &lane.io.id;
            let lane_id = &lane.config.lane;
            let row = format!(
                "lanegate_device_info{{device=\"{id}\",lane=\"{lane_id}\",role=\"io\",protocol=\"{}\"}} 1",
                lane.io.protocol
            );
            shows(&shown, &row);
        }
        let devices = config.lanes.iter().map(|l| l.sources().count());
        assert_eq!(series(&shown).len(), devices.sum::<usize>());
    }

    #[test]
    fn what_waits_in_a_queue_its_limit_and_how_often_it_was_full_are_numbers() {
        let level = queues::Level::new(queues::Queue::LaneNotes, 4);
        level.set(3);
        level.was_full();
        let scrape = scraped(|say, _| say_queues(say));
        shows(&scrape, "lanegate_queue_depth{queue=\"lane-notes\"} 3");
        shows(&scrape, "lanegate_queue_limit{queue=\"lane-notes\"} 4");
        shows(&scrape, "lanegate_queue_full_total{queue=\"lane-notes\"} 1");
        for queue in queues::Queue::ALL {
            let line = format!("lanegate_queue_depth{{queue=\"{}\"}}", queue.as_str());
            assert!(scrape.contains(&line), "{line}");
        }
    }
}

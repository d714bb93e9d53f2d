//! `status [--watch] [--passage P]`: lanes, devices, link and cache of the
//! running daemon.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::output::{complain, line, screen};
use super::{Done, Exit, No, SocketArgs, socket};

/// Between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct StatusArgs {
    /// Look again every second, until interrupted.
    #[arg(long)]
    watch: bool,
    /// One passage: case, reasons, image, balance.
    #[arg(long)]
    passage: Option<String>,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

pub(crate) fn status(args: &StatusArgs) -> Done {
    let first = look(args)?;
    if !args.watch {
        line(first);
        return Ok(Exit::Done);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| No::new(Exit::Io, format!("the system refuses a timer: {error}")))?;
    runtime.block_on(watch(args, &first));
    Ok(Exit::Done)
}

/// Goes on through a restart of the daemon.
async fn watch(args: &StatusArgs, first: &str) {
    let mut every = tokio::time::interval(WATCH_EVERY);
    every.tick().await;
    let mut shown = show(args, first);
    while shown {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return,
            _ = every.tick() => {}
        }
        match look(args) {
            Ok(text) => shown = show(args, &text),
            Err(no) => no.why.iter().for_each(complain),
        }
    }
}

fn show(args: &StatusArgs, text: &str) -> bool {
    if args.json { line(text) } else { screen(text) }
}

fn look(args: &StatusArgs) -> Result<String, No> {
    let mut request = json!({"op": "status"});
    if let Some(passage) = &args.passage {
        request["passage"] = json!(passage);
    }
    let status = socket::ask(&args.socket.socket, &request)?;
    Ok(match (args.json, &args.passage) {
        (true, _) => status.to_string(),
        (false, Some(_)) => format!("{status:#}"),
        (false, None) => render(&status),
    })
}

/// A word of the status; what is null or absent is a dash.
fn word(value: &Value) -> String {
    if value.is_null() {
        return "-".to_owned();
    }
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

fn seconds(value: &Value) -> String {
    value.as_u64().map_or_else(|| "unknown".to_owned(), age)
}

fn age(s: u64) -> String {
    match s {
        0..120 => format!("{s} s"),
        120..7200 => format!("{} min", s / 60),
        7200..172_800 => format!("{} h", s / 3600),
        _ => format!("{} days", s / 86_400),
    }
}

/// Says `what` of a value if it is there.
fn say(list: &mut Vec<String>, value: &Value, what: impl Fn(String) -> String) {
    if !value.is_null() {
        list.push(what(word(value)));
    }
}

fn render(status: &Value) -> String {
    let s = |name: &str| word(&status[name]);
    let (feed, journal, store) = (&status["feed"], &status["journal"], &status["store"]);
    let policy = &status["policy"]["version"];
    let policy = if policy.is_null() {
        &status["policy"]
    } else {
        policy
    };
    let mut cache = vec![format!("age {}", seconds(&status["cache_age_s"]))];
    say(&mut cache, &store["count"], |n| format!("{n} declarations"));
    say(&mut cache, &store["state"], |state| state);
    if let Some(buckets) = store["unverified_buckets"].as_u64().filter(|n| *n > 0) {
        cache.push(format!("{buckets} of 256 buckets not verified"));
    }
    if !feed.is_null() {
        cache.push(format!(
            "feed {}/{}",
            word(&feed["epoch"]),
            word(&feed["seq"])
        ));
    }
    let mut log = vec![format!("record {}", word(&journal["seq"]))];
    say(&mut log, &journal["state"], |state| state);
    if let Some(n) = journal["segments"].as_u64() {
        log.push(format!("{n} segments of {} MiB", mib(&journal["bytes"])));
    }
    if !journal["free_bytes"].is_null() {
        log.push(format!("{} MiB free", mib(&journal["free_bytes"])));
    }
    say(&mut log, &journal["checkpoint_key"], |key| {
        format!("signed by {key}")
    });
    log.push(format!("{} not yet acknowledged", s("outbox")));
    if let Some(oldest) = status["outbox_oldest_s"].as_u64() {
        log.push(format!("the oldest {} old", age(oldest)));
    }
    let mut lines = vec![
        format!(
            "{}, start {}; clock {}, link {}, policy {}",
            s("controller"),
            s("start"),
            s("clock"),
            s("link"),
            word(policy)
        ),
        format!("cache: {}", cache.join(", ")),
        format!("journal: {}", log.join(", ")),
    ];
    lines.extend(render_policy(&status["policy"]));
    if status["control_unreadable"] == true {
        lines.push(
            "CONTROL UNREADABLE: every truck holds until the authority sends a snapshot".to_owned(),
        );
    }
    let brokers = status["brokers"].as_array().into_iter().flatten();
    lines.extend(brokers.map(render_broker));
    for lane in status["lanes"].as_array().into_iter().flatten() {
        lines.push(String::new());
        lines.extend(render_lane(lane));
    }
    lines.join("\n")
}

/// Since when, from whom, and what else there is; one line each.
fn render_policy(policy: &Value) -> Vec<String> {
    if policy["since"].is_null() {
        return Vec::new();
    }
    let named = |policy: &Value| {
        let sha256 = word(&policy["sha256"]);
        let digits = sha256.get(..12).unwrap_or(&sha256).to_owned();
        format!("{} ({digits})", word(&policy["version"]))
    };
    let mut first = vec![format!(
        "policy: {} since {}",
        named(policy),
        word(&policy["since"])
    )];
    say(&mut first, &policy["source"], |source| {
        format!("from {source}")
    });
    say(&mut first, &policy["officer"], |officer| {
        format!("by {officer}")
    });
    let mut lines = vec![first.join(", ")];
    for waiting in policy["waiting"].as_array().into_iter().flatten() {
        let from = word(&waiting["effective_from"]);
        lines.push(format!("  waits for {from}: {}", named(waiting)));
    }
    let shadow = &policy["shadow"];
    if !shadow.is_null() {
        let (n, of) = (word(&shadow["differing"]), word(&shadow["judged"]));
        lines.push(format!(
            "  shadow: {}, {n} of {of} verdicts differ",
            named(shadow)
        ));
    }
    lines
}

fn mib(bytes: &Value) -> String {
    let bytes = bytes.as_u64();
    bytes.map_or_else(|| "?".to_owned(), |n| (n >> 20).to_string())
}

fn render_broker(broker: &Value) -> String {
    let up = broker["up"] == true;
    let mut said = vec![if up { "up" } else { "DOWN" }.to_owned()];
    if !up {
        say(&mut said, &broker["why_down"], |why| why);
    }
    let waiting = broker["outbox"].as_u64().filter(|n| *n > 0);
    said.extend(waiting.map(|n| format!("{n} messages wait")));
    let connects = broker["connects"].as_u64().filter(|n| *n > 1);
    said.extend(connects.map(|n| format!("connected {n} times")));
    for topic in broker["refused"].as_array().into_iter().flatten() {
        let topic = word(topic);
        said.push(format!("REFUSES {topic}, check its access list"));
    }
    format!("broker of {}: {}", word(&broker["peer"]), said.join(", "))
}

fn render_lane(lane: &Value) -> Vec<String> {
    let since = seconds(&lane["since_s"]);
    let (name, state) = (word(&lane["lane"]), word(&lane["state"]));
    let mut head = vec![format!("{name} {state} for {since}")];
    say(&mut head, &lane["passage"], |id| format!("passage {id}"));
    say(&mut head, &lane["verdict"], |verdict| {
        format!("verdict {verdict}")
    });
    say(&mut head, &lane["verdict_seq"], |seq| {
        format!("record {seq}")
    });
    let codes: Vec<_> = lane["codes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(word)
        .collect();
    let mut first = head.join(", ");
    if !codes.is_empty() {
        first += &format!(": {}", codes.join(" "));
    }
    let mut lines = vec![first];
    say(&mut lines, &lane["fault"], |fault| {
        format!("  FAULT {fault}: see to it, then `lanegate lane reset --lane {name}`")
    });
    let sign = &lane["sign"]["shows"];
    say(&mut lines, sign, |shows| format!("  sign {shows}"));
    lines.extend(render_drift(&lane["scale_drift"]));
    let devices = lane["devices"].as_array().into_iter().flatten();
    lines.extend(devices.map(render_device));
    lines
}

/// Beside the same tractors elsewhere and before; nothing where none came back.
fn render_drift(drift: &Value) -> Option<String> {
    let tractors = drift["tractors"].as_u64().filter(|n| *n > 0)?;
    let (Some(kg), Some(error)) = (drift["kg"].as_i64(), drift["error_kg"].as_i64()) else {
        return Some(format!(
            "  scale drift not known: {tractors} tractors so far, too few for how they scatter"
        ));
    };
    let way = if kg < 0 { "light" } else { "heavy" };
    Some(format!(
        "  scale reads {} kg {way}, within {error} kg, by {tractors} tractors weighed elsewhere or before",
        kg.abs()
    ))
}

fn render_device(device: &Value) -> String {
    let last = device["last_frame_ms"].as_u64();
    let last = last.map_or_else(
        || "no frame yet".to_owned(),
        |ms| format!("last frame {ms} ms ago"),
    );
    let state = format!(
        "{} for {}",
        word(&device["state"]),
        seconds(&device["since_s"])
    );
    let mut said = vec![state, last];
    let noise = device["noise_permille"].as_u64();
    if let Some(permille) = noise.filter(|permille| *permille > 0) {
        said.push(format!("noise {}.{} %", permille / 10, permille % 10));
    }
    if let Some(again) = device["reopens"].as_u64().filter(|n| *n > 0) {
        said.push(format!("reopened {again} times"));
    }
    if let Some(others) = device["strangers"].as_u64().filter(|n| *n > 0) {
        said.push(format!("{others} other connections refused"));
    }
    if let Some(lost) = device["readings_lost"].as_u64().filter(|n| *n > 0) {
        said.push(format!("{lost} readings lost"));
    }
    // A second is what whole-second stamps leave open.
    if let Some(ms) = device["clock_skew_ms"]
        .as_i64()
        .filter(|ms| ms.abs() > 1000)
    {
        let way = if ms > 0 { "ahead" } else { "behind" };
        said.push(format!("its clock {} s {way}", ms.abs() / 1000));
    }
    say(&mut said, &device["battery_pct"], |pct| {
        format!("the last seal has {pct} % battery")
    });
    say(&mut said, &device["clock_fault"], |fault| fault);
    say(&mut said, &device["why"], |why| why);
    say(&mut said, &device["hint"], |hint| hint);
    format!("  {:<12} {}", word(&device["id"]), said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_scale_reads_is_said_once_it_is_known_and_why_not_before() {
        let said = |kg: Value, error: Value, tractors: u32| {
            let drift = json!({"kg": kg, "error_kg": error, "tractors": tractors});
            render_drift(&drift).unwrap_or_default()
        };
        assert_eq!(
            said(json!(-310), json!(21), 61),
            "  scale reads 310 kg light, within 21 kg, by 61 tractors weighed elsewhere or before"
        );
        assert!(said(json!(40), json!(21), 61).contains("40 kg heavy"));
        assert!(said(Value::Null, Value::Null, 12).contains("not known: 12 tractors"));
        // Nobody came back yet, or the lane has no scale.
        assert_eq!(said(Value::Null, Value::Null, 0), "");
        assert_eq!(render_drift(&Value::Null), None);
    }

    #[test]
    fn a_reader_tells_the_charge_of_the_last_seal_and_others_tell_none() {
        let seal = json!({"id": "seal-1", "state": "ok", "since_s": 3, "battery_pct": 40});
        assert!(render_device(&seal).contains("the last seal has 40 % battery"));
        let camera = json!({"id": "cam-1", "state": "ok", "since_s": 3, "battery_pct": null});
        assert!(!render_device(&camera).contains("battery"));
    }
}

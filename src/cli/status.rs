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

fn render(status: &Value) -> String {
    let s = |name: &str| word(&status[name]);
    let feed = &status["feed"];
    let (journal, store) = (&status["journal"], &status["store"]);
    let mut lines = vec![
        format!(
            "{}, start {}; clock {}, link {}, policy {}",
            s("controller"),
            s("start"),
            s("clock"),
            s("link"),
            s("policy")
        ),
        format!(
            "cache: {} declarations, {}, age {}; feed {}/{}",
            word(&store["count"]),
            word(&store["state"]),
            seconds(&status["cache_age_s"]),
            word(&feed["epoch"]),
            word(&feed["seq"])
        ),
        format!(
            "journal: record {}, {} MiB free, {} not yet acknowledged",
            word(&journal["seq"]),
            journal["free_bytes"].as_u64().unwrap_or(0) >> 20,
            s("outbox")
        ),
    ];
    for lane in status["lanes"].as_array().into_iter().flatten() {
        lines.push(String::new());
        lines.extend(render_lane(lane));
    }
    lines.join("\n")
}

fn render_lane(lane: &Value) -> Vec<String> {
    let since = seconds(&lane["since_s"]);
    let mut head = format!(
        "{} {} for {since}",
        word(&lane["lane"]),
        word(&lane["state"])
    );
    for name in ["passage", "verdict"] {
        if !lane[name].is_null() {
            head += &format!(", {name} {}", word(&lane[name]));
        }
    }
    let codes = lane["codes"].as_array().into_iter().flatten();
    let codes: Vec<_> = codes.map(word).collect();
    if !codes.is_empty() {
        head += &format!(": {}", codes.join(" "));
    }
    let mut lines = vec![head];
    if !lane["fault"].is_null() {
        lines.push(format!(
            "  FAULT {}: see to it, then `lanegate lane reset --lane {}`",
            word(&lane["fault"]),
            word(&lane["lane"])
        ));
    }
    if !lane["sign"].is_null() {
        lines.push(format!("  sign {}", word(&lane["sign"])));
    }
    let devices = lane["devices"].as_array().into_iter().flatten();
    lines.extend(devices.map(render_device));
    lines
}

fn render_device(device: &Value) -> String {
    let last = device["last_frame_ms"].as_u64();
    let last = last.map_or_else(
        || "no frame yet".to_owned(),
        |ms| format!("frame {ms} ms ago"),
    );
    let noise = device["noise_permille"].as_u64().unwrap_or(0);
    let noise = match noise {
        0 => String::new(),
        permille => format!(", noise {}.{} %", permille / 10, permille % 10),
    };
    let opens = device["opens"].as_u64().filter(|opens| *opens > 1);
    let opens = opens.map_or_else(String::new, |opens| format!(", opened {opens} times"));
    let hint = match device["state"].as_str() {
        Some("lost") => device["why"]
            .as_str()
            .map_or_else(String::new, |why| format!(": {why}")),
        _ => String::new(),
    };
    format!(
        "  {:<12} {} for {}, {last}{noise}{opens}{hint}",
        word(&device["id"]),
        word(&device["state"]),
        seconds(&device["since_s"]),
    )
}

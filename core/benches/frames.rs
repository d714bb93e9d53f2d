//! Frames decoded per second on one core, for every scale protocol: the first
//! weight of its golden file (with that line's settings), over and over, in
//! pieces as a port hands them over.
//!
//! `cargo bench --profile dist -p lanegate-core --bench frames [-- N]` decodes N frames of each
//! (default 2,000,000) in ten rounds and prints the best, the median and the
//! worst. Machines differ, so nothing is asserted about time; the count of
//! instructions does not:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*decode_round*' \
//!     target/dist/deps/frames-* 20000 NAME
//! ```
//!
//! and divide what it collected by 20,000.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use lanegate_core::wire::{Decoder, Item, Protocol, ProtocolKind, Settings, protocols};
use serde_json::Value;

const FRAMES: usize = 2_000_000;
const ROUNDS: usize = 10;
/// What one read of a port brings at most.
const READ_LEN: usize = 512;

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let frames = args.iter().find_map(|arg| arg.parse().ok());
    let frames: usize = frames.unwrap_or(FRAMES);
    let only: Vec<_> = protocols().iter().map(|p| p.name).collect();
    let only: Vec<_> = only
        .into_iter()
        .filter(|n| args.iter().any(|a| a == n))
        .collect();
    println!("frames per second on one core: best, median and worst of {ROUNDS} rounds");
    for protocol in protocols() {
        let wanted = only.is_empty() || only.contains(&protocol.name);
        if protocol.kind == ProtocolKind::Scale && wanted {
            let [best, median, worst] = measured(protocol, frames / ROUNDS);
            println!("{:16} {best:>11} {median:>11} {worst:>11}", protocol.name);
        }
    }
}

fn measured(protocol: &Protocol, frames: usize) -> [u64; 3] {
    let (set, frame) = sample(protocol.name);
    let bytes = frame.repeat(frames);
    let mut out = Vec::with_capacity(READ_LEN);
    let mut rates: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let mut decoder = protocol.decoder(&set).expect("settings of a golden line");
            rate(frames, decoder.as_mut(), &bytes, &mut out)
        })
        .collect();
    rates.sort_unstable();
    [rates[ROUNDS - 1], rates[ROUNDS / 2], rates[0]]
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn rate(frames: usize, decoder: &mut dyn Decoder, bytes: &[u8], out: &mut Vec<Item>) -> u64 {
    let start = Instant::now();
    let found = decode_round(decoder, bytes, out);
    let ns = start.elapsed().as_nanos().max(1);
    assert_eq!(found, frames, "every frame is found");
    u64::try_from(frames as u128 * 1_000_000_000 / ns).unwrap_or(u64::MAX)
}

/// A name of its own, so that instructions can be counted within it.
#[inline(never)]
fn decode_round(decoder: &mut dyn Decoder, bytes: &[u8], out: &mut Vec<Item>) -> usize {
    let mut found = 0;
    for read in bytes.chunks(READ_LEN) {
        decoder.push(black_box(read), out);
        found += out.len();
        black_box(&*out);
        out.clear();
    }
    decoder.idle(out);
    found += out.len();
    out.clear();
    found
}

/// Settings and bytes of the first golden line that is one weight.
fn sample(name: &str) -> (Settings, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/frames/{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let weight = |line: &Value| {
        let out = line["out"].as_array().expect("a list");
        let hex = line["hex"].as_str().expect("hex").to_lowercase();
        out.len() == 1 && out[0]["raw"] == hex
    };
    let line = lines.into_iter().find(weight).expect("a golden weight");
    let set = match &line["set"] {
        Value::Null => Settings::new(),
        set => serde_json::from_value(set.clone()).expect("settings"),
    };
    let hex = line["hex"].as_str().expect("hex");
    let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex");
    (set, (0..hex.len()).step_by(2).map(byte).collect())
}

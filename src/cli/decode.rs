//! `decode --protocol NAME [--set K=V]`: hex lines in, JSON frames out.

use std::io::{self, BufRead};

use clap::Args;
use lanegate_core::wire::{self, Decoder, Settings};

use super::Exit;
use super::output::{complain, line};

#[derive(Args)]
pub(crate) struct DecodeArgs {
    /// The protocol, as `lane.toml` names it.
    #[arg(long)]
    protocol: String,
    /// A setting of the protocol, like `nibbles=plus30`.
    #[arg(long = "set", value_name = "K=V")]
    set: Vec<String>,
}

pub(crate) fn decode(args: &DecodeArgs) -> Exit {
    let mut decoder = match decoder(args) {
        Ok(decoder) => decoder,
        Err(why) => {
            complain(why);
            return Exit::Usage;
        }
    };
    for (n, text) in io::stdin().lock().lines().enumerate() {
        let Ok(text) = text else {
            complain(format!(
                "standard input, line {}: cannot be read as text",
                n + 1
            ));
            return Exit::Io;
        };
        let items = match wire::decode_line(decoder.as_mut(), text.trim()) {
            Ok(items) => items,
            Err(why) => {
                complain(format!("standard input, line {}: {why}", n + 1));
                return Exit::Data;
            }
        };
        if !items.iter().all(|item| line(item.to_json().to_string())) {
            return Exit::Done;
        }
    }
    Exit::Done
}

fn decoder(args: &DecodeArgs) -> Result<Box<dyn Decoder + Send>, String> {
    let protocol = wire::protocol(&args.protocol).ok_or_else(|| {
        let names: Vec<_> = wire::protocols().iter().map(|p| p.name).collect();
        format!(
            "--protocol {}: not known; write one of {}",
            args.protocol,
            names.join(", ")
        )
    })?;
    let mut settings = Settings::new();
    for pair in &args.set {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("--set {pair}: write KEY=VALUE"))?;
        settings.insert(key.to_owned(), value.to_owned());
    }
    let faults = protocol.faults(&settings);
    if let Some(fault) = faults.first() {
        return Err(format!("--set: {fault}"));
    }
    protocol
        .decoder(&settings)
        .map_err(|fault| format!("--set: {fault}"))
}

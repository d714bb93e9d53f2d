//! Indicators that send lines of text: one codec, driven by a table a make.
//!
//! A make's table is the defaults of its settings, in the same words an
//! integrator writes for a make that is not here (`ascii-line`), so each can be
//! bent to a model that differs.
//!
//! ```text
//! layout  {status:2},{mode:2},{weight:5-9}{unit:2}\r\n
//! status  ST=stable US=motion OL=over
//! modes   GS=gross NT=net
//! ```
//!
//! No number is parsed as one, no field is guessed: a word that is not in its
//! table makes the line noise.

mod and;
mod avery_stream;
mod cardinal_sb200;
mod cardinal_sb400;
mod dini_argeo;
mod layout;
mod line;
mod nci;
mod own;
mod rice_lake;
mod rinstrum;
mod table;
mod words;

#[cfg(test)]
mod tests;

use super::super::Decoder;
use super::super::framer::Framer;
use super::super::settings::{Setting, SettingFault, Settings, text};
use super::setup::{mask, mode, unit};
use layout::Layout;
use line::Line;
use table::LAYOUTS;
use words::Words;

pub(in crate::wire) use and::PROTOCOL as AND;
pub(in crate::wire) use avery_stream::PROTOCOL as AVERY_STREAM;
pub(in crate::wire) use cardinal_sb200::PROTOCOL as CARDINAL_SB200;
pub(in crate::wire) use cardinal_sb400::PROTOCOL as CARDINAL_SB400;
pub(in crate::wire) use dini_argeo::PROTOCOL as DINI_ARGEO;
pub(in crate::wire) use nci::PROTOCOL as NCI;
pub(in crate::wire) use own::PROTOCOL as OWN;
pub(in crate::wire) use rice_lake::PROTOCOL as RICE_LAKE;
pub(in crate::wire) use rinstrum::PROTOCOL as RINSTRUM;

/// Everything in the texts that cannot be used.
fn agree(table: &'static [Setting], settings: &Settings) -> Vec<SettingFault> {
    let mut faults = Vec::new();
    let mut fault = |name: &str, why: String| {
        let name = name.to_owned();
        faults.push(SettingFault { name, why });
    };
    let mut layouts = Vec::new();
    for name in LAYOUTS {
        match Layout::parse(text(table, settings, name)) {
            Ok(layout) => layouts.extend(layout),
            Err(why) => fault(name, why),
        }
    }
    for name in words::TABLES {
        if let Err(why) = Words::parse(text(table, settings, name)) {
            fault(name, why);
        }
    }
    let address = text(table, settings, "address");
    if !address.bytes().all(|b| b.is_ascii_digit()) {
        fault("address", format!("\"{address}\" has more than digits"));
    } else if !address.is_empty() && !layouts.iter().any(Layout::has_address) {
        fault("address", "no layout has {address} in it".to_owned());
    }
    if faults.is_empty() && !layouts.iter().any(Layout::has_weight) {
        let why = "is missing: write a line of the indicator with {weight} in it";
        faults.push(SettingFault {
            name: LAYOUTS[0].to_owned(),
            why: why.to_owned(),
        });
    }
    faults
}

/// Call after [`agree`].
fn make(table: &'static [Setting], settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| text(table, settings, name);
    let words = |name| Words::parse(set(name)).expect("its faults were looked for");
    let layout = |name| Layout::parse(set(name)).expect("its faults were looked for");
    let address = set("address").as_bytes().to_vec();
    // Where one address counts, a line without any is not known to be its.
    let counts = |layout: &Layout| address.is_empty() || layout.has_address();
    let layouts = LAYOUTS.into_iter().filter_map(layout);
    let line = Line {
        layouts: layouts.filter(counts).collect(),
        words: words::TABLES.map(words),
        address,
        blank_is_over: set("blank") == "over",
        unit: unit(table, settings),
        mode: mode(table, settings),
    };
    Box::new(Framer::masked(line, mask(table, settings)))
}

//! Settings several scales share, and the frame they all make.

use super::super::settings::{Setting, Settings, Values, number, text};
use super::super::{Ask, Frame, WeightFrame, WeightMode};
use super::figure::Figure;
use crate::model::WeightUnit;
use crate::time::Micros;

pub(super) const UNIT: Setting = Setting {
    name: "unit",
    default: "kg",
    values: Values::Words(&["kg", "t"]),
    meaning: "unit of the figure",
};

/// For formats whose frames may name a unit.
pub(super) const UNIT_IF_NONE: Setting = Setting {
    name: "unit",
    default: "kg",
    values: Values::Words(&["kg", "t"]),
    meaning: "unit of the figure where the frame says none",
};

pub(super) const MODE: Setting = Setting {
    name: "mode",
    default: "gross",
    values: Values::Words(&["gross", "net"]),
    meaning: "what the figure is; the tare key must be locked",
};

pub(super) const DATA_BITS: Setting = Setting {
    name: "data_bits",
    default: "8",
    values: Values::Words(&["7", "8"]),
    meaning: "7: bit 7 of every byte is parity and cleared",
};

pub(super) const PARITY: Setting = Setting {
    name: "parity",
    default: "none",
    values: Values::Words(&["none", "even", "odd"]),
    meaning: "the line's parity, for the port; the codec needs data_bits alone",
};

pub(super) const EVERY_MS: Setting = Setting {
    name: "every_ms",
    default: "250",
    values: Values::Number {
        min: 100,
        max: 5_000,
    },
    meaning: "how often it is asked; an answer that takes longer is late, and thrown away",
};

/// What clears bit 7 where the line has seven data bits.
pub(super) fn mask(table: &[Setting], settings: &Settings) -> u8 {
    match text(table, settings, "data_bits") {
        "7" => 0x7f,
        _ => 0xff,
    }
}

pub(super) fn unit(table: &[Setting], settings: &Settings) -> WeightUnit {
    WeightUnit::of_word(text(table, settings, "unit"))
}

pub(super) fn mode(table: &[Setting], settings: &Settings) -> WeightMode {
    match text(table, settings, "mode") {
        "net" => WeightMode::Net,
        _ => WeightMode::Gross,
    }
}

/// `bytes`, as often as `every_ms` says.
pub(super) fn ask(table: &[Setting], settings: &Settings, bytes: &[u8]) -> Ask {
    let every = number(table, settings, "every_ms");
    Ask {
        bytes: bytes.to_vec(),
        every: Micros::from_ms(u64::from(every)),
    }
}

/// A frame before its figure is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shown {
    pub(super) unit: WeightUnit,
    pub(super) mode: WeightMode,
    pub(super) stable: Option<bool>,
    pub(super) overload: bool,
    pub(super) underload: bool,
}

impl Shown {
    /// A figure without any flag.
    pub(super) const fn plain(unit: WeightUnit, mode: WeightMode) -> Self {
        Self {
            unit,
            mode,
            stable: None,
            overload: false,
            underload: false,
        }
    }

    /// With a figure. An indicator that shows nothing, and says neither that
    /// it is out of range nor that something is wrong, is overloaded: the
    /// safe reading of blanks. None: what stands there is no decimal, though
    /// it should be.
    pub(super) fn frame(mut self, figure: Figure, raw: &[u8]) -> Option<Frame> {
        let explained = self.overload || self.underload || self.stable == Some(false);
        let value = match figure {
            Figure::Value(value) => Some(value),
            Figure::Blank => None,
            // Letters and dashes instead of a figure, with a flag that says why.
            Figure::NoDecimal if self.overload || self.underload => None,
            Figure::NoDecimal => return None,
        };
        self.overload |= value.is_none() && !explained;
        Some(Frame::Weight(WeightFrame {
            value,
            unit: self.unit,
            mode: self.mode,
            stable: self.stable,
            overload: self.overload,
            underload: self.underload,
            raw: raw.to_vec(),
        }))
    }
}

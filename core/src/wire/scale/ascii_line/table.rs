//! A make's table, as the defaults of its settings.

use super::super::super::settings::{Setting, Values};
use super::super::setup::{DATA_BITS, MODE, PARITY, UNIT_IF_NONE};

/// Names of the settings that hold a layout.
pub(super) const LAYOUTS: [&str; 3] = ["layout", "layout2", "layout3"];
/// Most characters of a layout or of a table of words.
const TEXT_LEN_MAX: usize = 300;
/// How many settings a make has.
pub(super) const LEN: usize = 15;

/// What is particular to a make.
pub(super) struct Make {
    pub(super) layouts: [&'static str; 3],
    pub(super) signs: &'static str,
    pub(super) status: &'static str,
    pub(super) status2: &'static str,
    pub(super) modes: &'static str,
    pub(super) units: &'static str,
    pub(super) figures: &'static str,
}

/// A sign before the figure, as nearly all write it.
pub(super) const SIGNS: &str = "_=plus +=plus -=minus";
/// Units in small letters, as nearly all write them.
pub(super) const UNITS: &str = "kg=kg t=t g=g lb=lb";

const fn words(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default,
        values: Values::Text {
            len_max: TEXT_LEN_MAX,
        },
        meaning,
    }
}

const MODE_IF_NONE: Setting = Setting {
    meaning: "what the figure is where the line does not say; the tare key must be locked then",
    ..MODE
};

/// `all` and one more.
pub(super) const fn with<const N: usize, const M: usize>(
    all: [Setting; N],
    more: Setting,
) -> [Setting; M] {
    assert!(M == N + 1, "one more");
    let mut out = [more; M];
    let mut i = 0;
    while i < N {
        out[i] = all[i];
        i += 1;
    }
    out
}

/// The settings of a make.
pub(super) const fn settings(make: &Make) -> [Setting; LEN] {
    [
        words(LAYOUTS[0], make.layouts[0], "a line, its fields in braces"),
        words(LAYOUTS[1], make.layouts[1], "another line it may send"),
        words(LAYOUTS[2], make.layouts[2], "a third one"),
        words("signs", make.signs, "words of {sign}"),
        words("status", make.status, "words of {status}"),
        words("status2", make.status2, "words of {status2}"),
        words(
            "modes",
            make.modes,
            "words of {mode}: the sense differs between models, so try it with the tare key",
        ),
        words(
            "units",
            make.units,
            "words of {unit}; any other is unknown, and such a weight never counts",
        ),
        words(
            "figures",
            make.figures,
            "words that stand in place of a figure",
        ),
        Setting {
            name: "blank",
            default: "over",
            values: Values::Words(&["over", "noise"]),
            meaning: "what a line without a figure is, if no word in it says why",
        },
        words("address", "", "digits of {address} that count; empty: all"),
        UNIT_IF_NONE,
        MODE_IF_NONE,
        DATA_BITS,
        PARITY,
    ]
}

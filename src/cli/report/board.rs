//! The dashboard the report is made of, read from the file Grafana shows.

use std::collections::BTreeMap;

use serde_json::Value;

/// The port view.
const PORT: &str = include_str!("../../../monitoring/grafana/dashboards/port.json");

/// A dashboard.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) title: String,
    pub(super) says: String,
    pub(super) panels: Vec<Panel>,
}

/// One of its panels.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) says: String,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    /// Of 24 columns.
    pub(super) width: u64,
    pub(super) stacked: bool,
    pub(super) asks: Vec<Ask>,
    /// From which value on which colour; the first from anywhere.
    pub(super) limits: Vec<(Option<f64>, String)>,
    /// Names and colours of single values.
    pub(super) words: BTreeMap<i64, (String, String)>,
    colours: Vec<(Matcher, String)>,
}

/// A question with the name of what answers it.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) expr: String,
    pub(super) legend: String,
}

/// How a panel is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One number.
    Number,
    /// Curves.
    Lines,
    /// A line of states a series.
    States,
    /// A bar a series.
    Bars,
}

impl Kind {
    pub(super) const fn is_over_time(self) -> bool {
        match self {
            Self::Lines | Self::States => true,
            Self::Number | Self::Bars => false,
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// A count.
    Count,
    /// Seconds.
    Seconds,
    /// A share of one.
    Share,
}

#[derive(Clone, Debug)]
enum Matcher {
    Name(String),
    LastDigit(String),
}

impl Board {
    /// The port view.
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub(super) fn port() -> Self {
        let board: Value = serde_json::from_str(PORT).expect("the dashboard is JSON");
        let panels = board["panels"].as_array().into_iter().flatten();
        Self {
            title: text(&board["title"]),
            says: text(&board["description"]),
            panels: panels.map(panel).collect(),
        }
    }
}

impl Panel {
    /// The colour of a series, by its name, or by its place.
    pub(super) fn colour_of(&self, name: &str, place: usize) -> String {
        let of = self.colours.iter().find(|(matcher, _)| match matcher {
            Matcher::Name(word) => word == name,
            Matcher::LastDigit(digit) => name.ends_with(digit.as_str()),
        });
        let fallback = [
            "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
        ];
        of.map_or_else(
            || fallback[place % fallback.len()].to_owned(),
            |(_, colour)| colour.clone(),
        )
    }

    /// The colour of a value, by the limits.
    pub(super) fn colour_at(&self, value: f64) -> &str {
        let reached = self.limits.iter().rev();
        let mut reached = reached.filter(|(from, _)| from.is_none_or(|from| value >= from));
        reached.next().map_or("#999999", |(_, colour)| colour)
    }
}

fn panel(panel: &Value) -> Panel {
    let defaults = &panel["fieldConfig"]["defaults"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let asks = list(&panel["targets"]);
    let limits = list(&defaults["thresholds"]["steps"]);
    let overrides = list(&panel["fieldConfig"]["overrides"]);
    Panel {
        title: text(&panel["title"]),
        says: text(&panel["description"]),
        kind: match panel["type"].as_str() {
            Some("stat") => Kind::Number,
            Some("state-timeline") => Kind::States,
            Some("bargauge") => Kind::Bars,
            Some(_) | None => Kind::Lines,
        },
        unit: match defaults["unit"].as_str() {
            Some("s") => Unit::Seconds,
            Some("percentunit") => Unit::Share,
            Some(_) | None => Unit::Count,
        },
        width: panel["gridPos"]["w"].as_u64().unwrap_or(24),
        stacked: defaults["custom"]["stacking"]["mode"] == "normal",
        asks: asks.iter().map(ask).collect(),
        limits: limits
            .iter()
            .map(|step| (step["value"].as_f64(), text(&step["color"])))
            .collect(),
        words: words(&defaults["mappings"]),
        colours: overrides.iter().filter_map(colour).collect(),
    }
}

fn ask(target: &Value) -> Ask {
    Ask {
        expr: text(&target["expr"]),
        legend: text(&target["legendFormat"]),
    }
}

fn words(mappings: &Value) -> BTreeMap<i64, (String, String)> {
    let all = mappings.as_array().into_iter().flatten();
    let options = all.filter_map(|mapping| mapping["options"].as_object());
    let word = |(value, shown): (&String, &Value)| {
        let name = (text(&shown["text"]), text(&shown["color"]));
        Some((value.parse().ok()?, name))
    };
    options.flatten().filter_map(word).collect()
}

fn colour(of: &Value) -> Option<(Matcher, String)> {
    let options = of["matcher"]["options"].as_str()?;
    let matcher = match of["matcher"]["id"].as_str()? {
        "byName" => Matcher::Name(options.to_owned()),
        "byRegexp" => Matcher::LastDigit(options.trim_matches(['/', '$']).to_owned()),
        _ => return None,
    };
    let properties = of["properties"].as_array()?;
    let colour = properties.iter().find(|p| p["id"] == "color")?;
    Some((matcher, text(&colour["value"]["fixedColor"])))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A legend like `{{lane}} p95` with the labels put in.
pub(super) fn legend(format: &str, labels: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(labels.get(name.trim()).map_or("", String::as_str));
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_of_the_port_view_is_understood() {
        let board = Board::port();
        assert_eq!(board.title, "lanegate: port");
        assert!(board.panels.len() >= 12, "{}", board.panels.len());
        for panel in &board.panels {
            assert!(!panel.title.is_empty() && !panel.says.is_empty());
            assert!(
                !panel.asks.is_empty() && !panel.limits.is_empty(),
                "{}",
                panel.title
            );
            assert!(panel.limits[0].0.is_none() && panel.width <= 24);
        }
        let lanes = board
            .panels
            .iter()
            .find(|p| p.kind == Kind::States)
            .unwrap();
        assert_eq!(lanes.words[&14].0, "faulted");
        let flow = board.panels.iter().find(|p| p.title == "Flow").unwrap();
        assert!(flow.stacked);
        assert_ne!(flow.colour_of("SZB-X-01", 0), flow.colour_of("SZB-X-02", 0));
        let raw: Value = serde_json::from_str(PORT).unwrap();
        for panel in raw["panels"].as_array().unwrap() {
            let kind = panel["type"].as_str().unwrap();
            let known = ["stat", "timeseries", "state-timeline", "bargauge"];
            assert!(known.contains(&kind), "{kind}: the report cannot draw it");
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
            assert!(
                ["short", "none", "s", "percentunit"].contains(&unit),
                "{unit}"
            );
        }
    }

    #[test]
    fn a_value_has_the_colour_of_the_last_limit_it_reaches() {
        let mut panel = Board::port().panels.remove(0);
        let limits = [(None, "a"), (Some(5.0), "b"), (Some(9.0), "c")];
        panel.limits = limits.map(|(from, c)| (from, c.to_owned())).to_vec();
        assert_eq!(
            [1.0, 5.0, 8.9, 9.0].map(|v| panel.colour_at(v)),
            ["a", "b", "b", "c"]
        );
    }

    #[test]
    fn a_legend_has_its_labels_put_in() {
        let labels = BTreeMap::from([("lane".to_owned(), "SZB-X-01".to_owned())]);
        assert_eq!(legend("lifts {{lane}}!", &labels), "lifts SZB-X-01!");
        assert_eq!(legend("{{ none }}p95", &labels), "p95");
    }
}

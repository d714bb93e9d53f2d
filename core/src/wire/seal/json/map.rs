//! The field map of a JSON seal: paths, and what words mean.

use std::collections::BTreeMap;

use super::super::super::SealFrame;
use super::super::super::json_path::{JsonPath, Node};
use super::super::super::settings::{self, SettingFault, Settings};
use super::super::fields::{offset_fault, offset_s};
use super::{SETTINGS, frame, judged};
use crate::model::{SealAlarm, SealId, SealState};
use crate::time::Wall;

/// 2000 to 2099: what is no time of a seal's life is no time.
const TIME_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;
/// Most words or alarms of one setting.
const WORDS_MAX: usize = 32;
/// Longest name of a sender kept.
const NAME_LEN_MAX: usize = 64;

/// Every alarm, to find one by its word.
const ALARMS: [SealAlarm; 10] = [
    SealAlarm::RopeCut,
    SealAlarm::CoverOpened,
    SealAlarm::MotorStuck,
    SealAlarm::LongUnlocked,
    SealAlarm::WrongPassword,
    SealAlarm::IllegalCard,
    SealAlarm::LowBattery,
    SealAlarm::Vibration,
    SealAlarm::FenceEnter,
    SealAlarm::FenceExit,
];

#[derive(Clone, Copy)]
enum TimeUnit {
    Rfc3339,
    Seconds,
    Milliseconds,
    Local { offset_s: i64 },
}

pub(super) struct Map {
    reports: Option<JsonPath>,
    id: JsonPath,
    state: JsonPath,
    states: BTreeMap<String, SealState>,
    time: Option<JsonPath>,
    time_unit: TimeUnit,
    battery: Option<JsonPath>,
    /// Digits behind the point that make a percentage.
    battery_places: u8,
    alarms: Option<JsonPath>,
    /// None = a word that means no alarm.
    alarm_words: BTreeMap<String, Option<SealAlarm>>,
    alarm_flags: Vec<(JsonPath, SealAlarm)>,
    replay: Option<JsonPath>,
    replay_words: Vec<String>,
    heartbeat: Option<JsonPath>,
}

/// What the table of settings cannot tell.
pub(super) fn agree(settings: &Settings) -> Vec<SettingFault> {
    Map::read(settings).err().unwrap_or_default()
}

/// Reads settings and remembers what is wrong with them.
struct Reader<'a> {
    settings: &'a Settings,
    faults: Vec<SettingFault>,
}

impl<'a> Reader<'a> {
    fn text(&self, name: &str) -> &'a str {
        settings::text(&SETTINGS, self.settings, name)
    }

    fn fault(&mut self, name: &str, why: String) {
        let name = name.to_owned();
        self.faults.push(SettingFault { name, why });
    }

    fn path(&mut self, name: &str) -> Option<JsonPath> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        match JsonPath::parse(text) {
            Ok(path) => Some(path),
            Err(why) => {
                self.fault(name, why.to_string());
                None
            }
        }
    }

    fn needed(&mut self, name: &str) -> Option<JsonPath> {
        if self.text(name).is_empty() {
            self.fault(name, "is needed: write where it stands".to_owned());
        }
        self.path(name)
    }

    fn words(&mut self, name: &str) -> Vec<&'a str> {
        let words = self.text(name).split(',').map(str::trim);
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        if words.len() > WORDS_MAX {
            self.fault(name, format!("more than {WORDS_MAX} words"));
        }
        words
    }

    fn states(&mut self) -> BTreeMap<String, SealState> {
        let mut states = BTreeMap::new();
        let kinds = [
            ("sealed", SealState::Sealed),
            ("open", SealState::Open),
            ("cut", SealState::Cut),
        ];
        for (name, state) in kinds {
            for word in self.words(name) {
                if states.insert(word.to_owned(), state).is_some() {
                    self.fault(
                        name,
                        format!("\"{word}\" stands twice: one word, one state"),
                    );
                }
            }
        }
        states
    }

    /// `left=alarm` pairs; `-` is no alarm.
    fn pairs(&mut self, name: &str) -> Vec<(&'a str, Option<SealAlarm>)> {
        let mut pairs = Vec::new();
        for pair in self.words(name) {
            let parts = pair
                .split_once('=')
                .map(|(left, right)| (left.trim(), right.trim()));
            let meant = parts.and_then(|(left, right)| {
                let alarm = ALARMS.into_iter().find(|alarm| alarm.as_str() == right);
                (alarm.is_some() || right == "-").then_some((left, alarm))
            });
            match meant {
                Some(meant) => pairs.push(meant),
                None => {
                    let known: Vec<_> = ALARMS.iter().map(|alarm| alarm.as_str()).collect();
                    let known = known.join(", ");
                    self.fault(
                        name,
                        format!("\"{pair}\": write what is sent, = and one of {known} or -"),
                    );
                }
            }
        }
        pairs
    }

    fn time_unit(&mut self) -> TimeUnit {
        let text = self.text("utc_offset");
        self.faults.extend(offset_fault(text));
        match self.text("time_unit") {
            "s" => TimeUnit::Seconds,
            "ms" => TimeUnit::Milliseconds,
            "local" => TimeUnit::Local {
                offset_s: offset_s(text).unwrap_or(0),
            },
            _ => TimeUnit::Rfc3339,
        }
    }

    fn flags(&mut self) -> Vec<(JsonPath, SealAlarm)> {
        let mut flags = Vec::new();
        for (left, alarm) in self.pairs("alarm_flags") {
            match (JsonPath::parse(left), alarm) {
                (Ok(path), Some(alarm)) => flags.push((path, alarm)),
                (Ok(_), None) => {}
                (Err(why), _) => self.fault("alarm_flags", why.to_string()),
            }
        }
        flags
    }
}

impl Map {
    pub(super) fn read(settings: &Settings) -> Result<Self, Vec<SettingFault>> {
        let mut r = Reader {
            settings,
            faults: Vec::new(),
        };
        let (id, state) = (r.needed("id"), r.needed("state"));
        let read = (
            (r.path("reports"), r.states()),
            (r.path("time"), r.time_unit()),
            (r.path("battery"), r.text("battery_unit")),
            (r.path("alarms"), r.pairs("alarm_words"), r.flags()),
            (r.path("replay"), r.words("replay_words")),
            r.path("heartbeat"),
        );
        let (Some(id), Some(state), true) = (id, state, r.faults.is_empty()) else {
            return Err(r.faults);
        };
        let ((reports, states), (time, time_unit), battery, alarms, replay, heartbeat) = read;
        let (alarms, alarm_words, alarm_flags) = alarms;
        let own = |(word, alarm): (&str, _)| (word.to_owned(), alarm);
        Ok(Self {
            reports,
            id,
            state,
            states,
            time,
            time_unit,
            battery: battery.0,
            battery_places: if battery.1 == "fraction" { 2 } else { 0 },
            alarms,
            alarm_words: alarm_words.into_iter().map(own).collect(),
            alarm_flags,
            replay: replay.0,
            replay_words: replay.1.into_iter().map(str::to_owned).collect(),
            heartbeat,
        })
    }

    /// Who sent it, if it is a sign of life.
    pub(super) fn sender(&self, document: &Node) -> Option<String> {
        let sender = self.heartbeat.as_ref()?.first(document)?.text()?;
        Some(sender.chars().take(NAME_LEN_MAX).collect())
    }

    pub(super) fn reports<'a>(&self, document: &'a Node) -> Vec<&'a Node> {
        match &self.reports {
            Some(path) => path.all(document),
            None => vec![document],
        }
    }

    /// None if the report has no number or no state.
    pub(super) fn seal(&self, report: &Node) -> Option<SealFrame> {
        let id = SealId::parse(self.id.first(report)?.text()?.trim()).ok()?;
        let word = self.state.first(report)?.text()?;
        let word = self.states.get(word.trim()).copied();
        let (alarms, strange) = self.alarms(report);
        let state = judged(word.unwrap_or(SealState::Unknown), &alarms, strange);
        let battery = self.battery.as_ref().and_then(|path| path.first(report));
        let battery = battery.and_then(|node| node.scaled(self.battery_places));
        let battery = battery.and_then(|pct| u8::try_from(pct).ok());
        let replay = self.replay.as_ref().and_then(|path| path.first(report));
        let replay = replay.and_then(|node| node.text());
        let replay = replay.is_some_and(|text| self.replay_words.iter().any(|w| *w == text.trim()));
        let battery = battery.filter(|pct| *pct <= 100);
        Some(frame(id, state, alarms, battery, self.at(report), replay))
    }

    /// Alarms, sorted, each once; and whether there is one nobody set.
    fn alarms(&self, report: &Node) -> (Vec<SealAlarm>, bool) {
        let (mut alarms, mut strange) = (Vec::new(), false);
        let words = self.alarms.as_ref().map(|path| path.all(report));
        for node in words.unwrap_or_default() {
            let text = node.text();
            match text
                .as_deref()
                .map(|text| self.alarm_words.get(text.trim()))
            {
                Some(Some(alarm)) => alarms.extend(*alarm),
                Some(None) => strange = true,
                // A list where a word should stand, or no alarm at all.
                None => strange |= *node != Node::Null,
            }
        }
        for (path, alarm) in &self.alarm_flags {
            let set = |node: &Node| match node {
                Node::Null | Node::Bool(false) => false,
                Node::Bool(true) | Node::List(_) | Node::Map(_) => true,
                Node::Number(text) | Node::Text(text) => !matches!(text.trim(), "" | "0" | "false"),
            };
            if path.all(report).into_iter().any(set) {
                alarms.push(*alarm);
            }
        }
        alarms.sort_unstable();
        alarms.dedup();
        (alarms, strange)
    }

    fn at(&self, report: &Node) -> Option<Wall> {
        let node = self.time.as_ref()?.first(report)?;
        let at = match self.time_unit {
            TimeUnit::Rfc3339 => Wall::parse(node.text()?.trim()).ok()?,
            TimeUnit::Seconds => Wall(node.scaled(3)?),
            TimeUnit::Milliseconds => Wall(node.scaled(0)?),
            TimeUnit::Local { offset_s } => {
                let text = node.text()?.trim().replacen(' ', "T", 1);
                Wall::parse(&format!("{text}Z")).ok()?.plus_s(-offset_s)
            }
        };
        TIME_MS.contains(&at.0).then_some(at)
    }
}

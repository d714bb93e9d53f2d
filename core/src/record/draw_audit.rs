//! Draws checked by a stranger, from the journal alone (`docs/journal.md`): a
//! draw-key record of a later day opens the keys of all days before it, and
//! with a day's key every draw of it is computed again.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Serialize;

use super::{DrawChain, DrawKeyBody, VerdictBody};
use crate::clearance::{DayKey, days_between};
use crate::model::DeclarationId;

/// What was found of the draws.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct DrawReport {
    /// Computed again and found as recorded.
    pub verified: u64,
    /// Their day's key is not on the record yet.
    pub not_open: u64,
    /// Made without a key: who was drawn for was selected.
    pub without_key: u64,
    /// Chains of keys.
    pub chains: u64,
    /// The first thing that is wrong.
    pub fault: Option<String>,
}

/// One chain of keys as the records tell it.
struct Chain {
    /// Days named.
    days: BTreeSet<Date>,
    last_day: Date,
    /// The latest key known, and its day.
    opened: DayKey,
    opened_day: Date,
}

/// A draw whose key is not known yet.
struct Waiting {
    seq: u64,
    chain: usize,
    day: Date,
    declaration: DeclarationId,
    trip: u32,
    value: String,
}

/// Follows the records of a journal in their order. What waits for its key is
/// kept: the draws of a day or two, since every day's record opens the day
/// before.
#[derive(Default)]
pub struct DrawAudit {
    chains: Vec<Chain>,
    waiting: Vec<Waiting>,
    report: DrawReport,
    /// What was before the first record is not known.
    is_remainder: bool,
    /// Draws whose day was named before the first record.
    unopenable: u64,
}

impl DrawAudit {
    /// Of a journal whose beginning is not there: a chain may have been named
    /// before its first record.
    #[must_use]
    pub fn of_a_remainder() -> Self {
        Self {
            is_remainder: true,
            ..Self::default()
        }
    }

    /// Takes in a draw-key record.
    pub fn key(&mut self, seq: u64, body: &DrawKeyBody) {
        if let Err(why) = self.take_key(body) {
            self.fault(seq, &why);
        }
    }

    /// Takes in a verdict record.
    pub fn verdict(&mut self, seq: u64, body: &VerdictBody) {
        if let Err(why) = self.take_verdict(seq, body) {
            self.fault(seq, &why);
        }
    }

    /// What was found.
    #[must_use]
    pub fn report(mut self) -> DrawReport {
        self.report.not_open = self.waiting.len() as u64 + self.unopenable;
        self.report.chains = self.chains.len() as u64;
        self.report
    }

    fn fault(&mut self, seq: u64, why: &str) {
        let fault = format!("record {seq}: {why}");
        self.report.fault.get_or_insert(fault);
    }

    fn take_key(&mut self, body: &DrawKeyBody) -> Result<(), String> {
        let day = date(&body.day)?;
        let before = key(&body.sha256)?;
        let yesterday = day.yesterday().map_err(|e| e.to_string())?;
        match &body.chain {
            Some(chain) => self.begin(chain, day, yesterday, &before)?,
            None => self.follow(day, yesterday, &before)?,
        }
        self.open();
        Ok(())
    }

    fn follow(&mut self, day: Date, yesterday: Date, before: &DayKey) -> Result<(), String> {
        if self.is_remainder && self.chains.is_empty() {
            return self.push(day, Date::MAX, before, yesterday);
        }
        let chain = self.chains.last_mut();
        let chain = chain.ok_or("a draw key of no chain: the first must name its chain")?;
        if chain.days.last().is_some_and(|last| *last >= day) {
            return Err(format!("the key of {day} is named out of order"));
        }
        if day > chain.last_day {
            return Err(format!(
                "the chain of draw keys ended on {}",
                chain.last_day
            ));
        }
        if !leads_to(before, yesterday, &chain.opened, chain.opened_day) {
            return Err(format!(
                "the draw key of {day} is not of the chain before: hashed down it gives another \
                 key for {}",
                chain.opened_day
            ));
        }
        chain.days.insert(day);
        (chain.opened, chain.opened_day) = (before.clone(), yesterday);
        Ok(())
    }

    fn begin(
        &mut self,
        said: &DrawChain,
        day: Date,
        yesterday: Date,
        before: &DayKey,
    ) -> Result<(), String> {
        let (anchor_day, last_day) = (date(&said.anchor_day)?, date(&said.last_day)?);
        if !leads_to(before, yesterday, &key(&said.anchor)?, anchor_day) {
            return Err(format!(
                "the draw key of {day} does not lead to the anchor of its chain ({anchor_day})"
            ));
        }
        if let Some(closes) = &said.closes {
            let (over, opened) = (date(&closes.day)?, key(&closes.key)?);
            let chain = self.chains.last_mut();
            if chain.is_none() && self.is_remainder {
                return self.push(day, last_day, before, yesterday);
            }
            let chain = chain.ok_or("it closes a chain of draw keys, and there was none")?;
            if !leads_to(&opened, over, &chain.opened, chain.opened_day) {
                return Err(format!("the key of {over} is not of the chain it closes"));
            }
            (chain.opened, chain.opened_day) = (opened, over);
        }
        self.push(day, last_day, before, yesterday)
    }

    fn push(
        &mut self,
        day: Date,
        last_day: Date,
        before: &DayKey,
        yesterday: Date,
    ) -> Result<(), String> {
        self.chains.push(Chain {
            days: BTreeSet::from([day]),
            last_day,
            opened: before.clone(),
            opened_day: yesterday,
        });
        Ok(())
    }

    fn take_verdict(&mut self, seq: u64, body: &VerdictBody) -> Result<(), String> {
        let Some(draw) = &body.verdict.draw else {
            return Ok(());
        };
        let drawn = body.case.facts.draw.as_ref();
        let same = |d: &crate::model::Draw| {
            (&d.day, d.trip, &d.value) == (&draw.day, draw.trip, &draw.value)
        };
        if !drawn.is_some_and(same) {
            return Err("the verdict's draw is not the one in its case".to_owned());
        }
        let main = body.verdict.declarations.first();
        let main = main.ok_or("a draw for no declaration")?;
        if draw.value.is_empty() {
            self.report.without_key += 1;
            return Ok(());
        }
        let day = date(&draw.day)?;
        let of_day = |chain: &Chain| chain.days.contains(&day);
        let chain = self.chains.iter().rposition(of_day);
        if chain.is_none() && self.is_remainder && self.chains.len() <= 1 {
            self.unopenable += 1;
            return Ok(());
        }
        let chain =
            chain.ok_or_else(|| format!("a draw of {day} before the key of that day was named"))?;
        self.waiting.push(Waiting {
            seq,
            chain,
            day,
            declaration: main.id.clone(),
            trip: draw.trip,
            value: draw.value.clone(),
        });
        if day <= self.chains[chain].opened_day {
            self.open();
        }
        Ok(())
    }

    /// Verifies what waits and has its key now.
    fn open(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut known: Option<(usize, Date, DayKey)> = None;
        for draw in waiting {
            let chain = &self.chains[draw.chain];
            if draw.day > chain.opened_day {
                self.waiting.push(draw);
                continue;
            }
            let at = (draw.chain, draw.day);
            if known.as_ref().is_none_or(|(c, d, _)| (*c, *d) != at) {
                let days = days_between(draw.day, chain.opened_day);
                let key = days.and_then(|days| chain.opened.before(days));
                known = key.map(|key| (draw.chain, draw.day, key));
            }
            let value = known
                .as_ref()
                .map(|(_, _, key)| key.value(&draw.declaration, draw.trip));
            if value.as_ref() == Some(&draw.value) {
                self.report.verified += 1;
            } else {
                let why = format!(
                    "the draw for trip {} of {} is not what the key of {} gives",
                    draw.trip, draw.declaration, draw.day
                );
                self.fault(draw.seq, &why);
            }
        }
    }
}

/// Whether `later`, the key of `later_day`, hashed down gives `earlier`.
fn leads_to(later: &DayKey, later_day: Date, earlier: &DayKey, earlier_day: Date) -> bool {
    let days = days_between(earlier_day, later_day);
    days.and_then(|days| later.before(days)).as_ref() == Some(earlier)
}

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no day: it is written like 2026-11-24"))
}

fn key(text: &str) -> Result<DayKey, String> {
    DayKey::parse(text).ok_or_else(|| "a draw key is 64 hex digits".to_owned())
}

#[cfg(test)]
#[path = "draw_audit_tests.rs"]
mod tests;

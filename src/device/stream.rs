//! A device that gives evidence (scale, camera, seal reader), sans-IO, be it
//! that it speaks by itself or that it is asked ([`Asking`]):
//! bytes or messages in, readings and health out.
//!
//! ```text
//! bytes -> decoder -> frame -> when was it taken (L7)? -> Reading
//!                       \-> health: Back; silence: Late, Lost
//! ```

mod clock;
mod frames;

use std::collections::VecDeque;

use lanegate_core::lane::{Event, Role};
use lanegate_core::model::{Content, DeviceId, DeviceState};
use lanegate_core::skew::{ClockFault, Skew};
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::scale::Stability;
use lanegate_core::wire::{Decoder, Hint, Item, ProtocolKind, SettingFault, protocol};

use super::asking::Asking;
use super::health::{Counts, Health, NoiseShare};
use super::why::{Via, Why};
use crate::config::DeviceConfig;
use crate::metrics::queues::{Level, Queue};

/// Silence on a line that ends a message.
const IDLE: Micros = Micros::from_ms(60);
/// The same of a stream over a network in the middle of a part: it may stand
/// still for a while.
const PULLED_IDLE: Micros = Micros::from_ms(1500);
/// Events kept for whoever drains (L9); from half of it on a driver that can
/// wait reads no more.
const EVENTS_MAX: usize = 64;
/// Silence of a device that speaks only when something happens.
const NEVER: Micros = Micros(u64::MAX);
/// Answers kept for the line.
const TRANSMIT_MAX: usize = 32;

/// A device whose codec cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StreamFault {
    /// The protocol's name is unknown.
    #[error("protocol \"{0}\" is not known")]
    Protocol(String),
    /// One of its settings is wrong.
    #[error("setting: {0}")]
    Setting(SettingFault),
}

/// A device that gives evidence.
pub struct Stream {
    config: DeviceConfig,
    /// None = it speaks by itself.
    asking: Option<Asking>,
    decoder: Box<dyn Decoder + Send>,
    stability: Option<Stability>,
    /// It speaks only when something happens: its line alone tells of it.
    silent: bool,
    skew: Skew,
    health: Health,
    /// Since when the line is open; none = closed.
    opened: Option<Mono>,
    /// Undated readings count only after this much of an open line.
    settle: Micros,
    last_bytes: Option<Mono>,
    hint: Option<Hint>,
    noise: NoiseShare,
    clock_fault: Option<ClockFault>,
    /// Its clock minus ours when it was last proven.
    clock_off_ms: Option<i64>,
    /// Of the seal that told it last.
    battery_pct: Option<u8>,
    counts: Counts,
    dropped: u64,
    superseded: u64,
    events: VecDeque<Event>,
    level: Level,
    transmit: VecDeque<Vec<u8>>,
    items: Vec<Item>,
    /// Digests of the pictures of the message under way.
    pictures: Vec<String>,
}

impl Stream {
    /// A device not yet heard.
    ///
    /// # Errors
    /// The codec cannot be made from the configuration.
    pub fn new(config: DeviceConfig, settle: Micros, now: Mono) -> Result<Self, StreamFault> {
        let known = protocol(&config.protocol)
            .ok_or_else(|| StreamFault::Protocol(config.protocol.clone()))?;
        let decoder = known
            .decoder(&config.settings)
            .map_err(StreamFault::Setting)?;
        // Of a reader's answer every tag counts, of a scale's the first weight.
        let many = known.kind != ProtocolKind::Scale;
        let asking = known
            .ask
            .map(|ask| Asking::new(ask(&config.settings), many));
        // A card reader that is not asked is silent until a card is swiped.
        let silent = config.role == Role::CardReader && known.ask.is_none();
        let silence = match silent {
            true => (NEVER, NEVER),
            false => (config.late, config.lost),
        };
        let via = Via::of(&config.source);
        let health = Health::new(config.id.clone(), via, silence, now);
        Ok(Self {
            asking,
            stability: config.scale.map(|s| Stability::new(s.stable)),
            config,
            decoder,
            silent,
            skew: Skew::new(),
            health,
            opened: None,
            settle,
            last_bytes: None,
            hint: None,
            noise: NoiseShare::new(now),
            clock_fault: None,
            clock_off_ms: None,
            battery_pct: None,
            counts: Counts::default(),
            dropped: 0,
            superseded: 0,
            events: VecDeque::new(),
            level: Level::new(Queue::DeviceReadings, EVENTS_MAX),
            transmit: VecDeque::new(),
            items: Vec::new(),
            pictures: Vec::new(),
        })
    }

    /// The line was (re)opened, or the subscription granted.
    pub fn opened(&mut self, now: Mono) {
        self.counts.opens += 1;
        self.opened = Some(now);
        if let Some(stability) = &mut self.stability {
            stability.reset();
        }
        if let Some(asking) = &mut self.asking {
            asking.opened(now);
            self.ask(now);
        }
        if self.silent {
            let event = self.health.stands(now);
            self.emit(event);
        }
    }

    /// The line is gone, or the broker, or the subscription. What is half a
    /// frame now will never be whole.
    pub fn closed(&mut self, why: Why, now: Now) {
        self.end_message(now);
        self.opened = None;
        self.last_bytes = None;
        self.transmit.clear();
        if let Some(asking) = &mut self.asking {
            asking.closed();
        }
        let event = self.health.gone(why, now.mono);
        self.emit(event);
    }

    /// Bytes of a serial line.
    pub fn bytes(&mut self, bytes: &[u8], now: Now) {
        self.counts.bytes += bytes.len() as u64;
        self.noise.add(bytes.len(), 0, now.mono);
        self.last_bytes = Some(now.mono);
        match &mut self.asking {
            Some(asking) => {
                for part in asking.without_echo(bytes) {
                    self.decoder.push(part, &mut self.items);
                }
            }
            None => self.decoder.push(bytes, &mut self.items),
        }
        self.take_items(false, now);
    }

    /// One whole message without pictures.
    pub fn message(&mut self, payload: &[u8], retained: bool, now: Now) {
        self.pictured(payload, Vec::new(), retained, now);
    }

    /// One whole message, with the digests of its pictures.
    pub fn pictured(&mut self, payload: &[u8], pictures: Vec<String>, retained: bool, now: Now) {
        self.counts.bytes += payload.len() as u64;
        self.noise.add(payload.len(), 0, now.mono);
        self.decoder.push(payload, &mut self.items);
        self.decoder.idle(&mut self.items);
        self.pictures = pictures;
        self.take_items(retained, now);
        self.pictures.clear();
    }

    /// One whole post of `len` bytes, decoded where it came in, with its
    /// pictures, kept by their digests.
    pub fn decoded(&mut self, len: usize, items: Vec<Item>, pictures: Vec<String>, now: Now) {
        self.counts.bytes += len as u64;
        self.noise.add(len, 0, now.mono);
        self.items = items;
        self.pictures = pictures;
        self.take_items(false, now);
        self.pictures.clear();
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.idle_at().is_some_and(|at| at <= now.mono) {
            let came = self.last_bytes.take();
            // What silence ends came before the silence.
            let late = came.map_or(Micros(0), |came| now.mono.since(came));
            self.end_message(match self.config.source.pull() {
                Some(_) => back(now, late),
                None => now,
            });
        }
        if self.asking.as_mut().is_some_and(|a| a.missed(now.mono)) {
            self.counts.timeouts += 1;
            self.end_message(now);
            self.health.no_answer();
        }
        let event = self.health.expire(now.mono);
        self.emit(event);
        self.ask(now.mono);
    }

    /// Puts the question if it is due. What came before it is no answer to it:
    /// a driver empties its port before it writes.
    fn ask(&mut self, now: Mono) {
        let question = self.asking.as_mut().and_then(|a| a.question(now));
        self.transmit.extend(question);
    }

    /// The next reading or change of health.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        self.level.set(self.events.len());
        event
    }

    /// The next bytes to write: a question, or an acknowledgement.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.pop_front()
    }

    /// When [`Self::handle_timeout`] next has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let asking = self.asking.as_ref().and_then(Asking::deadline);
        let all = [self.idle_at(), self.health.deadline(), asking];
        all.into_iter().flatten().min()
    }

    /// Its port's input is emptied before something is written.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.asking.is_some()
    }

    /// Its port is to be opened anew: a question got no answer, and one that
    /// comes late must not be taken for the next one's. Asked once.
    pub fn take_reopen(&mut self) -> bool {
        self.asking.as_mut().is_some_and(Asking::take_reopen)
    }

    /// Which device.
    #[must_use]
    pub const fn id(&self) -> &DeviceId {
        &self.config.id
    }

    /// How it is, and since when.
    #[must_use]
    pub const fn state(&self) -> (DeviceState, Mono) {
        (self.health.state(), self.health.since())
    }

    /// When the last whole frame came.
    #[must_use]
    pub const fn last_frame(&self) -> Option<Mono> {
        self.health.last_frame()
    }

    /// Its counts.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// What is wrong with the line, in words, as far as its bytes tell.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.hint.map(Hint::words)
    }

    /// The charge of the seal that told it last, in percent.
    #[must_use]
    pub const fn battery_pct(&self) -> Option<u8> {
        self.battery_pct
    }

    /// Its clock minus ours in milliseconds, as far as proven.
    #[must_use]
    pub fn skew_ms(&self, now: Now) -> Option<i64> {
        self.skew.off_ms(now.mono, now.wall)
    }

    fn idle_at(&self) -> Option<Mono> {
        let idle = match self.config.source.pull() {
            Some(_) if !self.decoder.is_whole() => PULLED_IDLE,
            Some(_) | None => IDLE,
        };
        self.last_bytes.map(|at| at + idle)
    }

    fn end_message(&mut self, now: Now) {
        self.decoder.idle(&mut self.items);
        self.take_items(false, now);
    }

    fn take_items(&mut self, retained: bool, now: Now) {
        for item in std::mem::take(&mut self.items) {
            match item {
                Item::Frame(frame) => self.take_frame(frame, retained, now),
                Item::Noise { len, hint, .. } => {
                    self.counts.noise_bytes += len as u64;
                    self.counts.noise_runs += 1;
                    self.noise.add(0, len, now.mono);
                    self.hint = hint.or(self.hint);
                    self.health.noise(self.hint);
                    if let Some(stability) = &mut self.stability {
                        stability.reset();
                    }
                }
            }
        }
    }

    /// Of weights not yet drained the latest wins; full, the oldest reading
    /// goes, never a change of health.
    fn emit(&mut self, event: Option<Event>) {
        let Some(event) = event else {
            return;
        };
        let weight =
            |e: &Event| matches!(e, Event::Reading(r) if matches!(r.content, Content::Weight(_)));
        if weight(&event)
            && let Some(last) = self.events.back_mut().filter(|e| weight(e))
        {
            *last = event;
            self.superseded += 1;
            return;
        }
        if self.events.len() >= EVENTS_MAX {
            self.dropped += 1;
            self.level.was_full();
            let reading = |e: &Event| matches!(e, Event::Reading(_));
            let oldest = self.events.iter().position(reading).unwrap_or(0);
            self.events.remove(oldest);
        }
        self.events.push_back(event);
        self.level.set(self.events.len());
    }

    /// [`Self::poll_event`] has something.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// So much waits that a driver that can wait should.
    #[must_use]
    pub fn crowded(&self) -> bool {
        self.events.len() >= EVENTS_MAX / 2
    }

    /// Weights replaced by a later one before anybody looked.
    #[must_use]
    pub const fn superseded(&self) -> u64 {
        self.superseded
    }

    /// Why it is not well, with what to do.
    #[must_use]
    pub const fn why(&self) -> Option<&Why> {
        self.health.why()
    }

    /// Noise in what came of late, in thousandths.
    #[must_use]
    pub fn noise_permille(&self) -> u16 {
        self.noise.permille()
    }

    /// Its clock minus ours in milliseconds when it was last proven.
    #[must_use]
    pub const fn clock_off_ms(&self) -> Option<i64> {
        self.clock_off_ms
    }

    /// What is wrong with its clock.
    #[must_use]
    pub const fn clock_fault(&self) -> Option<ClockFault> {
        self.clock_fault
    }

    /// Events and acknowledgements dropped because nobody drained.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// So much before `now`.
fn back(now: Now, by: Micros) -> Now {
    Now {
        mono: now.mono.back(by),
        wall: now.wall.plus_ms(-i64::try_from(by.as_ms()).unwrap_or(0)),
        clock: now.clock,
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;

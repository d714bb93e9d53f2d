//! A device that gives evidence (scale, camera, seal reader), sans-IO, be it
//! that it speaks by itself or that it is asked ([`Asking`]):
//! bytes or messages in, readings and health out.
//!
//! ```text
//! bytes -> decoder -> frame -> when was it taken (L7)? -> Reading
//!                       \-> health: Back; silence: Late, Lost
//! ```

use std::collections::VecDeque;

use lanegate_core::lane::{Event, Role};
use lanegate_core::model::{
    Content, DeviceId, DeviceState, Reading, SealReading, Taken, WeightReading,
};
use lanegate_core::skew::{ClockFault, Skew};
use lanegate_core::time::{Clock, Micros, Mono, Now, Wall};
use lanegate_core::wire::scale::Stability;
use lanegate_core::wire::{
    Decoder, Frame, Hint, Item, PlatesFrame, ProtocolKind, ReplyContent, ReplyFrame, SealFrame,
    SettingFault, TagFrame, WeightFrame, WeightMode, protocol,
};

use super::asking::Asking;
use super::health::{Counts, Health, NoiseShare, Why};
use super::plates::reading;
use crate::config::DeviceConfig;
use crate::metrics::queues::{Level, Queue};

/// Silence on a serial line that ends a message.
const IDLE: Micros = Micros::from_ms(60);
/// Events kept for whoever drains (L9); from half of it on a driver that can
/// wait reads no more.
const EVENTS_MAX: usize = 64;
/// A stamp this much older than its arrival fits what is known of the
/// device's clock: whole seconds, and a message's way.
const ON_ITS_WAY: Micros = Micros::from_ms(2_000);
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
        let (late, lost) = match silent {
            true => (NEVER, NEVER),
            false => (config.late, config.lost),
        };
        let health = Health::new(config.id.clone(), late, lost, now);
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

    /// One whole message.
    pub fn message(&mut self, payload: &[u8], retained: bool, now: Now) {
        self.counts.bytes += payload.len() as u64;
        self.noise.add(payload.len(), 0, now.mono);
        self.decoder.push(payload, &mut self.items);
        self.decoder.idle(&mut self.items);
        self.take_items(retained, now);
    }

    /// One whole message that came with pictures, kept by their digests.
    pub fn pictured(&mut self, payload: &[u8], pictures: &[String], now: Now) {
        self.pictures = pictures.to_vec();
        self.message(payload, false, now);
        self.pictures.clear();
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.idle_at().is_some_and(|at| at <= now.mono) {
            self.last_bytes = None;
            self.end_message(now);
        }
        if self.asking.as_mut().is_some_and(|a| a.missed(now.mono)) {
            self.counts.timeouts += 1;
            self.end_message(now);
            self.health.blame(Why::NoAnswer);
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

    /// Its clock minus ours in milliseconds, as far as proven.
    #[must_use]
    pub fn skew_ms(&self, now: Now) -> Option<i64> {
        self.skew.off_ms(now.mono, now.wall)
    }

    fn idle_at(&self) -> Option<Mono> {
        self.last_bytes.map(|at| at + IDLE)
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
                    self.health.blame(Why::Noise(self.hint));
                    if let Some(stability) = &mut self.stability {
                        stability.reset();
                    }
                }
            }
        }
    }

    fn take_frame(&mut self, frame: Frame, retained: bool, now: Now) {
        if !self.is_told(&frame, now.mono) {
            return;
        }
        self.counts.frames += 1;
        // A retained message proves nothing about the present.
        if !retained {
            self.hint = None;
            // Given up on and back is a reconnect: what comes first may be old.
            if self.health.state() == DeviceState::Lost && self.opened.is_some() {
                self.opened = Some(now.mono);
            }
            let event = self.health.frame(now.mono);
            self.emit(event);
        }
        match frame {
            Frame::Weight(frame) => self.take_weight(&frame, retained, now),
            Frame::Plates(frame) => self.take_plates(frame, retained, now),
            Frame::Seal(frame) => self.take_seal(frame, retained, now),
            Frame::Tag(frame) => self.take_tag(frame, retained, now),
            Frame::Heartbeat(frame) => {
                self.answer(frame.ack);
                if let Some(at) = frame.at.filter(|_| !retained) {
                    self.learn_sent(at, now);
                    self.note_off(now);
                }
            }
            Frame::Inputs(_) | Frame::Reply(_) | Frame::Exchange(_) => {}
        }
    }

    /// Whether a frame tells anything: not the question itself, not what
    /// nobody asked for, not a refusal.
    fn is_told(&mut self, frame: &Frame, now: Mono) -> bool {
        let content = if let Frame::Reply(ReplyFrame { content, .. }) = frame {
            Some(content)
        } else {
            None
        };
        if content == Some(&ReplyContent::Question) {
            return false;
        }
        if self.asking.as_mut().is_some_and(|a| !a.answered(now)) {
            let len = if let Frame::Weight(weight) = frame {
                weight.raw.len()
            } else {
                1
            };
            self.counts.noise_bytes += len as u64;
            self.counts.noise_runs += 1;
            self.noise.add(0, len, now);
            return false;
        }
        if let Some(ReplyContent::Refused(word)) = content {
            self.counts.refusals += 1;
            self.health.blame(Why::Refuses(word.to_string()));
            return false;
        }
        true
    }

    fn take_weight(&mut self, frame: &WeightFrame, retained: bool, now: Now) {
        let Some(scale) = self.config.scale else {
            return;
        };
        let shown = frame.kg();
        let above = shown.is_some_and(|kg| kg > scale.capacity);
        let overload = frame.overload || above || frame.is_beyond_any_scale();
        // Only gross is compared; a net or tare figure says nothing of it.
        let gross = shown.filter(|_| !overload && frame.mode == WeightMode::Gross);
        let steady = match (&mut self.stability, gross) {
            (Some(stability), Some(kg)) => stability.weight(kg, now.mono),
            (Some(stability), None) => {
                stability.reset();
                false
            }
            (None, _) => false,
        };
        let weight = WeightReading {
            gross,
            stable: gross.is_some() && frame.stable.unwrap_or(steady),
            overload,
        };
        let taken = self.undated(retained, now.mono);
        self.read(Content::Weight(weight), taken, None, now);
    }

    fn take_plates(&mut self, frame: PlatesFrame, retained: bool, now: Now) {
        let live = !frame.replay && !retained;
        if live {
            self.learn_skew(&frame, now);
        }
        let taken = match frame.at {
            _ if !live => Taken::Unusable,
            // A time that cannot be placed on our clock is a doubt, not a "now".
            Some(at) => self
                .skew
                .taken(at)
                .map_or(Taken::Unusable, |t| Taken::At(t.min(now.mono))),
            None => self.undated(retained, now.mono),
        };
        let at = frame.at;
        self.read(
            Content::Plates(reading(frame, self.pictures.clone())),
            taken,
            at,
            now,
        );
    }

    fn learn_skew(&mut self, frame: &PlatesFrame, now: Now) {
        if let Some(sent) = frame.sent {
            self.learn_sent(sent, now);
        }
        if let Some(at) = frame.at {
            let wall = trusted(now).filter(|_| !self.fits(at, now.mono));
            self.skew.observe(at, now.mono, wall);
        }
        self.note_off(now);
        if trusted(now).is_some() {
            self.clock_fault = self.clock_off_ms.and_then(ClockFault::of);
        }
    }

    /// Against a clock that is not believed nothing can be said.
    fn note_off(&mut self, now: Now) {
        self.clock_off_ms = trusted(now).and_then(|_| self.skew_ms(now));
    }

    /// A stamp of the sending: it proves what is known, and teaches where it
    /// contradicts. In whole seconds it is up to a second early, so one that
    /// fits must not make the estimate worse.
    fn learn_sent(&mut self, sent: Wall, now: Now) {
        if self.fits(sent, now.mono) {
            self.skew.observe(sent, now.mono, None);
        } else {
            self.skew.heartbeat(sent, now.mono, trusted(now));
        }
    }

    fn fits(&self, stamp: Wall, arrived: Mono) -> bool {
        let made = self.skew.taken(stamp);
        made.is_some_and(|at| at <= arrived && arrived.since(at) <= ON_ITS_WAY)
    }

    /// Seals keep each its own time, and an old one may be an old event. Only
    /// what no event explains is a fault of its clock.
    fn judge_seal_clock(&mut self, frame: &SealFrame, now: Now) {
        let Some(at) = frame.at.filter(|_| trusted(now).is_some()) else {
            return;
        };
        if frame.replay {
            return;
        }
        self.clock_fault = match ClockFault::of(at - now.wall) {
            Some(ClockFault::Off { s }) if s < 0 => None,
            fault => fault,
        };
    }

    fn take_seal(&mut self, frame: SealFrame, retained: bool, now: Now) {
        self.judge_seal_clock(&frame, now);
        self.answer(frame.ack);
        let seal = SealReading {
            id: frame.id,
            state: frame.state,
            alarms: frame.alarms,
            battery_pct: frame.battery_pct,
            at: frame.at,
            replay: frame.replay || retained,
        };
        // A seal names itself and its time; the rules judge its age. Without a
        // time, or from memory, it is no evidence of a state.
        let dated = seal.at.is_some() && !seal.replay;
        let taken = if dated {
            Taken::OnArrival
        } else {
            Taken::Unusable
        };
        let at = seal.at;
        self.read(Content::Seal(seal), taken, at, now);
    }

    /// A tag or a swipe is of whoever stands at the reader now: without a time
    /// of its own it counts by its arrival, once, on a line proven live.
    fn take_tag(&mut self, frame: TagFrame, retained: bool, now: Now) {
        let content = match self.config.role {
            Role::CardReader => Content::Card(frame.id),
            Role::TagReader => Content::Tag(frame.id),
            // The configuration gives these no reader of tags.
            Role::Camera | Role::Scale | Role::SealReader | Role::ContainerReader => return,
        };
        let taken = self.undated(retained, now.mono);
        self.read(content, taken, None, now);
    }

    /// What the device waits for before it goes on.
    fn answer(&mut self, ack: Option<Vec<u8>>) {
        let Some(ack) = ack else {
            return;
        };
        if self.transmit.len() < TRANSMIT_MAX {
            self.transmit.push_back(ack);
        } else {
            self.dropped += 1;
        }
    }

    /// An undated reading counts as taken when it arrives only on a line that
    /// has been open for a while: right after a (re)connect it may be old.
    fn undated(&self, retained: bool, now: Mono) -> Taken {
        let proven = self.opened.is_some_and(|at| now.since(at) >= self.settle);
        if proven && !retained {
            Taken::OnArrival
        } else {
            Taken::Unusable
        }
    }

    fn read(&mut self, content: Content, taken: Taken, at: Option<Wall>, now: Now) {
        let reading = Reading {
            device: self.config.id.clone(),
            arrived: now.mono,
            taken,
            at,
            content,
        };
        self.emit(Some(Event::Reading(reading)));
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

/// The wall clock, if it is to be believed.
fn trusted(now: Now) -> Option<Wall> {
    (now.clock == Clock::Trusted).then_some(now.wall)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;

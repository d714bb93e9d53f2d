//! What a frame says, as a reading: what was shown, and when it was taken (L7).

use lanegate_core::lane::{Event, Role};
use lanegate_core::model::{
    BoxesReading, Content, DeviceState, Reading, SealReading, SealState, Taken, WeightReading,
};
use lanegate_core::time::{Mono, Now, Wall};
use lanegate_core::wire::{
    Frame, PlatesFrame, ReplyContent, ReplyFrame, SealFrame, TagFrame, WeightFrame, WeightMode,
};

use super::super::plates::reading;
use super::super::why::Why;
use super::{Stream, TRANSMIT_MAX};
use crate::config::Undated;

impl Stream {
    pub(super) fn take_frame(&mut self, frame: Frame, retained: bool, now: Now) {
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
    pub(super) fn is_told(&mut self, frame: &Frame, now: Mono) -> bool {
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

    pub(super) fn take_weight(&mut self, frame: &WeightFrame, retained: bool, now: Now) {
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

    /// The texts of a camera: plates, or where its role says so the numbers of
    /// boxes.
    pub(super) fn take_plates(&mut self, frame: PlatesFrame, retained: bool, now: Now) {
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
            None => match self.config.undated {
                Undated::Never => Taken::Unusable,
                Undated::Arrival => {
                    self.no_later(frame.sent, self.undated(retained, now.mono), now.mono)
                }
            },
        };
        let at = frame.at;
        if self.config.role == Role::ContainerReader {
            let reads = frame.reads.into_iter();
            let boxes = BoxesReading {
                event: frame.event,
                reads: reads.map(|r| (r.text, r.confidence_pct)).collect(),
                pictures: self.pictures.clone(),
            };
            return self.read(Content::Boxes(boxes), taken, at, now);
        }
        self.read(
            Content::Plates(reading(frame, self.pictures.clone())),
            taken,
            at,
            now,
        );
    }

    /// Of a read without a time that says when it was sent: it was taken then or
    /// before.
    fn no_later(&self, sent: Option<Wall>, taken: Taken, now: Mono) -> Taken {
        match (taken, sent) {
            (Taken::OnArrival, Some(sent)) => {
                let then = self.skew.taken(sent);
                then.map_or(Taken::Unusable, |then| Taken::At(then.min(now)))
            }
            (Taken::OnArrival | Taken::At(_) | Taken::Unusable, _) => taken,
        }
    }

    pub(super) fn take_seal(&mut self, frame: SealFrame, retained: bool, now: Now) {
        self.judge_seal_clock(&frame, now);
        self.answer(frame.ack);
        let seal = SealReading {
            id: frame.id,
            state: frame.state,
            event: frame.event.is_some() && frame.state == SealState::Unknown,
            alarms: frame.alarms,
            battery_pct: frame.battery_pct,
            at: frame.at,
            replay: frame.replay || retained,
        };
        // Not every report tells it; from memory it is that of another day.
        if !seal.replay {
            self.battery_pct = seal.battery_pct.or(self.battery_pct);
        }
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
    pub(super) fn take_tag(&mut self, frame: TagFrame, retained: bool, now: Now) {
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
    pub(super) fn answer(&mut self, ack: Option<Vec<u8>>) {
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
    pub(super) fn undated(&self, retained: bool, now: Mono) -> Taken {
        let proven = self.opened.is_some_and(|at| now.since(at) >= self.settle);
        if proven && !retained {
            Taken::OnArrival
        } else {
            Taken::Unusable
        }
    }

    pub(super) fn read(&mut self, content: Content, taken: Taken, at: Option<Wall>, now: Now) {
        let reading = Reading {
            device: self.config.id.clone(),
            arrived: now.mono,
            taken,
            at,
            content,
        };
        self.emit(Some(Event::Reading(reading)));
    }
}

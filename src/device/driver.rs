//! What the threads see of a sans-IO driver.

use lanegate_core::lane::Event;
use lanegate_core::model::{DeviceId, DeviceState};
use lanegate_core::skew::ClockFault;
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::sign::Shown;

use super::board::{Board, BoardCommand};
use super::health::Counts;
use super::sign::{NO_EVENT, SignDriver};
use super::stream::Stream;
use super::why::Why;

/// How a device is, for status and metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Alive or not.
    pub state: DeviceState,
    /// Since when.
    pub since: Mono,
    /// Why it is not well.
    pub why: Option<Why>,
    /// The last whole frame.
    pub last_frame: Option<Mono>,
    /// Counts.
    pub counts: Counts,
    /// Noise in what came of late, in thousandths.
    pub noise_permille: u16,
    /// What its bytes tell about the line.
    pub hint: Option<&'static str>,
    /// What is wrong with its clock.
    pub clock_fault: Option<ClockFault>,
    /// Its clock minus ours in milliseconds, where its messages tell.
    pub clock_off_ms: Option<i64>,
    /// Readings dropped because the lane was slow.
    pub dropped: u64,
    /// The charge of the seal that told it last, in percent: a seal travels with its
    /// truck, and a reader of the lane has no battery of its own.
    pub battery_pct: Option<u8>,
    /// How long the last arm order waited for the bus.
    pub bus_wait: Option<Micros>,
}

/// A sans-IO driver on a line or behind the broker.
pub(super) trait Driver {
    /// What it can be told.
    type Command: Send + 'static;

    /// It has outputs, which are off at a stop.
    const HAS_OUTPUTS: bool;
    /// The port's input is emptied before it writes: what came before a
    /// question is no answer to it.
    fn clears(&self) -> bool;

    fn id(&self) -> &DeviceId;
    fn opened(&mut self, now: Now);
    fn closed(&mut self, why: Why, now: Now);
    fn bytes(&mut self, bytes: &[u8], now: Now);
    /// One whole message, where it is behind the broker, and the digests of its
    /// pictures.
    fn message(&mut self, payload: &[u8], pictures: Vec<String>, retained: bool, now: Now);
    fn handle_timeout(&mut self, now: Now);
    fn command(&mut self, command: Self::Command, now: Now);
    /// Every output off, where it has any.
    fn outputs_off(&mut self, now: Now);
    fn has_event(&self) -> bool;
    fn crowded(&self) -> bool;
    fn poll_event(&mut self) -> Option<Event>;
    fn poll_transmit(&mut self, now: Now) -> Option<Vec<u8>>;
    fn poll_timeout(&self) -> Option<Mono>;
    fn take_reopen(&mut self) -> bool;
    fn is_quiet(&self) -> bool;
    fn seen(&self) -> Seen;
}

impl Driver for Stream {
    type Command = std::convert::Infallible;

    const HAS_OUTPUTS: bool = false;

    fn clears(&self) -> bool {
        self.is_asked()
    }

    fn id(&self) -> &DeviceId {
        self.id()
    }

    fn opened(&mut self, now: Now) {
        self.opened(now.mono);
    }

    fn closed(&mut self, why: Why, now: Now) {
        self.closed(why, now);
    }

    fn bytes(&mut self, bytes: &[u8], now: Now) {
        self.bytes(bytes, now);
    }

    fn message(&mut self, payload: &[u8], pictures: Vec<String>, retained: bool, now: Now) {
        self.pictured(payload, pictures, retained, now);
    }

    fn handle_timeout(&mut self, now: Now) {
        self.handle_timeout(now);
    }

    fn command(&mut self, never: Self::Command, _: Now) {
        match never {}
    }

    fn outputs_off(&mut self, _: Now) {}

    fn has_event(&self) -> bool {
        self.has_event()
    }

    fn crowded(&self) -> bool {
        self.crowded()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn poll_transmit(&mut self, _: Now) -> Option<Vec<u8>> {
        self.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.poll_timeout()
    }

    fn take_reopen(&mut self) -> bool {
        self.take_reopen()
    }

    fn is_quiet(&self) -> bool {
        true
    }

    fn seen(&self) -> Seen {
        let (state, since) = self.state();
        Seen {
            state,
            since,
            why: self.why().cloned(),
            last_frame: self.last_frame(),
            counts: self.counts(),
            noise_permille: self.noise_permille(),
            hint: self.hint(),
            clock_fault: self.clock_fault(),
            clock_off_ms: self.clock_off_ms(),
            dropped: self.dropped(),
            battery_pct: self.battery_pct(),
            bus_wait: None,
        }
    }
}

impl Driver for Board {
    type Command = BoardCommand;

    const HAS_OUTPUTS: bool = true;

    fn clears(&self) -> bool {
        true
    }

    fn id(&self) -> &DeviceId {
        self.id()
    }

    fn opened(&mut self, now: Now) {
        self.opened(now);
    }

    fn closed(&mut self, why: Why, now: Now) {
        self.closed(why, now);
    }

    fn bytes(&mut self, bytes: &[u8], now: Now) {
        self.bytes(bytes, now);
    }

    fn message(&mut self, payload: &[u8], _: Vec<String>, retained: bool, now: Now) {
        self.message(payload, retained, now);
    }

    fn handle_timeout(&mut self, now: Now) {
        self.handle_timeout(now);
    }

    fn command(&mut self, command: BoardCommand, now: Now) {
        self.command(command, now);
    }

    fn outputs_off(&mut self, now: Now) {
        self.command(BoardCommand::AllOff, now);
    }

    fn has_event(&self) -> bool {
        self.has_event()
    }

    /// An answer is always taken in; what is crowded is not asked.
    fn crowded(&self) -> bool {
        false
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn poll_transmit(&mut self, _: Now) -> Option<Vec<u8>> {
        self.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.poll_timeout()
    }

    fn take_reopen(&mut self) -> bool {
        self.take_reopen()
    }

    fn is_quiet(&self) -> bool {
        self.is_quiet()
    }

    fn seen(&self) -> Seen {
        let (state, since) = self.state();
        let counts = self.counts();
        Seen {
            state,
            since,
            why: self.why().cloned(),
            last_frame: self.last_frame(),
            counts,
            noise_permille: self.noise_permille(),
            hint: None,
            clock_fault: None,
            clock_off_ms: None,
            dropped: self.dropped(),
            battery_pct: None,
            bus_wait: self.bus_wait(),
        }
    }
}

impl Driver for SignDriver {
    type Command = Shown;

    const HAS_OUTPUTS: bool = false;

    fn clears(&self) -> bool {
        false
    }

    fn id(&self) -> &DeviceId {
        self.id()
    }

    fn opened(&mut self, now: Now) {
        self.opened(now.mono);
    }

    fn closed(&mut self, why: Why, now: Now) {
        self.closed(why, now.mono);
    }

    fn bytes(&mut self, bytes: &[u8], _: Now) {
        self.bytes(bytes.len());
    }

    fn message(&mut self, payload: &[u8], _: Vec<String>, _: bool, _: Now) {
        self.bytes(payload.len());
    }

    fn handle_timeout(&mut self, _: Now) {}

    fn command(&mut self, shown: Shown, now: Now) {
        self.show(shown, now.mono);
    }

    fn outputs_off(&mut self, _: Now) {}

    fn has_event(&self) -> bool {
        NO_EVENT.is_some()
    }

    fn crowded(&self) -> bool {
        false
    }

    fn poll_event(&mut self) -> Option<Event> {
        NO_EVENT
    }

    fn poll_transmit(&mut self, now: Now) -> Option<Vec<u8>> {
        self.poll_transmit(now.mono)
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.poll_timeout()
    }

    fn take_reopen(&mut self) -> bool {
        false
    }

    fn is_quiet(&self) -> bool {
        true
    }

    fn seen(&self) -> Seen {
        let (state, since) = self.state();
        Seen {
            state,
            since,
            why: self.why().cloned(),
            last_frame: None,
            counts: self.counts(),
            noise_permille: 0,
            hint: None,
            clock_fault: None,
            clock_off_ms: None,
            dropped: 0,
            battery_pct: None,
            bus_wait: None,
        }
    }
}

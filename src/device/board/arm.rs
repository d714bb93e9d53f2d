//! The arm's contacts: one order at a time, pulses that end, and nothing that
//! could move the arm a second time or onto a truck. Sans-IO.
//!
//! ```text
//! order --(other contacts open)--> pulse written --answered--> running --end--> open
//!   |  \--older than ORDER_MAX--> failed        \--no answer--> again, where a second pulse is harmless
//!   \--lower, and the inhibit is on--> withheld: the lane sees the same input and raises
//! ```

use std::collections::BTreeMap;

use lanegate_core::model::Inputs;
use lanegate_core::time::{Micros, Mono};

use crate::config::{ArmDrive, PulseTimer};

/// An order that could not be written within this is void: what was right to
/// do then need not be right now.
const ORDER_MAX: Micros = Micros::from_s(1);
/// Times a pulse is written when it is not answered and a second one is
/// harmless.
const TRIES_MAX: u32 = 3;
/// After this long an impulse drive has arrived or will not: its limit
/// switches alone say where it is.
const TRAVEL_MAX: Micros = Micros::from_s(10);
/// A board's own timing of a pulse may be off by this much.
const TIMING: Micros = Micros::from_ms(300);

/// Which way the arm is told to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Up,
    Down,
    Stop,
}

impl Way {
    /// The output's name in `OutputFailed`.
    pub(super) const fn output(self) -> &'static str {
        match self {
            Self::Up => "arm-up",
            Self::Down => "arm-down",
            Self::Stop => "arm-stop",
        }
    }
}

/// What to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Write {
    /// Begin a pulse.
    Pulse { way: Way, coil: u16 },
    /// Open a contact.
    Open { coil: u16 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Order {
    way: Way,
    at: Mono,
    tries: u32,
}

/// A contact that is or may be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pulse {
    /// Closed for certain from here, once the board has said so.
    from: Option<Mono>,
    /// Closed for certain until here, unless opened earlier.
    until: Mono,
    /// We open it then; none = the board does.
    open_at: Option<Mono>,
    /// Open for certain from here, if the board opens it.
    clear_at: Mono,
}

/// The arm.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    drive: ArmDrive,
    pulse: Micros,
    timer: PulseTimer,
    order: Option<Order>,
    pulses: BTreeMap<u16, Pulse>,
    /// Where the last impulse sends an impulse drive, and since when, until it
    /// is there.
    bound: Option<(Way, Mono)>,
    bus_wait: Option<Micros>,
    withheld: u64,
}

impl Arm {
    pub(super) const fn new(drive: ArmDrive, pulse: Micros, timer: PulseTimer) -> Self {
        Self {
            drive,
            pulse,
            timer,
            order: None,
            pulses: BTreeMap::new(),
            bound: None,
            bus_wait: None,
            withheld: 0,
        }
    }

    /// Takes an order; it makes an older one void. An output that cannot obey.
    pub(super) fn order(
        &mut self,
        way: Way,
        inputs: Option<&Inputs>,
        now: Mono,
    ) -> Option<&'static str> {
        let may = match self.drive {
            ArmDrive::UpDown { .. } => self.coil(way).ok_or(way.output()).map(|_| true),
            ArmDrive::Impulse { .. } => self.impulse(way, inputs),
        };
        match may {
            Ok(true) => {
                self.order = Some(Order {
                    way,
                    at: now,
                    tries: 0,
                });
                None
            }
            Ok(false) => None,
            Err(output) => Some(output),
        }
    }

    /// An impulse drive does the next thing at every pulse: none is given
    /// where the arm already is or already goes, or is not known to be (c06).
    fn impulse(&self, way: Way, inputs: Option<&Inputs>) -> Result<bool, &'static str> {
        let bound = self.bound.map(|(way, _)| way);
        let bound = bound.or(self.order.map(|o| o.way));
        match (way, bound) {
            (Way::Up, Some(Way::Up)) | (Way::Down, Some(Way::Down)) => return Ok(false),
            (_, Some(_)) | (Way::Stop, None) => return Err(way.output()),
            (Way::Up | Way::Down, None) => {}
        }
        match (way, inputs.map(|i| (i.arm_up, i.arm_down))) {
            (Way::Up, Some((false, true))) | (Way::Down, Some((true, false))) => Ok(true),
            (Way::Up, Some((true, false))) | (Way::Down, Some((false, true))) => Ok(false),
            (Way::Up | Way::Down | Way::Stop, _) => Err(way.output()),
        }
    }

    /// New inputs: an impulse drive may have arrived.
    pub(super) fn observe(&mut self, inputs: &Inputs, now: Mono) {
        let over = |(way, since): &mut (Way, Mono)| {
            let arrived = match way {
                Way::Up => inputs.arm_up && !inputs.arm_down,
                Way::Down => inputs.arm_down && !inputs.arm_up,
                Way::Stop => true,
            };
            arrived || now.since(*since) >= TRAVEL_MAX
        };
        self.bound.take_if(over);
    }

    /// What to write next, if anything now.
    pub(super) fn next(&mut self, inputs: Option<&Inputs>, now: Mono) -> Option<Write> {
        self.forget_open(now);
        let due = |p: &Pulse| p.open_at.is_some_and(|at| at <= now);
        if let Some((coil, _)) = self.pulses.iter().find(|(_, p)| due(p)) {
            return Some(Write::Open { coil: *coil });
        }
        let order = self.order?;
        let coil = self.coil(order.way)?;
        if let Some((other, _)) = self.pulses.iter().find(|(c, _)| **c != coil) {
            return Some(Write::Open { coil: *other });
        }
        if order.way == Way::Down {
            // The last interlock. Not known is not clear, but no reason to
            // give the order up either.
            let inhibit = inputs?.inhibit;
            if inhibit {
                self.order = None;
                self.withheld += 1;
                return None;
            }
        }
        Some(Write::Pulse {
            way: order.way,
            coil,
        })
    }

    /// `write` is on its way.
    pub(super) fn sent(&mut self, write: Write, now: Mono) {
        let Write::Pulse { way, coil } = write else {
            return;
        };
        if let Some(order) = &mut self.order {
            order.tries += 1;
            self.bus_wait = Some(now.since(order.at));
        }
        if matches!(self.drive, ArmDrive::Impulse { .. }) {
            self.bound = Some((way, now));
        }
        let by_us = self.timer == PulseTimer::Gateway;
        self.pulses.insert(
            coil,
            Pulse {
                from: None,
                until: now + self.pulse,
                open_at: by_us.then_some(now + self.pulse),
                clear_at: now + self.pulse + TIMING,
            },
        );
    }

    /// The board took `write`.
    pub(super) fn taken(&mut self, write: Write, now: Mono) {
        match write {
            Write::Pulse { way, coil } => {
                if let Some(pulse) = self.pulses.get_mut(&coil) {
                    pulse.from = Some(now);
                    pulse.clear_at = now + self.pulse + TIMING;
                }
                if self.order.is_some_and(|o| o.way == way) {
                    self.order = None;
                }
            }
            Write::Open { coil } => {
                self.pulses.remove(&coil);
            }
        }
    }

    /// `write` was not answered; an output that failed for good.
    pub(super) fn unanswered(&mut self, write: Write) -> Option<&'static str> {
        let Write::Pulse { way, .. } = write else {
            return None;
        };
        let order = self.order.filter(|o| o.way == way)?;
        match self.drive {
            // It may have been heard: a second one could undo the first. The
            // limit switches will tell.
            ArmDrive::Impulse { .. } => {
                self.order = None;
                None
            }
            ArmDrive::UpDown { .. } if order.tries < TRIES_MAX => None,
            ArmDrive::UpDown { .. } => {
                self.order = None;
                Some(way.output())
            }
        }
    }

    /// The board said no to `write`: saying it again changes nothing.
    pub(super) fn refused(&mut self, write: Write) -> &'static str {
        match write {
            Write::Pulse { way, coil } => {
                self.order = None;
                self.bound = None;
                self.pulses.remove(&coil);
                way.output()
            }
            Write::Open { coil } => {
                self.pulses.remove(&coil);
                self.output_of(coil)
            }
        }
    }

    /// Gives up an order that has waited too long; its output.
    pub(super) fn expire(&mut self, now: Mono) -> Option<&'static str> {
        let void = |o: &mut Order| now.since(o.at) >= ORDER_MAX;
        self.order.take_if(void).map(|o| o.way.output())
    }

    /// The board cannot be reached: no order survives that. Its output.
    pub(super) fn lost(&mut self) -> Option<&'static str> {
        self.order.take().map(|o| o.way.output())
    }

    /// A stop: no order, every contact open.
    pub(super) fn all_off(&mut self, now: Mono) {
        self.order = None;
        for coil in self.coils() {
            self.found_closed(coil, now);
        }
    }

    /// `coil` was read back as closed although it should be open.
    pub(super) fn found_closed(&mut self, coil: u16, now: Mono) {
        self.pulses.insert(
            coil,
            Pulse {
                from: None,
                until: now,
                open_at: Some(now),
                clear_at: now,
            },
        );
    }

    /// What a read of `coil`, asked at `asked` and answered at `now`, must
    /// show; none where that cannot be known.
    pub(super) fn expected(&self, coil: u16, asked: Mono, now: Mono) -> Option<bool> {
        let Some(pulse) = self.pulses.get(&coil) else {
            return Some(false);
        };
        // Not every board shows a pulse it times itself among its coils.
        let shown = self.timer == PulseTimer::Gateway;
        let inside = pulse.from.is_some_and(|from| from <= asked) && now <= pulse.until;
        (inside && shown).then_some(true)
    }

    /// When an order that still waits is void.
    pub(super) fn void_at(&self) -> Option<Mono> {
        self.order.map(|o| o.at + ORDER_MAX)
    }

    /// When the next contact is to be opened.
    pub(super) fn opens_at(&self) -> Option<Mono> {
        self.pulses.values().filter_map(|p| p.open_at).min()
    }

    /// No order, and no contact that we must open.
    pub(super) fn is_quiet(&self) -> bool {
        self.order.is_none() && self.pulses.values().all(|p| p.open_at.is_none())
    }

    /// How long the last order waited for the bus.
    pub(super) const fn bus_wait(&self) -> Option<Micros> {
        self.bus_wait
    }

    /// Lower orders withheld because the inhibit was on.
    pub(super) const fn withheld(&self) -> u64 {
        self.withheld
    }

    /// The output that `coil` belongs to.
    pub(super) fn output_of(&self, coil: u16) -> &'static str {
        let ways = [Way::Up, Way::Down, Way::Stop];
        let way = ways.into_iter().find(|w| self.coil(*w) == Some(coil));
        way.unwrap_or(Way::Up).output()
    }

    /// Its coils.
    pub(super) fn coils(&self) -> Vec<u16> {
        let ways = [Way::Up, Way::Down, Way::Stop];
        let mut coils: Vec<u16> = ways.into_iter().filter_map(|w| self.coil(w)).collect();
        coils.dedup();
        coils
    }

    const fn coil(&self, way: Way) -> Option<u16> {
        match (self.drive, way) {
            (ArmDrive::UpDown { up, .. }, Way::Up) => Some(up),
            (ArmDrive::UpDown { down, .. }, Way::Down) => Some(down),
            (ArmDrive::UpDown { stop, .. }, Way::Stop) => stop,
            (ArmDrive::Impulse { coil }, Way::Up | Way::Down) => Some(coil),
            (ArmDrive::Impulse { .. }, Way::Stop) => None,
        }
    }

    /// Pulses the board has ended by itself.
    fn forget_open(&mut self, now: Mono) {
        self.pulses
            .retain(|_, p| p.open_at.is_some() || now < p.clear_at);
    }
}

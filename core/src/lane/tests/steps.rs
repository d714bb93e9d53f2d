//! What may happen in the yard next, and what the yard comes to by itself.

use super::yard::{Arm, Spot, Yard};
use super::*;

/// A step of the world or of the journal, beside the commands drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// What waits becomes durable and is answered.
    Flush,
    /// The arm comes to its end.
    Limit,
    /// The diverter comes to its end.
    Turn,
    /// A truck drives on.
    Drive(usize),
    /// The first truck backs out.
    Back,
    /// Nothing but time.
    Wait,
}

impl Yard {
    fn told_to_go(&self) -> bool {
        self.arm == Arm::Up && self.lights.exit_green
    }

    /// Whether the truck can drive on from where it is.
    pub(super) fn can_drive(&self, truck: usize) -> bool {
        match self.trucks[truck] {
            Spot::Coming => {
                let mut before = self.trucks[..truck].iter();
                before.all(|t| t.gone() || *t == Spot::Under)
            }
            Spot::AtLine => self.told_to_go() || (self.side_exit() && self.lights.to_bay),
            Spot::Nosing => true,
            Spot::Under => !self.rail.turning(),
            Spot::Through | Spot::BackedOut | Spot::AtBay => false,
        }
    }

    fn side_exit(&self) -> bool {
        self.geometry == Geometry::SideExit
    }

    pub(super) fn drive(&mut self, truck: usize) {
        let to_bay = self.side_exit() && self.lights.to_bay;
        self.trucks[truck] = match self.trucks[truck] {
            Spot::Coming => Spot::AtLine,
            Spot::AtLine if to_bay => {
                self.check_way(truck, true);
                Spot::AtBay
            }
            Spot::AtLine => {
                let sent = self.lane.is_none() || self.sent[truck].is_some();
                assert!(sent, "truck {truck} is told to go without a record");
                Spot::Nosing
            }
            Spot::Nosing => Spot::Under,
            Spot::Under => self.way_out(truck),
            Spot::Through => Spot::Through,
            Spot::BackedOut => Spot::BackedOut,
            Spot::AtBay => Spot::AtBay,
        };
    }

    /// Two trucks closer than the clear time are one long vehicle to a loop:
    /// the second comes later than that.
    pub(super) fn come_apart(&mut self, truck: usize) {
        if truck == 1 && self.trucks[1] == Spot::Coming {
            for _ in 0..7 {
                self.poll();
            }
        }
    }

    pub(super) fn moves_arm(&mut self) -> bool {
        let to = match self.arm {
            Arm::Rising => Arm::Up,
            Arm::Falling => Arm::Down,
            Arm::Up | Arm::Down => return false,
        };
        self.arm = to;
        true
    }

    /// What the yard may come to by itself.
    pub(super) fn evolutions(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let mut at = 0;
        while at < all.len() {
            let from = all[at].clone();
            let mut add = |yard: Self| {
                let same =
                    |y: &Self| (y.arm, y.rail, y.trucks) == (yard.arm, yard.rail, yard.trucks);
                if !all.iter().any(same) {
                    all.push(yard);
                }
            };
            let mut arm = from.clone();
            if arm.moves_arm() {
                add(arm);
            }
            let mut rail = from.clone();
            if rail.turns() {
                add(rail);
            }
            for truck in [0, 1] {
                if from.can_drive(truck) {
                    let mut drives = from.clone();
                    drives.drive(truck);
                    add(drives);
                }
            }
            if from.trucks[0] == Spot::AtLine {
                let mut backs = from.clone();
                backs.trucks[0] = Spot::BackedOut;
                add(backs);
            }
            at += 1;
        }
        all
    }

    pub(super) fn is_over(&self) -> bool {
        self.trucks.iter().all(|t| t.gone())
            && self.arm == Arm::Down
            && self.waiting() == 0
            && self.lane().state_name() == "vacant"
    }

    /// The first truck is done with, and so is the arm.
    pub(super) fn is_past_the_first(&self) -> bool {
        self.trucks[0].gone()
            && self.arm == Arm::Down
            && self.waiting() == 0
            && matches!(self.lane().state_name(), "vacant" | "gathering")
    }

    pub(super) fn steps(&self, idle: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let moving = matches!(self.arm, Arm::Rising | Arm::Falling);
        let turning = self.rail.turning();
        if self.waiting() > 0 {
            steps.push(Step::Flush);
        }
        if moving {
            steps.push(Step::Limit);
        }
        if turning {
            steps.push(Step::Turn);
        }
        for truck in [0, 1] {
            if self.can_drive(truck) {
                steps.push(Step::Drive(truck));
            }
        }
        if self.trucks[0] == Spot::AtLine {
            steps.push(Step::Back);
        }
        if !idle && self.waiting() == 0 && !moving && !turning {
            steps.push(Step::Wait);
        }
        steps
    }

    pub(super) fn has_commands(&self) -> bool {
        !self.lane().commands.is_empty()
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Flush => self.flush(),
            Step::Limit => assert!(self.moves_arm()),
            Step::Turn => assert!(self.turns()),
            Step::Drive(truck) => {
                self.come_apart(truck);
                self.drive(truck);
                self.poll();
                if self.trucks[truck] == Spot::AtLine {
                    self.shoot();
                }
                return;
            }
            Step::Back => self.trucks[0] = Spot::BackedOut,
            Step::Wait => {
                for _ in 0..70 {
                    self.poll();
                    if self.has_commands() {
                        return;
                    }
                }
                match self.lane().state_name() {
                    "held" => self.let_go(),
                    "faulted" => self.reset(),
                    _ => {}
                }
                return;
            }
        }
        self.poll();
    }
}

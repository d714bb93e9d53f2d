//! Recovery of the present truck: every order of commit, lift, arm up, truck
//! leaving and arm down, with a crash after every step and between every two
//! commands, again and again until nothing new is left behind.

use super::yard::{Arm, Spot, Story, Yard};
use super::*;

/// A step of the world or of the journal, beside the commands drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// What waits becomes durable and is answered.
    Flush,
    /// The arm comes to its end.
    Limit,
    /// A truck drives on.
    Drive(usize),
    /// The first truck backs out.
    Back,
    /// Nothing but time.
    Wait,
}

/// All that the next start can know, and all that the yard is: two crashes
/// that leave the same behind go on alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct LeftBehind {
    ours_up: bool,
    open: usize,
    /// Of each declaration: issued, passed, reserved, unsettled.
    balances: [(u32, u32, usize, usize); 2],
    arm: Arm,
    trucks: [Spot; 2],
}

impl LeftBehind {
    fn of(yard: &Yard) -> Self {
        let of = |truck| {
            let b = yard.balance(truck);
            (b.issued, b.passed, b.reserved.len(), b.unsettled.len())
        };
        Self {
            ours_up: yard.recovery().ours_up,
            open: yard.ledger.open_passages().count(),
            balances: [of(0), of(1)],
            arm: yard.arm,
            trucks: yard.trucks,
        }
    }
}

#[derive(Default)]
struct Walk {
    /// Orders of steps walked to their end without a crash.
    lives: u64,
    /// Crashes: a point, what of the waiting records was kept, and what the
    /// yard did while nobody was there.
    crashes: u64,
    seen: BTreeSet<LeftBehind>,
    /// How many ways the yard goes on from what was left behind under these
    /// lamps.
    ways: BTreeMap<(LeftBehind, [bool; 2]), u64>,
    todo: Vec<Yard>,
    resumed: u64,
    /// Crashes counted at the last point.
    last: u64,
}

impl Yard {
    fn told_to_go(&self) -> bool {
        self.arm == Arm::Up && self.lights.exit_green
    }

    /// Whether the truck can drive on from where it is.
    fn can_drive(&self, truck: usize) -> bool {
        match self.trucks[truck] {
            Spot::Coming => {
                let mut before = self.trucks[..truck].iter();
                before.all(|t| t.gone() || *t == Spot::Under)
            }
            Spot::AtLine => self.told_to_go() || (self.side_exit() && self.lights.to_bay),
            Spot::Nosing | Spot::Under => true,
            Spot::Through | Spot::BackedOut | Spot::AtBay => false,
        }
    }

    fn side_exit(&self) -> bool {
        self.geometry == Geometry::SideExit
    }

    fn drive(&mut self, truck: usize) {
        let to_bay = self.side_exit() && self.lights.to_bay;
        self.trucks[truck] = match self.trucks[truck] {
            Spot::Coming => Spot::AtLine,
            Spot::AtLine if to_bay => Spot::AtBay,
            Spot::AtLine => Spot::Nosing,
            Spot::Nosing => Spot::Under,
            Spot::Under | Spot::Through => Spot::Through,
            Spot::BackedOut => Spot::BackedOut,
            Spot::AtBay => Spot::AtBay,
        };
    }

    /// Two trucks closer than the clear time are one long vehicle to a loop:
    /// the second comes later than that.
    fn come_apart(&mut self, truck: usize) {
        if truck == 1 && self.trucks[1] == Spot::Coming {
            for _ in 0..7 {
                self.poll();
            }
        }
    }

    fn moves_arm(&mut self) -> bool {
        let to = match self.arm {
            Arm::Rising => Arm::Up,
            Arm::Falling => Arm::Down,
            Arm::Up | Arm::Down => return false,
        };
        self.arm = to;
        true
    }

    /// What the yard may come to by itself.
    fn evolutions(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let mut at = 0;
        while at < all.len() {
            let from = all[at].clone();
            let mut add = |yard: Self| {
                let same = |y: &Self| (y.arm, y.trucks) == (yard.arm, yard.trucks);
                if !all.iter().any(same) {
                    all.push(yard);
                }
            };
            let mut arm = from.clone();
            if arm.moves_arm() {
                add(arm);
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

    fn is_over(&self) -> bool {
        self.trucks.iter().all(|t| t.gone())
            && self.arm == Arm::Down
            && self.waiting() == 0
            && self.lane().state_name() == "vacant"
    }

    /// The first truck is done with, and so is the arm.
    fn is_past_the_first(&self) -> bool {
        self.trucks[0].gone()
            && self.arm == Arm::Down
            && self.waiting() == 0
            && matches!(self.lane().state_name(), "vacant" | "gathering")
    }

    fn steps(&self, idle: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let moving = matches!(self.arm, Arm::Rising | Arm::Falling);
        if self.waiting() > 0 {
            steps.push(Step::Flush);
        }
        if moving {
            steps.push(Step::Limit);
        }
        for truck in [0, 1] {
            if self.can_drive(truck) {
                steps.push(Step::Drive(truck));
            }
        }
        if self.trucks[0] == Spot::AtLine {
            steps.push(Step::Back);
        }
        if !idle && self.waiting() == 0 && !moving {
            steps.push(Step::Wait);
        }
        steps
    }

    fn has_commands(&self) -> bool {
        self.lane().clone().poll_command().is_some()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Flush => self.flush(),
            Step::Limit => assert!(self.moves_arm()),
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

impl Walk {
    /// The daemon may end here: with every part of what waits on the disk,
    /// and with everything the yard may do until the next start.
    fn crash(&mut self, yard: &mut Yard) {
        let before = self.crashes;
        // What the lane knows is lost anyway: it need not be copied.
        let lane = yard.lane.take();
        for kept in 0..=yard.waiting() {
            let mut down = yard.clone();
            down.crash(kept);
            let lamps = [down.lights.exit_green, down.lights.to_bay];
            let key = (LeftBehind::of(&down), lamps);
            if let Some(ways) = self.ways.get(&key) {
                self.crashes += ways;
                continue;
            }
            let ways = down.evolutions();
            self.ways.insert(key, ways.len() as u64);
            self.crashes += ways.len() as u64;
            for left in ways {
                if self.seen.insert(LeftBehind::of(&left)) {
                    self.todo.push(left);
                }
            }
        }
        self.last = self.crashes - before;
        yard.lane = lane;
    }

    fn drain(&mut self, yard: &mut Yard) {
        while let Some(command) = yard.drain_one() {
            match command {
                // Nothing but the lane is another: the point before, again.
                Command::Tell(_)
                | Command::ShowSign(_)
                | Command::LookUp { .. }
                | Command::Recapture { .. }
                | Command::AnswerOrder { .. } => self.crashes += self.last,
                _ => self.crash(yard),
            }
        }
    }

    /// Every order of steps from here on, until the first truck is done with:
    /// the second is then in the place of the first.
    fn every_order(&mut self, yard: &Yard, idle: bool, depth: u32) {
        assert!(
            depth < 60,
            "{:?} {:?}",
            yard.trucks,
            yard.lane().state_name()
        );
        if yard.is_past_the_first() {
            self.lives += 1;
            return;
        }
        for step in yard.steps(idle) {
            let mut next = yard.clone();
            next.take(step);
            let quiet = step == Step::Wait && !next.has_commands();
            self.crash(&mut next);
            self.drain(&mut next);
            self.every_order(&next, quiet, depth + 1);
        }
    }

    /// From a crash to the end, with a crash after every step of it too.
    fn recover(&mut self, mut yard: Yard) {
        let left = LeftBehind::of(&yard);
        let resumed = yard.resumed;
        for _ in 0..20 {
            yard.poll();
        }
        yard.restart();
        self.drain(&mut yard);
        for n in 0.. {
            assert!(
                n < 3000,
                "{left:?} is stuck in {}: {:?}",
                yard.lane().state_name(),
                yard.trucks
            );
            if yard.is_over() {
                break;
            }
            let before = (yard.arm, yard.trucks, yard.waiting());
            self.go_on(&mut yard, n);
            if before != (yard.arm, yard.trucks, yard.waiting()) {
                self.crash(&mut yard);
            }
            self.drain(&mut yard);
        }
        assert_eq!(yard.ledger.open_passages().count(), 0, "{left:?}");
        assert!(yard.ended.values().all(|n| *n == 1), "{:?}", yard.ended);
        if yard.trucks[0] == Spot::Through {
            assert_eq!(
                yard.balance(0).issued,
                1,
                "it drove on for nothing: {left:?}"
            );
        }
        self.resumed += u64::from(yard.resumed > resumed);
    }

    /// One poll, and whatever is due: records at once, the arm and the trucks
    /// at an ordinary pace, the officer where one is needed.
    fn go_on(&mut self, yard: &mut Yard, n: u32) {
        yard.flush();
        self.drain(yard);
        yard.poll();
        self.drain(yard);
        if n % 8 == 7 {
            yard.moves_arm();
        }
        for truck in [0, 1] {
            if n % 4 == 3 && yard.can_drive(truck) {
                yard.come_apart(truck);
                yard.drive(truck);
                yard.poll();
                if yard.trucks[truck] == Spot::AtLine {
                    yard.shoot();
                }
                break;
            }
        }
        match yard.lane().state_name() {
            "held" if yard.waiting() == 0 => yard.let_go(),
            "faulted" if n.is_multiple_of(8) => yard.reset(),
            "arm-up"
                if yard.arm == Arm::Up
                    && !yard
                        .trucks
                        .iter()
                        .any(|t| matches!(t, Spot::Nosing | Spot::Under)) =>
            {
                yard.arm = Arm::Falling;
            }
            _ => {}
        }
    }
}

/// Walks one lane and one story; says how much there was to walk.
fn walk(geometry: Geometry, story: Story) -> Walk {
    let mut walk = Walk::default();
    let mut yard = Yard::new(geometry, story);
    for _ in 0..30 {
        yard.poll();
        walk.drain(&mut yard);
        yard.flush();
    }
    assert_eq!(yard.lane().state_name(), "vacant");
    walk.every_order(&yard, true, 0);
    while let Some(yard) = walk.todo.pop() {
        walk.recover(yard);
    }
    println!(
        "{geometry:?} {story:?}: {} lives, {} crashes, {} left something else behind, {} resumed",
        walk.lives,
        walk.crashes,
        walk.seen.len(),
        walk.resumed
    );
    walk
}

#[test]
fn a_released_truck_is_recovered_from_a_crash_anywhere() {
    for geometry in [Geometry::SideExit, Geometry::BehindBarrier] {
        let walk = walk(geometry, Story::Declared);
        assert!(walk.crashes > 30_000 && walk.seen.len() > 80 && walk.resumed > 0);
    }
}

#[test]
fn a_truck_sent_to_the_bay_is_recovered_from_a_crash_anywhere() {
    for geometry in [Geometry::SideExit, Geometry::BehindBarrier] {
        let walk = walk(geometry, Story::Controlled);
        assert!(walk.crashes > 30_000 && walk.seen.len() > 80 && walk.resumed > 0);
    }
}

#[test]
fn a_truck_an_officer_let_go_is_recovered_from_a_crash_anywhere() {
    for geometry in [Geometry::SideExit, Geometry::BehindBarrier] {
        let walk = walk(geometry, Story::Doubted);
        assert!(walk.crashes > 30_000 && walk.seen.len() > 80 && walk.resumed > 0);
    }
}

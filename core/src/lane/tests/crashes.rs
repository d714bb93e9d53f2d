//! Recovery of the present truck: every order of commit, lift, arm up, truck
//! leaving and arm down, and of the diverter's turn where there is one, with a
//! crash after every step and between every two commands, again and again until
//! nothing new is left behind.
//!
//! Enumerated, in each geometry and story:
//! - *Before a crash*: every order of steps, none left out, until the first
//!   truck and the arm are done with.
//! - *A crash*: at each of those points, with every part of what waits on the
//!   disk and every way the arm, the diverter and the trucks go on meanwhile.
//! - *After it*: from each thing that was left behind, every order of steps
//!   until both trucks are done with, and a crash after every step again. Of
//!   two yards that go on alike (`alike.rs`: all is the same but numbers, and
//!   moments within the same spans) one is walked: that each order is walked
//!   by itself holds before a crash alone.
//!
//! In one order only: from each thing left behind also at an ordinary pace to
//! the end, the arm and the diverter under way for several polls, which is
//! where long times run out. Not here: lost inputs, an arm or a diverter that
//! sticks, a disk that fails. A step takes one poll, and a wait of up to seven
//! seconds is a step only where nothing is under way.

use super::rail::Rail;
use super::steps::Step;
use super::yard::{Arm, Spot, Story, Yard};
use super::*;

/// All that the next start can know, and all that the yard is: two crashes
/// that leave the same behind go on alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct LeftBehind {
    ours_up: bool,
    open: usize,
    /// Of each declaration: issued, passed, reserved, unsettled.
    balances: [(u32, u32, usize, usize); 2],
    arm: Arm,
    rail: Rail,
    sent: [Option<bool>; 2],
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
            rail: yard.rail,
            sent: yard.sent,
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
    /// What a yard after a crash may come to in one step.
    leads: BTreeMap<u64, Vec<u64>>,
    /// Those that are at their end.
    over: Vec<u64>,
    resumed: u64,
    /// Crashes counted at the last point.
    last: u64,
}

impl Walk {
    /// Lives, crashes, what they left behind, yards of a later start.
    fn found(&self) -> [u64; 4] {
        let [left, yards] = [self.seen.len(), self.leads.len()].map(|n| n as u64);
        [self.lives, self.crashes, left, yards]
    }

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
        let steps = yard.steps(idle);
        assert!(!steps.is_empty(), "stuck in {}", yard.lane().state_name());
        for step in steps {
            let mut next = yard.clone();
            next.take(step);
            let quiet = step == Step::Wait && !next.has_commands();
            self.crash(&mut next);
            self.drain(&mut next);
            self.every_order(&next, quiet, depth + 1);
        }
    }

    /// Every order of steps from a restart on until both trucks are done with.
    /// Yards that go on alike are walked once, from whatever crash they come.
    fn every_order_alike(&mut self, yard: &Yard) {
        let name = |yard: &Yard, idle| yard.alike(&LeftBehind::of(yard), idle);
        let mut open = vec![(name(yard, false), yard.clone(), false)];
        while let Some((from, yard, idle)) = open.pop() {
            if self.leads.contains_key(&from) {
                continue;
            }
            let mut leads = Vec::new();
            if yard.is_over() {
                check_over(&yard, &LeftBehind::of(&yard));
                self.over.push(from);
            } else {
                for step in yard.steps(idle) {
                    let mut next = yard.clone();
                    next.take(step);
                    let quiet = step == Step::Wait && !next.has_commands();
                    self.crash(&mut next);
                    self.drain(&mut next);
                    let to = name(&next, quiet);
                    leads.push(to);
                    if !self.leads.contains_key(&to) {
                        open.push((to, next, quiet));
                    }
                }
            }
            self.leads.insert(from, leads);
        }
    }

    /// Yards from which no order of steps comes to an end.
    fn stuck(&self) -> usize {
        let mut from: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (yard, leads) in &self.leads {
            for to in leads {
                from.entry(*to).or_default().push(*yard);
            }
        }
        let mut ends: BTreeSet<u64> = self.over.iter().copied().collect();
        let mut open = self.over.clone();
        while let Some(to) = open.pop() {
            for yard in from.get(&to).into_iter().flatten() {
                if ends.insert(*yard) {
                    open.push(*yard);
                }
            }
        }
        self.leads.len() - ends.len()
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
        self.every_order_alike(&yard);
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
            let parts = |y: &Yard| (y.arm, y.rail, y.trucks, y.waiting());
            let before = parts(&yard);
            self.go_on(&mut yard, n);
            if before != parts(&yard) {
                self.crash(&mut yard);
            }
            self.drain(&mut yard);
        }
        check_over(&yard, &left);
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
        if n % 8 == 5 {
            yard.turns();
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

/// Both trucks are done with: every passage has ended, once, and who drove on
/// has a declaration that says so.
fn check_over(yard: &Yard, left: &LeftBehind) {
    assert_eq!(yard.ledger.open_passages().count(), 0, "{left:?}");
    assert!(yard.ended.values().all(|n| *n == 1), "{:?}", yard.ended);
    let went_on = match yard.trucks[0] {
        Spot::Through => true,
        Spot::AtBay => yard.has_rail(),
        Spot::Coming | Spot::AtLine | Spot::Nosing | Spot::Under | Spot::BackedOut => false,
    };
    let issued = yard.balance(0).issued;
    assert!(!went_on || issued == 1, "it drove on for nothing: {left:?}");
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
    let [lives, crashes, left, yards] = walk.found();
    println!(
        "{geometry:?} {story:?}: {lives} lives, {crashes} crashes, {left} left something else behind, \
         {yards} yards after them, {} over, {} resumed",
        walk.over.len(),
        walk.resumed,
    );
    walk
}

/// Walks the lanes, each with the least it has to find: lives, crashes, what
/// they leave behind, yards of a later start.
fn walk_all(story: Story, lanes: [(Geometry, [u64; 4]); 3]) {
    for (geometry, least) in lanes {
        let walk = walk(geometry, story);
        let found = walk.found();
        let enough = found.iter().zip(least).all(|(n, least)| *n >= least);
        assert!(enough, "{geometry:?} {story:?}: {found:?}, not {least:?}");
        assert!(walk.resumed > 0 && !walk.over.is_empty());
        assert_eq!(walk.stuck(), 0, "{geometry:?} {story:?}: no way to an end");
    }
}

#[test]
fn a_released_truck_is_recovered_from_a_crash_anywhere() {
    let lanes = [
        (Geometry::SideExit, [3000, 240_000, 230, 12_000]),
        (Geometry::BehindBarrier, [3000, 240_000, 230, 12_000]),
        (Geometry::DiverterArm, [4000, 330_000, 330, 16_000]),
    ];
    walk_all(Story::Declared, lanes);
}

#[test]
fn a_truck_sent_to_the_bay_is_recovered_from_a_crash_anywhere() {
    let lanes = [
        (Geometry::SideExit, [700, 60_000, 85, 3500]),
        (Geometry::BehindBarrier, [3000, 210_000, 140, 9500]),
        (Geometry::DiverterArm, [3400, 250_000, 190, 11_500]),
    ];
    walk_all(Story::Controlled, lanes);
}

#[test]
fn a_truck_an_officer_let_go_is_recovered_from_a_crash_anywhere() {
    let lanes = [
        (Geometry::SideExit, [3300, 245_000, 230, 12_000]),
        (Geometry::BehindBarrier, [3300, 245_000, 230, 12_000]),
        (Geometry::DiverterArm, [4200, 335_000, 330, 16_000]),
    ];
    walk_all(Story::Doubted, lanes);
}

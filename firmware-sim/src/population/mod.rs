//! Who comes: trucks with their plates, papers, loads, seals and drivers, and
//! the feed items that customs holds about them. Drawn from the seed alone,
//! before anything moves.

mod documents;
mod numbers;
mod plates;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::options::{Drivers, Faults, Mix, Story, WorldOptions};
use crate::rng::Rng;
pub(crate) use documents::control;
use documents::{Container, Declared, HOUR_MS};
pub(crate) use plates::confused;
use plates::{Bears, Plates, look_alike};

/// How a driver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    Calm,
    Follow,
    Tailgate,
    ReverseEarly { after_ms: u32 },
    ReverseCleared,
    StallAtLine { for_ms: u32 },
    StallUnderArm { for_ms: u32 },
}

/// How a lock that said it is closed says that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// In the next second, by its clock.
    Dated,
    /// Without a fix and so without a time (an all-zero date).
    Undated,
}

/// An e-seal on the truck: the lock's terminal number and its status word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealOn {
    pub(crate) id: String,
    pub(crate) status: u16,
    pub(crate) swipes: bool,
    /// It says first that it is closed.
    pub(crate) takes_back: Option<TakenBack>,
}

/// A control that customs issues while trucks are already coming.
#[derive(Debug, Clone)]
pub(crate) struct LiveControl {
    pub(crate) item: Value,
}

/// Everything that is true about one truck.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) lane: usize,
    pub(crate) story: Story,
    pub(crate) driver: Driver,
    /// What is bolted on.
    pub(crate) plates: Vec<String>,
    /// What a camera makes of it, if always the same wrong thing.
    pub(crate) misread: Option<Vec<String>>,
    /// The declaration the truck is entitled to, if any.
    pub(crate) declaration: Option<String>,
    pub(crate) length_mm: i64,
    pub(crate) gross_kg: i64,
    pub(crate) seals: Vec<SealOn>,
    pub(crate) live_control: Option<LiveControl>,
    /// The truck whose papers this one uses a second time.
    pub(crate) clone_of: Option<usize>,
    /// It and another come with the same papers at about the same time, in two
    /// lanes: whichever is first may go, and the other may not.
    pub(crate) contested: bool,
    /// A tractor and semi-trailer between which a loop may see a gap.
    pub(crate) articulated: bool,
}

/// The trucks in their order of arrival, and what customs knows at `t = 0`.
#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) trucks: Vec<Profile>,
    pub(crate) items: Vec<Value>,
}

/// Sealed: back cover closed, motor locked, rope inserted, acknowledgement asked (JT701 status word).
pub(crate) const SEALED: u16 = 0x20E0;
/// The same with the rope cut alarm.
const ROPE_CUT: u16 = 0x20A8;
/// Locked, but the back cover was opened.
const COVER_OPEN: u16 = 0x10E0;
/// Closed, but neither locked nor roped.
const UNLOCKED: u16 = 0x2020;

impl Population {
    /// Draws the population of `o`.
    pub(crate) fn new(o: &WorldOptions) -> Population {
        let mut maker = Maker::new(o);
        let mut stories = if o.mix.every_story {
            allocate(&o.mix, o.trucks)
        } else {
            draw(&o.mix, o.trucks, &mut maker.rng)
        };
        maker.rng.shuffle(&mut stories);
        let mut clones = pair_clones(&mut stories, o.lanes.max(1));
        if o.faults.level != Faults::None {
            // The last of each lane comes when all is well again, and conforms.
            let first = o.trucks.saturating_sub(o.lanes);
            for (i, story) in stories.iter_mut().enumerate().skip(first) {
                clones.remove(&i);
                *story = Story::Conforming;
            }
        }
        if o.faults.level != Faults::None {
            part_clones(&mut stories, &mut clones, o);
        }
        let originals: Vec<usize> = clones.values().copied().collect();
        for (i, &story) in stories.iter().enumerate() {
            let lane = i % o.lanes.max(1);
            let profile = match clones.get(&i) {
                Some(&original) => maker.clone_of(lane, original),
                None => maker.truck(lane, story, originals.contains(&i)),
            };
            maker.trucks.push(profile);
        }
        maker.assign_drivers(&o.drivers, o.lanes.max(1), &originals);
        if o.faults.level != Faults::None {
            for truck in maker.trucks.iter_mut().rev().take(o.lanes) {
                truck.driver = Driver::Calm;
            }
        }
        Population {
            trucks: maker.trucks,
            items: maker.items,
        }
    }
}

/// The furthest a conforming truck is from its papers.
const DRIFT_KG_MAX: i64 = 680;

/// A story for each truck, drawn by weight.
fn draw(mix: &Mix, trucks: usize, rng: &mut Rng) -> Vec<Story> {
    let total: u64 = Story::ALL.iter().map(|&s| u64::from(mix.weight(s))).sum();
    assert!(total > 0, "a mix needs at least one story");
    let one = |_| {
        let mut left = rng.below(total);
        let drawn = Story::ALL.iter().find(|&&story| {
            let weight = u64::from(mix.weight(story));
            let hit = left < weight;
            left = left.saturating_sub(weight);
            hit
        });
        *drawn.expect("below the total of all weights")
    };
    (0..trucks).map(one).collect()
}

/// How many trucks of each story: quotas by largest remainder, at least one
/// of each wanted story once there are twenty trucks.
fn allocate(mix: &Mix, trucks: usize) -> Vec<Story> {
    let total: u64 = Story::ALL.iter().map(|&s| u64::from(mix.weight(s))).sum();
    assert!(total > 0, "a mix needs at least one story");
    let mut counts: Vec<(Story, usize, u64)> = Story::ALL
        .iter()
        .map(|&s| {
            let share = u64::from(mix.weight(s)) * trucks as u64;
            (s, (share / total) as usize, share % total)
        })
        .collect();
    if trucks >= 20 {
        for (story, count, _) in &mut counts {
            if *count == 0 && mix.weight(*story) > 0 {
                *count = 1;
            }
        }
    }
    let mut placed: usize = counts.iter().map(|c| c.1).sum();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(counts[i].2));
    for i in order {
        if placed < trucks && counts[i].2 > 0 {
            counts[i].1 += 1;
            placed += 1;
        }
    }
    while placed > trucks {
        let largest = (0..counts.len())
            .max_by_key(|&i| counts[i].1)
            .expect("ten stories");
        counts[largest].1 -= 1;
        placed -= 1;
    }
    counts
        .iter()
        .flat_map(|&(s, n, _)| std::iter::repeat_n(s, n))
        .collect()
}

/// Gives each second spender a conforming truck before it in its own lane; a
/// clone that has none changes places, or is a truck nobody declared.
fn pair_clones(stories: &mut [Story], lanes: usize) -> BTreeMap<usize, usize> {
    let mut pairs = BTreeMap::new();
    for lane in 0..lanes {
        let mut free: Vec<usize> = Vec::new();
        let places: Vec<usize> = (lane..stories.len()).step_by(lanes).collect();
        for (n, &i) in places.iter().enumerate() {
            if stories[i] == Story::SpentTwice && free.is_empty() {
                let later = places[n + 1..]
                    .iter()
                    .copied()
                    .find(|&j| stories[j] == Story::Conforming);
                match later {
                    Some(j) => stories.swap(i, j),
                    None => stories[i] = Story::NoDeclaration,
                }
            }
            match stories[i] {
                Story::Conforming => free.push(i),
                Story::SpentTwice => {
                    let original = free.remove(0);
                    pairs.insert(i, original);
                }
                Story::NoDeclaration
                | Story::WrongPlate
                | Story::BrokenSeal
                | Story::Overweight
                | Story::WrongPort
                | Story::Expired
                | Story::UnderControl
                | Story::Misread => {}
            }
        }
    }
    pairs
}

/// Of every second pair the second spender comes right behind the first, in
/// the next lane: two lanes ask for the same trip at about the same time.
fn part_clones(stories: &mut [Story], clones: &mut BTreeMap<usize, usize>, o: &WorldOptions) {
    let last = o.trucks.saturating_sub(o.lanes);
    let pairs: Vec<_> = clones
        .iter()
        .map(|(&clone, &first)| (clone, first))
        .collect();
    for (clone, first) in pairs.into_iter().step_by(2) {
        let next = first + 1;
        let taken = clones.iter().any(|(&c, &f)| c == next || f == next);
        if o.lanes > 1 && next < last && !taken {
            stories.swap(clone, next);
            clones.remove(&clone);
            clones.insert(next, first);
        }
    }
}

/// Makes one truck after the other.
struct Maker<'a> {
    o: &'a WorldOptions,
    rng: Rng,
    plates: Plates,
    serial: u32,
    enterprises_made: u32,
    enterprises: Vec<(String, &'static str)>,
    year: i16,
    trucks: Vec<Profile>,
    items: Vec<Value>,
}

impl<'a> Maker<'a> {
    fn new(o: &'a WorldOptions) -> Maker<'a> {
        let mut maker = Maker {
            o,
            rng: Rng::new(o.seed, 0x504f_5055),
            plates: Plates::default(),
            serial: 0,
            enterprises_made: 0,
            enterprises: Vec::new(),
            year: crate::wall::local(o.start_wall_ms).year(),
            trucks: Vec::with_capacity(o.trucks),
            items: Vec::new(),
        };
        for _ in 0..(o.trucks / 4).clamp(3, 400) {
            let made = maker.new_enterprise();
            maker.enterprises.push(made);
        }
        maker
    }

    fn next_serial(&mut self) -> u32 {
        // Strides that are not 1 keep ids of one run from being a plain count.
        self.serial += 7;
        self.serial
    }

    fn new_enterprise(&mut self) -> (String, &'static str) {
        // A count of their own: their numbers are short, and no two may be the same.
        self.enterprises_made += 1;
        let id = numbers::enterprise(self.enterprises_made);
        let class = self.rng.pick(&[
            "advanced",
            "advanced",
            "advanced",
            "certified",
            "certified",
            "regular",
        ]);
        self.items.push(documents::enterprise(&id, class));
        (id, class)
    }

    fn truck(&mut self, lane: usize, story: Story, paired: bool) -> Profile {
        let bears = self.bears(story);
        let mut plates = self
            .plates
            .truck(&mut self.rng, bears, story == Story::Misread);
        let mut declared = self.declare(&plates, story, paired);
        self.tell(story, &mut declared);
        let theoretical_kg = declared.theoretical_kg();
        let gross_kg = if story == Story::Overweight {
            theoretical_kg + 6000 + self.rng.range(0, theoretical_kg / 10)
        } else {
            theoretical_kg + self.drift_kg()
        };
        let seals = self.seals(&declared, story);
        if story == Story::WrongPlate {
            plates[1] = self.plates.other_second(&mut self.rng, bears);
        }
        let known = story != Story::NoDeclaration;
        if known {
            self.items.push(declared.item());
        }
        let live_control = self.control(story, &declared);
        let articulated = declared.trailer.is_some();
        Profile {
            lane,
            story,
            driver: Driver::Calm,
            misread: (story == Story::Misread).then(|| self.misread(&plates)),
            plates,
            declaration: known.then_some(declared.id),
            length_mm: if articulated {
                self.rng.range(13_000, 16_000)
            } else {
                self.rng.range(8_000, 11_000)
            },
            gross_kg,
            seals,
            live_control,
            clone_of: None,
            contested: false,
            articulated,
        }
    }

    fn clone_of(&mut self, lane: usize, original: usize) -> Profile {
        let contested = self.trucks[original].lane != lane;
        self.trucks[original].contested = contested;
        Profile {
            lane,
            story: Story::SpentTwice,
            clone_of: Some(original),
            ..self.trucks[original].clone()
        }
    }

    fn bears(&mut self, story: Story) -> Bears {
        // A second plate that contradicts needs a truck that has two.
        let of = if story == Story::WrongPlate { 85 } else { 100 };
        match self.rng.below(of) {
            0..70 => Bears::HongKong,
            70..85 => Bears::Macau,
            _ => Bears::Mainland,
        }
    }

    fn declare(&mut self, plates: &[String], story: Story, paired: bool) -> Declared {
        let which = self.rng.below(self.enterprises.len() as u64) as usize;
        let (enterprise, class) = self.enterprises[which].clone();
        // A broken seal needs a sealed box.
        let of = if story == Story::BrokenSeal { 65 } else { 100 };
        let load = match self.rng.below(of) {
            0..65 => "container",
            65..82 => "empty",
            _ => "bulk",
        };
        let trailer = (load == "container").then(|| {
            (
                self.plates.trailer(&mut self.rng),
                self.rng.range(48, 58) * 100,
            )
        });
        let goods_kg = match load {
            "empty" => 0,
            "bulk" => self.rng.range(40, 120) * 100,
            _ => self.rng.range(80, 220) * 100,
        };
        let boxes = if load == "container" {
            self.boxes()
        } else {
            Vec::new()
        };
        let list = class == "advanced" && goods_kg > 0 && !paired && self.rng.chance(80);
        let serial = self.next_serial();
        Declared {
            id: numbers::declaration(&self.o.port, self.year, serial),
            form: if list { "cdl" } else { "rmft" },
            port: self.o.port.clone(),
            enterprise,
            class,
            plates: plates.to_vec(),
            tractor_kg: self.rng.range(78, 92) * 100,
            tare_at_ms: self.o.start_wall_ms - self.rng.range(20, 200) * 24 * HOUR_MS,
            trailer,
            load,
            boxes,
            goods_kg,
            from_ms: self.o.start_wall_ms - 6 * HOUR_MS,
            until_ms: self.o.start_wall_ms + 18 * HOUR_MS,
            trips: list.then_some(20),
        }
    }

    /// What a truck that conforms weighs beside its papers: fuel, water and wear
    /// of the tractor, and what makers' boxes differ by. Most are close; the
    /// furthest are within what every class of the port is allowed.
    fn drift_kg(&mut self) -> i64 {
        let share = self.rng.range(-1000, 1000);
        DRIFT_KG_MAX * share * share.abs() / 1_000_000
    }

    fn boxes(&mut self) -> Vec<Container> {
        let count = if self.rng.chance(200) { 2 } else { 1 };
        (0..count)
            .map(|_| {
                let serial = self.next_serial();
                Container {
                    no: numbers::container(&mut self.rng, serial),
                    tare_kg: if count == 2 { 2200 } else { 3750 },
                    seals: vec![numbers::seal(serial)],
                }
            })
            .collect()
    }

    /// Bends the papers to the story.
    fn tell(&mut self, story: Story, declared: &mut Declared) {
        match story {
            Story::WrongPort => {
                let others = ["5301", "5303", "5320", "5354", "5345"];
                let elsewhere = others
                    .iter()
                    .find(|&&p| p != self.o.port)
                    .expect("five ports");
                declared.port = (*elsewhere).to_owned();
            }
            Story::Expired => {
                declared.from_ms = self.o.start_wall_ms - 30 * HOUR_MS;
                declared.until_ms = self.o.start_wall_ms - 2 * HOUR_MS;
            }
            Story::UnderControl if self.rng.chance(200) => {
                // Its own enterprise, so that a control on it names no other truck.
                let (id, class) = self.new_enterprise();
                declared.enterprise = id;
                declared.class = class;
            }
            Story::Conforming
            | Story::NoDeclaration
            | Story::WrongPlate
            | Story::BrokenSeal
            | Story::Overweight
            | Story::UnderControl
            | Story::SpentTwice
            | Story::Misread => {}
        }
    }

    fn control(&mut self, story: Story, declared: &Declared) -> Option<LiveControl> {
        if story != Story::UnderControl {
            return None;
        }
        let own_enterprise = !self
            .enterprises
            .iter()
            .any(|(id, _)| *id == declared.enterprise);
        let id = format!("c-{}", self.next_serial());
        let (kind, value) = match (own_enterprise, declared.boxes.first(), self.rng.below(3)) {
            (true, _, _) => ("enterprise", &declared.enterprise),
            (false, Some(b), 0) => ("container", &b.no),
            (false, _, 0 | 1) => ("declaration", &declared.id),
            (false, _, _) => ("vehicle", &declared.plates[0]),
        };
        let act = if self.rng.chance(250) {
            "hold"
        } else {
            "inspect"
        };
        let item = documents::control(&id, kind, value, act);
        if self.rng.chance(500) {
            return Some(LiveControl { item });
        }
        self.items.push(item);
        None
    }

    fn seals(&mut self, declared: &Declared, story: Story) -> Vec<SealOn> {
        let mut seals: Vec<SealOn> = declared
            .boxes
            .iter()
            .flat_map(|b| &b.seals)
            .map(|id| SealOn {
                id: id.clone(),
                status: SEALED,
                swipes: self.rng.chance(200),
                takes_back: None,
            })
            .collect();
        if story == Story::BrokenSeal {
            let broken = seals.last_mut().expect("a broken seal needs a sealed box");
            broken.status = self.rng.pick(&[ROPE_CUT, COVER_OPEN, UNLOCKED]);
            broken.swipes = false;
            broken.takes_back =
                self.rng
                    .pick(&[None, None, Some(TakenBack::Dated), Some(TakenBack::Undated)]);
        }
        seals
    }

    fn misread(&mut self, plates: &[String]) -> Vec<String> {
        let first = look_alike(&plates[0], &mut self.rng).expect("made to be misreadable");
        match (plates.get(1), self.rng.below(2)) {
            (Some(second), 0) => vec![first, second.clone()],
            (Some(_) | None, _) => vec![first],
        }
    }

    fn assign_drivers(&mut self, d: &Drivers, lanes: usize, originals: &[usize]) {
        for i in 0..self.trucks.len() {
            let draw = self.rng.below(1000) as u32;
            let driver = self.driver(d, draw);
            let first = i < lanes;
            let alone = matches!(driver, Driver::Follow | Driver::Tailgate) && first;
            // Both halves of a pair drive plainly, so that the first has truly
            // spent the papers before the second comes.
            let paired = originals.contains(&i) || self.trucks[i].clone_of.is_some();
            if !alone && !paired {
                self.trucks[i].driver = driver;
            }
        }
    }

    fn driver(&mut self, d: &Drivers, draw: u32) -> Driver {
        let mut edge = d.follow_permille;
        if draw < edge {
            return Driver::Follow;
        }
        edge += d.tailgate_permille;
        if draw < edge {
            return Driver::Tailgate;
        }
        edge += d.reverse_permille;
        if draw < edge {
            let after_ms = self.rng.range(300, 1500) as u32;
            return if self.rng.chance(500) {
                Driver::ReverseEarly { after_ms }
            } else {
                Driver::ReverseCleared
            };
        }
        edge += d.stall_permille;
        if draw < edge {
            return if self.rng.chance(500) {
                Driver::StallAtLine {
                    for_ms: self.rng.range(3_000, 20_000) as u32,
                }
            } else {
                Driver::StallUnderArm {
                    for_ms: self.rng.range(2_000, 8_000) as u32,
                }
            };
        }
        Driver::Calm
    }
}

#[cfg(test)]
mod tests;

//! What a run is made of: how many trucks, which stories they carry, how
//! their drivers behave, how long things take, what goes wrong.

use std::collections::BTreeSet;

/// Microseconds since the world began.
pub type Us = u64;

/// One millisecond in [`Us`].
pub(crate) const MS: Us = 1000;

/// Everything a world depends on; the same options give the same world.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// Seed of the population, the drivers and every device's jitter.
    pub seed: u64,
    /// Number of lanes.
    pub lanes: usize,
    /// Number of trucks over all lanes.
    pub trucks: usize,
    /// Unix time in milliseconds at `t = 0`.
    pub start_wall_ms: i64,
    /// The controller's name in the authority's topics.
    pub controller: String,
    /// Customs code of the port, e.g. `5345`.
    pub port: String,
    /// How long things take.
    pub times: Times,
    /// Which stories the trucks carry.
    pub mix: Mix,
    /// How the drivers behave.
    pub drivers: Drivers,
    /// How often a camera reads a plate right; 1000 = always, save for the
    /// trucks of story [`Story::Misread`].
    pub plate_read_permille: u32,
    /// Where the inspection bay lies, for all lanes.
    pub geometry: Geometry,
    /// Whether an officer answers holds and resets faulted lanes.
    pub officer: bool,
    /// What goes wrong.
    pub faults: FaultOptions,
}

/// How much goes wrong in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Faults {
    /// Nothing but drivers.
    #[default]
    None,
    /// What a port sees in a bad month.
    Field,
    /// Far more than any port sees.
    Hostile,
}

/// What goes wrong in a run, beside its drivers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultOptions {
    /// How much.
    pub level: Faults,
    /// Kinds that never strike, by name; the others keep how often they do, not
    /// when.
    pub without: BTreeSet<String>,
}

/// Durations in milliseconds.
#[derive(Debug, Clone)]
pub struct Times {
    /// From the entry to standing at the stop line; also reversing out.
    pub approach_ms: u32,
    /// The arm's travel, each way.
    pub arm_ms: u32,
    /// From moving off at the stop line until the rear has left the inhibit loop.
    pub leave_ms: u32,
    /// From a question reaching the officer to the answer.
    pub officer_ms: u32,
    /// From the entry lamp no longer red to the next truck moving.
    pub gap_ms: u32,
    /// Leaving by the side exit, or reaching the bay behind the barrier.
    pub bay_ms: u32,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            approach_ms: 1500,
            arm_ms: 1000,
            leave_ms: 1500,
            officer_ms: 2000,
            gap_ms: 300,
            bay_ms: 3000,
        }
    }
}

/// What is true about a truck and its papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Story {
    /// Everything is as declared.
    Conforming,
    /// No declaration names this truck.
    NoDeclaration,
    /// One of its two plates is not the declared one.
    WrongPlate,
    /// A declared e-seal is cut or open.
    BrokenSeal,
    /// Several tonnes more than declared.
    Overweight,
    /// Declared for another port.
    WrongPort,
    /// Declared for a window that is over.
    Expired,
    /// An inspection order names the truck, its box, seal, papers or enterprise.
    UnderControl,
    /// A second truck under the plates of one that has already gone.
    SpentTwice,
    /// Conforming, but the camera takes a character for its look-alike.
    Misread,
}

impl Story {
    /// All stories, in a fixed order.
    pub const ALL: [Story; 10] = [
        Story::Conforming,
        Story::NoDeclaration,
        Story::WrongPlate,
        Story::BrokenSeal,
        Story::Overweight,
        Story::WrongPort,
        Story::Expired,
        Story::UnderControl,
        Story::SpentTwice,
        Story::Misread,
    ];

    /// What ought to become of a truck with this story.
    pub fn must(self) -> Must {
        match self {
            Story::Conforming => Must::Release,
            Story::Misread => Must::May,
            Story::NoDeclaration
            | Story::WrongPlate
            | Story::BrokenSeal
            | Story::Overweight
            | Story::WrongPort
            | Story::Expired
            | Story::UnderControl
            | Story::SpentTwice => Must::Not,
        }
    }
}

/// The truth about a truck: must, may or must not be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Must {
    /// Must be released.
    Release,
    /// May be released or stopped.
    May,
    /// Must not be released.
    Not,
}

/// Where the inspection bay lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Geometry {
    /// A side exit before the arm leads to the bay.
    SideExit,
    /// The bay lies behind the arm.
    BehindBarrier,
    /// Behind the arm a diverter leads to the road or to the bay, whatever the
    /// lamps say. The third relay drives it.
    DiverterArm,
}

/// Permille weights of the stories, and how they become trucks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    /// Weight of [`Story::Conforming`].
    pub conforming: u32,
    /// Weight of [`Story::NoDeclaration`].
    pub no_declaration: u32,
    /// Weight of [`Story::WrongPlate`].
    pub wrong_plate: u32,
    /// Weight of [`Story::BrokenSeal`].
    pub broken_seal: u32,
    /// Weight of [`Story::Overweight`].
    pub overweight: u32,
    /// Weight of [`Story::WrongPort`].
    pub wrong_port: u32,
    /// Weight of [`Story::Expired`].
    pub expired: u32,
    /// Weight of [`Story::UnderControl`].
    pub under_control: u32,
    /// Weight of [`Story::SpentTwice`].
    pub spent_twice: u32,
    /// Weight of [`Story::Misread`].
    pub misread: u32,
    /// Quotas in place of draws: every story occurs from 20 trucks on.
    pub every_story: bool,
}

impl Mix {
    /// Seven in ten conform; every other story occurs from 20 trucks on.
    pub fn demo() -> Mix {
        Mix {
            conforming: 708,
            no_declaration: 34,
            wrong_plate: 34,
            broken_seal: 34,
            overweight: 34,
            wrong_port: 34,
            expired: 34,
            under_control: 34,
            spent_twice: 34,
            misread: 20,
            every_story: true,
        }
    }

    /// The same weights, each truck drawn by itself: what many short runs come
    /// to together.
    pub fn traffic() -> Mix {
        Mix {
            every_story: false,
            ..Mix::demo()
        }
    }

    /// Every truck has the same story.
    pub fn only(story: Story) -> Mix {
        let mut mix = Mix {
            conforming: 0,
            no_declaration: 0,
            wrong_plate: 0,
            broken_seal: 0,
            overweight: 0,
            wrong_port: 0,
            expired: 0,
            under_control: 0,
            spent_twice: 0,
            misread: 0,
            every_story: true,
        };
        *mix.weight_mut(story) = 1000;
        mix
    }

    pub(crate) fn weight(&self, story: Story) -> u32 {
        *self.clone().weight_mut(story)
    }

    fn weight_mut(&mut self, story: Story) -> &mut u32 {
        match story {
            Story::Conforming => &mut self.conforming,
            Story::NoDeclaration => &mut self.no_declaration,
            Story::WrongPlate => &mut self.wrong_plate,
            Story::BrokenSeal => &mut self.broken_seal,
            Story::Overweight => &mut self.overweight,
            Story::WrongPort => &mut self.wrong_port,
            Story::Expired => &mut self.expired,
            Story::UnderControl => &mut self.under_control,
            Story::SpentTwice => &mut self.spent_twice,
            Story::Misread => &mut self.misread,
        }
    }
}

/// How many of a thousand drivers do something other than drive up, wait for
/// the arm and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drivers {
    /// Drive up to the stop line while the arm is still up for the truck before.
    pub follow_permille: u32,
    /// Drive through behind the truck before without stopping.
    pub tailgate_permille: u32,
    /// Reverse out before a verdict, or although cleared; come back next.
    pub reverse_permille: u32,
    /// Wait long at the line, or halt under the arm.
    pub stall_permille: u32,
}

impl Drivers {
    /// Everybody behaves.
    pub fn none() -> Drivers {
        Drivers {
            follow_permille: 0,
            tailgate_permille: 0,
            reverse_permille: 0,
            stall_permille: 0,
        }
    }

    /// Some of each.
    pub fn lively() -> Drivers {
        Drivers {
            follow_permille: 40,
            tailgate_permille: 15,
            reverse_permille: 24,
            stall_permille: 35,
        }
    }
}

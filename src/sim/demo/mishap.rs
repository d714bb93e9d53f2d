//! What somebody may break while a demonstration runs, to see who notices:
//! one a line on standard input.
//!
//! ```text
//! camera 1     the camera of the first lane says nothing any more
//! arm 2        the arm of the second lane stands where it is
//! acks         the authority takes records and acknowledges none
//! ```

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, sync_channel};

use firmware_sim::World;
use firmware_sim::realtime::Sent;

use super::screen;

/// Mishaps that may wait for the next step of the world.
const WAITING_MAX: usize = 16;

/// One of them; lanes count from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mishap {
    /// A camera says nothing any more.
    CameraSilent {
        /// Whose.
        lane: usize,
    },
    /// An arm stands where it is, whatever it is told.
    ArmJams {
        /// Which.
        lane: usize,
    },
    /// The authority acknowledges no record.
    NoAcknowledgements,
}

impl Mishap {
    /// Reads a line; `lanes` is how many there are.
    ///
    /// # Errors
    /// What may be said in place of it.
    pub fn parse(line: &str, lanes: usize) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (what, which) = (words.next(), words.next());
        let lane = which
            .and_then(|n| n.parse::<usize>().ok())
            .and_then(|n| n.checked_sub(1))
            .filter(|lane| *lane < lanes);
        match (what, lane, words.next()) {
            (Some("camera"), Some(lane), None) => Ok(Self::CameraSilent { lane }),
            (Some("arm"), Some(lane), None) => Ok(Self::ArmJams { lane }),
            (Some("acks"), None, None) if which.is_none() => Ok(Self::NoAcknowledgements),
            _ => Err(format!(
                "{line:?} is no mishap: write camera N, arm N (N from 1 to {lanes}) or acks"
            )),
        }
    }
}

/// Mishaps read from standard input until it ends.
#[must_use]
pub(super) fn heard(lanes: usize) -> Receiver<Mishap> {
    let (to, heard) = sync_channel(WAITING_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            match Mishap::parse(&line, lanes) {
                Ok(mishap) => drop(to.send(mishap)),
                Err(why) => screen::complain(&why),
            }
        }
    });
    heard
}

/// Those that have happened.
#[derive(Debug, Default)]
pub(super) struct Mishaps {
    heard: Option<Receiver<Mishap>>,
    /// Topics below these are silent.
    silent: BTreeSet<String>,
    no_acknowledgements: bool,
}

impl Mishaps {
    pub(super) fn new(heard: Option<Receiver<Mishap>>) -> Self {
        Self {
            heard,
            ..Self::default()
        }
    }

    /// Lets happen what was asked for.
    pub(super) fn happen(&mut self, world: &mut World) {
        let Some(heard) = &self.heard else { return };
        for mishap in heard.try_iter() {
            match mishap {
                Mishap::CameraSilent { lane } => {
                    let sn = &world.lanes()[lane].camera_sn;
                    self.silent.insert(format!("device/{sn}/"));
                }
                Mishap::ArmJams { lane } => world.jam_arm(lane),
                Mishap::NoAcknowledgements => self.no_acknowledgements = true,
            }
        }
    }

    /// Whether this never reaches the daemon.
    pub(super) fn swallow(&self, sent: &Sent) -> bool {
        match sent {
            Sent::Serial { .. } => false,
            Sent::Publish { topic, .. } => {
                self.silent.iter().any(|below| topic.starts_with(below))
                    || self.no_acknowledgements && topic.ends_with("/records/ack")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world_options;

    fn publish(topic: &str) -> Sent {
        Sent::Publish {
            topic: topic.to_owned(),
            payload: Vec::new(),
            retain: false,
            qos: 1,
        }
    }

    #[test]
    fn a_line_names_a_mishap_and_a_lane_there_is() {
        let parse = |line| Mishap::parse(line, 2);
        assert_eq!(parse("camera 1"), Ok(Mishap::CameraSilent { lane: 0 }));
        assert_eq!(parse(" arm  2 "), Ok(Mishap::ArmJams { lane: 1 }));
        assert_eq!(parse("acks"), Ok(Mishap::NoAcknowledgements));
        for wrong in [
            "", "camera", "camera 0", "arm 3", "arm 1 2", "acks 1", "fire",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_broken_says_nothing_and_the_others_go_on() {
        let mut world = World::new(world_options(7, 2, 4));
        let (to, heard) = sync_channel(2);
        let mut mishaps = Mishaps::new(Some(heard));
        let topic = |lane: usize| {
            let sn = &world.lanes()[lane].camera_sn;
            publish(&format!("device/{sn}/message/up/ivs_result"))
        };
        let (first, second) = (topic(0), topic(1));
        let ack = publish("lanegate/sim-x/records/ack");
        mishaps.happen(&mut world);
        assert!(!mishaps.swallow(&first) && !mishaps.swallow(&ack));
        to.send(Mishap::CameraSilent { lane: 0 }).unwrap();
        to.send(Mishap::NoAcknowledgements).unwrap();
        mishaps.happen(&mut world);
        assert!(mishaps.swallow(&first) && mishaps.swallow(&ack));
        assert!(!mishaps.swallow(&second));
        assert!(!mishaps.swallow(&publish("lanegate/sim-x/feed")));
    }
}

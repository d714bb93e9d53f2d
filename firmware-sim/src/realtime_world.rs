//! Lets a [`World`] be played by the real clock.

use crate::Us;
use crate::realtime::{Arrived, RealtimeWorld, Sent};
use crate::{Input, Output, World};

impl RealtimeWorld for World {
    fn next_event(&self) -> Option<Us> {
        World::next_event(self)
    }

    fn advance(&mut self, to: Us) {
        World::advance(self, to);
    }

    fn take_output(&mut self) -> Option<Sent> {
        loop {
            return Some(match World::take_output(self)? {
                Output::Serial { port, bytes } => Sent::Serial { port, bytes },
                Output::Publish {
                    topic,
                    payload,
                    retain,
                    qos,
                } => Sent::Publish {
                    topic,
                    payload,
                    retain,
                    qos,
                },
                // Real wires have a broker and ports of their own; a world
                // played on them has no faults.
                Output::Retained { .. } | Output::Port { .. } | Output::Link { .. } => continue,
            });
        }
    }

    fn input(&mut self, at: Us, arrived: Arrived) {
        let input = match arrived {
            Arrived::Serial { port, bytes } => Input::Serial { port, bytes },
            Arrived::Message { topic, payload } => Input::Message { topic, payload },
        };
        World::input(self, at, input);
    }

    fn finished(&self) -> bool {
        World::finished(self)
    }
}

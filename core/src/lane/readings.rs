//! What devices tell the lane: readings, inputs, and how the devices are.

use super::evidence::Window;
use super::sensors::{ArmSeen, Edge, Edges};
use super::state::{Cause, Phase, State, WhyUp};
use super::{Falling, Lane, Role, Tell};
use crate::model::{Content, DeviceId, DeviceState, Inputs, Outcome, Reading, Supply, Taken};
use crate::record::{EdgeBody, VehiclePlace};
use crate::time::{Micros, Mono, Now};

impl Lane {
    pub(super) fn on_reading(&mut self, reading: Reading, now: Now) {
        if let Content::Inputs(inputs) = reading.content {
            if reading.device == self.config.lane_io {
                self.on_inputs(inputs, reading.arrived, now);
            }
            return;
        }
        if !self.config.devices.contains_key(&reading.device) {
            self.tell(Tell::Dropped("unknown-device"));
            return;
        }
        // What is retained or replayed says nothing of how its device is.
        let was = match reading.taken {
            Taken::At(_) | Taken::OnArrival => {
                self.devices.insert(reading.device.clone(), DeviceState::Ok)
            }
            Taken::Unusable => None,
        };
        if let Content::Weight(weight) = &reading.content {
            let empty = weight.shows_nothing(self.config.division_kg);
            let taken = match reading.taken {
                Taken::At(taken) => Some(taken),
                Taken::OnArrival => Some(reading.arrived),
                Taken::Unusable => None,
            };
            let since_left = taken.is_some_and(|t| t > self.sensors.left_at());
            if empty && since_left && !self.sensors.present() {
                self.seen_empty = true;
            }
        }
        self.offer(&reading, now);
        if was.is_some_and(|was| was != DeviceState::Ok) {
            self.on_facts_changed("device-back", Some(now.mono));
        }
        if !matches!(reading.content, Content::Weight(_)) && self.recent.keep(reading) {
            self.tell(Tell::Dropped("recent-full"));
        }
        self.forget_recent(now);
    }

    fn forget_recent(&mut self, now: Now) {
        let seals_for = Micros::from_s(self.policy.defaults.seal_age_s_max.into());
        self.recent.forget(now.mono, seals_for);
    }

    pub(super) fn on_inputs(&mut self, inputs: Inputs, at: Mono, now: Now) {
        let clear = (self.config.presence_clear, self.config.inhibit_clear);
        let edges = self.sensors.update(inputs, at, self.config.io_stale, clear);
        if edges.presence_raw_off && !matches!(self.state, State::Vacant) {
            self.seen_empty = false;
        }
        self.observe_track(&inputs, edges, now);
        self.observe_unproven(&inputs, edges.gap.is_some());
        if edges
            .gap
            .is_some_and(|gap| gap >= self.config.presence_clear)
        {
            self.on_gap(now);
        }
        self.note_edges(edges, now);
        let bay = inputs.bay.unwrap_or(false);
        if bay && !self.bay_on {
            self.reach_bay(now);
        }
        self.bay_on = bay;
    }

    /// Vehicle edges where nobody decides about the vehicle are records.
    pub(super) fn note_edges(&mut self, edges: Edges, now: Now) {
        let undecided = matches!(
            self.state,
            State::Starting { .. }
                | State::Securing { .. }
                | State::ArmUp { .. }
                | State::Faulted { .. }
        );
        if !undecided {
            return;
        }
        let state = self.state.name();
        let places = [
            (edges.presence, VehiclePlace::StopLine),
            (edges.inhibit, VehiclePlace::UnderArm),
        ];
        for (edge, place) in places {
            if let Some(edge) = edge {
                let body = EdgeBody {
                    place,
                    on: edge == Edge::On,
                    state: state.to_owned(),
                };
                self.note(now, None, vec![body.into()]);
            }
        }
    }

    pub(super) fn on_device(&mut self, device: &DeviceId, state: DeviceState, now: Now) {
        if *device == self.config.lane_io {
            match state {
                DeviceState::Lost => self.on_lane_io_lost(now),
                DeviceState::Late => {}
                DeviceState::Ok => self.say_lights_again(now),
            }
            return;
        }
        let Some(known) = self.devices.get_mut(device) else {
            return;
        };
        let was = std::mem::replace(known, state);
        let is_scale = self.config.devices[device].role == Role::Scale;
        if is_scale
            && state != DeviceState::Ok
            && let Some(passage) = self.state.listening()
        {
            passage.evidence.doubt_weight(device);
        }
        if state == DeviceState::Ok && was != DeviceState::Ok {
            self.on_facts_changed("device-back", Some(now.mono));
        }
    }

    pub(super) fn on_lane_io_lost(&mut self, now: Now) {
        let may_be_up = self.ours_up
            || self.falling != Falling::No
            || self.sensors.arm(now.mono, Micros(u64::MAX / 2)) != ArmSeen::Down;
        self.sensors.forget();
        let in_hand = matches!(
            self.state,
            State::ArmUp {
                why: WhyUp::KeepUp | WhyUp::Maintenance
            }
        );
        let not_begun = matches!(self.state, State::Starting { .. } | State::Faulted { .. });
        if in_hand || not_begun {
            self.tell(Tell::Alarm("lane-io-lost"));
        } else {
            self.enter_faulted(Cause::LaneIo, may_be_up, now);
        }
    }

    /// For so long nobody saw the stop line that another truck may stand
    /// there. A truck that the arm was not commanded for is known no more.
    pub(super) fn on_gap(&mut self, now: Now) {
        let (at, present) = (now.mono, self.sensors.present());
        if let State::Gathering { passage, phase } = &mut self.state {
            passage.window = Window {
                left_at: at,
                arrived: at,
            };
            passage.gather_from = at;
            passage.weigh_from = at;
            passage.recaptures = 0;
            passage.evidence.forget();
            passage.supply = Supply::default();
            *phase = Phase::Collecting {
                recapture_until: None,
            };
            self.tell(Tell::Dropped("inputs-gap"));
        } else if present && (self.state.waiting().is_some() || self.state.is_unlifted()) {
            if let Some(passage) = self.take_passage() {
                self.end_passage(&passage, Outcome::Unknown, None, now);
            }
            self.enter_vacant("inputs-gap");
        } else if let State::Committing { gone, .. } = &mut self.state {
            *gone = true;
        }
    }

    pub(super) fn observe_unproven(&mut self, inputs: &Inputs, gap: bool) {
        if let State::Committing { unproven, .. }
        | State::Cleared {
            unproven,
            lifted_at: None,
            ..
        } = &mut self.state
        {
            unproven.observe(inputs, gap);
        }
    }
}

//! What lies between the devices and the gateway: lines, brokers, the
//! controller's own clock; and what they do to bytes and messages on the way.

use std::collections::VecDeque;

use serde_json::Value;

use super::view::{Link, Output, Phase};
use super::{Event, Port, World};
use crate::authority::Question;
use crate::devices::board::Coil;
use crate::devices::seal;
use crate::faults::{FaultPlan, Kind};
use crate::options::{MS, Must, Story, Us};

/// Messages a broker keeps for a session that is away.
const KEPT_MAX: usize = 512;
/// A batch of the feed is longer than a heartbeat.
const HEARTBEAT_LEN_MAX: usize = 220;

/// The state of what lies between.
#[derive(Debug, Default)]
pub(super) struct Wires {
    /// The brokers are away until then.
    pub(super) devices_down: Us,
    pub(super) authority_down: Us,
    devices_away: bool,
    authority_away: bool,
    /// The authority's broker forgets the session while it is away.
    pub(super) forgets: bool,
    kept: VecDeque<Output>,
    /// Waits for the next message, to come after it.
    swapped: Option<Output>,
    /// Serial ports that are not there, and until when.
    pub(super) gone: Vec<(usize, Port, Us)>,
    /// The controller's clock is off by so much until then.
    pub(super) clock_off_ms: i64,
    pub(super) clock_until: Us,
    pub(super) clock_since: Us,
    /// Messages of the gateway do not overtake one another.
    heard_at: Us,
    /// The last batch of the feed.
    pub(super) old_feed: Option<(String, Vec<u8>)>,
    /// Nobody sets off before.
    pub(super) rest_until: Us,
    /// Nobody answers at the gateway.
    pub(super) gateway_gone: bool,
    pub(super) healed_at: Option<Us>,
    /// The last hold each lane asked about.
    pub(super) last_question: Vec<Option<Question>>,
    /// Items that were overtaken by a later version.
    pub(super) stale: Vec<Option<Value>>,
}

impl Wires {
    pub(super) fn new(lanes: usize) -> Wires {
        Wires {
            last_question: vec![None; lanes],
            ..Wires::default()
        }
    }
}

impl World {
    /// What the controller's clock says beside the true time, in milliseconds.
    pub fn clock_off_ms(&self) -> i64 {
        if self.now < self.wires.clock_until {
            self.wires.clock_off_ms
        } else {
            0
        }
    }

    /// Since when the controller's clock is wrong.
    pub fn clock_wrong_since(&self) -> Option<Us> {
        (self.clock_off_ms() != 0).then_some(self.wires.clock_since)
    }

    /// Whether no loop told where the truck before left and this one came.
    pub fn hidden_change(&self, lane: usize) -> bool {
        let present = self.lanes[lane].present.iter();
        let mut trucks = present.map(|&t| &self.trucks[t]);
        trucks.any(|t| t.swapped || t.close)
    }

    /// Whether somebody is on a lane's presence loop, or it may say so.
    pub fn on_loop(&self, lane: usize) -> bool {
        let mut present = self.lanes[lane].present.iter();
        let somebody = present.any(|&t| self.trucks[t].body.on_presence(self.now));
        let lied_at = self.faults.lanes[lane].presence_lied_at;
        somebody || lied_at.is_some_and(|lied| lied >= self.now)
    }

    /// What stands on a lane's scale at the stop line, unless the scale says
    /// something else. A truck that moves off has been weighed before.
    pub fn weight_kg(&self, lane: usize) -> Option<i64> {
        let frozen = self.faults.lanes[lane].lines[Port::Scale as usize].frozen;
        let present = self.lanes[lane].present.iter();
        let stands = |&t: &usize| self.trucks[t].phase == Phase::AtStopLine;
        if frozen > 0 || !present.clone().copied().any(|t| stands(&t)) {
            return None;
        }
        let loads = present.map(|&t| self.trucks[t].body.load_kg(self.now));
        Some(loads.sum::<i64>()).filter(|&kg| kg > 0)
    }

    /// Whether any output of a lane's board is on.
    pub fn any_output_on(&self, lane: usize) -> bool {
        let board = &self.lanes[lane].board;
        Coil::ALL.iter().any(|&coil| board.coil(coil, self.now))
    }

    /// Sends something on its way.
    pub(super) fn emit(&mut self, output: Output) {
        if self.faults.is_over() {
            return self.out.push_back(output);
        }
        match output {
            Output::Serial { port, bytes } => self.emit_bytes(port, bytes),
            Output::Publish { .. } => self.emit_message(output),
            Output::Retained { .. } | Output::Port { .. } | Output::Link { .. } => {
                self.out.push_back(output);
            }
        }
    }

    fn emit_bytes(&mut self, port: String, bytes: Vec<u8>) {
        let now = self.now;
        let &(lane, which) = self.ports.get(&port).expect("the world's own port");
        let FaultPlan { lanes, rng, .. } = &mut self.faults;
        let line = &mut lanes[lane].lines[which as usize];
        if line.is_well(now) {
            if which == Port::Seal && bytes.first() == Some(&b'$') {
                lanes[lane].old_seal = Some(bytes.clone());
            }
            return self.deliver(Output::Serial { port, bytes });
        }
        let bent = line.bend(now, bytes, rng);
        let whole = matches!(bent.pieces[..], [(at, _)] if at <= now);
        for (at, bytes) in bent.pieces {
            let port = port.clone();
            let output = Output::Serial { port, bytes };
            if at <= now {
                self.deliver(output);
            } else {
                self.schedule(at, Event::Deliver(output));
            }
        }
        if which == Port::Seal && (bent.changed || !whole) {
            // A lock's frame has no checksum: bent, it may say anything; and
            // of two frames one may be lost.
            self.soften(lane, Story::BrokenSeal);
        }
        if which == Port::Scale && bent.lied {
            self.soften(lane, Story::Overweight);
        }
    }

    /// It arrives.
    pub(super) fn deliver(&mut self, output: Output) {
        if let Output::Serial { port, bytes } = &output
            && let Some(&(lane, Port::Seal)) = self.ports.get(port)
            && !seal::is_heartbeat(bytes)
        {
            let l = &self.lanes[lane];
            let mut present = l.present.iter();
            if !present.any(|&t| self.trucks[t].body.on_presence(self.now)) {
                self.lanes[lane].stray_at = Some(self.now);
                self.rest_after_stray();
            }
        }
        self.out.push_back(output);
    }

    /// What a device said is not how it is: who must not be released for it
    /// may be, on those bytes.
    fn soften(&mut self, lane: usize, story: Story) {
        for truck in self.lanes[lane].present.clone() {
            let t = &self.trucks[truck];
            if t.must == Must::Not && t.profile.story == story {
                self.set_must(truck, Must::May);
            }
        }
    }

    fn emit_message(&mut self, output: Output) {
        let Output::Publish { topic, payload, .. } = &output else {
            return;
        };
        let authority = topic.starts_with("lanegate/");
        if authority && topic.ends_with("/feed") && payload.len() > HEARTBEAT_LEN_MAX {
            self.wires.old_feed = Some((topic.clone(), payload.clone()));
            if std::mem::take(&mut self.faults.gap_next) {
                self.faults.count(Kind::FeedGap);
                return;
            }
            if std::mem::take(&mut self.faults.duplicate_next) {
                self.faults.count(Kind::FeedDuplicate);
                self.pass(output.clone(), authority);
            }
        } else if !authority && !self.camera_speaks(topic, payload) {
            return;
        }
        self.pass(output, authority);
    }

    /// Whether the camera of a topic is there; what it said is kept.
    fn camera_speaks(&mut self, topic: &str, payload: &[u8]) -> bool {
        let says = |l: &super::Lane| topic.contains(l.camera.sn.as_str());
        let Some(lane) = self.lanes.iter().position(says) else {
            return true;
        };
        let faults = &mut self.faults.lanes[lane];
        if self.now < faults.camera_lost || self.now < self.wires.devices_down {
            return false;
        }
        if topic.ends_with("ivs_result") {
            faults.old_plate = Some((topic.to_owned(), payload.to_vec()));
        }
        if self.now < faults.camera_late && self.faults.rng.chance(700) {
            let late = self.faults.rng.range(300, 4000) as Us * MS;
            let output = Output::Publish {
                topic: topic.to_owned(),
                payload: payload.to_vec(),
                retain: false,
                qos: 0,
            };
            self.schedule(self.now + late, Event::Deliver(output));
            return false;
        }
        true
    }

    fn pass(&mut self, output: Output, authority: bool) {
        let now = self.now;
        if authority && now < self.wires.authority_down {
            if self.wires.kept.len() == KEPT_MAX {
                self.wires.kept.pop_front();
            }
            return self.wires.kept.push_back(output);
        }
        let has = |kind| self.faults.port.has(kind, now);
        let (doubles, swaps, delays) = (
            has(Kind::MqttDuplicate),
            has(Kind::MqttReorder),
            has(Kind::MqttDelay),
        );
        let rng = &mut self.faults.rng;
        if doubles && rng.chance(500) {
            let later = rng.range(1, 2000) as Us * MS;
            self.schedule(now + later, Event::Deliver(output.clone()));
        }
        let rng = &mut self.faults.rng;
        if delays && rng.chance(600) {
            let later = rng.range(50, 3000) as Us * MS;
            return self.schedule(now + later, Event::Deliver(output));
        }
        if swaps && self.wires.swapped.is_none() && self.faults.rng.chance(400) {
            self.wires.swapped = Some(output);
            return;
        }
        self.out.push_back(output);
        if let Some(earlier) = self.wires.swapped.take() {
            self.out.push_back(earlier);
        }
    }

    // ---- what the gateway sends

    /// What a device gets of the bytes it is sent.
    pub(super) fn carried(&mut self, lane: usize, port: Port, bytes: Vec<u8>) -> Option<Vec<u8>> {
        if self.faults.is_over() {
            return Some(bytes);
        }
        let FaultPlan { lanes, rng, .. } = &mut self.faults;
        let line = &lanes[lane].lines[port as usize];
        if !line.hears(self.now) {
            return None;
        }
        let mut bytes = bytes;
        if self.now < line.flip.max(line.drop) && rng.chance(300) && !bytes.is_empty() {
            let place = rng.below(bytes.len() as u64) as usize;
            bytes[place] ^= 1 << rng.below(8);
        }
        Some(bytes)
    }

    /// A message of the gateway on its way.
    pub(super) fn carry(&mut self, topic: String, payload: Vec<u8>) {
        if topic.ends_with("/feed/answer") {
            // What it had applied is true from now on, whoever hears of it.
            self.applied(&payload);
        }
        let now = self.now;
        // What is still on its way is not overtaken.
        if self.faults.is_over() && now >= self.wires.heard_at {
            return self.message(&topic, &payload);
        }
        let down = if topic.starts_with("lanegate/") {
            self.wires.authority_down
        } else {
            self.wires.devices_down
        };
        if now < down {
            return;
        }
        let has = |kind| self.faults.port.has(kind, now);
        let (doubles, delays) = (has(Kind::MqttDuplicate), has(Kind::MqttDelay));
        let rng = &mut self.faults.rng;
        let twice = doubles && rng.chance(300);
        let mut at = now;
        if delays && rng.chance(600) {
            at += rng.range(20, 1500) as Us * MS;
        }
        // A thousand records are not a thousand times as late as one.
        let at = at.max(self.wires.heard_at);
        self.wires.heard_at = at;
        for _ in 0..=usize::from(twice) {
            if at == now {
                self.message(&topic, &payload);
            } else {
                let (topic, payload) = (topic.clone(), payload.clone());
                self.schedule(at, Event::Hear { topic, payload });
            }
        }
    }

    // ---- gone and back

    /// Tells of what has gone and what is back.
    pub(super) fn mend(&mut self) {
        let now = self.now;
        let devices = now < self.wires.devices_down;
        if devices != self.wires.devices_away {
            self.wires.devices_away = devices;
            self.tell_link(Link::Devices, !devices);
        }
        let authority = now < self.wires.authority_down;
        if authority != self.wires.authority_away {
            self.wires.authority_away = authority;
            self.tell_link(Link::Authority, !authority);
            if !authority {
                let forgets = std::mem::take(&mut self.wires.forgets);
                let kept = std::mem::take(&mut self.wires.kept);
                self.out.extend(kept.into_iter().filter(|_| !forgets));
            }
        }
        let back = |gone: &mut (usize, Port, Us)| gone.2 <= now;
        let back: Vec<_> = self.wires.gone.extract_if(.., back).collect();
        for (lane, which, _) in back {
            let port = self.port_name(lane, which);
            self.out.push_back(Output::Port { port, open: true });
        }
    }

    fn tell_link(&mut self, link: Link, up: bool) {
        self.out.push_back(Output::Link { link, up });
    }

    pub(super) fn port_name(&self, lane: usize, which: Port) -> String {
        let layout = &self.lanes[lane].layout;
        match which {
            Port::Scale => layout.scale_port.clone(),
            Port::Io => layout.io_port.clone(),
            Port::Seal => layout.seal_port.clone(),
        }
    }

    /// Everything on its way arrives, everything gone is back.
    pub(super) fn heal_wires(&mut self) {
        let now = self.now;
        self.wires.devices_down = now;
        self.wires.authority_down = now;
        self.wires.clock_until = now;
        self.wires.rest_until = now;
        for gone in &mut self.wires.gone {
            gone.2 = now;
        }
        let swapped = self.wires.swapped.take();
        self.out.extend(swapped);
        self.mend();
    }
}

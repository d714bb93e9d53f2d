//! The devices' side of the world: what boards, scales, cameras and seal
//! readers hear and say.

use super::lane::Truck;
use super::view::{Output, Phase};
use super::{Event, World};
use crate::devices::{camera, scale, seal};
use crate::options::{Faults, MS, Must, Story, Us};

use crate::population::{SEALED, TakenBack, confused};

const SCALE_US: Us = 200 * MS;
/// Between two signs of life of a device that has nothing else to say.
pub(super) const ALIVE_US: Us = 5000 * MS;
const SEAL_REPEAT_US: Us = 5000 * MS;
const SEAL_SENDS_MAX: u8 = 3;
const DIVISION_KG: i64 = 20;
/// Of the plates a camera gets wrong, so many it does not read at all.
const UNREAD_PERMILLE: u32 = 300;
/// From the first poll of a board to the first truck: longer than a gateway
/// takes to trust fresh inputs.
const OPEN_US: Us = 3000 * MS;

impl World {
    /// Lets the devices that speak by themselves begin, each in its own rhythm.
    pub(super) fn start_devices(&mut self, lane: usize) {
        let rng = &mut self.lanes[lane].rng;
        let (a, b, c) = (
            rng.below(SCALE_US),
            rng.below(ALIVE_US),
            rng.below(1000 * MS),
        );
        self.schedule(a, Event::Scale { lane });
        self.schedule(b, Event::KeepAlive { lane });
        self.schedule(c, Event::SealPort { lane });
    }

    // ---- I/O board

    pub(super) fn io_bytes(&mut self, lane: usize, bytes: &[u8]) {
        let now = self.now;
        let bits = self.input_bits(lane);
        let l = &mut self.lanes[lane];
        let (answers, switched) = l.board.feed(now, bytes, || bits);
        let mut at = now;
        let polled = l.board.polled && !l.opening;
        for answer in answers {
            at += self.lanes[lane].rng.range(3_000, 8_000) as Us;
            let port = self.lanes[lane].layout.io_port.clone();
            self.schedule(
                at,
                Event::Emit(Output::Serial {
                    port,
                    bytes: answer,
                }),
            );
        }
        if polled {
            self.lanes[lane].opening = true;
            self.schedule(now + OPEN_US + lane as Us * 400 * MS, Event::Open { lane });
        }
        if !switched.is_empty() {
            self.switched(lane, &switched);
        }
    }

    /// Inputs 0 presence, 1 closing inhibit, 2 limit up, 3 limit down, 4 bay,
    /// 5 diverter at the bay.
    fn input_bits(&self, lane: usize) -> u8 {
        let (l, now) = (&self.lanes[lane], self.now);
        let any = |sees: &dyn Fn(&Truck) -> bool| l.present.iter().any(|&t| sees(&self.trucks[t]));
        let bits = u8::from(any(&|t| t.body.on_presence(now)))
            | u8::from(any(&|t| t.body.on_inhibit(now))) << 1
            | u8::from(l.arm.is_up(now)) << 2
            | u8::from(l.arm.is_down(now)) << 3
            | u8::from(now < l.bay_until) << 4
            | u8::from(l.diverter.at_bay(now)) << 5;
        self.lie(lane, bits)
    }

    // ---- scale

    pub(super) fn weigh(&mut self, lane: usize) {
        let now = self.now;
        let l = &mut self.lanes[lane];
        let (mut kg, mut settled) = (0, true);
        for &t in &l.present {
            kg += self.trucks[t].body.load_kg(now);
            settled &= self.trucks[t].body.settled(now);
        }
        if kg == 0 {
            // Wind and rain move an empty platform by a division now and then.
            kg = if l.rng.chance(30) { DIVISION_KG } else { 0 };
        } else if !settled {
            kg += l.rng.range(-2, 2) * DIVISION_KG;
        }
        let bytes = scale::frame(scale::round(kg, DIVISION_KG)).to_vec();
        let port = l.layout.scale_port.clone();
        self.emit(Output::Serial { port, bytes });
        self.schedule(now + SCALE_US, Event::Scale { lane });
    }

    // ---- camera

    pub(super) fn keep_alive(&mut self, lane: usize) {
        let wall_ms = self.camera_us(lane) / 1000;
        let camera = &mut self.lanes[lane].camera;
        let (topic, payload) = (camera.topic("up/keep_alive"), camera.keep_alive(wall_ms));
        self.emit(Output::Publish {
            topic,
            payload,
            retain: false,
            qos: 0,
        });
        self.schedule(self.now + ALIVE_US, Event::KeepAlive { lane });
    }

    /// One recognition 900 ms before to 600 ms after presence, sometimes sent twice.
    pub(super) fn photograph(&mut self, truck: usize, presence: Us) {
        let t = &mut self.trucks[truck];
        let (lane, early) = (t.profile.lane, 900 * MS);
        let at = (presence + t.rng.below(1500 * MS))
            .saturating_sub(early)
            .max(self.now);
        let twice = t.rng.chance(300);
        let vehicle = self.lanes[lane].camera.next_vehicle();
        let shoot = |trigger| Event::Shoot {
            lane,
            truck,
            trigger,
            vehicle,
        };
        self.schedule(at, shoot(camera::AUTOMATIC));
        if twice {
            self.schedule(at + 300 * MS, shoot(camera::AUTOMATIC));
        }
    }

    pub(super) fn shoot(&mut self, lane: usize, truck: usize, trigger: u8, vehicle: u64) {
        if self.trucks[truck].phase != Phase::Queued && !self.trucks[truck].phase.is_over() {
            let plates = self.seen_plates(truck);
            let t = &mut self.trucks[truck];
            t.first_read
                .get_or_insert(plates.first() == t.profile.plates.first());
            self.send_shot(lane, plates, trigger, vehicle);
        }
    }

    pub(super) fn recapture(&mut self, lane: usize) {
        let now = self.now;
        let present = self.lanes[lane].present.iter().copied();
        let there: Option<usize> = { present }.find(|&t| self.trucks[t].body.on_presence(now));
        let plates = there.map_or_else(Vec::new, |t| self.seen_plates(t));
        let vehicle = self.lanes[lane].camera.next_vehicle();
        self.send_shot(lane, plates, camera::SOFTWARE, vehicle);
    }

    pub(super) fn send_shot(
        &mut self,
        lane: usize,
        plates: Vec<String>,
        trigger: u8,
        vehicle: u64,
    ) {
        let unix_us = self.camera_us(lane);
        let l = &mut self.lanes[lane];
        let shot = camera::Shot {
            unix_us,
            plates,
            confidence_pct: l.rng.range(88, 99) as u8,
            trigger,
            vehicle,
        };
        let payload = l.camera.result(&shot);
        let topic = l.camera.topic("up/ivs_result");
        // Recognition and the network take their time.
        let at = self.now + l.rng.range(60, 180) as Us * MS;
        self.schedule(
            at,
            Event::Emit(Output::Publish {
                topic,
                payload,
                retain: false,
                qos: 1,
            }),
        );
        self.shoot_again(lane, shot);
    }

    /// What the camera makes of the truck's plates, this time.
    fn seen_plates(&mut self, truck: usize) -> Vec<String> {
        let right_permille = self.o.plate_read_permille;
        let t = &mut self.trucks[truck];
        if let Some(misread) = &t.profile.misread {
            return misread.clone();
        }
        // The plate that contradicts is always read: without it the bytes
        // would tell of a truck that may be released.
        if t.profile.story == Story::WrongPlate {
            return t.profile.plates.clone();
        }
        let lane = t.profile.lane;
        let struck = self.faults.misreads_next(lane);
        let mut seen = Vec::with_capacity(2);
        for plate in &t.profile.plates {
            // A camera that reads everything right draws once a picture.
            let right = right_permille == 1000 && !seen.is_empty() || t.rng.chance(right_permille);
            if right && !(struck && seen.is_empty()) {
                seen.push(plate.clone());
            } else if t.rng.chance(UNREAD_PERMILLE) {
                continue;
            } else {
                seen.extend(confused(plate, &mut t.rng));
            }
        }
        if seen == t.profile.plates {
            return seen;
        }
        t.misread = true;
        if t.must == Must::Release {
            self.set_must(truck, Must::May);
        }
        seen
    }

    /// A command to a camera.
    pub(super) fn camera_message(&mut self, topic: &str, payload: &[u8]) {
        let Some((sn, command)) = topic
            .strip_prefix("device/")
            .and_then(|rest| rest.split_once("/message/down/"))
        else {
            return;
        };
        let Some(lane) = self.lanes.iter().position(|l| l.camera.sn == sn) else {
            return;
        };
        let Ok(message) = serde_json::from_slice::<serde_json::Value>(payload) else {
            return;
        };
        if command != "ivs_trigger" || message["name"] != "ivs_trigger" {
            return;
        }
        let wall_ms = self.camera_us(lane) / 1000;
        let l = &mut self.lanes[lane];
        let payload = l
            .camera
            .trigger_reply(message["id"].as_str().unwrap_or_default(), wall_ms);
        let topic = l.camera.topic("down/ivs_trigger/reply");
        let shoot_at = self.now + l.rng.range(240, 420) as Us * MS;
        let reply = Output::Publish {
            topic,
            payload,
            retain: false,
            qos: 0,
        };
        self.schedule(self.now + 40 * MS, Event::Emit(reply));
        self.schedule(shoot_at, Event::Recapture { lane });
    }

    // ---- seal reader

    pub(super) fn seal_port_alive(&mut self, lane: usize) {
        // The reader's own terminal number; no seal of the population has it.
        let bytes = seal::heartbeat(&format!("7000{lane:06}"));
        let port = self.lanes[lane].layout.seal_port.clone();
        self.emit(Output::Serial { port, bytes });
        self.schedule(self.now + ALIVE_US, Event::SealPort { lane });
    }

    /// The seals of a truck that has come into reach report within 1.2 s.
    pub(super) fn announce_seals(&mut self, truck: usize) {
        let lane = self.trucks[truck].profile.lane;
        for seal in self.trucks[truck].profile.seals.clone() {
            let t = &mut self.trucks[truck];
            let at = self.now + t.rng.below(1200 * MS);
            let battery_pct = t.rng.range(35, 95) as u8;
            let (swiped_us, swipe_at) = (
                t.rng.below(55_000 * MS) + 5_000 * MS,
                at + t.rng.below(300 * MS),
            );
            let serial = self.next_seal_serial(lane);
            let at_ms = self.wall_ms_at(at);
            let report = |at_ms, status, serial| {
                seal::position(&seal.id, at_ms, status, battery_pct, serial)
            };
            // In one breath: which of two pieces gets through would decide
            // what the lane can know.
            // Over a real line the second takes its time, and what had not come
            // when the arm rose nobody could know.
            let takes_back = seal
                .takes_back
                .filter(|_| self.o.faults.level != Faults::None);
            let bytes = match takes_back {
                None => report(Some(at_ms), seal.status, serial),
                Some(back) => {
                    let first = self.next_seal_serial(lane);
                    let dated = (back == TakenBack::Dated).then_some(at_ms + 1000);
                    let mut both = report(Some(at_ms), SEALED, first);
                    both.extend(report(dated, seal.status, serial));
                    both
                }
            };
            self.schedule(
                at,
                Event::Report {
                    lane,
                    truck,
                    serial,
                    sent: 0,
                    bytes,
                },
            );
            if seal.swipes {
                let serial = self.next_seal_serial(lane);
                let locked_ms = self.wall_ms() - (swiped_us / MS) as i64;
                let bytes = seal::locked(&seal.id, locked_ms, serial);
                self.schedule(
                    swipe_at,
                    Event::Report {
                        lane,
                        truck,
                        serial,
                        sent: 0,
                        bytes,
                    },
                );
            }
        }
    }

    /// Sends a report, and again after 5 s until acknowledged, three times in all.
    pub(super) fn report(
        &mut self,
        lane: usize,
        truck: usize,
        serial: u8,
        sent: u8,
        bytes: Vec<u8>,
    ) {
        let l = &mut self.lanes[lane];
        if !l.unacked.contains(&serial) || !l.present.contains(&truck) || sent >= SEAL_SENDS_MAX {
            l.unacked.remove(&serial);
            return;
        }
        let port = l.layout.seal_port.clone();
        if self.trucks[truck].merged {
            l.stray_seals = true;
            l.stray_at = Some(self.now);
        }
        self.emit(Output::Serial {
            port,
            bytes: bytes.clone(),
        });
        let again = Event::Report {
            lane,
            truck,
            serial,
            sent: sent + 1,
            bytes,
        };
        self.schedule(self.now + SEAL_REPEAT_US, again);
    }

    pub(super) fn seal_bytes(&mut self, lane: usize, bytes: &[u8]) {
        let l = &mut self.lanes[lane];
        for serial in l.acks.feed(bytes) {
            l.unacked.remove(&serial);
        }
    }

    fn next_seal_serial(&mut self, lane: usize) -> u8 {
        let l = &mut self.lanes[lane];
        l.seal_serial = l.seal_serial % 255 + 1;
        l.unacked.insert(l.seal_serial);
        l.seal_serial
    }

    /// The camera's own clock.
    fn camera_us(&self, lane: usize) -> i64 {
        self.o.start_wall_ms * 1000 + self.now as i64 + self.faults.lanes[lane].camera_off_us
    }

    fn wall_ms_at(&self, at: Us) -> i64 {
        self.o.start_wall_ms + (at / MS) as i64
    }
}

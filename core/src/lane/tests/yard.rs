//! One truck, one behind it and an arm around the shipped lane, with a journal
//! and a ledger: small enough that every order of steps can be walked.

use super::rail::Rail;
use super::*;
use crate::ledger::Ledger;
use crate::model::{Balance, DeclarationId, Enterprise, PolicyRef, StoreState};
use crate::record::{Kind, StartBody};
use std::sync::LazyLock;

/// Where a truck is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Spot {
    Coming,
    AtLine,
    /// On the stop line's loop and on the closing inhibit.
    Nosing,
    /// On the closing inhibit alone.
    Under,
    Through,
    BackedOut,
    AtBay,
}

impl Spot {
    pub(super) const fn present(self) -> bool {
        matches!(self, Self::AtLine | Self::Nosing)
    }

    pub(super) const fn under_arm(self) -> bool {
        matches!(self, Self::Nosing | Self::Under)
    }

    pub(super) const fn gone(self) -> bool {
        matches!(self, Self::Through | Self::BackedOut | Self::AtBay)
    }
}

/// Where the arm is; between its ends it goes on whoever is there to see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Arm {
    Down,
    Rising,
    Up,
    Falling,
}

/// What the first truck is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Story {
    /// Released by the rules.
    Declared,
    /// To the bay, with a reservation: a control asks for it.
    Controlled,
    /// Held for a stale cache, released by an officer.
    Doubted,
}

/// What waits for the journal.
#[derive(Clone, Debug)]
enum Entry {
    Commit(Token, Vec<Draft>, Guard),
    Note(Vec<Draft>),
}

#[derive(Clone)]
pub(super) struct Yard {
    pub(super) geometry: Geometry,
    pub(super) story: Story,
    /// None while the daemon is down.
    pub(super) lane: Option<Lane>,
    pub(super) start: u64,
    ms: u64,
    /// Shared by the copies of a yard until one of them writes.
    pub(super) ledger: Arc<Ledger>,
    seq: u64,
    entries: VecDeque<Entry>,
    pub(super) arm: Arm,
    pub(super) trucks: [Spot; 2],
    pub(super) rail: Rail,
    /// What the diverter's input was when it was last read.
    pub(super) shown: Option<bool>,
    pub(super) lights: Lights,
    /// Passages of this start that a durable record lets through, and whether
    /// to the bay.
    pub(super) permits: BTreeMap<PassageId, bool>,
    pub(super) whose: BTreeMap<PassageId, usize>,
    /// Where the last record about each truck sends it: to the bay or not.
    pub(super) sent: [Option<bool>; 2],
    pub(super) ended: BTreeMap<PassageId, u32>,
    orders: u32,
    /// Passages that were resumed.
    pub(super) resumed: u32,
}

pub(super) const PLATES: [&str; 2] = ["粤B12345", "粤B54321"];
const IDS: [&str; 2] = ["first", "second"];

impl Yard {
    /// A vacant lane; both trucks are still to come.
    pub(super) fn new(geometry: Geometry, story: Story) -> Self {
        let mut yard = Self {
            geometry,
            story,
            lane: None,
            start: 0,
            ms: 10_000,
            ledger: Arc::new(Ledger::default()),
            seq: 0,
            entries: VecDeque::new(),
            arm: Arm::Down,
            trucks: [Spot::Coming; 2],
            rail: Rail::against(story),
            shown: None,
            lights: RED,
            permits: BTreeMap::new(),
            whose: BTreeMap::new(),
            sent: [None; 2],
            ended: BTreeMap::new(),
            orders: 0,
            resumed: 0,
        };
        yard.restart();
        yard
    }

    pub(super) fn lane(&self) -> &Lane {
        self.lane.as_ref().expect("the daemon is up")
    }

    pub(super) fn balance(&self, truck: usize) -> Balance {
        let id = DeclarationId::parse(IDS[truck]).unwrap();
        self.ledger.balance(&id).unwrap_or_default()
    }

    pub(super) fn recovery(&self) -> Recovery {
        let lane = LaneId::parse("SZB-X-01").unwrap();
        self.ledger.recovery(&lane, self.geometry)
    }

    /// As the daemon starts: the start and the end of what was left open are
    /// on record before the lane is there.
    pub(super) fn restart(&mut self) {
        assert!(self.entries.is_empty() && self.lane.is_none());
        self.start += 1;
        self.permits.clear();
        let own = |at, lane, passage, body| Draft {
            at,
            lane,
            passage,
            body,
        };
        let at = self.now().wall;
        let body = StartBody {
            start: self.start,
            program: "0".into(),
            policy: PolicyRef {
                version: "1".into(),
                sha256: "0".into(),
            },
        };
        self.keep(&own(at, None, None, body.into()));
        let open = self.ledger.open_passages();
        let open: Vec<_> = open.map(|(id, lane)| (id.clone(), lane.cloned())).collect();
        for (id, lane) in open {
            let how = Outcome::Unknown;
            self.keep(&own(at, lane, Some(id), OutcomeBody { how }.into()));
        }
        let mut config = config(self.geometry);
        config.weigh_after_vacant = true;
        let recovery = self.recovery();
        let now = self.now();
        self.lane = Some(Lane::new(Arc::new(config), POLICY.clone(), recovery, now));
    }

    /// The process is gone; of what waits the first `kept` records are on the
    /// disk.
    pub(super) fn crash(&mut self, kept: usize) {
        let entries = std::mem::take(&mut self.entries);
        self.lane = None;
        if entries.is_empty() {
            return;
        }
        let mut drafts = Vec::new();
        let mut ledger = Ledger::clone(&self.ledger);
        for entry in entries {
            let of = match entry {
                Entry::Note(of) => of,
                Entry::Commit(_, of, guard) => match ledger.check(&of[0], &guard) {
                    Ok(()) => settled(&ledger, of),
                    Err(_) => continue,
                },
            };
            for draft in of {
                ledger.apply(self.seq + 1 + drafts.len() as u64, &draft);
                drafts.push(draft);
            }
        }
        for draft in drafts.iter().take(kept) {
            self.keep(draft);
        }
    }

    /// Records that wait.
    pub(super) fn waiting(&self) -> usize {
        let of = |entry: &Entry| match entry {
            Entry::Note(drafts) | Entry::Commit(_, drafts, _) => drafts.len(),
        };
        self.entries.iter().map(of).sum()
    }

    /// What kinds of records wait, in order.
    pub(super) fn waits(&self) -> Vec<Kind> {
        let of = |entry: &Entry| match entry {
            Entry::Note(drafts) | Entry::Commit(_, drafts, _) => {
                drafts.iter().map(|d| d.body.kind()).collect::<Vec<_>>()
            }
        };
        self.entries.iter().flat_map(of).collect()
    }

    /// A record has become durable.
    fn keep(&mut self, draft: &Draft) -> (u64, Took) {
        self.check_rule(draft);
        self.seq += 1;
        let took = Arc::make_mut(&mut self.ledger).apply(self.seq, draft);
        self.note_way(draft);
        if let Some(id) = &draft.passage {
            match &draft.body {
                Body::Outcome(_) => {
                    let times = self.ended.entry(id.clone()).or_default();
                    *times += 1;
                    assert_eq!(*times, 1, "{id} ended again");
                }
                Body::Resumed(_) => self.resumed += 1,
                _ => {}
            }
        }
        self.check_spent();
        (self.seq, took)
    }

    /// L2, by the balances: neither declaration has more than one trip.
    fn check_spent(&self) {
        for truck in [0, 1] {
            let balance = self.balance(truck);
            assert!(balance.issued <= 1, "{balance:?}");
            assert!(balance.passed <= balance.issued, "{balance:?}");
        }
    }

    /// DESIGN 3: how a truck is judged whose declaration an earlier start has
    /// taken from.
    fn check_rule(&self, draft: &Draft) {
        let Body::Verdict(body) = &draft.body else {
            return;
        };
        let first = body.case.plates.iter().any(|p| p.text == PLATES[0]);
        let balance = self.balance(0);
        if !first || balance.issued == 0 {
            return;
        }
        let codes: Vec<&str> = body
            .verdict
            .reasons
            .iter()
            .map(|r| r.code.as_str())
            .collect();
        let verdict = body.verdict.verdict;
        assert_ne!(verdict, VerdictKind::Release, "{balance:?}");
        if !balance.unsettled.is_empty() {
            assert!(codes.contains(&"declaration.unsettled"), "{codes:?}");
            assert!(!codes.contains(&"declaration.spent"), "{codes:?}");
        }
        if !balance.reserved.is_empty() {
            assert_eq!(verdict, VerdictKind::Inspect, "{codes:?}");
            assert!(!codes.contains(&"declaration.spent"), "{codes:?}");
        }
    }

    pub(super) fn now(&self) -> Now {
        now_at(self.ms, Clock::Trusted)
    }

    /// One poll of the board, the scale and time.
    pub(super) fn poll(&mut self) {
        self.ms += 100;
        let any = |sees: fn(Spot) -> bool| self.trucks.iter().any(|t| sees(*t));
        let inputs = Inputs {
            presence: any(Spot::present),
            inhibit: any(Spot::under_arm),
            arm_up: self.arm == Arm::Up,
            arm_down: self.arm == Arm::Down,
            diverter_bay: self.diverter_bay(),
            ..Inputs::default()
        };
        self.shown = inputs.diverter_bay;
        let weight = WeightReading {
            gross: Some(Kg(if inputs.presence { 8600 } else { 0 })),
            stable: true,
            overload: false,
        };
        self.hear("io-1", Content::Inputs(inputs));
        self.hear("scale-1", Content::Weight(weight));
        let now = self.now();
        if let Some(lane) = &mut self.lane {
            lane.handle_timeout(now);
        }
    }

    fn hear(&mut self, device: &str, content: Content) {
        let (now, event) = (
            self.now(),
            reading(device, self.ms, Taken::OnArrival, content),
        );
        if let Some(lane) = &mut self.lane {
            lane.handle_event(event, now);
        }
    }

    /// The camera reads whoever stands at the stop line.
    pub(super) fn shoot(&mut self) {
        let Some(truck) = self.trucks.iter().position(|t| t.present()) else {
            return;
        };
        let reads = vec![PlateRead {
            text: PLATES[truck].to_owned(),
            confidence_pct: 98,
            rival: false,
        }];
        self.hear(
            "cam-1",
            Content::Plates(PlatesReading {
                event: None,
                reads,
                pictures: Vec::new(),
                on_request: false,
            }),
        );
    }

    /// Obeys the lane's next command; none when it has no more.
    pub(super) fn drain_one(&mut self) -> Option<Command> {
        let command = self.lane.as_mut()?.poll_command()?;
        match &command {
            Command::LookUp {
                passage,
                attempt,
                query,
            } => self.look_up(passage.clone(), *attempt, query),
            Command::Commit {
                token,
                drafts,
                guard,
            } => {
                let entry = Entry::Commit(token.clone(), drafts.clone(), guard.clone());
                self.entries.push_back(entry);
            }
            Command::Note(drafts) => self.entries.push_back(Entry::Note(drafts.clone())),
            Command::LiftArm { passage } => self.lift(passage.as_ref()),
            Command::LowerArm => {
                let under = self.trucks.iter().any(|t| t.under_arm());
                assert!(!under, "L3: lowered onto a truck");
                if self.arm != Arm::Down {
                    self.arm = Arm::Falling;
                }
            }
            Command::Divert { to_bay } => self.divert(*to_bay),
            Command::SetLights(lights) => self.lights = *lights,
            Command::Recapture { .. } => self.shoot(),
            _ => {}
        }
        Some(command)
    }

    fn lift(&mut self, passage: Option<&PassageId>) {
        let raises = self.arm == Arm::Falling;
        let way = passage.and_then(|p| self.permits.get(p));
        assert!(
            way.is_some() || raises,
            "L1: {passage:?} has no record of this start"
        );
        if let Some(to_bay) = way {
            self.check_rail(*to_bay);
        }
        if self.arm != Arm::Up {
            self.arm = Arm::Rising;
        }
    }

    fn look_up(&mut self, passage: PassageId, attempt: u32, query: &Query) {
        let declared = (0..2).filter(|t| query.plates.iter().any(|p| p == PLATES[*t]));
        let found = declared.map(|t| DECLARED[t].clone()).collect();
        let mut facts = self.ledger.facts(found, StoreState::Ok, query);
        facts.cache_age_s = Some(5);
        facts.link = Some(Link::Up);
        facts.enterprises = vec![DECLARER.clone()];
        if query.plates.iter().any(|p| p == PLATES[0]) {
            match self.story {
                Story::Declared => {}
                Story::Controlled => facts.controls = vec![parse_json(CONTROL).unwrap()],
                Story::Doubted => facts.cache_age_s = Some(1_000_000),
            }
        }
        let event = Event::Candidates {
            passage,
            attempt,
            facts: Box::new(facts),
            draws: Draws::default(),
        };
        let now = self.now();
        self.lane
            .as_mut()
            .expect("it asked")
            .handle_event(event, now);
    }

    /// Everything that waits is durable, and answered.
    pub(super) fn flush(&mut self) {
        for entry in std::mem::take(&mut self.entries) {
            let event = match entry {
                Entry::Note(drafts) => {
                    for draft in &drafts {
                        self.keep(draft);
                    }
                    continue;
                }
                Entry::Commit(token, drafts, guard) => self.commit(token, drafts, &guard),
            };
            let now = self.now();
            self.lane
                .as_mut()
                .expect("it asked")
                .handle_event(event, now);
        }
    }

    fn commit(&mut self, token: Token, drafts: Vec<Draft>, guard: &Guard) -> Event {
        if let Err(why) = self.ledger.check(&drafts[0], guard) {
            return Event::Refused { token, why };
        }
        let drafts = settled(&self.ledger, drafts);
        let kept: Vec<_> = drafts.iter().map(|draft| self.keep(draft)).collect();
        let took = kept.iter().map(|(_, took)| *took).max();
        Event::Committed {
            token,
            seq: kept[0].0,
            took: took.unwrap_or(Took::Nothing),
        }
    }

    /// The officer lets the waiting truck go, naming what is unsettled.
    pub(super) fn let_go(&mut self) {
        self.orders += 1;
        let lane = self.lane();
        let (_, verdict) = lane.recorded().expect("a held truck was judged");
        let passage = lane.passage().unwrap().clone();
        let matched = verdict.declarations.iter().map(|m| &m.id);
        let mut balances = matched.filter_map(|id| self.ledger.balance(id));
        let old = balances.find_map(|b| b.unsettled.first().map(|r| r.passage.clone()));
        let text = serde_json::json!({"id": format!("o-{}-{}", self.start, self.orders),
            "passage": passage, "kind": "release", "officer": "p-4", "reason": "seen", "resumes": old});
        let order = parse_json(&text.to_string()).unwrap();
        let now = self.now();
        let lane = self.lane.as_mut().expect("it is up");
        lane.handle_event(Event::Order(order), now);
    }

    /// The officer resets a faulted lane.
    pub(super) fn reset(&mut self) {
        self.orders += 1;
        let text = serde_json::json!({"id": format!("l-{}-{}", self.start, self.orders),
            "lane": "SZB-X-01", "kind": "reset", "officer": "p-4", "reason": "seen"});
        let order = parse_json(&text.to_string()).unwrap();
        let now = self.now();
        let lane = self.lane.as_mut().expect("it is up");
        lane.handle_event(Event::LaneOrder(order), now);
    }
}

const CONTROL: &str =
    r#"{"id":"c-1","version":1,"subject":{"kind":"vehicle","value":"粤B12345"},"act":"inspect"}"#;

/// An order as the committer writes it.
fn settled(ledger: &Ledger, mut drafts: Vec<Draft>) -> Vec<Draft> {
    if let Some(first) = ledger.settle(&drafts[0]) {
        drafts[0] = first;
    }
    drafts
}

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(policy);
static DECLARER: LazyLock<Enterprise> = LazyLock::new(|| parse_json(ENTERPRISE).unwrap());
static DECLARED: LazyLock<[Declaration; 2]> = LazyLock::new(|| [0, 1].map(declared_as));

fn declared_as(truck: usize) -> Declaration {
    let text = DECLARATION
        .replace("5345202600012345", IDS[truck])
        .replace(PLATES[0], PLATES[truck])
        .replace(r#"{"kind":"trips","trips":20}"#, r#"{"kind":"single"}"#);
    parse_json(&text).unwrap()
}

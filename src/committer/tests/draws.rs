//! Draws in a journal on disk, as `journal verify` finds them.

use lanegate_core::clearance::{DayKey, DrawDay, KeyChain};
use lanegate_core::record::{DrawKeys, Naming};

use super::*;
use crate::journal::verify;

struct Drawer {
    keeper: Gatekeeper<MemDisk, u32>,
    keys: DrawKeys,
    chain: KeyChain,
    n: u64,
}

impl Drawer {
    fn new() -> Self {
        let mut keeper = open(MemDisk::new());
        keeper.apply_feed(0, now(), batch_of(1, &list(20)));
        keeper.flush().unwrap();
        Self {
            keeper,
            keys: DrawKeys::default(),
            chain: KeyChain::new("2027-11-23".parse().unwrap(), DayKey::new([5; 32])),
            n: 0,
        }
    }

    /// A truck on `day`, its draw as `forged` makes it; its record.
    fn truck(&mut self, day: &str, forged: impl Fn(&mut lanegate_core::model::Draw)) -> u64 {
        let day = day.parse().unwrap();
        if let Naming::Record(body) = self.keys.name(day, &self.chain, None, None) {
            self.keys = DrawKeys::behind(Some(&body));
            let named = Draft {
                at: now(),
                lane: None,
                passage: None,
                body: body.into(),
            };
            self.keeper.note(vec![named.into()]);
        }
        self.n += 1;
        let id = passage(1, self.n);
        let mut asked = verdict(&self.keeper.view(), &id, &list(20), VerdictKind::Release);
        let Body::Verdict(body) = &mut asked.body else {
            panic!("it is a verdict");
        };
        let today = DrawDay {
            day,
            key: self.chain.key_of(day),
        };
        let draws = self
            .keeper
            .view()
            .ledger
            .draws(&body.case.facts, Some(&today));
        let of = draws.of(&list(20).id).unwrap();
        let mut draw = of.draw_of(Some(PLATE)).unwrap();
        assert_eq!(
            u64::from(draw.trip),
            self.n,
            "every truck draws for the next trip"
        );
        forged(&mut draw);
        body.case.facts.draw = Some(draw.clone());
        draw.selected = Some(false);
        body.verdict.draw = Some(draw);
        self.keeper.submit(1, vec![asked.into()], Guard::Verdict);
        let answers = self.keeper.flush().unwrap();
        let Some(Answer::Committed { seq, .. }) = answers.last() else {
            panic!("{answers:?}");
        };
        *seq
    }
}

#[test]
fn a_journals_draws_are_verified_as_far_as_their_keys_are_open() {
    let mut drawer = Drawer::new();
    drawer.truck("2026-11-24", |_| {});
    drawer.truck("2026-11-24", |_| {});
    drawer.truck("2026-11-25", |_| {});
    let report = verify(drawer.keeper.disk()).unwrap();
    assert!(report.ok, "{report:?}");
    assert_eq!((report.draws.verified, report.draws.not_open), (2, 1));
    assert_eq!(report.kinds["draw-key"], 2);
}

#[test]
fn a_forged_draw_is_named_although_every_hash_of_the_journal_fits() {
    let mut drawer = Drawer::new();
    drawer.truck("2026-11-24", |_| {});
    let seq = drawer.truck("2026-11-24", |draw| draw.trip = 9);
    let unopened = verify(drawer.keeper.disk()).unwrap();
    assert!(unopened.ok, "nobody can tell before the key is open");
    drawer.truck("2026-11-25", |_| {});
    let report = verify(drawer.keeper.disk()).unwrap();
    assert!(!report.ok);
    let said = format!("record {seq}: the draw for trip 9 of list");
    assert!(report.fault.unwrap().starts_with(&said));
}

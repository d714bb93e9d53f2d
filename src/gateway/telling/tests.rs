use lanegate_core::clearance::{Policy, judge};
use lanegate_core::model::{
    Case, DeviceId, Inputs, Outcome, PlatesReading, Reading, Taken, VerdictKind,
};
use lanegate_core::record::VerdictBody;
use serde_json::{Value, json};

use super::super::drift_watch;
use super::*;
use crate::metrics::testing::{scraped, series, shows};

const LANE: &str = "SZB-X-01";

fn telling(metrics: &Metrics) -> Telling {
    let (scales, _) = drift_watch::open();
    Telling::new(LaneId::parse(LANE).unwrap(), metrics.clone(), scales)
}

fn passage(n: u64) -> PassageId {
    PassageId::parse(&format!("{LANE}-412-{n}")).unwrap()
}

fn judged(n: u64, verdict: VerdictKind, worst: Option<Code>, class: &str) -> Tell {
    Tell::Judged {
        passage: passage(n),
        verdict,
        worst,
        class: class.to_owned(),
        gather_us: 1_200_000,
    }
}

fn ended(n: u64) -> Tell {
    let how = Outcome::Passed;
    let passage = passage(n);
    Tell::Ended { passage, how }
}

fn inputs(arm_up: bool, ms: u64) -> Event {
    let inputs = Inputs {
        presence: true,
        inhibit: false,
        arm_up,
        arm_down: !arm_up,
        bay: None,
        diverter_bay: None,
        whole: None,
    };
    reading(Content::Inputs(inputs), ms)
}

fn plates(ms: u64) -> Event {
    let plates = PlatesReading {
        event: None,
        reads: Vec::new(),
        pictures: Vec::new(),
        on_request: false,
    };
    reading(Content::Plates(plates), ms)
}

fn reading(content: Content, ms: u64) -> Event {
    Event::Reading(Reading {
        device: DeviceId::parse("cam-1").unwrap(),
        arrived: at(ms),
        taken: Taken::OnArrival,
        at: None,
        content,
    })
}

fn at(ms: u64) -> Mono {
    Mono(ms * 1000)
}

#[test]
fn a_passage_counts_under_its_last_verdict_class_and_worst_reason() {
    let scrape = scraped(|metrics, _| {
        metrics.classes(["advanced".to_owned()]);
        let mut telling = telling(metrics);
        let hold = judged(1, VerdictKind::Hold, Some(Code::PlateUnread), "none");
        telling.tell(&hold, at(0));
        telling.tell(&judged(1, VerdictKind::Release, None, "advanced"), at(0));
        // The next truck is judged before the first one reaches its bay.
        let inspect = judged(
            2,
            VerdictKind::Inspect,
            Some(Code::DeclarationNone),
            "regular",
        );
        telling.tell(&inspect, at(0));
        telling.tell(&ended(1), at(0));
        telling.tell(&ended(2), at(0));
        telling.tell(&ended(3), at(0));
    });
    let of = |labels: &str| {
        shows(
            &scrape,
            &format!("lanegate_passages_total{{lane=\"{LANE}\",{labels}}} 1"),
        );
    };
    of("verdict=\"release\",class=\"advanced\",code=\"none\"");
    // A class no policy in force has.
    of("verdict=\"inspect\",class=\"other\",code=\"declaration.none\"");
    of("verdict=\"none\",class=\"none\",code=\"none\"");
}

#[test]
fn orders_count_under_their_own_kind() {
    let id = |n: u64| OrderId::parse(&format!("o-{n}")).unwrap();
    let scrape = scraped(|metrics, _| {
        let mut telling = telling(metrics);
        telling.ordered(&id(1), "release");
        telling.ordered(&id(2), "keep-up");
        telling.answered(&id(2), true);
        telling.answered(&id(1), false);
        telling.answered(&id(3), true);
    });
    let of = |kind: &str, answer: &str| {
        let labels = format!("lane=\"{LANE}\",kind=\"{kind}\",answer=\"{answer}\"");
        shows(&scrape, &format!("lanegate_orders_total{{{labels}}} 1"));
    };
    of("release", "refused");
    of("keep-up", "accepted");
    of("other", "accepted");
}

/// From the byte to the command, not from when the lane got to it.
#[test]
fn a_lift_is_timed_from_the_last_evidence_and_to_the_arm_seen_up() {
    let scrape = scraped(|metrics, _| {
        let mut telling = telling(metrics);
        telling.heard(&inputs(false, 0));
        telling.heard(&plates(100));
        telling.tell(&judged(1, VerdictKind::Release, None, "none"), at(102));
        telling.committing(&[], at(102));
        telling.lift(at(140));
        let entered = Tell::Entered {
            state: "cleared",
            passage: Some(passage(1)),
            why: "committed",
        };
        telling.tell(&entered, at(140));
        telling.heard(&inputs(true, 1140));
        telling.heard(&inputs(false, 9000));
    });
    let within = |name: &str, below: &str, above: &str| {
        let of =
            |le: &str| format!("lanegate_{name}_seconds_bucket{{lane=\"{LANE}\",le=\"{le}\"}}");
        shows(&scrape, &format!("{} 0", of(below)));
        shows(&scrape, &format!("{} 1", of(above)));
    };
    within("gather", "1", "2.5");
    within("decision", "0.001", "0.0025");
    within("commit", "0.025", "0.05");
    within("lift", "0.025", "0.05");
    within("arm_lift", "0.5", "1");
    let one = |name: &str| shows(&scrape, &format!("lanegate_{name}{{lane=\"{LANE}\"}} 1"));
    one("lifts_total");
    one("arm_cycles_total");
}

fn entered(state: &'static str, n: u64, why: &'static str) -> Tell {
    Tell::Entered {
        state,
        passage: Some(passage(n)),
        why,
    }
}

/// Held, asked again, released: every state counts its own time, the first
/// verdict is what the driver waited for, the passage is the whole.
#[test]
fn the_states_of_a_passage_are_timed_and_add_up_to_it() {
    let scrape = scraped(|metrics, _| {
        let mut telling = telling(metrics);
        telling.tell(&entered("vacant", 0, "start"), at(0));
        telling.tell(&entered("gathering", 1, "presence"), at(10_000));
        let hold = judged(1, VerdictKind::Hold, Some(Code::PlateUnread), "none");
        telling.tell(&hold, at(11_200));
        telling.tell(&entered("held", 1, "committed"), at(11_500));
        telling.tell(&entered("gathering", 1, "supply"), at(51_500));
        telling.tell(&judged(1, VerdictKind::Release, None, "none"), at(51_750));
        telling.tell(&entered("cleared", 1, "committed"), at(52_000));
        telling.tell(&entered("vacant", 0, "passed"), at(62_000));
        telling.tell(&ended(1), at(62_000));
    });
    let sum = |phase: &str, s: &str| {
        let labels = format!("lane=\"{LANE}\",phase=\"{phase}\"");
        shows(
            &scrape,
            &format!("lanegate_phase_seconds_sum{{{labels}}} {s}"),
        );
    };
    sum("gathering", "2");
    sum("held", "40");
    sum("cleared", "10");
    sum("passing", "0");
    let whole = |name: &str, s: &str| {
        shows(
            &scrape,
            &format!("lanegate_{name}_seconds_sum{{lane=\"{LANE}\"}} {s}"),
        );
    };
    whole("passage", "52");
    whole("gather", "1.2");
}

#[test]
fn a_faulted_lane_says_what_it_waits_with_until_it_waits_no_longer() {
    let scrape = |more: &[Tell]| {
        scraped(|metrics, _| {
            let mut telling = telling(metrics);
            telling.tell(&entered("faulted", 1, "lift-not-confirmed"), at(0));
            for tell in more {
                telling.tell(tell, at(1));
            }
        })
    };
    let line = format!("lanegate_lane_fault{{lane=\"{LANE}\",cause=\"lift-not-confirmed\"}}");
    shows(&scrape(&[]), &format!("{line} 1"));
    let over = [entered("starting", 1, "reset")];
    shows(&scrape(&over), &format!("{line} 0"));
}

/// Judged by the rules, so that the trace is theirs.
fn by_the_rules(sampling: &str, draw: Value, kg: i64) -> Vec<Draft> {
    let text = include_str!("../../../config/policy.toml");
    let text = text.replace(
        "{ plan = \"csp1\", i = 8, f = \"1/200\", start = \"fraction\" }",
        sampling,
    );
    let policy = Policy::parse(&text).unwrap();
    let base = include_str!("../../../core/tests/decisions/base.json");
    let base: Value = serde_json::from_str(base).unwrap();
    let mut case = base;
    case["passage"] = json!(passage(1));
    case["weight"]["gross_kg"] = json!(kg);
    case["facts"]["draw"] = draw;
    let case: Case = serde_json::from_value(case).unwrap();
    let verdict = judge(&case, &policy);
    vec![Draft {
        at: case.judged_at,
        lane: None,
        passage: None,
        body: VerdictBody { case, verdict }.into(),
    }]
}

#[test]
fn what_the_plan_asked_for_and_what_the_scale_showed_count_once_the_truck_is_gone() {
    let plan = "{ plan = \"fixed\", rate = \"1/4\" }";
    let draw = |first: &str| json!({"day": "2026-11-24", "trip": 1, "value": first.repeat(32)});
    let scrape = scraped(|metrics, _| {
        metrics.classes(["aeo-advanced".to_owned()]);
        let mut telling = telling(metrics);
        for (n, kg) in [("ff", 36_000), ("00", 36_360)] {
            let drafts = by_the_rules(plan, draw(n), kg);
            telling.tell(
                &judged(1, VerdictKind::Release, None, "aeo-advanced"),
                at(0),
            );
            // Judged again, it is asked about once.
            telling.committing(&drafts, at(0));
            telling.committing(&drafts, at(1));
            telling.tell(&ended(1), at(2));
        }
    });
    let class = "{class=\"aeo-advanced\"}";
    shows(
        &scrape,
        &format!("lanegate_sampling_rate_ratio_sum{class} 0.5"),
    );
    shows(
        &scrape,
        &format!("lanegate_sampling_rate_ratio_count{class} 2"),
    );
    shows(
        &scrape,
        &format!("lanegate_sampling_selected_total{class} 1"),
    );
    let lane = format!("{{lane=\"{LANE}\"}}");
    shows(&scrape, &format!("lanegate_weight_ratio_sum{lane} 2.01"));
    shows(&scrape, &format!("lanegate_weight_ratio_count{lane} 2"));
}

#[test]
fn alarms_count_by_what_they_are() {
    let scrape = scraped(|metrics, _| {
        let mut telling = telling(metrics);
        for alarm in ["unpaired-lift", "tailgate", "tailgate"] {
            telling.tell(&Tell::Alarm(alarm), at(0));
        }
    });
    let of = |alarm: &str, n: u32| {
        let labels = format!("lane=\"{LANE}\",alarm=\"{alarm}\"");
        shows(&scrape, &format!("lanegate_alarms_total{{{labels}}} {n}"));
    };
    of("unpaired-lift", 1);
    of("tailgate", 2);
}

/// Field case c66, through what a lane really says.
#[test]
fn ten_thousand_trucks_through_a_lane_leave_the_number_of_series_flat() {
    let run = |trucks: u64| {
        scraped(|metrics, handle| {
            metrics.classes(["advanced".to_owned(), "regular".to_owned()]);
            let mut telling = telling(metrics);
            for n in 0..trucks {
                one_truck(&mut telling, n);
                if n % 500 == 0 {
                    handle.run_upkeep();
                }
            }
            assert!(telling.underway.len() <= 16 && telling.ordered.len() <= ORDERED_MAX);
        })
    };
    let (some, many) = (run(100), run(10_000));
    assert_eq!(series(&some), series(&many));
    for outside in ["粤", "-412-", "=\"o-"] {
        assert!(!many.contains(outside), "{outside}");
    }
    let plain = "verdict=\"release\",class=\"advanced\",code=\"none\"";
    shows(
        &many,
        &format!("lanegate_passages_total{{lane=\"{LANE}\",{plain}}} 2500"),
    );
}

fn one_truck(telling: &mut Telling, n: u64) {
    let verdict = match n % 4 {
        0 => judged(n, VerdictKind::Release, None, "advanced"),
        1 => judged(n, VerdictKind::Hold, Some(Code::PlateUnread), "none"),
        2 => judged(n, VerdictKind::Inspect, Some(Code::SealOpen), "regular"),
        // Whatever a document calls its class.
        _ => judged(
            n,
            VerdictKind::Hold,
            Some(Code::ClassUnknown),
            &format!("粤{n}"),
        ),
    };
    telling.heard(&plates(n * 10));
    telling.tell(&verdict, at(n * 10 + 1));
    let order = OrderId::parse(&format!("o-{n}")).unwrap();
    telling.ordered(&order, "release");
    // One in ten is never answered.
    if !n.is_multiple_of(10) {
        telling.answered(&order, n.is_multiple_of(3));
    }
    telling.lift(at(n * 10 + 2));
    telling.heard(&inputs(true, n * 10 + 3));
    telling.heard(&inputs(false, n * 10 + 6));
    telling.tell(&ended(n), at(n * 10 + 7));
}

//! What is kept: so much and no more, and whole or not at all.

use proptest::prelude::*;

use super::*;

#[test]
fn beyond_its_bounds_the_oldest_goes() {
    let mut memory = Memory::default();
    for n in 0..TRACTORS_MAX {
        note(&mut memory, n, 0, hours(i64::from(n != 7)), 0);
    }
    assert_eq!(memory.len(), TRACTORS_MAX);
    note(&mut memory, TRACTORS_MAX, 0, hours(2), 0);
    assert_eq!(memory.len(), TRACTORS_MAX);
    assert!(!memory.tractors.contains_key(&Tractor(7)));
    for n in 0..=WEIGHINGS_MAX {
        note(&mut memory, 3, 0, hours(10), n as i64);
    }
    let kept: Vec<i32> = memory.tractors[&Tractor(3)].iter().map(|p| p.kg).collect();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6, 7, 8]);
    let text = memory.to_text();
    assert!(text.len() <= KEPT_LEN_MAX, "{}", text.len());
}

#[test]
fn a_lane_that_is_no_more_makes_room_once_nothing_names_it() {
    let mut memory = Memory::default();
    for n in 0..LANES_MAX {
        assert!(note(&mut memory, n, n, hours(i64::from(n != 9)), 0));
    }
    assert!(!note(&mut memory, 100, 100, hours(5), 0));
    memory.forget(hours(i64::from(KEEP_HOURS) + 1));
    assert!(note(&mut memory, 100, 100, hours(5), 0));
    assert_eq!(memory.lanes[9], lane(100));
}

#[test]
fn a_memory_read_back_is_the_same_and_says_the_same() {
    let memory = FOUR.days(0, &|lane, day, _| {
        if lane == 2 && today(day) { 300 } else { 0 }
    });
    let text = memory.to_text();
    let again = Memory::from_text(&text).unwrap();
    assert_eq!(again, memory);
    assert_eq!(said(&again), said(&memory));
    let plates = ["粤", "港", "plate"];
    assert!(!plates.iter().any(|word| text.contains(word)));
}

#[test]
fn a_damaged_text_is_never_a_memory() {
    let text = TWO.days(DAYS - 2, &|_, _, _| 0).to_text();
    for at in (0..text.len()).step_by(7) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let bent = String::from_utf8(bytes).unwrap();
        assert!(Memory::from_text(&bent).is_err(), "byte {at}");
        assert!(Memory::from_text(&text[..at]).is_err(), "cut at {at}");
    }
    let newer = text.replacen("\"v\":1", "\"v\":2", 1);
    assert_eq!(Memory::from_text(&newer), Err(KeptError::Version(2)));
}

/// With a checksum that is right: somebody else's program wrote it.
#[test]
fn a_text_beyond_the_bounds_is_refused() {
    let whole = |body: &str| {
        let sum = crate::record::sha256_hex(body.as_bytes());
        Memory::from_text(&format!("{{\"v\":1,\"sha256\":\"{sum}\"}}\n{body}\n"))
    };
    let of = |lanes: &str, pasts: &str| {
        let body = format!("{{\"lanes\":{lanes},\"tractors\":[[\"0a\",{pasts}]]}}");
        whole(&body)
    };
    assert_eq!(of("[\"A\"]", "[[0,1,5]]").map(|memory| memory.len()), Ok(1));
    let nine = format!("[{}]", ["[0,1,5]"; 9].join(","));
    for (lanes, pasts) in [
        ("[\"A\"]", "[[1,1,5]]"),
        ("[\"A\",\"A\"]", "[[0,1,5]]"),
        ("[\"A\"]", "[]"),
        ("[\"A\"]", "[[0,1,100001]]"),
        ("[\"A\"]", &nine),
        ("[\"/\"]", "[[0,1,5]]"),
    ] {
        assert_eq!(of(lanes, pasts), Err(KeptError::Unfit), "{lanes} {pasts}");
    }
}

proptest! {
    /// Whatever comes in, in whatever order: bounded, kept whole, and no panic.
    #[test]
    fn nothing_grows_beyond_its_bounds(
        weighings in prop::collection::vec(
            (0_u64..40, 0_usize..80, 0_i64..2000, -100_000_i64..=100_000), 0..400),
        at in -10_i64..3000,
    ) {
        let mut memory = Memory::default();
        for (tractor, lane, hour, kg) in weighings {
            note(&mut memory, usize::try_from(tractor).unwrap(), lane, hours(hour), kg);
        }
        prop_assert!(memory.lanes.len() <= LANES_MAX);
        prop_assert!(memory.tractors.values().all(|p| (1..=WEIGHINGS_MAX).contains(&p.len())));
        let drifts = memory.drifts(hours(at));
        prop_assert_eq!(drifts.len(), memory.lanes.len());
        prop_assert!(drifts.values().all(|d| d.kg.is_none_or(|kg| kg.abs() <= 1_000_000)));
        prop_assert_eq!(Memory::from_text(&memory.to_text()), Ok(memory.clone()));
        memory.forget(hours(at));
        prop_assert_eq!(Memory::from_text(&memory.to_text()), Ok(memory));
    }

    #[test]
    fn no_text_panics(text in "\\PC*", body in "\\PC*") {
        prop_assert!(Memory::from_text(&text).is_err());
        let sum = crate::record::sha256_hex(body.as_bytes());
        drop(Memory::from_text(&format!("{{\"v\":1,\"sha256\":\"{sum}\"}}\n{body}\n")));
    }
}

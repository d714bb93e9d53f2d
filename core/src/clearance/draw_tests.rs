use super::*;

fn key(n: u8) -> DayKey {
    DayKey::new([n; 32])
}

fn id(n: u64) -> DeclarationId {
    DeclarationId::parse(&format!("5345202600{n:08}")).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn a_key_is_never_shown() {
    let key = DayKey::new([7; 32]);
    assert_eq!(format!("{key:?}"), "DayKey(..)");
    assert_eq!(key.reveal(), "07".repeat(32));
}

/// RFC 4231, cases 1, 2, 3, 6 and 7.
#[test]
fn hmac_is_that_of_rfc_4231() {
    let long: &[u8] = &[0xaa; 131];
    let vectors: [(&[u8], &[u8], &str); 5] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            long,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            long,
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, message, expected) in vectors {
        assert_eq!(hex(hmac_sha256(key, message)), expected);
    }
}

/// What `docs/journal.md` tells a stranger to compute, computed by Python:
/// `hmac.new(bytes([7]*32), b"5345202600012345\n4", "sha256").hexdigest()`.
#[test]
fn a_draw_is_what_the_document_says() {
    let declaration = DeclarationId::parse("5345202600012345").unwrap();
    let value = key(7).value(&declaration, 4);
    assert_eq!(
        value,
        "a4b466b2a048dcb15e6e227cb68811210934089069d4e4019f44c3f889270cbc"
    );
    let previous = key(7).previous();
    assert_eq!(
        previous.reveal(),
        "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0"
    );
}

#[test]
fn no_two_pairs_of_declaration_and_trip_are_written_alike() {
    let of = |id: &str, trip| key(1).value(&DeclarationId::parse(id).unwrap(), trip);
    assert_ne!(of("A", 11), of("A1", 1));
    assert_ne!(of("A", 1), of("A", 10));
    assert!(DeclarationId::parse("A\n1").is_err());
}

#[test]
fn a_later_key_gives_every_earlier_one_and_none_behind_it() {
    let chain = KeyChain::new(day("2027-03-01"), key(9));
    let mut walked = key(9);
    let mut at = day("2027-03-01");
    for _ in 0..CHAIN_DAYS_MAX {
        assert_eq!(chain.key_of(at), Some(walked.clone()));
        (walked, at) = (walked.previous(), at.yesterday().unwrap());
    }
    assert_eq!(chain.key_of(at), Some(walked), "the bound itself");
    assert_eq!(chain.key_of(at.yesterday().unwrap()), None, "one more");
    assert_eq!(chain.key_of(day("2027-03-02")), None, "behind the last day");
    let leap = KeyChain::new(day("2028-03-01"), key(9));
    assert_eq!(leap.key_of(day("2028-02-28")), key(9).before(2));
}

#[test]
fn a_key_is_shown_to_nobody() {
    let chain = KeyChain::new(day("2027-03-01"), key(0xab));
    let shown = format!(
        "{:?} {chain:?} {:?}",
        key(0xab),
        DrawDay {
            day: day("2027-03-01"),
            key: Some(key(0xab))
        }
    );
    assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
    assert_eq!(DayKey::parse(&key(0xab).reveal()), Some(key(0xab)));
    assert_eq!(DayKey::parse("ab"), None);
}

#[test]
fn without_a_key_everyone_is_selected() {
    let today = DrawDay {
        day: day("2026-11-24"),
        key: None,
    };
    let draw = today.draw(&id(1), 3);
    assert_eq!(
        (draw.day.as_str(), draw.trip, draw.value.as_str()),
        ("2026-11-24", 3, "")
    );
    assert!(below(&draw.value, Ratio { num: 1, den: 1000 }));
    assert!(below("xyz", Ratio { num: 0, den: 1 }));
    assert!(
        below("+00000000000000f", Ratio { num: 0, den: 1 }),
        "a sign is no digit"
    );
}

#[test]
fn the_rate_is_compared_exactly() {
    let half = Ratio { num: 1, den: 2 };
    assert!(below("7fffffffffffffff", half));
    assert!(!below("8000000000000000", half));
    assert!(below("ffffffffffffffff", Ratio::ONE));
    assert!(!below("0000000000000000", Ratio { num: 0, den: 1 }));
}

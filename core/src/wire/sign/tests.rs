//! What signs are sent.

use super::*;

fn sign(protocol: &str, pairs: &[(&str, &str)]) -> Result<SignWire, SettingFault> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let settings = pairs.iter().map(pair).collect();
    SignWire::of(protocol, &settings).map(|sign| sign.expect("a sign"))
}

fn shown(go: bool, lines: &[&str]) -> Shown {
    Shown {
        go,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    }
}

#[test]
fn green_is_shown_for_drive_on_and_for_nothing_else() {
    let panel = sign("sunpn", &[]).unwrap();
    let go = panel.show(&shown(true, &["放行"]));
    assert_eq!(go, [0x3a, 0x00, 0x78, 0x03, 0x01, 0xb6, 0x0a]);
    assert_ne!(panel.show(&shown(false, &["停"]))[4], 1);
    assert!(sign("sunpn", &[("other_colour", "1")]).is_err());
    let lamp = sign("xy-lc301-display", &[]).unwrap();
    assert_eq!(lamp.show(&shown(true, &[])), b"\x02Y\x03Y");
    assert_eq!(lamp.show(&shown(false, &[])), b"\x02Z\x03Z");
    assert_eq!(SignWire::of("jt701", &Settings::new()), Ok(None));
}

#[test]
fn text_is_in_the_panels_characters_and_never_longer_than_it() {
    // 查 = B2E9, 验 = D1E9 in GBK.
    let panel = sign("text-sign", &[]).unwrap();
    let two = panel.show(&shown(false, &["查验", "A1"]));
    assert_eq!(two, b"\xb2\xe9\xd1\xe9 A1\r\n");
    let narrow = sign("text-sign", &[("columns", "5")]).unwrap();
    assert_eq!(
        narrow.show(&shown(false, &["查A验1"])),
        b"\xb2\xe9A\xd1\xe9\r\n"
    );
    assert_eq!(
        narrow.show(&shown(false, &["查查查"])),
        b"\xb2\xe9\xb2\xe9\r\n"
    );
    // What the set lacks, and what would steer the panel.
    let odd = panel.show(&shown(false, &["\u{1f600}a\u{1b}b"]));
    assert_eq!(odd, b"?ab\r\n");
    let utf8 = sign("text-sign", &[("charset", "utf-8"), ("suffix", "")]).unwrap();
    assert_eq!(utf8.show(&shown(false, &["查\""])), "查\"".as_bytes());
    let json = sign("text-sign", &[("form", "{\"t\":$text}")]).unwrap();
    assert_eq!(
        json.show(&shown(false, &["查\"", "b"])),
        "{\"t\":\"查\\\" b\"}".as_bytes()
    );
    for wrong in [
        ("prefix", "0"),
        ("suffix", "xy"),
        ("form", "{\"t\":\"$text\"}"),
    ] {
        assert!(sign("text-sign", &[wrong]).is_err(), "{wrong:?}");
    }
}

use super::*;

fn text(make: Make, shown: &Display) -> String {
    let frame = make.frame(shown).unwrap();
    String::from_utf8(frame).unwrap()
}

/// The vendors' own samples, as far as they print any.
#[test]
fn frames_are_the_vendors_samples() {
    let shown = |digits, decimals| Display {
        digits,
        decimals,
        ..Display::default()
    };
    assert_eq!(
        text(Make::YaohuaTf0, &shown(2000, 2)),
        "\u{2}+00200021B\u{3}"
    );
    assert_eq!(text(Make::YaohuaTf1, &shown(3000, 3)), "=000.3000");
    assert_eq!(text(Make::YaohuaTf1, &shown(-100, 2)), "=00.1000-");
    assert_eq!(text(Make::YaohuaBare, &shown(12_345, 3)), "=543.210");
    let behind = text(Make::YaohuaBareBehind, &shown(12_345, 3));
    assert_eq!(behind, "543.210=");
    assert_eq!(text(Make::YaohuaTf2, &shown(3000, 3)), "=0003.000");
    assert_eq!(text(Make::YaohuaTf2, &shown(-100, 2)), "=-0001.00");
    assert_eq!(text(Make::YaohuaA12e, &shown(4139, 3)), "WG004.139kg3D\r\n");
    let net = Display {
        net: true,
        ..shown(1234, 2)
    };
    assert_eq!(text(Make::And, &net), "ST,NT,+0012.34kg\r\n");
    assert_eq!(text(Make::AndEk, &shown(12_345, 1)), "ST,+001234.5 kg\r\n");
    assert_eq!(text(Make::DiniArgeo, &shown(0, 1)), "ST,GS,     0.0,kg\r\n");
    assert_eq!(
        text(Make::Systec, &Display::kg(20_000)),
        "<000005.06.1813:12   21   20000       0   20000kg     1   27387>\r\n"
    );
    assert_eq!(
        text(Make::MtSics, &shown(10_000, 2)),
        "S S     100.00 kg\r\n"
    );
    assert_eq!(
        text(Make::YaohuaTf0, &Display::kg(38_240)),
        "\u{2}+038240016\u{3}"
    );
}

#[test]
fn out_of_range_each_says_what_it_can() {
    let over = Display {
        over: true,
        ..Display::kg(100_200)
    };
    assert_eq!(text(Make::YaohuaA12e, &over), "         OL23\r\n");
    assert_eq!(text(Make::AndEk, &over), "OL,+999999.9 kg\r\n");
    assert_eq!(Make::YaohuaTf0.frame(&over), None);
    assert_eq!(text(Make::MtSics, &over), "S +\r\n");
    let under = Display {
        under: true,
        ..Display::kg(-600)
    };
    assert_eq!(text(Make::YaohuaA12e, &under), "         LO23\r\n");
}

#[test]
fn a_bad_day_drifts_sticks_and_was_not_zeroed() {
    let mut scale = Indicator::new(Make::MtLong, 60_000, 20, 1);
    assert_eq!(scale.show(38_247, true), Display::kg(38_240));
    scale.have(BadDay {
        drift_permille: 10,
        ..BadDay::default()
    });
    assert_eq!(scale.show(38_247, true), Display::kg(38_620));
    scale.have(BadDay {
        sticks: true,
        ..BadDay::default()
    });
    assert_eq!(scale.show(0, true), Display::kg(38_620));
    scale.have(BadDay {
        not_zeroed: true,
        ..BadDay::default()
    });
    assert!(scale.show(0, true).not_zeroed);
    scale.have(BadDay::default());
    assert!(scale.show(60_200, true).over);
    assert!(scale.show(-500, true).under);
    assert!(scale.show(20_000, false).motion);
}

#[test]
fn who_is_asked_answers_its_question_alone() {
    for make in ALL {
        let mut scale = Indicator::new(make, 60_000, 20, 1);
        let sent = scale.send(38_240, true);
        assert_eq!(sent.is_some(), make.question().is_none(), "{make:?}");
        let answer = scale.answer(make.question().unwrap_or(b"?"), 38_240, true);
        assert_ne!(answer.is_some(), sent.is_some(), "{make:?}");
        let other = scale.answer(b"T\r\n", 38_240, true);
        assert_eq!(other, make.refusal().filter(|_| make.question().is_some()));
    }
}

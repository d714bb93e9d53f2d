//! A scale that is asked, in virtual time.

use super::*;

const QUESTION: &[u8] = b"\x02AB03\x03";
/// 38240, of field case c04.
const ANSWER: &[u8] = b"\x02AB+038240015\x03";
/// 18560, the late one.
const LATE: &[u8] = b"\x02AB+018560012\x03";

fn asked(protocol: &str, every_ms: &str) -> Stream {
    let mut config = device(protocol, Role::Scale);
    config.scale = scale().config.scale;
    let every = ("every_ms".to_owned(), every_ms.to_owned());
    config.settings.extend([every]);
    opened(config)
}

/// What goes out, with time passing up to `ms`.
fn sent(s: &mut Stream, ms: u64) -> Vec<Vec<u8>> {
    s.handle_timeout(now(ms));
    std::iter::from_fn(|| s.poll_transmit()).collect()
}

/// Asked and answered up to a moment at which readings count and the next
/// question is due.
fn settled(protocol: &str) -> Stream {
    let mut s = asked(protocol, "300");
    for ms in (0..3000).step_by(300) {
        assert_eq!(sent(&mut s, ms).len(), 1, "at {ms}");
        s.bytes(ANSWER, now(ms + 10));
    }
    readings(&mut s);
    s
}

fn gross(s: &mut Stream) -> Vec<(Option<Kg>, Taken)> {
    let all = readings(s);
    all.iter().map(|r| (weight(r).gross, r.taken)).collect()
}

#[test]
fn the_gateway_asks_at_once_and_then_so_often_and_equal_answers_are_stable() {
    let mut s = asked("yaohua-command", "300");
    let mut stable = None;
    for tick in 0..20 {
        let ms = tick * 300;
        assert_eq!(sent(&mut s, ms), [QUESTION], "at {ms}");
        assert_eq!(sent(&mut s, ms + 1), Vec::<Vec<u8>>::new());
        s.bytes(&ANSWER[..9], now(ms + 20));
        s.bytes(&ANSWER[9..], now(ms + 40));
        for reading in readings(&mut s) {
            assert_eq!(weight(&reading).gross, Some(Kg(38_240)));
            if weight(&reading).stable && stable.is_none() {
                stable = Some(ms);
            }
        }
        assert_eq!(s.state().0, DeviceState::Ok);
    }
    assert_eq!(stable, Some(1200), "five values over 0.8 s");
    assert_eq!((s.counts().timeouts, s.counts().noise_bytes), (0, 0));
}

/// Case c04, and its kind: an answer behind its time never counts, wherever it
/// falls.
#[test]
fn a_late_answer_is_never_a_weight_and_the_port_is_opened_anew() {
    for late_ms in [10, 250, 700, 1900] {
        let mut s = settled("yaohua-command");
        assert_eq!(sent(&mut s, 3000).len(), 1);
        assert!(sent(&mut s, 3300).is_empty());
        assert!(s.take_reopen(), "no answer");
        assert_eq!(s.counts().timeouts, 1);
        // It comes before the port is open again, or at once behind that, or
        // while the next question waits.
        if late_ms == 10 {
            s.bytes(LATE, now(3310));
        }
        s.opened(at(3320));
        let mut read = Vec::new();
        for ms in (3320..5300).step_by(20) {
            let asked = sent(&mut s, ms);
            if ms - 3320 == late_ms - late_ms % 20 {
                s.bytes(LATE, now(ms));
            }
            if !asked.is_empty() && ms > 3320 + late_ms {
                s.bytes(ANSWER, now(ms + 5));
            }
            read.extend(gross(&mut s));
            if s.take_reopen() {
                s.opened(at(ms));
            }
        }
        let late = |r: &&(Option<Kg>, Taken)| r.0 == Some(Kg(18_560)) && r.1 == Taken::OnArrival;
        assert_eq!(read.iter().filter(late).count(), 0, "{late_ms}: {read:?}");
    }
}

#[test]
fn an_answer_nobody_asked_for_is_noise() {
    let mut s = settled("yaohua-command");
    assert_eq!(sent(&mut s, 3000).len(), 1);
    s.bytes(ANSWER, now(3010));
    s.bytes(LATE, now(3020));
    assert_eq!(gross(&mut s), [(Some(Kg(38_240)), Taken::OnArrival)]);
    assert_eq!(s.counts().noise_bytes, LATE.len() as u64);
}

#[test]
fn a_scale_that_is_silent_is_late_then_lost_and_asked_ever_more_seldom() {
    let mut s = asked("yaohua-command", "300");
    let mut questions = 0;
    for ms in (0..8000).step_by(10) {
        questions += sent(&mut s, ms).len();
        if s.take_reopen() {
            s.opened(at(ms));
        }
    }
    assert_eq!(s.state().0, DeviceState::Lost);
    assert_eq!(s.why(), Some(&Why::NoAnswer(Via::Line)));
    assert!((3..=6).contains(&questions), "{questions}");
}

/// An adapter that returns what is sent is no scale that lives.
#[test]
fn its_own_question_coming_back_is_no_sign_of_life_and_spoils_nothing() {
    let mut s = asked("yaohua-command", "300");
    for ms in (0..6000).step_by(10) {
        for question in sent(&mut s, ms) {
            s.bytes(&question, now(ms));
        }
        if s.take_reopen() {
            s.opened(at(ms));
        }
    }
    assert_eq!(s.state().0, DeviceState::Lost);
    assert_eq!(s.counts().frames, 0);
    let mut s = settled("yaohua-command");
    assert_eq!(sent(&mut s, 3000).len(), 1);
    s.bytes(&[QUESTION, ANSWER].concat(), now(3010));
    assert_eq!(gross(&mut s), [(Some(Kg(38_240)), Taken::OnArrival)]);
    assert_eq!(s.counts().noise_bytes, 0);
}

#[test]
fn a_scale_that_refuses_every_question_is_lost_and_its_word_is_said() {
    let mut s = asked("mt-sics", "300");
    for ms in (0..8000).step_by(10) {
        if !sent(&mut s, ms).is_empty() {
            s.bytes(b"ES\r\n", now(ms + 5));
        }
    }
    assert_eq!(s.state().0, DeviceState::Lost);
    assert!(s.counts().refusals > 10);
    let why = s.why().unwrap().to_string();
    assert!(why.contains("ES"), "{why}");
}

/// The case of nines, and of a unit somebody switched.
#[test]
fn nines_are_an_overload_and_pounds_no_weight() {
    let mut config = device("and", Role::Scale);
    config.scale = scale().config.scale;
    let mut s = opened(config);
    s.bytes(b"ST,GS,+9999999.9kg\r\n", now(3000));
    let nines = weight(&readings(&mut s)[0]);
    assert_eq!((nines.gross, nines.overload), (None, true));
    for unit in ["lb", "oz"] {
        let line = format!("ST,GS,+038240{unit}\r\n");
        s.bytes(line.as_bytes(), now(3200));
        let pounds = weight(&readings(&mut s)[0]);
        assert_eq!(
            (pounds.gross, pounds.overload, pounds.stable),
            (None, false, false)
        );
    }
    s.bytes(b"ST,GS,+038.24 t\r\n", now(3400));
    let tonnes = weight(&readings(&mut s)[0]);
    assert_eq!((tonnes.gross, tonnes.stable), (Some(Kg(38_240)), true));
}

/// Case c16: the tare key was pressed.
#[test]
fn a_net_figure_of_mettlers_is_no_gross_weight_and_one_not_zeroed_is_not_stable() {
    let mut config = device("mt-continuous", Role::Scale);
    config.scale = scale().config.scale;
    let mut s = opened(config);
    let net = b"\x02\x2a\x31\x20 12340 25900\r\x02";
    s.bytes(net, now(3000));
    let net = weight(&readings(&mut s)[0]);
    assert_eq!((net.gross, net.stable), (None, false));
    s.bytes(b"\x2a\x70\x20 38240     0\r\x02", now(3200));
    let cold = weight(&readings(&mut s)[0]);
    assert_eq!((cold.gross, cold.stable), (Some(Kg(38_240)), false));
}

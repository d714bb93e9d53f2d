//! What a lane's sign says to its driver, in the languages of the lane.

use lanegate_core::lane::Sign;
use lanegate_core::model::Lines;
use lanegate_core::wire::sign::Shown;

use crate::config::Language;

/// The words, one line a language.
pub(super) fn words(sign: &Sign, languages: &[Language]) -> Shown {
    let reason = match sign {
        Sign::ToBay(reason) | Sign::Officer(reason) => reason.as_ref(),
        Sign::Welcome
        | Sign::Stop
        | Sign::Wait
        | Sign::Go
        | Sign::ReverseOut
        | Sign::Closed
        | Sign::Manual => None,
    };
    let line = |language: &Language| {
        let what = what(sign, *language);
        match reason.map(|lines| of(lines, *language)) {
            Some(why) if !why.is_empty() => format!("{what} {why}"),
            Some(_) | None => what.to_owned(),
        }
    };
    Shown {
        go: *sign == Sign::Go,
        lines: languages.iter().map(line).collect(),
    }
}

fn of(lines: &Lines, language: Language) -> &str {
    match language {
        Language::ZhHans => &lines.zh_hans,
        Language::ZhHant => &lines.zh_hant,
        Language::En => &lines.en,
    }
}

const fn what(sign: &Sign, language: Language) -> &'static str {
    let all = match sign {
        Sign::Welcome => ["请慢行", "請慢行", "WELCOME"],
        Sign::Stop => ["停车", "停車", "STOP"],
        Sign::Wait => ["请稍候", "請稍候", "WAIT"],
        Sign::Go => ["请通过", "請通過", "GO"],
        Sign::ToBay(_) => ["请到查验区", "請往查驗區", "TO INSPECTION"],
        Sign::Officer(_) => ["请等候关员", "請等候關員", "WAIT FOR OFFICER"],
        Sign::ReverseOut => ["请倒车离开", "請倒車離開", "REVERSE OUT"],
        Sign::Closed => ["通道关闭", "通道關閉", "CLOSED"],
        Sign::Manual => ["人工通道", "人工通道", "MANUAL"],
    };
    match language {
        Language::ZhHans => all[0],
        Language::ZhHant => all[1],
        Language::En => all[2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Language; 3] = [Language::ZhHans, Language::ZhHant, Language::En];

    #[test]
    fn a_sign_says_what_to_do_and_why_in_each_language() {
        let why = Lines {
            zh_hans: "超重".to_owned(),
            zh_hant: "超重".to_owned(),
            en: "too heavy".to_owned(),
        };
        let shown = words(&Sign::ToBay(Some(why)), &ALL);
        assert_eq!(
            shown.lines,
            [
                "请到查验区 超重",
                "請往查驗區 超重",
                "TO INSPECTION too heavy"
            ]
        );
        assert!(!shown.go);
        assert_eq!(words(&Sign::Officer(None), &ALL[..1]).lines, ["请等候关员"]);
    }

    #[test]
    fn only_drive_on_is_green() {
        let signs = [
            Sign::Welcome,
            Sign::Stop,
            Sign::Wait,
            Sign::Go,
            Sign::ToBay(None),
            Sign::Officer(None),
            Sign::ReverseOut,
            Sign::Closed,
            Sign::Manual,
        ];
        let green = signs.iter().filter(|sign| words(sign, &ALL).go);
        assert_eq!(green.collect::<Vec<_>>(), [&Sign::Go]);
    }
}

//! What a reason says to people: to the driver on the sign, in three scripts,
//! short and saying what to do; to the officer in full, with what was expected
//! and what was observed. Rendered lazily and never compared (L6).

mod officer;
mod table;

use std::fmt::Write as _;

use super::policy::Policy;
use crate::model::{Code, Lines, Reason, Severity};
use table::text;

/// The built-in lines that say `reason` to a driver and to an officer.
#[must_use]
pub fn lines(reason: &Reason) -> (Lines, String) {
    let t = text(reason.code);
    let (hans, hant, en) = match reason.severity {
        Severity::Warn => ("请通行", "請通行", "Drive on"),
        Severity::Hold => (t.hans, t.hant, t.en),
        Severity::Inspect if made_heavier(reason) => {
            ("请驶入查验区", "請駛入查驗區", "Drive to the bay")
        }
        Severity::Inspect => (t.hans, t.hant, t.en),
    };
    let driver = Lines {
        zh_hans: hans.to_owned(),
        zh_hant: hant.to_owned(),
        en: en.to_owned(),
    };
    (driver, officer::officer(reason, t))
}

/// The same with the driver's lines that `policy` puts in their place. A line
/// is about the code at its published weight: a warning still says "drive on",
/// and a Hold made heavier still sends the truck to the bay.
#[must_use]
pub fn lines_under(reason: &Reason, policy: &Policy) -> (Lines, String) {
    let (mut driver, officer) = lines(reason);
    let own = policy.lines.get(&reason.code);
    if let Some(own) = own.filter(|_| reason.severity == reason.code.severity()) {
        let put = |line: &mut String, own: &Option<String>| {
            if let Some(own) = own {
                line.clone_from(own);
            }
        };
        put(&mut driver.zh_hans, &own.zh_hans);
        put(&mut driver.zh_hant, &own.zh_hant);
        put(&mut driver.en, &own.en);
    }
    (driver, officer)
}

/// A Hold that the policy made heavier sends the truck to the bay.
fn made_heavier(reason: &Reason) -> bool {
    reason.code.severity() < Severity::Inspect
}

/// `docs/reasons.md`: every code with its weight, meaning and lines.
#[must_use]
pub fn reasons_md() -> String {
    let mut page = String::from(HEAD);
    for code in Code::ALL {
        let t = text(*code);
        let weight = match (code, code.severity()) {
            (Code::ControlActive, _) => "by its act",
            (_, Severity::Warn) => "warn",
            (_, Severity::Hold) => "hold",
            (_, Severity::Inspect) => "inspect",
        };
        writeln!(
            page,
            "| `{code}` | {weight} | {}: {}. {} | {} / {} / {} |",
            t.title, t.means, t.advice, t.hans, t.hant, t.en
        )
        .expect("writing to a String cannot fail");
    }
    page
}

const HEAD: &str = "# Reasons

Every reason a verdict can give, in the order of the code's table: what it
weighs (a policy may make it heavier, never lighter), what it means and what an
officer does about it, and what the sign tells the driver. A warning stops
nobody. The verdict is that of the heaviest reason: inspect, then hold, then
warn. This page is generated from `core/src/clearance/lines/table.rs`; a test
keeps the two equal.

A truck that was sent to the bay and comes back without a finding is inspected
again; if no check fails this time the reason is `declaration.spent`, whose
expected value names the passage that sent it there. Below the journal's
free-space floor, and when the facts moved at every attempt to commit, reasons
that would inspect weigh as a hold.

| code | weight | meaning, and what to do | driver's line (zh-Hans / zh-Hant / en) |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::policy::{SIGN_EN_MAX, SIGN_ZH_MAX};
    use crate::clearance::sheet::values;

    fn reason(code: Code, severity: Severity) -> Reason {
        Reason {
            code,
            severity,
            expected: values([("kg", 36_000.into()), ("over_kg", 1800.into())]),
            observed: values([("kg", 38_240.into())]),
            for_driver: None,
            for_officer: None,
        }
    }

    #[test]
    fn every_code_has_lines_that_fit_the_sign_and_differ_from_the_code() {
        for code in Code::ALL {
            let (driver, officer) = lines(&reason(*code, code.severity()));
            for zh in [&driver.zh_hans, &driver.zh_hant] {
                let len = zh.chars().count();
                assert!((3..=SIGN_ZH_MAX).contains(&len), "{code}: {zh}");
                assert!(!zh.is_ascii(), "{code}: {zh}");
            }
            assert!(
                (3..=SIGN_EN_MAX).contains(&driver.en.len()),
                "{code}: {}",
                driver.en
            );
            assert!(driver.en.is_ascii(), "{code}: {}", driver.en);
            assert!(officer.starts_with(code.as_str()), "{officer}");
        }
    }

    #[test]
    fn a_reason_made_a_warning_lets_the_driver_go_and_one_made_heavier_sends_it_to_the_bay() {
        let (driver, _) = lines(&reason(Code::WeightWholeTruckOver, Severity::Warn));
        assert_eq!(driver.en, "Drive on");
        let (driver, _) = lines(&reason(Code::PlateExtra, Severity::Inspect));
        assert_eq!(driver.en, "Drive to the bay");
    }

    #[test]
    fn the_policys_line_stands_in_place_of_the_built_in_one_at_its_published_weight() {
        let text = include_str!("../../../../config/policy.toml").to_owned()
            + "\n[lines.\"weight.whole-truck-over\"]\nzh-Hans = \"超重 去查验\"\nen = \"Overweight - bay 1\"\n";
        let policy = Policy::parse(&text).unwrap();
        let over = reason(Code::WeightWholeTruckOver, Severity::Inspect);
        let (driver, officer) = lines_under(&over, &policy);
        assert_eq!(driver.zh_hans, "超重 去查验");
        assert_eq!(driver.zh_hant, lines(&over).0.zh_hant);
        assert_eq!(driver.en, "Overweight - bay 1");
        assert_eq!(officer, lines(&over).1);
        let covered = reason(Code::WeightWholeTruckOver, Severity::Warn);
        assert_eq!(lines_under(&covered, &policy).0.en, "Drive on");
        let other = reason(Code::SealOpen, Severity::Inspect);
        assert_eq!(lines_under(&other, &policy), lines(&other));
    }

    /// Traditional lines must not be simplified ones left as they were.
    #[test]
    fn the_traditional_line_has_no_character_that_only_the_simplified_script_has() {
        let simplified =
            "请驶验区车员号读闭关业务单证货铅过暂办无称机统时间资处联网开门报销识别对类";
        for code in Code::ALL {
            let t = text(*code);
            let found = t.hant.chars().find(|c| simplified.contains(*c));
            assert_eq!(found, None, "{code}: {}", t.hant);
        }
    }

    #[test]
    fn the_page_of_reasons_is_the_one_in_docs() {
        let kept = include_str!("../../../../docs/reasons.md");
        assert!(
            kept == reasons_md(),
            "docs/reasons.md is out of date: write reasons_md() to it"
        );
    }
}

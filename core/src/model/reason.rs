//! Reason codes with their severities (FORMATS 4), and the lines that say
//! them to a driver and an officer.

use serde::{Deserialize, Serialize};

use super::Values;

/// How much a reason weighs. Ordered: a later one is worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Said, stops nobody.
    Warn,
    /// An officer must decide.
    Hold,
    /// To the bay.
    Inspect,
}

macro_rules! codes {
    ($($variant:ident = $text:literal, $severity:ident;)+) => {
        /// Why a truck was stopped or what was noted about it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each variant is its code's text, explained in docs/reasons")]
        pub enum Code { $(#[serde(rename = $text)] $variant),+ }

        impl Code {
            /// Every code, in the order of the published table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The published text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The published severity; `control.active` is by its own act and
            /// stands here as its worst.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }
        }
    };
}

codes! {
    PlateUnread = "plate.unread", Hold;
    PlateLoose = "plate.loose", Hold;
    DeclarationWrongKind = "declaration.wrong-kind", Hold;
    DeclarationHeld = "declaration.held", Hold;
    DeclarationUnusable = "declaration.unusable", Hold;
    DeclarationNotYet = "declaration.not-yet", Hold;
    DeclarationUnsettled = "declaration.unsettled", Hold;
    SealStale = "seal.stale", Hold;
    ContainerCheckDigit = "container.check-digit", Hold;
    WeightMissing = "weight.missing", Hold;
    WeightUnstable = "weight.unstable", Hold;
    ScaleNotEmptyBefore = "scale.not-empty-before", Hold;
    ScaleNotWhole = "scale.not-whole", Hold;
    ScaleOverload = "scale.overload", Hold;
    ClassUnknown = "class.unknown", Hold;
    ConvoyIncomplete = "convoy.incomplete", Hold;
    CacheStale = "cache.stale", Hold;
    ClockUnknown = "clock.unknown", Hold;
    DeviceLost = "device.lost", Hold;
    StoreUnavailable = "store.unavailable", Hold;
    StoreUnverified = "store.unverified", Hold;
    JournalUnavailable = "journal.unavailable", Hold;
    ClaimUnavailable = "claim.unavailable", Hold;
    ClaimTaken = "claim.taken", Hold;
    PlateContradiction = "plate.contradiction", Inspect;
    DeclarationNone = "declaration.none", Inspect;
    DeclarationOtherPort = "declaration.other-port", Inspect;
    DeclarationOtherDirection = "declaration.other-direction", Inspect;
    DeclarationExpired = "declaration.expired", Inspect;
    DeclarationRevoked = "declaration.revoked", Inspect;
    DeclarationSpent = "declaration.spent", Inspect;
    SealMissing = "seal.missing", Inspect;
    SealUnexpected = "seal.unexpected", Inspect;
    SealWrong = "seal.wrong", Inspect;
    SealOpen = "seal.open", Inspect;
    SealAlarm = "seal.alarm", Inspect;
    ContainerMissing = "container.missing", Inspect;
    ContainerWrong = "container.wrong", Inspect;
    TrailerWrong = "trailer.wrong", Inspect;
    DriverWrong = "driver.wrong", Inspect;
    WeightWholeTruckOver = "weight.whole-truck-over", Inspect;
    WeightWholeTruckUnder = "weight.whole-truck-under", Inspect;
    WeightContainerOver = "weight.container-over", Inspect;
    WeightContainerUnder = "weight.container-under", Inspect;
    WeightGoodsOver = "weight.goods-over", Inspect;
    WeightGoodsUnder = "weight.goods-under", Inspect;
    EnterpriseSuspended = "enterprise.suspended", Inspect;
    EnterprisePapersOverdue = "enterprise.papers-overdue", Inspect;
    EnterpriseSettlementOverdue = "enterprise.settlement-overdue", Inspect;
    ListTripsOver = "list.trips-over", Inspect;
    ListQuantityOver = "list.quantity-over", Inspect;
    SamplingSelected = "sampling.selected", Inspect;
    SealBatteryLow = "seal.battery-low", Warn;
    PlateExtra = "plate.extra", Warn;
    ControlActive = "control.active", Inspect;
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A driver's line in the three scripts of the delta.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// 简体
    #[serde(rename = "zh-Hans")]
    pub zh_hans: String,
    /// 繁體
    #[serde(rename = "zh-Hant")]
    pub zh_hant: String,
    /// English
    pub en: String,
}

/// One reason of a verdict. The lines are filled by
/// [`Verdict::rendered`](super::Verdict::rendered) and are never compared.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The code.
    pub code: Code,
    /// Its weight here.
    pub severity: Severity,
    /// What was expected.
    #[serde(default)]
    pub expected: Values,
    /// What was seen.
    #[serde(default)]
    pub observed: Values,
    /// For the sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_driver: Option<Lines>,
    /// For the officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_officer: Option<String>,
}

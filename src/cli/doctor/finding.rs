//! One finding: how bad, about what, what is so, what to do.

use std::fmt::{self, Display};

use serde_json::{Value, json};

/// What a finding is about; what others rest on first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Area {
    /// lane.toml and the policy.
    Config,
    /// The service manager's unit.
    Unit,
    /// A serial port.
    Port,
    /// Journal and store.
    State,
    /// The disk below them.
    Disk,
    /// The tunnel in front of a broker.
    Certificate,
    /// A broker.
    Broker,
    /// Wall time.
    Clock,
    /// Files, memory, addresses.
    Limits,
    /// Customs' back-end.
    Authority,
}

impl Area {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Port => "port",
            Self::State => "state",
            Self::Disk => "disk",
            Self::Broker => "broker",
            Self::Certificate => "certificate",
            Self::Authority => "authority",
            Self::Clock => "clock",
            Self::Limits => "limits",
            Self::Unit => "unit",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Severity {
    /// A lane could not run, or every truck would hold.
    Fault,
    /// Lanes run, but it will hurt.
    Warning,
    /// Looked at and right.
    Good,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Good => "good",
        }
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Finding {
    severity: Severity,
    area: Area,
    subject: String,
    what: String,
    then: String,
}

impl Finding {
    pub(super) const fn is_fault(&self) -> bool {
        matches!(self.severity, Severity::Fault)
    }

    pub(super) const fn is_warning(&self) -> bool {
        matches!(self.severity, Severity::Warning)
    }

    pub(super) fn to_json(&self) -> Value {
        let Self {
            severity,
            area,
            subject,
            what,
            then,
        } = self;
        json!({
            "severity": severity.as_str(), "area": area.as_str(), "subject": subject,
            "what": what, "do": then,
        })
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, area) = (self.severity.as_str(), self.area.as_str());
        write!(f, "{severity:<8} {area} {}: {}", self.subject, self.what)?;
        match self.then.as_str() {
            "" => Ok(()),
            then => write!(f, "\n         -> {then}"),
        }
    }
}

#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn fault(
        &mut self,
        area: Area,
        subject: impl Display,
        what: impl Into<String>,
        then: impl Into<String>,
    ) {
        self.add(Severity::Fault, area, subject, what.into(), then.into());
    }

    pub(super) fn warning(
        &mut self,
        area: Area,
        subject: impl Display,
        what: impl Into<String>,
        then: impl Into<String>,
    ) {
        self.add(Severity::Warning, area, subject, what.into(), then.into());
    }

    pub(super) fn good(&mut self, area: Area, subject: impl Display, what: impl Into<String>) {
        self.add(Severity::Good, area, subject, what.into(), String::new());
    }

    fn add(
        &mut self,
        severity: Severity,
        area: Area,
        subject: impl Display,
        what: String,
        then: String,
    ) {
        let subject = subject.to_string();
        self.0.push(Finding {
            severity,
            area,
            subject,
            what,
            then,
        });
    }

    /// The worst first; of the same weight, in the order they were found.
    pub(super) fn sorted(self) -> Vec<Finding> {
        let mut all = self.0;
        all.sort_by_key(|finding| (finding.severity, finding.area));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stand_first_and_each_says_what_to_do() {
        let mut findings = Findings::default();
        findings.good(Area::Config, "lane.toml", "1 lane");
        findings.warning(Area::Port, "io-1", "16 ms", "install the rule");
        findings.fault(Area::Clock, "clock", "free", "start a time daemon");
        let sorted = findings.sorted();
        let words: Vec<_> = sorted.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "fault    clock clock: free\n         -> start a time daemon",
                "warning  port io-1: 16 ms\n         -> install the rule",
                "good     config lane.toml: 1 lane",
            ]
        );
        assert_eq!(sorted[0].to_json()["do"], "start a time daemon");
    }
}

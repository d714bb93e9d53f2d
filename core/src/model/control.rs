//! A control (布控): an inspection order that acts on the next decision, also
//! on a truck already in the lane.

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{ContainerNo, ControlId, DeclarationId, EnterpriseId, Fault, Plate, SealId, StopKind};
use crate::time::Wall;

word! {
    /// What kind of thing a control is on.
    SubjectKind {
        /// Any of the vehicle's plates.
        Vehicle = "vehicle",
        /// A declaration.
        Declaration = "declaration",
        /// An enterprise.
        Enterprise = "enterprise",
        /// A container.
        Container = "container",
        /// A driver's card.
        Driver = "driver",
        /// A seal.
        Seal = "seal",
    }
}

word! {
    /// What it asks for.
    Act {
        /// Inspect.
        Inspect = "inspect",
        /// Hold for an officer.
        Hold = "hold",
        /// Tell the officer only.
        Inform = "inform",
    }
}

/// What a control is on. Vehicle, container and seal values are normalised
/// when read, so that a comparison is equality.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Kind.
    pub kind: SubjectKind,
    /// Value.
    pub value: String,
}

/// A control (FORMATS 2).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its number.
    pub id: ControlId,
    /// Version.
    pub version: u32,
    /// On what.
    pub subject: Subject,
    /// What it asks for.
    pub act: Act,
    /// Ordered inspection stops.
    #[serde(default)]
    pub stops: Vec<StopKind>,
    /// Why, for the officer.
    #[serde(default)]
    pub reason: Option<String>,
    /// In force from; none = at once.
    #[serde(default)]
    pub from: Option<Wall>,
    /// In force until; none = until withdrawn.
    #[serde(default)]
    pub expires: Option<Wall>,
    /// Withdrawn.
    #[serde(default)]
    pub withdrawn: bool,
}

impl Control {
    /// Every fault beyond shape and type; the subject must be readable, since
    /// a control that matches nothing would release (L4).
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.version == 0 {
            faults.push(Fault::new("version", "counts from 1"));
        }
        if let Err(why) = self.subject.canonical() {
            faults.push(Fault::new("subject.value", why));
        }
        if let (Some(from), Some(until)) = (self.from, self.expires)
            && from >= until
        {
            faults.push(Fault::new("expires", "must lie after from"));
        }
        faults
    }

    /// Whether it is in force at `at`; with an unknown clock every control
    /// that is not withdrawn counts (L4).
    #[must_use]
    pub fn in_force(&self, at: Option<Wall>) -> bool {
        let started = |at: Wall| self.from.is_none_or(|from| from <= at);
        let running = |at: Wall| self.expires.is_none_or(|until| at < until);
        !self.withdrawn && at.is_none_or(|at| started(at) && running(at))
    }
}

impl Subject {
    /// The subject with its value normalised as its kind is.
    ///
    /// # Errors
    /// Says why the value cannot name such a subject.
    pub fn canonical(&self) -> Result<Self, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let value = match self.kind {
            SubjectKind::Vehicle => Plate::parse(&self.value)
                .map(String::from)
                .map_err(|e| text(&e)),
            SubjectKind::Container => ContainerNo::parse(&self.value)
                .map(String::from)
                .map_err(|e| text(&e)),
            SubjectKind::Seal => SealId::parse(&self.value)
                .map(String::from)
                .map_err(|e| text(&e)),
            SubjectKind::Declaration => DeclarationId::parse(&self.value)
                .map(String::from)
                .map_err(|e| text(&e)),
            SubjectKind::Enterprise => EnterpriseId::parse(&self.value)
                .map(String::from)
                .map_err(|e| text(&e)),
            SubjectKind::Driver if self.value.trim().is_empty() => {
                Err("a driver's card may not be empty".to_owned())
            }
            SubjectKind::Driver => Ok(self.value.trim().to_owned()),
        }?;
        Ok(Self {
            kind: self.kind,
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_json;

    #[test]
    fn an_unreadable_subject_is_a_fault_and_an_unknown_clock_keeps_it_in_force() {
        let text = r#"{"id":"c-1","version":1,"subject":{"kind":"vehicle","value":"粤 z·ab12港"},"act":"inspect",
            "from":"2026-11-24T00:00:00+08:00","expires":"2026-11-25T00:00:00+08:00"}"#;
        let mut c: Control = parse_json(text).unwrap();
        assert!(c.faults().is_empty());
        assert_eq!(c.subject.canonical().unwrap().value, "粤ZAB12港");
        let at = |s: &str| Some(Wall::parse(s).unwrap());
        assert!(c.in_force(at("2026-11-24T00:00:00+08:00")));
        assert!(!c.in_force(at("2026-11-25T00:00:00+08:00")));
        assert!(c.in_force(None));
        c.subject.value = "??".into();
        assert_eq!(c.faults()[0].path, "subject.value");
    }
}

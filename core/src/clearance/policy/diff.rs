//! What changes from one policy to another, measure by measure: what a person
//! looks at before putting it in force.
//!
//! The measures are compared as they are written out, so that one that is
//! added to a policy later is compared without a line here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Class, Override, Policy};
use crate::model::PolicyRef;

/// One measure that is another, came or went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PolicyChange {
    /// `defaults`, `class`, `override`, `severity`, `stops` or `lines`.
    pub part: &'static str,
    /// Which class, override or code; empty for the defaults.
    pub of: String,
    /// Which measure, like `weight.over.kg`.
    pub key: String,
    /// Before; none = it was not said.
    pub old: Option<Value>,
    /// After; none = it is not said any more.
    pub new: Option<Value>,
}

/// Classes from best to worst, before and after.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ClassOrder {
    /// Before.
    pub old: Vec<String>,
    /// After.
    pub new: Vec<String>,
}

/// What changes from one policy to another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PolicyDiff {
    /// The one before.
    pub old: PolicyRef,
    /// The one after.
    pub new: PolicyRef,
    /// Classes that come.
    pub classes_added: Vec<String>,
    /// Classes that go.
    pub classes_removed: Vec<String>,
    /// The classes both have stand in another order.
    pub reordered: Option<ClassOrder>,
    /// Measures of what both have, and of overrides, codes and stops.
    pub changes: Vec<PolicyChange>,
}

impl PolicyDiff {
    /// Nothing that judges differs, though texts and versions may.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.classes_added.is_empty()
            && self.classes_removed.is_empty()
            && self.reordered.is_none()
            && self.changes.is_empty()
    }
}

impl Policy {
    /// What changes from this policy to `new`.
    #[must_use]
    pub fn diff(&self, new: &Self) -> PolicyDiff {
        let (before, after) = (ids(&self.classes), ids(&new.classes));
        let without = |from: &[String], of: &[String]| -> Vec<String> {
            let left = from.iter().filter(|id| !of.contains(id));
            left.cloned().collect()
        };
        let mut changes = Vec::new();
        let mut compare = |part, of: &str, old: &Value, new: &Value| {
            changes.extend(changed(part, of, old, new));
        };
        compare(
            "defaults",
            "",
            &written(&self.defaults),
            &written(&new.defaults),
        );
        for old in &self.classes {
            if let Some(new) = new.classes.iter().find(|class| class.id == old.id) {
                compare("class", &old.id, &of_class(old), &of_class(new));
            }
        }
        for (part, old, new) in [
            ("override", overrides(self), overrides(new)),
            ("severity", severities(self), severities(new)),
            ("stops", stops(self), stops(new)),
            ("lines", sign_lines(self), sign_lines(new)),
        ] {
            let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            let none = json!({});
            for name in names {
                let of = |map: &BTreeMap<String, Value>| map.get(name).unwrap_or(&none).clone();
                compare(part, name, &of(&old), &of(&new));
            }
        }
        PolicyDiff {
            old: self.reference(),
            new: new.reference(),
            classes_added: without(&after, &before),
            classes_removed: without(&before, &after),
            reordered: reordered(&before, &after),
            changes,
        }
    }
}

fn ids(classes: &[Class]) -> Vec<String> {
    classes.iter().map(|class| class.id.clone()).collect()
}

fn reordered(before: &[String], after: &[String]) -> Option<ClassOrder> {
    let kept = |from: &[String], of: &[String]| -> Vec<String> {
        from.iter().filter(|id| of.contains(id)).cloned().collect()
    };
    let differs = kept(before, after) != kept(after, before);
    differs.then(|| ClassOrder {
        old: before.to_vec(),
        new: after.to_vec(),
    })
}

fn written(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("a policy's parts are plain")
}

fn of_class(class: &Class) -> Value {
    let mut all = written(&class.measures);
    all["codes"] = json!(class.codes);
    all["names"] = json!(class.names);
    all
}

/// By what they fit and their place among those that fit the same; the place
/// among all counts too, since the last one that fits wins.
fn overrides(policy: &Policy) -> BTreeMap<String, Value> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (place, o) in (1_usize..).zip(&policy.overrides) {
        let fits = fits(o);
        let n = seen.entry(fits.clone()).or_default();
        *n += 1;
        let name = match *n {
            1 => fits,
            n => format!("{fits} ({n})"),
        };
        let mut measures = written(o);
        for selector in ["class", "load", "form"] {
            measures[selector] = Value::Null;
        }
        measures["place"] = json!(place);
        all.insert(name, measures);
    }
    all
}

fn fits(o: &Override) -> String {
    let word = |value: Value| value.as_str().map_or("any".to_owned(), str::to_owned);
    let (load, form) = (word(json!(o.load)), word(json!(o.form)));
    let class = o.class.as_deref().unwrap_or("any");
    format!("class {class}, load {load}, form {form}")
}

fn severities(policy: &Policy) -> BTreeMap<String, Value> {
    let one = policy.severity.iter();
    one.map(|(code, weight)| (code.as_str().to_owned(), json!({"severity": weight})))
        .collect()
}

fn sign_lines(policy: &Policy) -> BTreeMap<String, Value> {
    let one = policy.lines.iter();
    one.map(|(code, lines)| (code.as_str().to_owned(), written(lines)))
        .collect()
}

fn stops(policy: &Policy) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for stop in &policy.stops {
        let mut text = written(&stop.kind).as_str().unwrap_or_default().to_owned();
        if let Some(place) = &stop.place {
            text += &format!("@{place}");
        }
        let of = all.entry(stop.reason.as_str().to_owned()).or_default();
        of.push(Value::String(text));
    }
    all.into_iter()
        .map(|(code, stops)| (code, json!({"stops": stops})))
        .collect()
}

fn changed(part: &'static str, of: &str, old: &Value, new: &Value) -> Vec<PolicyChange> {
    let (old, new) = (flat(old), flat(new));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key));
    differing
        .map(|key| PolicyChange {
            part,
            of: of.to_owned(),
            key: key.clone(),
            old: old.get(key).cloned(),
            new: new.get(key).cloned(),
        })
        .collect()
}

/// Values by dotted path; what is null is not there.
fn flat(value: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    flatten(value, "", &mut all);
    all
}

fn flatten(value: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                flatten(value, &path, into);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            into.insert(path.to_owned(), value.clone());
        }
    }
}

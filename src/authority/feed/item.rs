//! One item of a batch: `{"<kind>":{…}}`, read on its own.

use std::collections::{BTreeMap, BTreeSet};

use lanegate_core::clearance::Policy;
use lanegate_core::model::{
    Act, Control, ControlId, Declaration, Enterprise, EnterpriseId, Fault, Finding, Plate,
    PolicyText, Subject, parse_json,
};
use lanegate_core::record::UnusableVehicle;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Plates read of one bad declaration (L9).
const PLATES_MAX: usize = 256;
/// Faults of one policy that are answered (L9).
const POLICY_FAULTS_MAX: usize = 100;

/// What an item turned out to be.
#[derive(Debug)]
pub(super) enum Item {
    Declaration(Box<Declaration>),
    Enterprise(Enterprise),
    Control(Control),
    Finding(Box<Finding>),
    Policy(PolicyText),
    /// Cannot be used.
    Bad(Vec<Fault>, BadSubject),
}

/// Who is affected by an item that cannot be used.
#[derive(Debug)]
pub(super) enum BadSubject {
    /// Nobody we could name.
    Nobody,
    /// What could be read of a declaration.
    Vehicle(UnusableVehicle),
    Enterprise(EnterpriseId),
    /// A control whose subject can be read: it holds until a good version of
    /// it comes.
    Control(Box<Control>),
    /// A control on we know not whom.
    UnreadableControl,
}

/// Reads one item. Fault paths begin at the item.
pub(super) fn read(raw: &RawValue) -> Item {
    let fields: BTreeMap<String, &RawValue> = match serde_json::from_str(raw.get()) {
        Ok(fields) => fields,
        Err(why) => return Item::Bad(vec![Fault::new("", why.to_string())], BadSubject::Nobody),
    };
    let mut named = fields.iter();
    match (named.next(), named.next()) {
        (Some((kind, body)), None) => read_kind(kind, body.get()),
        _ => {
            let who = if fields.contains_key("control") {
                BadSubject::UnreadableControl
            } else {
                BadSubject::Nobody
            };
            let why = "an item has one field, named by its kind";
            Item::Bad(vec![Fault::new("", why)], who)
        }
    }
}

fn read_kind(kind: &str, body: &str) -> Item {
    match kind {
        "declaration" => read_declaration(body),
        "enterprise" => read_enterprise(body),
        "control" => read_control(body),
        "finding" => match parse_json::<Finding>(body) {
            Ok(finding) => Item::Finding(Box::new(finding)),
            // The declaration's balance stays as it is: reserved, so Inspect.
            Err(fault) => Item::Bad(within("finding", vec![fault]), BadSubject::Nobody),
        },
        "policy" => read_policy(body),
        other => {
            let shown: String = other.chars().take(40).collect();
            let why = format!(
                "\"{shown}\" is no kind of item: declaration, enterprise, control, finding, policy"
            );
            Item::Bad(vec![Fault::new("", why)], BadSubject::Nobody)
        }
    }
}

/// Nobody is affected by a policy that cannot be used: what is in force stays.
fn read_policy(body: &str) -> Item {
    let faults = match parse_json::<PolicyText>(body) {
        Ok(policy) => match policy_faults(&policy) {
            faults if faults.is_empty() => return Item::Policy(policy),
            faults => faults,
        },
        Err(fault) => vec![fault],
    };
    Item::Bad(within("policy", faults), BadSubject::Nobody)
}

fn policy_faults(text: &PolicyText) -> Vec<Fault> {
    match Policy::parse(&text.toml) {
        Ok(policy) if policy.version == text.version => Vec::new(),
        Ok(policy) => {
            let why = format!("the text says of itself \"{}\"", policy.version);
            vec![Fault::new("version", why)]
        }
        Err(faults) => {
            let faults = faults.into_iter().take(POLICY_FAULTS_MAX);
            faults
                .map(|f| Fault::new(format!("toml:{}:{}", f.line, f.path), f.why))
                .collect()
        }
    }
}

fn read_declaration(body: &str) -> Item {
    let faults = match parse_json::<Declaration>(body) {
        Ok(declaration) => match declaration.faults() {
            faults if faults.is_empty() => return Item::Declaration(Box::new(declaration)),
            faults => faults,
        },
        Err(fault) => vec![fault],
    };
    let vehicle = UnusableVehicle {
        declaration: field(body, "id"),
        plates: plates(body),
    };
    let who = if vehicle.declaration.is_none() && vehicle.plates.is_empty() {
        BadSubject::Nobody
    } else {
        BadSubject::Vehicle(vehicle)
    };
    Item::Bad(within("declaration", faults), who)
}

fn read_enterprise(body: &str) -> Item {
    let faults = match parse_json::<Enterprise>(body) {
        Ok(enterprise) => match enterprise.faults() {
            faults if faults.is_empty() => return Item::Enterprise(enterprise),
            faults => faults,
        },
        Err(fault) => vec![fault],
    };
    let who = field::<EnterpriseId>(body, "id").map_or(BadSubject::Nobody, BadSubject::Enterprise);
    Item::Bad(within("enterprise", faults), who)
}

fn read_control(body: &str) -> Item {
    let faults = match parse_json::<Control>(body) {
        Ok(mut control) => match (control.faults(), control.subject.canonical()) {
            (faults, Ok(subject)) if faults.is_empty() => {
                control.subject = subject;
                return Item::Control(control);
            }
            (faults, _) => faults,
        },
        Err(fault) => vec![fault],
    };
    let why = faults.first().map(Fault::to_string).unwrap_or_default();
    let who = holding(body, &why).map_or(BadSubject::UnreadableControl, |control| {
        BadSubject::Control(Box::new(control))
    });
    Item::Bad(within("control", faults), who)
}

/// A control that cannot be used as it is, on a subject that can be read,
/// holds that subject: what it asked for is unknown (L4). It keeps its id and
/// version, so that the next good version takes its place.
fn holding(body: &str, why: &str) -> Option<Control> {
    let subject = field::<Subject>(body, "subject")?.canonical().ok()?;
    Some(Control {
        id: field::<ControlId>(body, "id")?,
        version: field::<u32>(body, "version")?,
        subject,
        act: Act::Hold,
        stops: Vec::new(),
        reason: Some(format!("the control cannot be used: {why}")),
        from: None,
        expires: None,
        withdrawn: false,
    })
}

/// The plates of a bad declaration that can be read all the same: one that
/// cannot does not hide those beside it.
fn plates(body: &str) -> Vec<Plate> {
    let vehicles: Vec<Value> = field(body, "vehicles").unwrap_or_default();
    let texts = vehicles.iter().flat_map(|v| {
        let listed = v.get("plates").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str)
    });
    let read = texts.take(PLATES_MAX).map(Plate::parse);
    let plates: BTreeSet<Plate> = read.filter_map(Result::ok).collect();
    plates.into_iter().collect()
}

/// One field of a body that is otherwise bad, if it can be read.
fn field<'a, T: Deserialize<'a>>(body: &'a str, name: &str) -> Option<T> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(body).ok()?;
    serde_json::from_str(fields.get(name)?.get()).ok()
}

fn within(kind: &str, faults: Vec<Fault>) -> Vec<Fault> {
    let at = |path: &str| match path {
        "" | "." => kind.to_owned(),
        path => format!("{kind}.{path}"),
    };
    let moved = faults.into_iter();
    moved.map(|f| Fault::new(at(&f.path), f.why)).collect()
}

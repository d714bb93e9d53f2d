//! What is shown of the policies: `status`, `/metrics`, log lines.

use lanegate_core::clearance::{Class, Policy};
use lanegate_core::ledger::HeldPolicy;
use serde_json::{Value, json};

use super::shadow::Shadow;
use crate::gateway::port::Port;
use crate::metrics;

/// Digits of a SHA-256 that are shown where a person reads.
const SHOWN_LEN: usize = 12;

/// The controller's policies, for `status`.
pub(in crate::gateway) fn status(port: &Port) -> Value {
    let view = port.shared.committer.view();
    let policies = view.ledger.policies();
    let in_force = port.policy.in_force.borrow().reference();
    let mut shown = policies.active().map_or_else(|| json!({}), held);
    shown["version"] = json!(in_force.version);
    shown["sha256"] = json!(in_force.sha256);
    let each = |list: &[HeldPolicy]| list.iter().map(held).collect::<Vec<_>>();
    shown["waiting"] = json!(each(policies.waiting()));
    shown["before"] = json!(each(policies.before()));
    shown["shadow"] = json!(port.policy.shadow().as_ref().map(Shadow::to_json));
    shown
}

/// What `/metrics` says of the policies: as they are now, so that one that is
/// gone leaves no series behind.
pub(in crate::gateway) fn metrics_text(port: &Port) -> String {
    let desk = &port.policy;
    let shadow = desk.shadow();
    let row = |policy: &Policy, role: &str| {
        let sha256 = shown(&policy.sha256).to_owned();
        (vec![policy.version.clone(), sha256, role.to_owned()], 1)
    };
    let active = row(&desk.in_force.borrow(), "active");
    let beside = shadow.as_ref().map(|s| row(&s.policy, "shadow"));
    let rows: Vec<_> = [active].into_iter().chain(beside).collect();
    let mut text = metrics::live(&metrics::POLICY_INFO, &rows);
    text += &metrics::live(&metrics::CACHE_LIMIT, &limits(&desk.in_force.borrow()));
    if let Some(shadow) = shadow.as_ref() {
        text += &metrics::live(&metrics::SHADOW_VERDICTS, &shadow.counts.rows());
    }
    text
}

/// Up to which age of the cache each class is released.
fn limits(policy: &Policy) -> Vec<(Vec<String>, u64)> {
    let up = u64::from(policy.defaults.link_age_s_max);
    let of = |class: &Class| {
        let down = u64::from(class.measures.cache_age_s_max);
        let row = |authority: &str, limit| (vec![class.id.clone(), authority.to_owned()], limit);
        [row("up", up), row("down", down)]
    };
    policy.classes.iter().flat_map(of).collect()
}

pub(super) fn held(policy: &HeldPolicy) -> Value {
    json!({
        "version": policy.policy.version,
        "sha256": policy.policy.sha256,
        "effective_from": policy.effective_from,
        "since": policy.since,
        "record": policy.seq,
        "source": policy.by.source,
        "officer": policy.by.officer,
        "reason": policy.by.reason,
    })
}

/// The first digits of a SHA-256.
pub(super) fn shown(sha256: &str) -> &str {
    sha256.get(..SHOWN_LEN).unwrap_or(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::shows;

    #[test]
    fn every_class_has_a_limit_with_the_authority_up_and_one_with_it_down() {
        let text = include_str!("../../../config/policy.toml");
        let policy = Policy::parse(text).unwrap();
        let shown = metrics::live(&metrics::CACHE_LIMIT, &limits(&policy));
        let row = |labels: &str, limit: u64| {
            let row = format!("lanegate_class_cache_age_limit_seconds{{{labels}}} {limit}");
            shows(&shown, &row);
        };
        row("class=\"aeo-advanced\",authority=\"up\"", 60);
        row("class=\"aeo-advanced\",authority=\"down\"", 14_400);
        row("class=\"discredited\",authority=\"down\"", 0);
    }
}

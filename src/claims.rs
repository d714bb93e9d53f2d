//! Who may spend a declaration when several controllers could. With local
//! claims a declaration names its one controller, so the answer is at once;
//! shared claims would ask the authority and have a deadline.

use lanegate_core::model::{ControllerId, Declaration};

/// Whether this controller may spend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It may.
    Ours,
    /// Another controller may: `claim.unavailable`.
    Others,
}

/// Decides who may spend.
pub trait Claims: Send {
    /// Whether this controller may spend `declaration`.
    fn claim(&self, declaration: &Declaration) -> Claim;
}

/// A declaration names its one controller; none is anyone's who has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalClaims {
    controller: ControllerId,
}

impl LocalClaims {
    /// Claims of `controller`.
    #[must_use]
    pub const fn new(controller: ControllerId) -> Self {
        Self { controller }
    }

    /// Whose claims these are.
    #[must_use]
    pub const fn controller(&self) -> &ControllerId {
        &self.controller
    }
}

impl Claims for LocalClaims {
    fn claim(&self, declaration: &Declaration) -> Claim {
        match &declaration.controller {
            Some(named) if *named != self.controller => Claim::Others,
            Some(_) | None => Claim::Ours,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanegate_core::model::parse_json;

    #[test]
    fn a_declaration_is_ours_unless_it_names_another_controller() {
        let text = r#"{"id":"1","form":"rmft","version":1,"status":"released","direction":"export","port":"5345",
            "enterprise":"e","class":"regular","vehicles":[{"plates":["AB1234"],"tare_kg":1}],"load":"empty","goods_gross_kg":0,
            "valid_from":"2026-11-24T00:00:00+08:00","valid_until":"2026-11-25T00:00:00+08:00","binding":{"kind":"single"}}"#;
        let mut declaration: Declaration = parse_json(text).unwrap();
        let named = |name: &str| ControllerId::parse(name).unwrap();
        let claims = LocalClaims::new(named("SZB-X"));
        assert_eq!(claims.claim(&declaration), Claim::Ours);
        declaration.controller = Some(named("SZB-X"));
        assert_eq!(claims.claim(&declaration), Claim::Ours);
        declaration.controller = Some(named("SZB-Y"));
        assert_eq!(claims.claim(&declaration), Claim::Others);
    }
}

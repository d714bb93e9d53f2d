//! A ledger of what files say instead of a journal: to judge cases by hand.

use std::collections::BTreeMap;

use super::{Account, Ledger};
use crate::model::{Balance, Control, DeclarationId, Enterprise};
use crate::time::Wall;

/// All of a file came at once.
const SEQ: u64 = 0;

impl Ledger {
    /// With these in force and these balances, and no feed: every declaration
    /// the store holds is the one in force.
    #[must_use]
    pub fn given(
        controls: &[Control],
        enterprises: &[Enterprise],
        balances: &BTreeMap<DeclarationId, Balance>,
    ) -> Self {
        let mut ledger = Self::default();
        for control in controls {
            ledger.in_force.control(SEQ, Wall::default(), control);
        }
        for enterprise in enterprises {
            ledger.in_force.enterprise(SEQ, None, enterprise);
        }
        for (id, balance) in balances {
            let account = ledger.accounts.entry(id, Account::default);
            account.raise_to(balance);
        }
        ledger
    }
}

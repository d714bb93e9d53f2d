//! One balance in a `reconciled` record and in the authority's message: the
//! declaration's id beside the fields of its balance (FORMATS 6).

use serde::{Deserialize, Serialize};

use crate::model::{Balance, DeclarationId, Kg, LastTaken, Reservation};

/// One declaration's balance as the authority holds it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "Flat", into = "Flat")]
pub struct ReconciledEntry {
    /// Which.
    pub declaration: DeclarationId,
    /// Its balance.
    pub balance: Balance,
}

/// As it is written: serde's own flattening would take unknown fields.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    declaration: DeclarationId,
    issued: u32,
    #[serde(default)]
    passed: u32,
    #[serde(default)]
    goods_kg_issued: Kg,
    #[serde(default)]
    vehicles: Vec<String>,
    #[serde(default)]
    reserved: Vec<Reservation>,
    #[serde(default)]
    unsettled: Vec<Reservation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<LastTaken>,
}

impl From<Flat> for ReconciledEntry {
    fn from(flat: Flat) -> Self {
        let Flat {
            declaration,
            issued,
            passed,
            goods_kg_issued,
            vehicles,
            reserved,
            unsettled,
            last,
        } = flat;
        Self {
            declaration,
            balance: Balance {
                issued,
                passed,
                goods_kg_issued,
                vehicles,
                reserved,
                unsettled,
                last,
            },
        }
    }
}

impl From<ReconciledEntry> for Flat {
    fn from(entry: ReconciledEntry) -> Self {
        let Balance {
            issued,
            passed,
            goods_kg_issued,
            vehicles,
            reserved,
            unsettled,
            last,
        } = entry.balance;
        Self {
            declaration: entry.declaration,
            issued,
            passed,
            goods_kg_issued,
            vehicles,
            reserved,
            unsettled,
            last,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::parse_json;
    use crate::record::{ReconciledBody, canonical};

    /// The published message (FORMATS 6), with passages in its lists.
    const MESSAGE: &str = r#"{"genesis":"aa","through":91,"ledger":[{"declaration":"5345202600012345","issued":3,"passed":3,"goods_kg_issued":54000,"vehicles":[],"reserved":[{"vehicle":"粤ZAB12港","passage":"SZB-X-01-1-9"}],"unsettled":[]}]}"#;

    #[test]
    fn the_published_message_is_read_and_written_as_it_came() {
        let body: ReconciledBody = parse_json(MESSAGE).unwrap();
        assert!(!body.open);
        assert_eq!(body.ledger[0].balance.issued, 3);
        assert_eq!(body.ledger[0].balance.reserved[0].vehicle, "粤ZAB12港");
        let message: serde_json::Value = serde_json::from_str(MESSAGE).unwrap();
        assert_eq!(canonical(&body), canonical(&message));
    }

    #[test]
    fn an_entry_with_an_unknown_field_or_without_what_was_issued_is_refused() {
        let unknown = MESSAGE.replace("\"vehicles\"", "\"trucks\"");
        assert!(parse_json::<ReconciledBody>(&unknown).is_err());
        let without = MESSAGE.replace("\"issued\":3,", "");
        assert!(parse_json::<ReconciledBody>(&without).is_err());
    }
}

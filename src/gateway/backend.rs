//! The daemon as the local socket sees it.

use lanegate_core::model::{ControlId, DeclarationId, Enterprise, LaneOrder, Order};
use lanegate_core::record::FeedBody;
use lanegate_core::time::Wall;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::back::Lanes;
use super::port::Port;
use super::socket::{
    Backend, DeclarationsAsk, Imported, ImportedEnterprises, InForceAsk, PolicyAsk,
    TellDeclarations, TellOrder, TellPolicy, hand_in, hand_in_enterprises,
};
use super::status;
use crate::store::{Applied, Busy, StoreError};

/// Passages looked back for in the journal.
const PASSAGE_RECORDS_MAX: usize = 2_000;

/// Lanes, store and committer behind the socket.
pub(super) struct PortBackend {
    port: Port,
    lanes: Lanes,
    runtime: tokio::runtime::Handle,
}

impl PortBackend {
    /// Within the back runtime, which carries what takes time.
    pub(super) fn new(port: Port, lanes: Lanes) -> Self {
        Self {
            port,
            lanes,
            runtime: tokio::runtime::Handle::current(),
        }
    }
}

impl Backend for PortBackend {
    fn status(&self) -> Value {
        let now = self.port.shared.clock.now();
        let mut status = status::controller(&self.port, now);
        status["lanes"] = Value::Array(self.lanes.status());
        status
    }

    fn passage(&self, id: &str) -> Option<Value> {
        let records = self.records_of(id);
        let lanes = self.lanes.status();
        let present = lanes.into_iter().find(|lane| lane["passage"] == id);
        if records.is_empty() && present.is_none() {
            return None;
        }
        let balances = self.balances_of(&records);
        Some(json!({"passage": id, "lane": present, "records": records, "balances": balances}))
    }

    fn order(&self, order: Order, tell: TellOrder) {
        self.lanes.order(order, tell);
    }

    fn lane_order(&self, order: LaneOrder, tell: TellOrder) {
        self.lanes.lane_order(order, tell);
    }

    fn policy(&self, ask: PolicyAsk, tell: TellPolicy) {
        let port = self.port.clone();
        self.runtime
            .spawn(async move { tell(super::policy::ask(&port, ask).await) });
    }

    fn declarations(&self, ask: DeclarationsAsk, tell: TellDeclarations) {
        let port = self.port.clone();
        match ask {
            DeclarationsAsk::Count => {
                self.runtime.spawn(async move { tell(count(&port).await) });
            }
            DeclarationsAsk::Show(id) => {
                self.runtime
                    .spawn(async move { tell(show(&port, id).await) });
            }
            DeclarationsAsk::Export { after, limit } => {
                self.runtime
                    .spawn(async move { tell(export(&port, after, limit).await) });
            }
            DeclarationsAsk::Import {
                declarations,
                as_of,
            } => {
                self.runtime.spawn(async move {
                    let imported = import(&port, declarations, as_of).await;
                    tell(imported.map(|i| json!(i)));
                });
            }
        }
    }

    fn in_force(&self, ask: InForceAsk, tell: TellDeclarations) {
        match ask {
            InForceAsk::Controls { after, limit } => tell(Ok(self.controls(after, limit))),
            InForceAsk::Enterprises(enterprises) => {
                let port = self.port.clone();
                self.runtime.spawn(async move {
                    let imported = import_enterprises(&port, enterprises).await;
                    tell(imported.map(|i| json!(i)));
                });
            }
        }
    }
}

async fn count(port: &Port) -> Result<Value, String> {
    let put = |to: oneshot::Sender<usize>| {
        port.store.count(move |n| {
            to.send(n).ok();
        })
    };
    ask(put).await.map(|n| json!({ "count": n }))
}

async fn show(port: &Port, id: DeclarationId) -> Result<Value, String> {
    let put = |to: oneshot::Sender<_>| {
        port.store.get(id, move |found: Result<_, StoreError>| {
            to.send(found).ok();
        })
    };
    let found = ask(put).await?;
    found.map(|d| json!(d)).map_err(|e| e.to_string())
}

async fn export(port: &Port, after: Option<DeclarationId>, limit: usize) -> Result<Value, String> {
    let put = |to: oneshot::Sender<_>| {
        let reply = move |page: Result<_, StoreError>| {
            to.send(page).ok();
        };
        port.store.export(after, limit, reply)
    };
    let page = ask(put).await?.map_err(|e| e.to_string())?;
    Ok(json!({ "declarations": page }))
}

impl PortBackend {
    fn controls(&self, after: Option<ControlId>, limit: usize) -> Value {
        let view = self.port.shared.committer.view();
        let controls = view.ledger.controls();
        let behind = controls.filter(|c| after.as_ref().is_none_or(|after| c.id > *after));
        json!({ "controls": behind.take(limit).collect::<Vec<_>>() })
    }

    /// What is left of the declarations the passage was judged by: trips and
    /// goods issued and passed, what is kept for trucks in the bay, and who
    /// took last.
    fn balances_of(&self, records: &[Value]) -> Value {
        let ledger = self.port.shared.committer.view().ledger.clone();
        let matched = records
            .iter()
            .filter_map(|record| record["body"]["verdict"]["declarations"].as_array());
        let mut balances = serde_json::Map::new();
        for declaration in matched.flatten() {
            let id = declaration["id"].as_str().unwrap_or_default();
            let parsed = DeclarationId::parse(id).ok();
            let balance = parsed.and_then(|id| ledger.balance(&id));
            balances.insert(id.to_owned(), json!(balance.unwrap_or_default()));
        }
        Value::Object(balances)
    }

    /// The last records of one passage, without the personal data of others.
    fn records_of(&self, id: &str) -> Vec<Value> {
        let dir = self.port.config.controller.state_dir.join("journal");
        let head = self.port.shared.committer.view().head_seq;
        let from = head.saturating_sub(PASSAGE_RECORDS_MAX as u64);
        let Ok(disk) = crate::journal::RealDisk::beside(&dir) else {
            return Vec::new();
        };
        let mut reader = crate::journal::JournalReader::new(disk);
        let records = reader.records_from(from, head, PASSAGE_RECORDS_MAX);
        let records = records.unwrap_or_default().into_iter();
        let parsed = records.filter_map(|(_, json)| serde_json::from_str::<Value>(&json).ok());
        parsed.filter(|record| record["passage"] == id).collect()
    }
}

/// Journal first, then store.
async fn import_enterprises(
    port: &Port,
    enterprises: Vec<Enterprise>,
) -> Result<ImportedEnterprises, String> {
    let at = port.shared.clock.now().wall;
    let ledger = port.shared.committer.view().ledger.clone();
    let (parts, mut imported) = hand_in_enterprises(&ledger, enterprises);
    record(port, at, parts.records).await?;
    for apply in parts.applies {
        ask(|to| {
            let reply = move |result: Result<Applied, StoreError>| {
                to.send(result).ok();
            };
            port.store.apply(apply, reply)
        })
        .await?
        .map_err(|e| e.to_string())?;
    }
    imported.count = port.shared.committer.view().ledger.enterprise_count();
    Ok(imported)
}

/// Each durable before the next.
async fn record(port: &Port, at: Wall, records: Vec<FeedBody>) -> Result<(), String> {
    for record in records {
        let (to, applied) = oneshot::channel();
        let reply = move |generation: Option<u64>| {
            to.send(generation).ok();
        };
        let asked = port.shared.committer.apply_feed(at, record, reply);
        asked.map_err(|busy| busy.to_string())?;
        if !matches!(applied.await, Ok(Some(_))) {
            return Err(
                "the journal could not take what was handed in; nothing is in force".to_owned(),
            );
        }
    }
    Ok(())
}

/// Journal first, then store.
async fn import(
    port: &Port,
    declarations: Vec<lanegate_core::model::Declaration>,
    as_of: Option<Wall>,
) -> Result<Imported, String> {
    let at = port.shared.clock.now().wall;
    let held = held_among(port, &declarations).await;
    let ledger = port.shared.committer.view().ledger.clone();
    let parts = hand_in(&ledger, declarations, as_of, at, |id| held.contains(id));
    record(port, at, parts.records).await?;
    let mut imported = Imported {
        ended: parts.ended,
        ..Imported::default()
    };
    for apply in parts.applies {
        let done: Applied = ask(|to| {
            let reply = move |result: Result<Applied, StoreError>| {
                to.send(result).ok();
            };
            port.store.apply(apply, reply)
        })
        .await?
        .map_err(|e| e.to_string())?;
        imported.kept += done.kept;
        imported.stale += done.stale;
    }
    let buckets = port.shared.committer.view().ledger.buckets().clone();
    ask::<usize>(|to| {
        port.store.expect(buckets, move |n| {
            to.send(n).ok();
        })
    })
    .await?;
    if let Some(as_of) = as_of {
        port.shared.freshness().heard(as_of);
    }
    imported.count = ask(|to| {
        port.store.count(move |n| {
            to.send(n).ok();
        })
    })
    .await?;
    Ok(imported)
}

async fn held_among(
    port: &Port,
    declarations: &[lanegate_core::model::Declaration],
) -> std::collections::BTreeSet<DeclarationId> {
    let mut held = std::collections::BTreeSet::new();
    for declaration in declarations {
        let id = declaration.id.clone();
        let found = ask(|to| {
            port.store.get(id, move |found| {
                to.send(found).ok();
            })
        })
        .await;
        if let Ok(Ok(Some(_))) = found {
            held.insert(declaration.id.clone());
        }
    }
    held
}

/// Asks the store and waits for its answer.
async fn ask<T>(put: impl FnOnce(oneshot::Sender<T>) -> Result<(), Busy>) -> Result<T, String> {
    let (to, answer) = oneshot::channel();
    put(to).map_err(|busy| busy.to_string())?;
    answer
        .await
        .map_err(|_| "the store's thread has ended".to_owned())
}

//! `replay --journal DIR --policy FILE`: past cases under another policy, and
//! what it would change. Under the policy and the rules a record names the
//! verdict must be the recorded one (L6); that is the replay's own test.

mod again;
mod journals;
mod report;
mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use lanegate_core::clearance::Policy;

use super::output::{complain, line};
use super::{Done, Exit, No, files};
use again::{Seen, again};
use journals::{Page, read_all};
use tally::Tally;

/// Pages waiting for each who judges (L9).
const PAGES_WAITING: usize = 4;

/// Judge every recorded case again under a policy and print what would change:
/// trucks by verdict before and after, by class, reason and hour of day, with
/// examples. A truck counts once, by the last verdict recorded for it. Exit 1:
/// a verdict recorded under this very policy and these rules came out
/// differently (law L6), or a journal is damaged.
#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The journal's directory, the state directory around it, or a directory
    /// of several of either.
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    /// The policy to try.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn replay(args: &ReplayArgs) -> Done {
    let policy = files::policy(&args.policy).map_err(|faults| {
        let then = "nothing was replayed; mend the policy and try again";
        files::refuse(Exit::Config, &faults, then)
    })?;
    let dirs = journals::below(&args.journal)?;
    let several = dirs.len() > 1;
    let policy = Arc::new(policy);
    let tally = run(dirs, &policy)?;
    let result = tally.finish();
    if args.json {
        line(report::json(&result, &policy).to_string());
    } else {
        report::tell(&result, &policy, several);
    }
    Ok(match result.broken() {
        0 => Exit::Done,
        n => {
            complain(format!(
                "{n} verdicts recorded under this policy and these rules came out differently: \
                 law L6 is broken; keep the journal and report it"
            ));
            Exit::No
        }
    })
}

type Judged = (usize, Result<Vec<Seen>, No>);

/// One reads, all cores judge, the tally takes the pages in their order.
fn run(dirs: Vec<PathBuf>, policy: &Arc<Policy>) -> Result<Tally, No> {
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    let (to_judge, pages) = sync_channel::<(usize, Page)>(workers * PAGES_WAITING);
    let (to_tally, judged) = sync_channel::<Judged>(workers * PAGES_WAITING);
    let pages = Arc::new(Mutex::new(pages));
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(&dirs, &to_judge));
        for _ in 0..workers {
            let (pages, to_tally, policy) = (Arc::clone(&pages), to_tally.clone(), policy);
            scope.spawn(move || {
                while let Some((n, page)) = next(&pages) {
                    if to_tally.send((n, again(&page, policy))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to_tally);
        let tally = gather(&judged);
        // Whoever still judges finds nobody to tell, and the reader nobody to
        // judge.
        drop((judged, pages));
        reader.join().expect("the reader does not panic")?;
        tally
    })
}

fn next(pages: &Mutex<Receiver<(usize, Page)>>) -> Option<(usize, Page)> {
    let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
    pages.recv().ok()
}

/// At most as many pages wait here as are under way elsewhere.
fn gather(judged: &Receiver<Judged>) -> Result<Tally, No> {
    let mut tally = Tally::default();
    let mut waiting = BTreeMap::new();
    let mut due = 0;
    for (n, seen) in judged {
        waiting.insert(n, seen?);
        while let Some(seen) = waiting.remove(&due) {
            tally.take(seen);
            due += 1;
        }
    }
    Ok(tally)
}

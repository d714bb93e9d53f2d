//! Makes one part of the daemon stand still, so that a test sees the watchdog
//! act. Only with feature `sim`: a program for a lane has nothing of this.
//!
//! `LANEGATE_STUCK=PART:FILE`: as soon as FILE is there, PART stands still for
//! ever. Parts are the threads `lanes`, `committer`, `store`, `back`, `pages`, `push`,
//! the other tasks that `src/turns.rs` names, and a lane or a device by its name.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

struct Wanted {
    part: String,
    when: PathBuf,
}

fn wanted() -> Option<&'static Wanted> {
    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
    let read = || {
        let said = std::env::var("LANEGATE_STUCK").ok()?;
        let (part, file) = said.split_once(':')?;
        Some(Wanted {
            part: part.to_owned(),
            when: Path::new(file).to_owned(),
        })
    };
    WANTED.get_or_init(read).as_ref()
}

fn is_due(part: &str) -> bool {
    wanted().is_some_and(|wanted| wanted.part == part && wanted.when.exists())
}

/// The thread that runs this stands still, if it is `part` that should.
pub fn thread(part: &str) {
    if is_due(part) {
        tracing::warn!(part, "stands still from here on, as it was told");
        loop {
            std::thread::park();
        }
    }
}

/// The same for a task; its thread goes on.
pub async fn task(part: &str) {
    if is_due(part) {
        tracing::warn!(part, "stands still from here on, as it was told");
        std::future::pending::<()>().await;
    }
}

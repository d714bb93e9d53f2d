//! Devices that post: each whole post is opened into documents, and each
//! document is a message for the sans-IO driver. A task for each device, so
//! that a slow lane keeps nobody else waiting.
//!
//! There is no connection to lose: a device that posts nothing is late and
//! lost by its silence alone, heartbeats included.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use lanegate_core::time::Micros;
use lanegate_core::wire::{Protocol, push_documents};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::driver::{Driver as _, Seen};
use super::port::{Running, Surroundings, say_state};
use super::stream::Stream;
use crate::metrics::queues::{self, Queue, Sender};

/// Posts of one device not yet looked at; with their pictures they are large.
const POSTS_MAX: usize = 8;
/// A task turns at least this often, so that its progress mark moves.
const TURN_MAX: Micros = Micros::from_ms(500);

/// Where the posts of one device go in.
#[derive(Clone, Debug)]
pub struct PostSlot {
    protocol: &'static str,
    posts: Sender<Vec<Vec<u8>>>,
}

impl PostSlot {
    /// Opens a post and hands it over; false if too many wait.
    #[must_use]
    pub fn put(&self, content_type: &str, body: &Bytes) -> bool {
        let protocol: Option<&Protocol> = lanegate_core::wire::protocol(self.protocol);
        let documents = protocol.map(|p| push_documents(p, content_type, body));
        documents.is_some_and(|documents| self.posts.try_send(documents).is_ok())
    }
}

/// Starts the task of a device that posts, within the current runtime.
pub fn start_posted(
    stream: Stream,
    protocol: &'static Protocol,
    around: Surroundings,
) -> (Running, PostSlot) {
    let (posts, from_listener) = queues::channel(Queue::DeviceMessages, POSTS_MAX);
    let (seen, seen_by) = watch::channel(stream.seen());
    let progress = Arc::new(AtomicU64::new(around.clock.mono().0));
    let device = stream.id().clone();
    let task = Task {
        stream,
        around,
        posts: from_listener,
        seen,
        progress: progress.clone(),
    };
    let running = Running::task(device, seen_by, progress, tokio::spawn(task.run()));
    let slot = PostSlot {
        protocol: protocol.name,
        posts,
    };
    (running, slot)
}

struct Task {
    stream: Stream,
    around: Surroundings,
    posts: mpsc::Receiver<Vec<Vec<u8>>>,
    seen: watch::Sender<Seen>,
    progress: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self) {
        self.stream.opened(self.around.clock.mono());
        loop {
            #[cfg(feature = "sim")]
            crate::stuck::task(self.stream.id().as_str()).await;
            self.turn();
            let clock = &self.around.clock;
            let turn = clock.mono() + TURN_MAX;
            let due = self.stream.poll_timeout().map_or(turn, |at| at.min(turn));
            let until = clock.instant(due).into();
            tokio::select! {
                biased;
                () = self.around.stop.cancelled() => return,
                post = self.posts.recv(), if !self.stream.crowded() => match post {
                    Some(documents) => {
                        let now = self.around.clock.now();
                        for document in &documents {
                            self.stream.message(document, false, now);
                        }
                    }
                    None => return,
                },
                room = self.around.events.clone().reserve_owned(), if self.stream.has_event() => {
                    match (room, self.stream.poll_event()) {
                        (Ok(room), Some(event)) => drop(room.send(event)),
                        (Err(_), _) => return,
                        (Ok(_), None) => {}
                    }
                }
                () = sleep_until(until) => {}
            }
            self.stream.handle_timeout(self.around.clock.now());
        }
    }

    fn turn(&mut self) {
        let mono = self.around.clock.mono();
        self.progress.store(mono.0, Ordering::Relaxed);
        let now = self.stream.seen();
        let before = self.seen.send_replace(now.clone());
        if before.state != now.state {
            say_state(self.stream.id(), &now);
        }
    }
}

//! Devices that post: each whole post is opened into documents and decoded by
//! the listener's thread, since a camera may post megabytes of anything; the
//! sans-IO driver on the lanes' thread gets a few frames. A task for each
//! device, so that a slow lane keeps nobody else waiting.
//!
//! There is no connection to lose: a device that posts nothing is late and
//! lost by its silence alone, heartbeats included.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lanegate_core::time::Micros;
use lanegate_core::wire::{Decoder, Item, NoiseWhy, Protocol, push_documents};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::driver::{Driver as _, Seen};
use super::pictures::Keeper;
use super::port::{Running, Surroundings, say_state};
use super::stream::Stream;
use crate::metrics::queues::{self, Queue, Sender};

/// Posts of one device not yet looked at; with their pictures they are large.
const POSTS_MAX: usize = 8;
/// Frames and runs of noise taken of one post; what is beyond is noise.
const ITEMS_MAX: usize = 64;
/// A task turns at least this often, so that its progress mark moves.
const TURN_MAX: Micros = Micros::from_ms(500);

/// Where the posts of one device go in.
#[derive(Clone)]
pub struct PostSlot {
    protocol: &'static Protocol,
    decoder: Arc<Mutex<Box<dyn Decoder + Send>>>,
    posts: Sender<Post>,
    pictures: Option<Keeper>,
}

/// A post, decoded.
#[derive(Debug)]
struct Post {
    len: usize,
    items: Vec<Item>,
    /// Digests of its pictures.
    pictures: Vec<String>,
}

impl PostSlot {
    /// Decodes a post, keeps its pictures and hands it over; false if too many
    /// wait. Takes its time and writes to a disk: not for a lane's thread.
    #[must_use]
    pub fn put(&self, content_type: &str, body: &Bytes) -> bool {
        let protocol = self.protocol;
        let keep = |keeper: &Keeper| keeper.keep(body);
        let pictures = self.pictures.as_ref().map_or_else(Vec::new, keep);
        let post = Post {
            len: body.len(),
            items: self.items(&push_documents(protocol, content_type, body)),
            pictures,
        };
        self.posts.try_send(post).is_ok()
    }

    fn items(&self, documents: &[Vec<u8>]) -> Vec<Item> {
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = Vec::new();
        for document in documents {
            decoder.push(document, &mut items);
            decoder.idle(&mut items);
        }
        if items.len() > ITEMS_MAX {
            items.truncate(ITEMS_MAX);
            items.push(Item::Noise {
                len: documents.iter().map(Vec::len).sum(),
                why: NoiseWhy::TooLong,
                hint: None,
            });
        }
        items
    }
}

/// Starts the task of a device that posts, within the current runtime.
pub fn start_posted(
    stream: Stream,
    protocol: &'static Protocol,
    decoder: Box<dyn Decoder + Send>,
    around: Surroundings,
    pictures: Option<Keeper>,
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
        protocol,
        decoder: Arc::new(Mutex::new(decoder)),
        posts,
        pictures,
    };
    (running, slot)
}

struct Task {
    stream: Stream,
    around: Surroundings,
    posts: mpsc::Receiver<Post>,
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
                    Some(post) => {
                        let now = self.around.clock.now();
                        self.stream.decoded(post.len, post.items, post.pictures, now);
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

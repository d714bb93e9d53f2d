//! Both ends of a queue, as tokio and the standard library have them, with
//! what is counted when one is full.

use std::sync::Arc;
use std::sync::mpsc::{
    Receiver as StdReceiver, RecvError, RecvTimeoutError, SyncSender as StdSender, TryRecvError,
    TrySendError,
};
use std::time::Duration;

use tokio::sync::mpsc::{self, OwnedPermit, Permit, error};

use super::{Level, Line, Queue, show};

/// A queue between tasks.
#[must_use]
pub fn channel<T: Send + 'static>(queue: Queue, limit: usize) -> (Sender<T>, mpsc::Receiver<T>) {
    let (inner, receiver) = mpsc::channel(limit);
    let seen = inner.downgrade();
    let depth = move || {
        let sender = seen.upgrade();
        sender.map_or(0, |s| s.max_capacity() - s.capacity())
    };
    let line = show(queue, limit, depth);
    (Sender { inner, line }, receiver)
}

/// The sending end of [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    inner: mpsc::Sender<T>,
    line: Arc<Line>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            line: Arc::clone(&self.line),
        }
    }
}

impl<T> Sender<T> {
    /// Puts `value` in, or hands it back.
    ///
    /// # Errors
    /// The queue is full, which is counted, or nobody reads it any more.
    pub fn try_send(&self, value: T) -> Result<(), error::TrySendError<T>> {
        let sent = self.inner.try_send(value);
        if let Err(error::TrySendError::Full(_)) = &sent {
            self.line.queue.was_full();
        }
        sent
    }

    /// Waits for room.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub async fn send(&self, value: T) -> Result<(), error::SendError<T>> {
        self.look();
        self.inner.send(value).await
    }

    /// Waits for room, on a thread of its own.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn blocking_send(&self, value: T) -> Result<(), error::SendError<T>> {
        self.look();
        self.inner.blocking_send(value)
    }

    /// Waits for room for one.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, error::SendError<()>> {
        self.look();
        self.inner.reserve().await
    }

    /// The same, with a place that outlives this end.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, error::SendError<()>> {
        self.look();
        self.inner.reserve_owned().await
    }

    /// Nobody reads it any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Whoever is about to wait finds it full.
    fn look(&self) {
        if self.inner.capacity() == 0 {
            self.line.queue.was_full();
        }
    }
}

/// A queue into a thread.
#[must_use]
pub fn sync_channel<T>(queue: Queue, limit: usize) -> (SyncSender<T>, SyncReceiver<T>) {
    let (sender, receiver) = std::sync::mpsc::sync_channel(limit);
    let level = Arc::new(Level::new(queue, limit));
    let sender = SyncSender {
        inner: sender,
        level: Arc::clone(&level),
    };
    let receiver = SyncReceiver {
        inner: receiver,
        level,
    };
    (sender, receiver)
}

/// The sending end of [`sync_channel`].
#[derive(Debug)]
pub struct SyncSender<T> {
    inner: StdSender<T>,
    level: Arc<Level>,
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            level: Arc::clone(&self.level),
        }
    }
}

impl<T> SyncSender<T> {
    /// Puts `value` in, or hands it back.
    ///
    /// # Errors
    /// The queue is full, which is counted, or its thread has ended.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        // Counted first, so that the depth never falls below nothing.
        self.level.add();
        let sent = self.inner.try_send(value);
        match &sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.level.take();
                self.level.was_full();
            }
            Err(TrySendError::Disconnected(_)) => self.level.take(),
        }
        sent
    }

    /// Waits for room.
    ///
    /// # Errors
    /// Its thread has ended.
    pub fn send(&self, value: T) -> Result<(), std::sync::mpsc::SendError<T>> {
        self.level.add();
        let sent = self.inner.send(value);
        if sent.is_err() {
            self.level.take();
        }
        sent
    }
}

/// The receiving end of [`sync_channel`].
#[derive(Debug)]
pub struct SyncReceiver<T> {
    inner: StdReceiver<T>,
    level: Arc<Level>,
}

impl<T> SyncReceiver<T> {
    /// Waits for the next.
    ///
    /// # Errors
    /// Nobody sends any more.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().inspect(|_| self.level.take())
    }

    /// The next, if there is one.
    ///
    /// # Errors
    /// There is none.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().inspect(|_| self.level.take())
    }

    /// Waits that long for the next.
    ///
    /// # Errors
    /// None came.
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        self.inner
            .recv_timeout(limit)
            .inspect(|_| self.level.take())
    }
}

//! The authority's topics (`docs/topics.md`).

/// What is said on a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// Authority to controller: batches, snapshot parts, heartbeats.
    Feed,
    /// Controller to authority: what is missing.
    FeedRequest,
    /// Controller to authority: applied or not.
    FeedAnswer,
    /// Controller to authority, on connect.
    Hello,
    /// Controller to authority: records.
    Records,
    /// Authority to controller: what it holds.
    RecordsAck,
    /// Authority to controller: its ledger, after a replaced disk.
    Reconcile,
    /// Authority to controller: orders.
    Orders,
    /// Controller to authority: answers to orders.
    OrdersAnswer,
    /// Controller, retained, with a will.
    State,
}

impl Topic {
    /// Every topic.
    pub const ALL: &'static [Self] = &[
        Self::Feed,
        Self::FeedRequest,
        Self::FeedAnswer,
        Self::Hello,
        Self::Records,
        Self::RecordsAck,
        Self::Reconcile,
        Self::Orders,
        Self::OrdersAnswer,
        Self::State,
    ];

    /// The part behind `lanegate/<controller>/`.
    #[must_use]
    pub const fn tail(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::FeedRequest => "feed/request",
            Self::FeedAnswer => "feed/answer",
            Self::Hello => "hello",
            Self::Records => "records",
            Self::RecordsAck => "records/ack",
            Self::Reconcile => "reconcile",
            Self::Orders => "orders",
            Self::OrdersAnswer => "orders/answer",
            Self::State => "state",
        }
    }

    /// Whether the controller listens to it.
    #[must_use]
    pub const fn is_incoming(self) -> bool {
        matches!(
            self,
            Self::Feed | Self::RecordsAck | Self::Reconcile | Self::Orders
        )
    }
}

/// The topics of one controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topics {
    base: String,
}

impl Topics {
    /// Of `controller`.
    #[must_use]
    pub fn of(controller: &str) -> Self {
        Self {
            base: format!("lanegate/{controller}/"),
        }
    }

    /// The full name of `topic`.
    #[must_use]
    pub fn outgoing(&self, topic: Topic) -> String {
        format!("{}{}", self.base, topic.tail())
    }

    /// A lane's state.
    #[must_use]
    pub fn lane(&self, lane: &str) -> String {
        format!("{}lanes/{lane}", self.base)
    }

    /// What the controller subscribes to, exact names only.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        let incoming = Topic::ALL.iter().filter(|t| t.is_incoming());
        incoming.map(|t| self.outgoing(*t)).collect()
    }

    /// Which topic a message came on, if one we listen to.
    #[must_use]
    pub fn incoming(&self, topic: &str) -> Option<Topic> {
        let tail = topic.strip_prefix(&self.base)?;
        let known = Topic::ALL.iter().find(|t| t.tail() == tail);
        known.copied().filter(|t| t.is_incoming())
    }
}

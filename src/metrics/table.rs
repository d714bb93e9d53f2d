//! Every metric there is. `docs/metrics.md` is made of this table.

use lanegate_core::model::Code;

use super::queues::Queue;
use super::{Label, Metric, Shape};

const fn words(name: &'static str, words: &'static [&'static str]) -> Label {
    Label::Words { name, words }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $id:ident = $shape:ident $name:literal [$($label:expr),*] $help:literal;)+) => {
        $($(#[$doc])* #[doc = $help]
        pub static $id: Metric = Metric {
            name: $name,
            shape: Shape::$shape,
            labels: &[$($label),*],
            help: $help,
        };)+

        /// All of them, in the order of the document.
        pub static ALL: &[&Metric] = &[$(&$id),+];
    };
}

const VERDICT: Label = words("verdict", &["release", "inspect", "hold"]);
const PASSAGE_VERDICT: Label = words("verdict", &["release", "inspect", "hold", "none"]);
const OUTCOME: Label = words(
    "how",
    &[
        "passed",
        "left-before-verdict",
        "left",
        "given-back",
        "not-seen-passing",
        "to-bay",
        "returned",
        "unknown",
    ],
);
const STATE: Label = words(
    "state",
    &[
        "starting",
        "securing",
        "vacant",
        "gathering",
        "committing",
        "cleared",
        "passing",
        "lowering",
        "held",
        "returning",
        "diverting",
        "arm-up",
        "closed",
        "faulted",
    ],
);
/// States in which a truck is at the lane.
pub const PHASES: &[&str] = &[
    "gathering",
    "committing",
    "held",
    "cleared",
    "passing",
    "lowering",
    "returning",
    "diverting",
];
const PHASE: Label = words("phase", PHASES);
const CAUSE: Label = words(
    "cause",
    &[
        "lane-io",
        "journal",
        "lift-not-confirmed",
        "lower-not-confirmed",
        "arm-position",
        "limit-switches",
        "raised-too-often",
        "diverter",
        "output",
    ],
);
const ALARM: Label = words(
    "alarm",
    &[
        "unpaired-lift",
        "tailgate",
        "raised-again",
        "bay-not-reached",
        "bay-queue-full",
        "control-late",
        "lane-io-lost",
        "lane-io",
        "journal",
        "lift-not-confirmed",
        "lower-not-confirmed",
        "arm-position",
        "limit-switches",
        "raised-too-often",
        "diverter",
        "output",
        "output-failed",
        "lane-order-unanswered",
    ],
);
const DROPPED: Label = words(
    "why",
    &[
        "late-read",
        "old-read",
        "old-event",
        "undated",
        "from-the-future",
        "not-evidence",
        "too-many-reads",
        "no-plate-shape",
        "no-box-number",
        "unknown-device",
        "inputs-gap",
        "recent-full",
        "asked-of-the-truck-before",
        "seal-of-the-truck-before",
        "weighed-too-early",
        "weighed-while-leaving",
    ],
);
const PUSH_WHY: Label = words(
    "why",
    &["method", "path", "secret", "size", "slow", "cut", "full"],
);
const STALE: Label = words(
    "answer",
    &["candidates", "committed", "refused", "control-late", "bay"],
);
const ORDER: Label = words(
    "kind",
    &[
        "release",
        "inspect",
        "return",
        "supply",
        "close",
        "open",
        "reset",
        "keep-up",
        "end-keep-up",
        "maintenance",
        "end-maintenance",
        "move up",
        "move down",
        "move stop",
    ],
);
const PART: Label = words(
    "part",
    &[
        "lane",
        "driver",
        "store",
        "committer",
        "back",
        "authority",
        "pages",
    ],
);
const ITEM: Label = words(
    "item",
    &["declaration", "enterprise", "control", "finding", "policy"],
);
const ANSWER: Label = words("answer", &["accepted", "refused"]);
const LINK: Label = words("link", &["devices", "authority"]);
const FEED: Label = words(
    "result",
    &[
        "applied",
        "heartbeat",
        "envelope",
        "retained",
        "old-epoch",
        "old-part",
        "waiting",
        "waiting-full",
        "not-current",
        "too-long",
        "not-written",
    ],
);
const MOVED: Label = words(
    "by",
    &[
        "conforms",
        "nonconforms",
        "undone",
        "vetoed",
        "brought",
        "decayed",
    ],
);
const QUEUE: Label = words("queue", Queue::WORDS);
const POLICY_SOURCE: Label = words("source", &["file", "officer", "feed", "rollback", "clock"]);
const POLICY_RESULT: Label = words(
    "result",
    &[
        "active",
        "waiting",
        "withdrawn",
        "shadow",
        "shadow-ended",
        "refused",
        "unchanged",
    ],
);
const ACTIVE_VERDICT: Label = words("active", &["release", "inspect", "hold"]);
const SHADOW_VERDICT: Label = words("shadow", &["release", "inspect", "hold"]);

metrics! {
    BUILD = Gauge "lanegate_build_info" [Label::Version]
        "Always 1; the label names the program's version.";
    PASSAGES_ENDED = Counter "lanegate_passages_ended_total" [Label::Lane, OUTCOME]
        "Passages that ended, by how.";
    PASSAGES = Counter "lanegate_passages_total" [Label::Lane, PASSAGE_VERDICT, Label::Class, Label::Worst]
        "Passages that ended, by their last verdict, class and worst reason.";
    VERDICTS = Counter "lanegate_verdicts_total" [Label::Lane, VERDICT]
        "Verdicts recorded.";
    REASONS = Counter "lanegate_reasons_total" [Label::Lane, Label::Code]
        "The worst reason of each verdict that was not a plain release.";
    LIFTS = Counter "lanegate_lifts_total" [Label::Lane]
        "Lift commands handed to the arm.";
    ARM_CYCLES = Counter "lanegate_arm_cycles_total" [Label::Lane]
        "Times the arm was seen up and then down again, whoever moved it.";
    ARM_LIFT_SECONDS = Histogram "lanegate_arm_lift_seconds" [Label::Lane]
        "From the lift command to the arm being seen up.";
    ALARMS = Counter "lanegate_alarms_total" [Label::Lane, ALARM]
        "What someone should be woken for; unpaired-lift and tailgate among them.";
    LANE_STATE = Gauge "lanegate_lane_state" [Label::Lane, STATE]
        "1 for the state the lane is in, 0 for the others.";
    LANE_STATE_AGE = Gauge "lanegate_lane_state_age_seconds" [Label::Lane]
        "How long the lane has been in its state; whole seconds.";
    LANE_FAULT = Gauge "lanegate_lane_fault" [Label::Lane, CAUSE]
        "1 for the cause a faulted lane waits with, 0 for the others.";
    ORDERS = Counter "lanegate_orders_total" [Label::Lane, ORDER, ANSWER]
        "Officers' orders answered.";
    STALE_ANSWERS = Counter "lanegate_stale_answers_total" [Label::Lane, STALE]
        "Answers that named a passage or attempt that was over; they never act.";
    READINGS_DROPPED = Counter "lanegate_readings_dropped_total" [Label::Lane, DROPPED]
        "Readings that are not this truck's evidence.";

    GATHER_SECONDS = Histogram "lanegate_gather_seconds" [Label::Lane]
        "From the truck at the stop line to its first verdict.";
    DECISION_SECONDS = Histogram "lanegate_decision_seconds" [Label::Lane]
        "From the last byte of evidence to the verdict.";
    COMMIT_SECONDS = Histogram "lanegate_commit_seconds" [Label::Lane]
        "From the verdict to its record being durable.";
    LIFT_SECONDS = Histogram "lanegate_lift_seconds" [Label::Lane]
        "From the last byte of evidence to the lift handed to the arm.";
    PHASE_SECONDS = Wait "lanegate_phase_seconds" [Label::Lane, PHASE]
        "Time in one of the lane's states while a truck was there; the states of a passage added up are the passage.";
    PASSAGE_SECONDS = Wait "lanegate_passage_seconds" [Label::Lane]
        "From the truck at the stop line to the end of its passage.";
    WEIGHT_RATIO = Ratio "lanegate_weight_ratio" [Label::Lane]
        "Weight on the scale divided by the weight declared, of each truck whose weight was compared; a scale that reads right has its middle at 1.";
    SCALE_DRIFT = Gauge "lanegate_scale_drift_grams" [Label::Lane]
        "Grams too many that the lane's scale shows of tractors, beside what the same tractors weigh on other lanes and on the days before; NaN while too few came to say it to 50 kg.";
    SCALE_DRIFT_TRACTORS = Gauge "lanegate_scale_drift_tractors" [Label::Lane]
        "Tractors weighed on the lane within the last day that were weighed elsewhere or before as well: what the drift rests on; at least 20 are needed.";
    SAMPLING_RATE = Ratio "lanegate_sampling_rate_ratio" [Label::Class]
        "The rate the plan set for each truck it was asked about: its sum is how many were to be selected, its count how many were asked about.";
    SAMPLING_SELECTED = Counter "lanegate_sampling_selected_total" [Label::Class]
        "Trucks of those that were selected.";

    DEVICE_INFO = Gauge "lanegate_device_info" [Label::Live("device"), Label::Live("lane"), Label::Live("role"), Label::Live("protocol")]
        "Always 1; the labels say which lane a device stands at and what it is.";
    DEVICE_STATE = Gauge "lanegate_device_state" [Label::Device]
        "0 well, 1 late, 2 lost.";
    DEVICE_STATE_AGE = Gauge "lanegate_device_state_age_seconds" [Label::Device]
        "How long the device has been in that state.";
    DEVICE_UP = Gauge "lanegate_device_up" [Label::Device]
        "1 while the device is heard in time, 0 while it is late or lost.";
    DEVICE_FRAME_AGE = Gauge "lanegate_device_last_frame_age_seconds" [Label::Device]
        "Time since the last whole frame; NaN before the first.";
    DEVICE_NOISE = Gauge "lanegate_device_noise_ratio" [Label::Device]
        "Share of bytes that were no frame in what came over the last 10 to 20 s.";
    DEVICE_NOISE_RUNS = Counter "lanegate_device_noise_runs_total" [Label::Device]
        "Runs of bytes that were no frame.";
    DEVICE_SKEW = Gauge "lanegate_device_clock_skew_seconds" [Label::Device]
        "Its clock minus ours; NaN where its messages do not tell, or ours is not believed.";
    DEVICE_BATTERY = Gauge "lanegate_device_battery_ratio" [Label::Device]
        "Charge of the seal that told it to this reader last; NaN before the first and for other devices.";
    DEVICE_BUS_WAIT = Gauge "lanegate_device_bus_wait_seconds" [Label::Device]
        "How long the last lift waited for the board's line; NaN before the first and for other devices.";
    DEVICE_DROPPED = Counter "lanegate_device_readings_lost_total" [Label::Device]
        "Readings lost because the lane did not take them in time.";
    DEVICE_REFUSALS = Counter "lanegate_device_refusals_total" [Label::Device]
        "Questions the device refused.";
    DEVICE_FRAMES = Counter "lanegate_device_frames_total" [Label::Device]
        "Whole frames.";
    DEVICE_NOISE_BYTES = Counter "lanegate_device_noise_bytes_total" [Label::Device]
        "Bytes that were no frame.";
    DEVICE_BYTES = Counter "lanegate_device_bytes_total" [Label::Device]
        "Bytes received.";
    DEVICE_TIMEOUTS = Counter "lanegate_device_timeouts_total" [Label::Device]
        "Questions that were not answered in time.";
    DEVICE_OPENS = Counter "lanegate_device_opens_total" [Label::Device]
        "Times the port or session was opened.";
    DEVICE_STRANGERS = Counter "lanegate_device_strangers_total" [Label::Device]
        "Connections turned away where a device dials in: from elsewhere, or a second one.";

    PUSH_REFUSED = Counter "lanegate_push_refused_total" [PUSH_WHY]
        "Posts of devices that were refused before any device was asked.";

    JOURNAL_SYNC_SECONDS = Histogram "lanegate_journal_sync_seconds" []
        "Duration of one fdatasync.";
    JOURNAL_BATCH = Gauge "lanegate_journal_batch_records" []
        "Records the last fdatasync covered.";
    JOURNAL_SEQ = Gauge "lanegate_journal_seq" []
        "Sequence number of the last durable record.";
    JOURNAL_BYTES = Gauge "lanegate_journal_bytes" []
        "Bytes of the journal's directory.";
    JOURNAL_FREE = Gauge "lanegate_journal_free_bytes" []
        "Bytes free on the journal's file system; NaN if it cannot be told.";
    JOURNAL_FLOOR = Gauge "lanegate_journal_floor_bytes" []
        "Free bytes below which every verdict is Hold, as configured.";
    JOURNAL_SEGMENTS = Gauge "lanegate_journal_segments" []
        "Segment files of the journal.";
    JOURNAL_RECORDS = Gauge "lanegate_journal_records" []
        "Durable records of the journal.";
    JOURNAL_FULL = Gauge "lanegate_journal_full" []
        "1 below the free-space floor: every verdict is Hold.";
    OUTBOX = Gauge "lanegate_outbox_records" []
        "Durable records the authority has not acknowledged.";
    OUTBOX_AGE = Gauge "lanegate_outbox_oldest_age_seconds" []
        "Age of the oldest of them; 0 if there is none.";

    STORE_READY = Gauge "lanegate_store_ready" []
        "1 once the cache is verified and answers.";
    STORE_LOOK_UP_SECONDS = Histogram "lanegate_store_look_up_seconds" []
        "From a lane's question to the store to its answer.";
    STORE_DECLARATIONS = Gauge "lanegate_store_declarations" []
        "Declarations in the cache.";
    STORE_UNVERIFIED = Gauge "lanegate_store_unverified_buckets" []
        "Buckets of 256 in which a miss is not yet believed.";
    STORE_QUARANTINES = Counter "lanegate_store_quarantines_total" []
        "Times the cache was set aside and filled again.";
    CACHE_AGE = Gauge "lanegate_cache_age_seconds" []
        "Time since the last heartbeat whose batch is applied; -1 if unknown.";
    AUTHORITY_UP = Gauge "lanegate_authority_up" []
        "1 while the authority's heartbeats come (red after silence, green after a run); says which limit of a class holds.";
    CACHE_LIMIT = Gauge "lanegate_class_cache_age_limit_seconds" [Label::Live("class"), Label::Live("authority")]
        "Cache age up to which a class is released, with the authority up and down, by the policy in force; overrides left out.";
    FEED_BATCHES = Counter "lanegate_feed_batches_total" [FEED]
        "Messages of the feed, by what became of them.";
    FEED_UNUSABLE = Counter "lanegate_feed_items_unusable_total" [ITEM]
        "Items of the feed that could not be used; their subjects hold.";
    FEED_EPOCH = Gauge "lanegate_feed_epoch" []
        "The epoch of the feed that is applied.";
    FEED_SEQ = Gauge "lanegate_feed_seq" []
        "The last batch of the feed that is applied.";
    FEED_LAG = Gauge "lanegate_feed_lag_batches" []
        "Batches the authority has and we do not, as far as it has said.";
    SNAPSHOTS_ASKED = Counter "lanegate_feed_snapshots_asked_total" []
        "Snapshots asked for because a control could not be read.";
    CONTROLS_UNREADABLE = Gauge "lanegate_controls_unreadable" []
        "1 while a control is in force whose subject cannot be read: every lane holds.";
    DRAW_KEY = Gauge "lanegate_draw_key_ready" []
        "1 while there is a key for today's draw; without one everyone is selected where a plan draws.";
    SAMPLING_MOVES = Counter "lanegate_sampling_moves_total" [MOVED]
        "Moves of enterprises' sampling states, by what moved them.";
    ACKS_REFUSED = Counter "lanegate_records_refused_total" []
        "Records the authority took but refused to use.";

    POLICY_INFO = Gauge "lanegate_policy_info" [Label::Live("version"), Label::Live("sha256"), Label::Live("role")]
        "Always 1; the labels name the policy in force (role active) and the one that judges beside it (role shadow).";
    POLICY_CHANGES = Counter "lanegate_policy_changes_total" [POLICY_SOURCE, POLICY_RESULT]
        "Policies handed in, by whom and by what became of them; a reload of the file is source file.";
    CONFIG_CHANGED = Gauge "lanegate_config_changed" []
        "1 if lane.toml was another than the one started with when a reload last looked: restart to use it.";
    POLICIES_WAITING = Gauge "lanegate_policies_waiting" []
        "Policies that wait for their time.";
    SHADOW_VERDICTS = Counter "lanegate_shadow_verdicts_total" [Label::Live("class"), ACTIVE_VERDICT, SHADOW_VERDICT]
        "Recorded cases by class, the verdict on record and the verdict of the shadow policy; begins at 0 with each shadow.";
    SHADOW_SKIPPED = Counter "lanegate_shadow_skips_total" []
        "Times the shadow policy was too far behind the journal and went on at its end.";

    LINK_UP = Gauge "lanegate_link_up" [LINK]
        "1 while connected to the broker.";
    RECONNECTS = Counter "lanegate_link_connects_total" [LINK]
        "Connections made.";
    QUEUE_DEPTH = Gauge "lanegate_queue_depth" [QUEUE]
        "What waits in a queue; of several of a kind, in the one nearest to its limit.";
    QUEUE_LIMIT = Gauge "lanegate_queue_limit" [QUEUE]
        "What may wait in that queue.";
    QUEUE_FULL = Counter "lanegate_queue_full_total" [QUEUE]
        "Times a queue was full and its written rule applied.";
    STARTS = Counter "lanegate_starts_total" []
        "Starts of the daemon on this journal's record; goes on over restarts.";
    STALLS = Counter "lanegate_stalls_total" [PART]
        "Times a part stood still although it had work, so that a restart was asked for.";
    CLOCK_TRUSTED = Gauge "lanegate_clock_trusted" []
        "1 while wall time is believed.";
    CLOCK_STEPS = Counter "lanegate_clock_steps_total" []
        "Times wall time stepped against monotonic time.";

    PROCESS_START = Gauge "process_start_time_seconds" []
        "When the daemon was started, in seconds since 1970.";
    PROCESS_CPU = Counter "process_cpu_seconds_total" []
        "Processor time taken, whole seconds.";
    PROCESS_RESIDENT = Gauge "process_resident_memory_bytes" []
        "Memory that is resident.";
    PROCESS_FDS = Gauge "process_open_fds" []
        "Open files and sockets.";
    PROCESS_FDS_MAX = Gauge "process_max_fds" []
        "How many may be open.";
}

/// The words of a label that come from the core.
pub(super) fn core_words(label: Label) -> Vec<&'static str> {
    match label {
        Label::Code => Code::ALL.iter().map(|code| code.as_str()).collect(),
        Label::Worst => {
            let codes = Code::ALL.iter().map(|code| code.as_str());
            codes.chain(["none"]).collect()
        }
        Label::Lane
        | Label::Device
        | Label::Version
        | Label::Live(_)
        | Label::Class
        | Label::Words { .. } => Vec::new(),
    }
}

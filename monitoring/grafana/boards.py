"""What each dashboard asks and what it says about the answer."""

from style import (
    CONTROLLER,
    DEVICE_STATES,
    LANE,
    LANE_STATES,
    PORT,
    YES_NO,
    at_least,
    bars,
    board,
    lines,
    never,
    number,
    rows,
    states,
    steps,
)


def quantile(q, metric, by="", match=LANE, window="5m"):
    by = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({by}) (rate({metric}_bucket{{{match}}}[{window}])))"


def spread(metric, match=LANE, window="5m", of=(0.5, 0.95, 0.99)):
    """Middle and tail of one histogram."""
    return [(quantile(q, metric, match=match, window=window), f"p{q * 100:g}") for q in of]


def per_hour(metric, by, match=LANE):
    return f"3600 * sum by ({by}) (rate({metric}{{{match}}}[5m]))"


def with_lane(metric, rate=False):
    """A device's number beside the lane it stands at."""
    value = f"{metric}{{{CONTROLLER}}}"
    value = f"rate({value}[5m])" if rate else value
    lane = f"lanegate_device_info{{{LANE}}}"
    return f"{value} * on (port, controller, device) group_left (lane, role) {lane}"


FLOW = lines(
    "Flow",
    "Trucks an hour that ended their passage, by lane.",
    "short",
    never(),
    [(per_hour("lanegate_passages_ended_total", "lane"), "{{lane}}")],
    stacked=True,
)
VERDICTS = lines(
    "Verdicts",
    "Verdicts an hour. Inspect growing beside release: see what stops trucks.",
    "short",
    never(),
    [(per_hour("lanegate_verdicts_total", "verdict", LANE + ",verdict!=\"other\""), "{{verdict}}")],
    stacked=True,
)
STATES = states(
    "Lanes",
    "What each lane is doing. Vermilion: faulted, or the arm is up by itself.",
    LANE_STATES,
    f"lanegate:lane_state:code{{{LANE}}}",
    "{{lane}}",
)
STOPS = bars(
    "What stops trucks",
    "The worst reason of each verdict of the last hour that was not a plain release, the ten most frequent. docs/reasons.md has every code.",
    "short",
    never(),
    f"topk(10, sum by (code) (increase(lanegate_reasons_total{{{LANE}}}[1h])))",
    "{{code}}",
)
HERE = lines(
    "Time at the lane",
    "From the stop line to the end of the passage: middle and slow end. What waits behind the stop line has no sensor; a lane that is never vacant has a queue.",
    "s",
    steps(30, 120),
    spread("lanegate_passage_seconds"),
)
VERDICT_TIME = lines(
    "Time to verdict",
    "From the stop line to the first verdict. The objective: 95 of 100 within 5 s.",
    "s",
    steps(5),
    spread("lanegate_gather_seconds"),
)
LIFT_TIME = lines(
    "Evidence to lift",
    "From the last byte of evidence to the lift handed to the arm: what the daemon itself adds.",
    "s",
    steps(0.1, 1),
    spread("lanegate_lift_seconds"),
)
CACHE = lines(
    "Cache age against its limit",
    "How much of the age up to which a class is released the cache has reached, by the limit that holds now. At 1 its trucks are held.",
    "percentunit",
    steps(0.7, 1),
    [(f"lanegate:cache_age:ratio{{{CONTROLLER}}}", "{{controller}} {{class}}")],
)
WEIGHED = lines(
    "Weighed against declared",
    "The middle of weighed / declared over a day, by lane. One lane beside the others: its scale. All lanes: the tares or the declarations.",
    "percentunit",
    steps(1.015),
    [(f"lanegate:weight_ratio:median1d{{{LANE}}}", "{{lane}}")],
).min(0.9)
DRIFT = lines(
    "Scale beside the others",
    "How much too heavy the scale weighs the tractors it shares with other lanes and with the days before. No line: too few came back. The alert comes at 200 kg.",
    "massg",
    steps(200_000),
    [(f"lanegate_scale_drift_grams{{{LANE}}}", "{{lane}}")],
).min(-1_000_000)

port = board(
    "lanegate-port",
    "lanegate: port",
    "All lanes on one wall: flow, time, verdicts, what stops trucks.",
    [
        (
            4,
            [
                number(
                    "Trucks in the last hour",
                    "Passages that ended.",
                    "short",
                    never(),
                    f"sum(increase(lanegate_passages_ended_total{{{LANE}}}[1h]))",
                ),
                number(
                    "Released by the rules",
                    "Share of the verdicts of the last hour that released.",
                    "percentunit",
                    at_least(0.5),
                    f'sum(increase(lanegate_verdicts_total{{{LANE},verdict="release"}}[1h])) / sum(increase(lanegate_verdicts_total{{{LANE}}}[1h]))',
                ),
                number(
                    "Time to verdict, p95",
                    "19 of 20 trucks had their verdict within this. The objective is 5 s.",
                    "s",
                    steps(5),
                    quantile(0.95, "lanegate_gather_seconds", window="15m"),
                    1,
                ),
                number(
                    "Lanes that take no truck",
                    "Faulted, closed, or with the arm up by itself.",
                    "short",
                    steps(1),
                    f'sum(lanegate_lane_state{{{LANE},state=~"faulted|arm-up|closed"}})',
                ),
                number(
                    "Devices lost",
                    "Cameras, scales, readers and boards that nothing is heard of.",
                    "short",
                    steps(1),
                    f"sum(lanegate_device_state{{{CONTROLLER}}} == bool 2)",
                ),
                number(
                    "Alerts",
                    "Alerts that fire now; dashboard on call says which.",
                    "short",
                    steps(1),
                    f'count(ALERTS{{{PORT},alertname=~"Lanegate.*",alertstate="firing"}}) or vector(0)',
                ),
            ],
        ),
        (8, [STATES]),
        (8, [FLOW, VERDICTS]),
        (8, [STOPS, HERE]),
        (
            8,
            [
                VERDICT_TIME,
                lines(
                    "Occupied",
                    "Share of the last five minutes in which a lane was not vacant. Near 1 for long: a queue stands before it.",
                    "percentunit",
                    steps(0.9),
                    [
                        (
                            f'1 - avg_over_time(lanegate_lane_state{{{LANE},state="vacant"}}[5m])',
                            "{{lane}}",
                        )
                    ],
                    top=1,
                ),
                CACHE,
            ],
        ),
    ],
)

lane = board(
    "lanegate-lane",
    "lanegate: lane",
    "One lane's timeline: state, devices, phases of a passage, arm, reasons.",
    [
        (5, [STATES]),
        (
            7,
            [
                states(
                    "Devices",
                    "How each device of the lane is heard.",
                    DEVICE_STATES,
                    f"lanegate:device_state:lane{{{LANE}}}",
                    "{{device}} ({{role}})",
                )
            ],
        ),
        (
            9,
            [
                lines(
                    "Phases of a passage",
                    "Mean seconds of a passage in each of its states, stacked: what a truck's time goes into.",
                    "s",
                    steps(30, 120),
                    [
                        (
                            f"sum by (phase) (rate(lanegate_phase_seconds_sum{{{LANE}}}[5m])) / on () group_left () sum(rate(lanegate_passage_seconds_count{{{LANE}}}[5m]))",
                            "{{phase}}",
                        )
                    ],
                    stacked=True,
                ),
                VERDICT_TIME,
                LIFT_TIME,
            ],
        ),
        (8, [VERDICTS, STOPS, WEIGHED, DRIFT]),
        (
            8,
            [
                lines(
                    "Arm",
                    "Lifts commanded and cycles seen an hour. More cycles than lifts: somebody else moves it.",
                    "short",
                    never(),
                    [
                        (per_hour("lanegate_lifts_total", "lane"), "lifts {{lane}}"),
                        (per_hour("lanegate_arm_cycles_total", "lane"), "cycles {{lane}}"),
                    ],
                ),
                lines(
                    "Lift confirmed",
                    "From the lift command to the arm seen up. At arm_ms_max (5 s) the lane faults.",
                    "s",
                    steps(2.5, 5),
                    spread("lanegate_arm_lift_seconds", of=(0.5, 0.95)),
                ),
                bars(
                    "Alarms",
                    "What somebody should be woken for, within the last hour.",
                    "short",
                    steps(1),
                    f"topk(8, sum by (alarm) (increase(lanegate_alarms_total{{{LANE}}}[1h])))",
                    "{{alarm}}",
                ),
                rows(
                    "Fault",
                    "1 for what a faulted lane waits with. docs/runbooks/LanegateLaneFaulted.md.",
                    "short",
                    steps(1),
                    f"sort_desc(sum by (lane, cause) (lanegate_lane_fault{{{LANE}}}))",
                ),
            ],
        ),
        (
            8,
            [
                lines(
                    "Noise",
                    "Share of what a device sent that was no frame of its protocol.",
                    "percentunit",
                    steps(0.02, 0.1),
                    [(f"lanegate:device_noise:lane{{{LANE}}}", "{{device}}")],
                ),
                lines(
                    "Last good frame",
                    "Seconds since the last whole frame of each device.",
                    "s",
                    steps(15, 45),
                    [(with_lane("lanegate_device_last_frame_age_seconds"), "{{device}}")],
                ),
                lines(
                    "Frames",
                    "Whole frames a second.",
                    "short",
                    never(),
                    [(with_lane("lanegate_device_frames_total", rate=True), "{{device}}")],
                ),
                lines(
                    "Opened again",
                    "Times the port or session was opened within the last hour: a loose cable rises here first.",
                    "short",
                    steps(2, 5),
                    [(f"lanegate:device_reopens:increase1h{{{LANE}}}", "{{device}}")],
                ),
            ],
        ),
        (
            8,
            [
                lines(
                    "Clock of the devices",
                    "Device's clock minus ours; nothing where its messages do not tell. Beyond 2 s readings are easily taken for another truck's.",
                    "s",
                    steps(2),
                    [(f"lanegate:device_clock_skew_seconds:lane{{{LANE}}}", "{{device}}")],
                ).min(None),
                lines(
                    "Seal battery",
                    "Charge of the seal each reader heard last; seals travel with their trucks.",
                    "percentunit",
                    at_least(0.2),
                    [(with_lane("lanegate_device_battery_ratio"), "{{device}}")],
                    top=1,
                ),
                lines(
                    "Wait for the board's line",
                    "How long the last lift waited for the bus: at most one transaction.",
                    "s",
                    steps(0.1),
                    [(with_lane("lanegate_device_bus_wait_seconds"), "{{device}}")],
                ),
                bars(
                    "Readings that did not count",
                    "Readings of the last hour that were not the truck's evidence, by why.",
                    "short",
                    never(),
                    f"topk(8, sum by (why) (increase(lanegate_readings_dropped_total{{{LANE}}}[1h])))",
                    "{{why}}",
                ),
                bars(
                    "Orders",
                    "What officers ordered within the last hour, and whether it was accepted.",
                    "short",
                    never(),
                    f"topk(8, sum by (kind, answer) (increase(lanegate_orders_total{{{LANE}}}[1h])))",
                    "{{kind}} {{answer}}",
                ),
            ],
        ),
    ],
)

WELL = " or ".join(
    f'label_replace({expr}, "part", "{word}", "", "")'
    for word, expr in [
        ("daemon", f'up{{{CONTROLLER},job="lanegate"}}'),
        ("authority", f"lanegate_authority_up{{{CONTROLLER}}}"),
        ("cache ready", f"lanegate_store_ready{{{CONTROLLER}}}"),
        ("clock trusted", f"lanegate_clock_trusted{{{CONTROLLER}}}"),
        ("journal has room", f"1 - lanegate_journal_full{{{CONTROLLER}}}"),
        ("controls readable", f"1 - lanegate_controls_unreadable{{{CONTROLLER}}}"),
        ("draw key", f"lanegate_draw_key_ready{{{CONTROLLER}}}"),
        ("configuration in use", f"1 - lanegate_config_changed{{{CONTROLLER}}}"),
    ]
)

on_call = board(
    "lanegate-on-call",
    "lanegate: on call",
    "What is broken, since when, and what it touches.",
    [
        (
            8,
            [
                rows(
                    "Alerts, and for how long",
                    "Pending and firing; the value is how many seconds the condition has held. docs/runbooks/ has a page for each.",
                    "s",
                    steps(0),
                    f'sort_desc(time() - ALERTS_FOR_STATE{{{PORT},alertname=~"Lanegate.*"}}) or label_replace(vector(0), "alertname", "none", "", "")',
                ),
                rows(
                    "Lanes, and since when",
                    "The state of each lane and for how many seconds. A truck that waits long stands on top.",
                    "s",
                    steps(120, 300),
                    f"sort_desc((lanegate_lane_state{{{LANE}}} == 1) * on (port, controller, lane) group_left () lanegate_lane_state_age_seconds)",
                ),
                rows(
                    "Devices, and since when",
                    "Device state (0 well, 1 late, 2 lost) with lane and role; the lost ones stand on top.",
                    "none",
                    steps(1, 2),
                    f"sort_desc(lanegate:device_state:lane{{{LANE}}})",
                ),
            ],
        ),
        (
            8,
            [
                states(
                    "Is it well",
                    "What every lane of a controller needs. A no stops all of them.",
                    YES_NO,
                    WELL,
                    "{{controller}} {{part}}",
                ),
                states(
                    "Brokers",
                    "Whether the connections stand: devices (cameras), authority (customs).",
                    YES_NO,
                    f"lanegate_link_up{{{CONTROLLER}}}",
                    "{{controller}} {{link}}",
                ),
            ],
        ),
        (
            8,
            [
                CACHE,
                lines(
                    "Cache and feed",
                    "Age of the cache, and batches the authority has and we do not.",
                    "short",
                    never(),
                    [
                        (f"lanegate_cache_age_seconds{{{CONTROLLER}}}", "age in s {{controller}}"),
                        (f"lanegate_feed_lag_batches{{{CONTROLLER}}}", "lag {{controller}}"),
                        (
                            f"lanegate_store_unverified_buckets{{{CONTROLLER}}}",
                            "unverified {{controller}}",
                        ),
                    ],
                ),
                lines(
                    "Outbox",
                    "Records the authority has not acknowledged, and the age of the oldest. Nothing is lost meanwhile.",
                    "short",
                    never(),
                    [
                        (f"lanegate_outbox_records{{{CONTROLLER}}}", "records {{controller}}"),
                        (
                            f"lanegate_outbox_oldest_age_seconds{{{CONTROLLER}}}",
                            "oldest in s {{controller}}",
                        ),
                    ],
                ),
                lines(
                    "Declarations held",
                    "Declarations in the cache, and the position of the feed.",
                    "short",
                    never(),
                    [
                        (
                            f"lanegate_store_declarations{{{CONTROLLER}}}",
                            "declarations {{controller}}",
                        ),
                        (f"lanegate_feed_seq{{{CONTROLLER}}}", "feed {{controller}}"),
                    ],
                ),
            ],
        ),
        (
            8,
            [
                lines(
                    "A write reaches the disk",
                    "Duration of fdatasync; every release waits for one. Beyond 2 s lanes fault.",
                    "s",
                    steps(0.1, 2),
                    spread("lanegate_journal_sync_seconds", CONTROLLER),
                ),
                lines(
                    "A verdict is on record",
                    "From the verdict to its record being durable.",
                    "s",
                    steps(0.1, 2),
                    spread("lanegate_commit_seconds"),
                ),
                lines(
                    "Room for the journal",
                    "Free bytes, and the floor below which every verdict is Hold.",
                    "bytes",
                    never(),
                    [
                        (f"lanegate_journal_free_bytes{{{CONTROLLER}}}", "free {{controller}}"),
                        (f"lanegate_journal_floor_bytes{{{CONTROLLER}}}", "floor {{controller}}"),
                        (f"lanegate_journal_bytes{{{CONTROLLER}}}", "journal {{controller}}"),
                    ],
                ),
                lines(
                    "Journal",
                    "Records and segment files of the journal.",
                    "short",
                    never(),
                    [
                        (f"lanegate_journal_records{{{CONTROLLER}}}", "records {{controller}}"),
                        (f"lanegate_journal_segments{{{CONTROLLER}}}", "segments {{controller}}"),
                    ],
                ),
            ],
        ),
        (
            8,
            [
                lines(
                    "Queues",
                    "The fullest queues: how much of their limit waits.",
                    "percentunit",
                    steps(0.5, 0.9),
                    [
                        (
                            f"topk(6, lanegate_queue_depth{{{CONTROLLER}}} / (lanegate_queue_limit{{{CONTROLLER}}} > 0))",
                            "{{queue}}",
                        )
                    ],
                    top=1,
                ),
                bars(
                    "Queues that were full",
                    "Times a queue was full within the last hour and its rule applied; docs/metrics.md lists them.",
                    "short",
                    steps(1),
                    f"topk(6, sum by (queue) (increase(lanegate_queue_full_total{{{CONTROLLER}}}[1h])))",
                    "{{queue}}",
                ),
                lines(
                    "Memory",
                    "What the daemon takes; a million declarations need less than 320 MiB.",
                    "bytes",
                    steps(335544320, 419430400),
                    [(f"process_resident_memory_bytes{{{CONTROLLER}}}", "{{controller}}")],
                ),
                lines(
                    "Processor and files",
                    "Processors in use, and open files as a share of the limit.",
                    "percentunit",
                    steps(0.8),
                    [
                        (f"rate(process_cpu_seconds_total{{{CONTROLLER}}}[5m])", "cpu {{controller}}"),
                        (
                            f"process_open_fds{{{CONTROLLER}}} / process_max_fds{{{CONTROLLER}}}",
                            "files {{controller}}",
                        ),
                    ],
                ),
                bars(
                    "Starts and stalls",
                    "Starts of the daemon and parts that stood still, within the last day.",
                    "short",
                    steps(2),
                    f'label_replace(sum by (controller) (increase(lanegate_starts_total{{{CONTROLLER}}}[1d])), "part", "starts", "", "") or sum by (controller, part) (increase(lanegate_stalls_total{{{CONTROLLER}}}[1d]))',
                    "{{controller}} {{part}}",
                ),
            ],
        ),
    ],
    back="3h",
)

SELECTED = "lanegate:sampling_selected:increase1d"
EXPECTED = "lanegate:sampling_expected:increase1d"
CHANCE = "2 * lanegate:sampling_spread:stddev1d"

JUDGED = f"sum by (controller) (lanegate_shadow_verdicts_total{{{CONTROLLER}}})"
# None of a kind yet counts as none.
AGREED = " + ".join(
    f"(sum by (controller) (lanegate_shadow_verdicts_total"
    f'{{{CONTROLLER},active="{verdict}",shadow="{verdict}"}}) or 0 * {JUDGED})'
    for verdict in ("release", "inspect", "hold")
)

risk = board(
    "lanegate-risk",
    "lanegate: risk",
    "Whom the rules stop and why; whether selection keeps to its plan; what another policy would do.",
    [
        (
            9,
            [
                rows(
                    "Class, verdict, reason",
                    "Trucks of the last day by class, last verdict and worst reason.",
                    "short",
                    never(),
                    f"sort_desc(sum by (class, verdict, code) (increase(lanegate_passages_total{{{LANE}}}[1d])) > 0)",
                ),
                lines(
                    "Sent to inspection",
                    "Share of verdicts that were inspect over an hour, and over the last week: the usual.",
                    "percentunit",
                    steps(0.3),
                    [
                        (f"lanegate:inspect_share:ratio_rate1h{{{PORT}}}", "now {{port}}"),
                        (
                            f"avg_over_time(lanegate:inspect_share:ratio_rate1h{{{PORT}}}[7d])",
                            "usual {{port}}",
                        ),
                    ],
                ),
            ],
        ),
        (
            9,
            [
                lines(
                    "Selected against the plan",
                    "Trucks selected within a day, how many the plans asked for, and the band in which chance alone leaves 19 of 20 days.",
                    "short",
                    never(),
                    [
                        (f"{SELECTED}{{{PORT}}}", "selected {{class}}"),
                        (f"{EXPECTED}{{{PORT}}}", "plan {{class}}"),
                        (f"{EXPECTED}{{{PORT}}} + {CHANCE}{{{PORT}}}", "at most {{class}}"),
                        (
                            f"clamp_min({EXPECTED}{{{PORT}}} - {CHANCE}{{{PORT}}}, 0)",
                            "at least {{class}}",
                        ),
                    ],
                ),
                rows(
                    "Rate asked for",
                    "The mean rate the plans set within a day, by class.",
                    "percentunit",
                    never(),
                    f"{EXPECTED}{{{PORT}}} / lanegate:sampling_asked:increase1d{{{PORT}}}",
                ),
                rows(
                    "Rate achieved",
                    "The share of those trucks that was selected, by class.",
                    "percentunit",
                    never(),
                    f"{SELECTED}{{{PORT}}} / lanegate:sampling_asked:increase1d{{{PORT}}}",
                ),
            ],
        ),
        (
            9,
            [
                rows(
                    "What the shadow policy would do",
                    "Recorded cases by class, the verdict on record (active) and the shadow's, since the shadow began.",
                    "short",
                    never(),
                    f"sort_desc(sum by (class, active, shadow) (lanegate_shadow_verdicts_total{{{CONTROLLER}}}))",
                ),
                lines(
                    "Shadow differs",
                    "Share of cases in which the shadow policy's verdict is another.",
                    "percentunit",
                    steps(0.05, 0.2),
                    [(f"1 - ({AGREED}) / {JUDGED}", "{{controller}}")],
                ),
                rows(
                    "Policy in force",
                    "Version and SHA-256 each controller judges by; role shadow judges beside it. Two values of sha256 in role active: a mismatch.",
                    "none",
                    never(),
                    f"lanegate_policy_info{{{CONTROLLER}}}",
                ),
            ],
        ),
        (
            8,
            [
                bars(
                    "Policies handed in",
                    "Within a day: by whom, and what became of it.",
                    "short",
                    never(),
                    f"topk(8, sum by (source, result) (increase(lanegate_policy_changes_total{{{CONTROLLER}}}[1d])))",
                    "{{source}} {{result}}",
                ),
                bars(
                    "Sampling states moved",
                    "Within a day, by what moved them: findings, vetoes, decay.",
                    "short",
                    never(),
                    f"sum by (by) (increase(lanegate_sampling_moves_total{{{CONTROLLER}}}[1d]))",
                    "{{by}}",
                ),
                lines(
                    "Released by officers",
                    "Releases by an officer's order within an hour, by lane.",
                    "short",
                    steps(5),
                    [(f"lanegate:officer_releases:increase1h{{{LANE}}}", "{{lane}}")],
                ),
                WEIGHED,
            ],
        ),
    ],
    back="24h",
)

ALL = {"port": port, "lane": lane, "on-call": on_call, "risk": risk}

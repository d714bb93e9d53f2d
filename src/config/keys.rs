//! Every key of `lane.toml`: its name, and what holds where it is not
//! written. `config/lane.toml` explains each; a test keeps the two together.

/// One key of a table.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
}

/// What holds where a key is not written.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// It must be written, for instance like this.
    Required(&'static str),
    /// This TOML value.
    Default(&'static str),
    /// Nothing: what it describes is not there.
    Optional,
}

const fn required(name: &'static str, example: &'static str) -> Key {
    let rule = Rule::Required(example);
    Key { name, rule }
}

const fn default(name: &'static str, value: &'static str) -> Key {
    let rule = Rule::Default(value);
    Key { name, rule }
}

const fn optional(name: &'static str) -> Key {
    let rule = Rule::Optional;
    Key { name, rule }
}

pub(super) static ROOT: [Key; 10] = [
    optional("controller"),
    optional("clock"),
    optional("broker"),
    optional("http"),
    optional("push"),
    optional("pictures"),
    optional("socket"),
    optional("journal"),
    optional("draw"),
    optional("lane"),
];

pub(super) static CONTROLLER: [Key; 7] = [
    required("id", "\"szb-x\""),
    required("port", "\"5345\""),
    required("state_dir", "\"/var/lib/lanegate\""),
    required("policy", "\"/etc/lanegate/policy.toml\""),
    optional("shadow_policy"),
    default("drain_s", "20"),
    default("stall_s", "8"),
];

pub(super) static CLOCK: [Key; 3] = [
    default("rtc", "\"untrusted\""),
    default("mark", "\"/run/systemd/timesync/synchronized\""),
    default("hold_s", "86400"),
];

pub(super) static BROKERS: [Key; 2] = [optional("devices"), optional("authority")];

pub(super) static BROKER: [Key; 7] = [
    required("host", "\"127.0.0.1\""),
    default("port", "1883"),
    required("client_id", "\"szb-x-devices\""),
    optional("username"),
    optional("password_file"),
    optional("tls"),
    optional("tunnel"),
];

pub(super) static TLS: [Key; 4] = [
    optional("name"),
    required("ca", "\"/etc/ssl/certs/ca-certificates.crt\""),
    optional("certificate"),
    optional("key"),
];

pub(super) static TUNNEL: [Key; 5] = [
    required("address", "\"authority.example:8883\""),
    optional("name"),
    required("ca", "\"/etc/ssl/certs/ca-certificates.crt\""),
    optional("certificate"),
    optional("key"),
];

pub(super) static HTTP: [Key; 2] = [
    default("listen", "\"127.0.0.1:9464\""),
    default("beyond_loopback", "false"),
];

pub(super) static PUSH: [Key; 2] = [
    required("listen", "\"192.0.2.1:8081\""),
    default("body_kib_max", "2048"),
];

pub(super) static PICTURES: [Key; 2] = [
    required("dir", "\"/var/lib/lanegate/pictures\""),
    default("mib_max", "4096"),
];

pub(super) static SOCKET: [Key; 1] = [default("path", "\"/run/lanegate/lanegate.sock\"")];

pub(super) static JOURNAL: [Key; 7] = [
    default("segment_mib", "64"),
    default("free_space_floor_mib", "512"),
    optional("checkpoint_key"),
    default("checkpoint_records", "1000"),
    default("checkpoint_minutes", "10"),
    optional("keep_days"),
    optional("archive_dir"),
];

pub(super) static DRAW: [Key; 4] = [
    required("seed", "\"draw-seed\""),
    required("last_day", "\"2027-12-31\""),
    required("anchor", "\"<64 hex digits>\""),
    required("anchor_day", "\"2026-12-31\""),
];

pub(super) static LANE: [Key; 10] = [
    required("id", "\"SZB-X-01\""),
    required("direction", "\"export\""),
    required("geometry", "\"side-exit\""),
    default("weigh_after", "\"presence-off\""),
    default("recapture_n_max", "2"),
    default("rejudge_n_max", "10"),
    optional("times"),
    optional("io"),
    optional("sign"),
    optional("device"),
];

pub(super) static TIMES: [Key; 12] = [
    default("io_stale_ms", "500"),
    default("settle_ms", "2000"),
    default("presence_clear_ms", "600"),
    default("inhibit_clear_ms", "1500"),
    default("arm_ms_max", "5000"),
    default("pass_ms_max", "60000"),
    default("commit_ms_max", "2000"),
    default("lookup_ms_max", "1000"),
    default("secure_ms", "5000"),
    default("gather_ms_max", "5000"),
    default("recapture_ms", "800"),
    default("bay_ms_max", "120000"),
];

pub(super) static IO: [Key; 15] = [
    required("id", "\"io-1\""),
    required("protocol", "\"modbus-rtu\""),
    required("source", SERIAL_EXAMPLE),
    optional("settings"),
    required("arm", "\"up-down\""),
    required("pulse_ms", "500"),
    required("pulse_timed_by", "\"board\""),
    required("inverted", "[]"),
    optional("arm_down_after_ms"),
    optional("outputs"),
    optional("inputs"),
    default("poll_ms", "100"),
    default("answer_ms_max", "200"),
    default("late_ms", "500"),
    default("lost_ms", "2000"),
];

pub(super) static OUTPUTS: [Key; 10] = [
    optional("arm_up"),
    optional("arm_down"),
    optional("arm_stop"),
    optional("arm_impulse"),
    optional("exit_red"),
    optional("exit_green"),
    optional("entry_red"),
    optional("to_bay"),
    optional("reverse_out"),
    optional("divert"),
];

pub(super) static INPUTS: [Key; 7] = [
    required("presence", "0"),
    required("inhibit", "1"),
    required("arm_up", "2"),
    optional("arm_down"),
    optional("bay"),
    optional("diverter_bay"),
    optional("whole"),
];

pub(super) static DEVICE: [Key; 13] = [
    required("id", "\"scale-1\""),
    required("role", "\"scale\""),
    required("protocol", "\"yaohua-tf0\""),
    required("source", SERIAL_EXAMPLE),
    optional("settings"),
    required("late_ms", "1000"),
    required("lost_ms", "5000"),
    default("evidence_ms_max", "3000"),
    optional("lead_ms_max"),
    default("reads_min", "1"),
    optional("side"),
    optional("undated"),
    optional("scale"),
];

pub(super) static SCALE: [Key; 6] = [
    required("unit", "\"kg\""),
    required("division_kg", "20"),
    required("capacity_kg", "100000"),
    required("stable_values_min", "5"),
    required("stable_over_ms", "1000"),
    required("stable_gap_ms_max", "500"),
];

pub(super) static SIGN: [Key; 6] = [
    required("id", "\"sign-1\""),
    required("protocol", "\"text-sign\""),
    required("source", SERIAL_EXAMPLE),
    optional("settings"),
    default("languages", "[\"zh-Hans\"]"),
    default("repeat_ms", "5000"),
];

pub(super) static SOURCE: [Key; 16] = [
    optional("serial"),
    optional("line"),
    optional("flow"),
    optional("rs485"),
    optional("tcp"),
    optional("listen"),
    optional("from"),
    optional("sn"),
    optional("topics"),
    optional("recapture_topic"),
    optional("command_topic"),
    optional("http"),
    optional("secret_file"),
    optional("pull"),
    optional("username"),
    optional("password_file"),
];

const SERIAL_EXAMPLE: &str = "{ serial = \"/dev/serial/by-path/…\", line = \"9600 8N1\" }, { tcp = \"192.0.2.7:4001\" } or { sn = \"…\" }";

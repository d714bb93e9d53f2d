//! The service manager's unit: the shipped one, or what was changed in it and
//! what that does; its drop-ins.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

use super::Around;
use super::finding::{Area, Findings};

/// The unit as it is shipped.
const SHIPPED: &str = include_str!("../../../systemd/lanegate.service");
/// The same for one of several instances.
const SHIPPED_TEMPLATE: &str = include_str!("../../../systemd/lanegate@.service");
/// The drop-in the package puts beside it where systemd is new enough.
const NOTIFY_RELOAD: &str = include_str!("../../../systemd/notify-reload.conf");
/// Where systemd looks, the first that has it wins.
const DIRS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
const NAME: &str = "lanegate.service";
/// Keys a site may say in a drop-in without weakening anything.
const SITES_OWN: [&str; 14] = [
    "BindPaths",
    "BindReadOnlyPaths",
    "ReadWritePaths",
    "IPAddressAllow",
    "LoadCredential",
    "LoadCredentialEncrypted",
    "SetCredential",
    "Environment",
    "DeviceAllow",
    "MemoryMax",
    "LimitNOFILE",
    "After",
    "Wants",
    "Requires",
];

/// A unit with its drop-ins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unit {
    file: PathBuf,
    /// Keys in the order written, the drop-ins' behind.
    lines: Vec<(String, String)>,
    dropped_in: Vec<(PathBuf, Vec<(String, String)>)>,
    own: Vec<(String, String)>,
}

/// The unit named, or the one systemd would read.
pub(super) fn find(named: Option<&Path>, findings: &mut Findings) -> Option<Unit> {
    let file = match named {
        Some(file) => file.to_owned(),
        None => {
            let places = DIRS.iter().map(|dir| Path::new(dir).join(NAME));
            let Some(file) = places.into_iter().find(|place| place.exists()) else {
                let what = "none is installed: nothing starts the daemon, or starts it again";
                let then = "install the package, or run the daemon by hand";
                findings.warning(Area::Unit, NAME, what, then);
                return None;
            };
            file
        }
    };
    let then = "check its path and rights; `systemctl cat lanegate` shows what counts";
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(why) => {
            findings.fault(
                Area::Unit,
                file.display(),
                format!("cannot be read: {why}"),
                then,
            );
            return None;
        }
    };
    let mut dropped_in = Vec::new();
    for path in drop_ins(&file, named.is_some()) {
        match fs::read_to_string(&path) {
            Ok(text) => dropped_in.push((path, settings(&text))),
            Err(why) => findings.fault(
                Area::Unit,
                path.display(),
                format!("cannot be read: {why}"),
                then,
            ),
        }
    }
    let own = settings(&text);
    let more = dropped_in.iter().flat_map(|(_, lines)| lines.clone());
    let lines = own.iter().cloned().chain(more).collect();
    Some(Unit {
        file,
        lines,
        dropped_in,
        own,
    })
}

/// Drop-ins by name, as systemd merges the directories.
fn drop_ins(file: &Path, alone: bool) -> Vec<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = file.with_file_name(format!("{name}.d"));
    let dirs: Vec<PathBuf> = match alone {
        true => vec![beside],
        false => DIRS
            .iter()
            .map(|dir| Path::new(dir).join(format!("{name}.d")))
            .collect(),
    };
    let mut by_name = BTreeMap::new();
    for dir in dirs.iter().rev() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "conf")
            {
                by_name.insert(entry.file_name(), path);
            }
        }
    }
    by_name.into_values().collect()
}

/// `Key=value` lines; a line that ends in a backslash goes on.
fn settings(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let line = |line: &str| {
        let line = line.trim();
        let (key, value) = line.split_once('=')?;
        (!line.starts_with(['#', ';'])).then(|| (key.trim().to_owned(), value.trim().to_owned()))
    };
    joined.lines().filter_map(line).collect()
}

/// `1536M` and the like in bytes.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.chars().last()? {
        'K' => (&text[..text.len() - 1], 10),
        'M' => (&text[..text.len() - 1], 20),
        'G' => (&text[..text.len() - 1], 30),
        'T' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let n: u64 = digits.parse().ok()?;
    n.checked_mul(1 << shift)
}

impl Unit {
    /// What counts of a key that is said once.
    pub(super) fn last(&self, key: &str) -> Option<&str> {
        let mut all = self.lines.iter().rev().filter(|(name, _)| name == key);
        all.next().map(|(_, value)| value.as_str())
    }

    /// What counts of a list: an empty value begins it anew.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let of_key = |(name, value): &'a (String, String)| (name == key).then_some(value.as_str());
        let values: Vec<&str> = self.lines.iter().filter_map(of_key).collect();
        let from = values.iter().rposition(|value| value.is_empty());
        values.into_iter().skip(from.map_or(0, |empty| empty + 1))
    }
}

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    let Some(unit) = around.unit else { return };
    edited(unit, findings);
    for (path, lines) in &unit.dropped_in {
        dropped_in(path, lines, findings);
    }
    started(unit, findings);
    addresses(around, unit, findings);
}

/// Lines of one that the other has not, by key.
fn beyond(one: &[(String, String)], other: &[(String, String)]) -> Vec<String> {
    let gone = one.iter().filter(|line| !other.contains(line));
    gone.map(|(key, value)| format!("{key}={value}")).collect()
}

fn edited(unit: &Unit, findings: &mut Findings) {
    let name = unit.file.file_name().unwrap_or_default().to_string_lossy();
    let shipped = settings(match name.starts_with("lanegate@") {
        true => SHIPPED_TEMPLATE,
        false => SHIPPED,
    });
    let (gone, new) = (beyond(&shipped, &unit.own), beyond(&unit.own, &shipped));
    let shown = unit.file.display();
    if gone.is_empty() && new.is_empty() {
        return findings.good(Area::Unit, shown, "as shipped");
    }
    let list = |lines: &[String]| match lines {
        [] => "nothing".to_owned(),
        lines => lines.join(", "),
    };
    let what = format!(
        "was edited: without {}; with {} in its place",
        list(&gone),
        list(&new)
    );
    let then = "an upgrade would not mend it, and the sandbox may have a hole: put the shipped \
                unit back (apt install --reinstall lanegate) and say what the site needs with \
                `systemctl edit lanegate`";
    findings.warning(Area::Unit, shown, what, then);
}

fn dropped_in(path: &Path, lines: &[(String, String)], findings: &mut Findings) {
    let odd = lines
        .iter()
        .filter(|(key, _)| !SITES_OWN.contains(&key.as_str()));
    let odd: Vec<String> = odd.map(|(key, value)| format!("{key}={value}")).collect();
    if odd.is_empty() || lines == settings(NOTIFY_RELOAD) {
        findings.good(Area::Unit, path.display(), "adds what a site may add");
    } else {
        let what = format!("changes {}", odd.join(", "));
        let then = "see that it is meant: the shipped unit gives a reason for each of its lines";
        findings.warning(Area::Unit, path.display(), what, then);
    }
}

/// Without these a stuck or ended daemon leaves its lanes dark.
fn started(unit: &Unit, findings: &mut Findings) {
    let shown = unit.file.display();
    let needed = [
        ("Restart", "always", "an ended daemon is not started again"),
        (
            "StartLimitIntervalSec",
            "0",
            "after a few bad starts nobody tries again",
        ),
    ];
    for (key, value, why) in needed {
        if unit.last(key) != Some(value) {
            let what = format!("{key} is not {value}: {why}, and the lanes stay dark");
            let then = format!("write {key}={value}");
            findings.warning(Area::Unit, &shown, what, then);
        }
    }
    if unit
        .last("WatchdogSec")
        .is_none_or(|s| s == "0" || s.is_empty())
    {
        let what = "WatchdogSec is not set: a daemon that stands still is not restarted";
        findings.warning(Area::Unit, &shown, what, "write WatchdogSec=9");
    }
    if unit.last("PrivateDevices") == Some("yes") {
        let what = "PrivateDevices=yes hides the serial ports from the daemon";
        findings.fault(
            Area::Unit,
            &shown,
            what,
            "write PrivateDevices=no; DevicePolicy closes the rest",
        );
    }
}

/// Brokers the unit lets the daemon speak to.
fn addresses(around: &Around<'_>, unit: &Unit, findings: &mut Findings) {
    let denied = unit.all("IPAddressDeny").any(|what| what.contains("any"));
    if !denied {
        return;
    }
    let allowed: Vec<&str> = unit
        .all("IPAddressAllow")
        .flat_map(str::split_whitespace)
        .collect();
    let config = around.config;
    for broker in [&config.device_broker, &config.authority_broker]
        .into_iter()
        .flatten()
    {
        let addresses = (broker.host.as_str(), broker.port).to_socket_addrs();
        for address in addresses.into_iter().flatten().map(|address| address.ip()) {
            if allowed.iter().any(|allow| allows(allow, address)) {
                continue;
            }
            let what = format!(
                "the unit forbids the daemon to speak to {} ({address})",
                broker.host
            );
            let then = format!("`systemctl edit lanegate`: [Service] IPAddressAllow={address}");
            findings.fault(Area::Unit, unit.file.display(), what, then);
        }
    }
}

/// Whether one word of `IPAddressAllow=` covers an address.
fn allows(word: &str, address: IpAddr) -> bool {
    let private = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) == 0xfe80,
    };
    match word {
        "any" => true,
        "localhost" => address.is_loopback(),
        "link-local" => private(address),
        "multicast" => address.is_multicast(),
        word => {
            let (net, len) = word
                .split_once('/')
                .map_or((word, None), |(net, len)| (net, Some(len)));
            let len = len.and_then(|len| len.parse::<u32>().ok());
            match (net.parse(), address) {
                (Ok(IpAddr::V4(net)), IpAddr::V4(address)) => {
                    let differ = u32::from(net) ^ u32::from(address);
                    differ
                        .checked_shr(32 - len.unwrap_or(32).min(32))
                        .unwrap_or(0)
                        == 0
                }
                (Ok(IpAddr::V6(net)), IpAddr::V6(address)) => {
                    let differ = u128::from(net) ^ u128::from(address);
                    differ
                        .checked_shr(128 - len.unwrap_or(128).min(128))
                        .unwrap_or(0)
                        == 0
                }
                (Ok(_) | Err(_), IpAddr::V4(_) | IpAddr::V6(_)) => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_systemd_reads_them() {
        let text = "[Unit]\n# A=b\nA = b c\n;C=d\nE=f \\\n g\n";
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(settings(text), [pair("A", "b c"), pair("E", "f   g")]);
        let unit = Unit {
            file: PathBuf::new(),
            lines: settings("L=a\nL=\nL=b\nL=c\n"),
            dropped_in: Vec::new(),
            own: Vec::new(),
        };
        assert_eq!(unit.all("L").collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(unit.last("L"), Some("c"));
        assert_eq!(bytes("1536M"), Some(1536 << 20));
        assert_eq!(bytes("12"), Some(12));
        assert_eq!(bytes("infinity"), None);
    }

    #[test]
    fn the_words_of_an_address_list_cover_what_systemd_says() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (word, address, covered) in [
            ("localhost", "127.0.0.1", true),
            ("localhost", "192.0.2.1", false),
            ("192.0.2.0/24", "192.0.2.77", true),
            ("192.0.2.0/24", "192.0.3.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("any", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "192.0.2.7", false),
            ("0.0.0.0/0", "192.0.2.7", true),
        ] {
            assert_eq!(allows(word, ip(address)), covered, "{word} {address}");
        }
    }
}

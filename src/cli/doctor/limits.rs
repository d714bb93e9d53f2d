//! What the system grants: open files, memory, the address of the probes, the
//! path of the socket.

use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;

use rustix::process::{Resource, getrlimit};

use super::Around;
use super::finding::{Area, Findings};
use super::unit::bytes;

/// Open files beside those of devices: journal, store, sockets, clients of the
/// probes and of the officers' socket.
const FILES_BASE: u64 = 256;
/// A device's port, its thread's event queue and its waker.
const FILES_A_DEVICE: u64 = 8;
const MIB: u64 = 1 << 20;
/// A million declarations.
const MEMORY_FULL: u64 = 320 * MIB;
/// Ten thousand.
const MEMORY_LEAST: u64 = 64 * MIB;
/// Longest path of a socket, from the kernel.
const SOCKET_PATH_LEN_MAX: usize = 107;

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    files(around, findings);
    memory(around, findings);
    addresses(around, findings);
}

fn files(around: &Around<'_>, findings: &mut Findings) {
    let devices: usize = around
        .config
        .lanes
        .iter()
        .map(|l| l.devices.len() + 1)
        .sum();
    let needed = FILES_BASE + FILES_A_DEVICE * devices as u64;
    let of_unit = around.unit.and_then(|unit| unit.last("LimitNOFILE"));
    let of_unit = of_unit.map(|text| text.split(':').next().unwrap_or(text));
    let granted = match of_unit {
        Some("infinity") => u64::MAX,
        Some(text) => text.parse().unwrap_or(0),
        None => getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
    };
    let what = format!("{granted} granted, {devices} devices need up to {needed}");
    if granted < needed {
        let then = "LimitNOFILE=4096 in the unit (the shipped one has it)";
        findings.fault(Area::Limits, "open files", what, then);
    } else {
        findings.good(Area::Limits, "open files", what);
    }
}

fn memory(around: &Around<'_>, findings: &mut Findings) {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let Some(free) = available(&meminfo) else {
        return;
    };
    let of_unit = around.unit.and_then(|unit| unit.last("MemoryMax"));
    let cap = of_unit.and_then(bytes).unwrap_or(u64::MAX);
    // A daemon under way already has its share.
    let granted = if around.daemon.is_some() {
        cap
    } else {
        free.min(cap)
    };
    let what = format!("{} MiB can be had", granted.min(free) / MIB);
    if granted < MEMORY_LEAST {
        let then = "the daemon would be killed: free some, or raise MemoryMax";
        findings.fault(Area::Limits, "memory", what, then);
    } else if granted < MEMORY_FULL {
        let what = format!(
            "{what}: too little for a million declarations ({} MiB)",
            MEMORY_FULL / MIB
        );
        let then = "enough for some 10,000; else more memory, or raise MemoryMax";
        findings.warning(Area::Limits, "memory", what, then);
    } else {
        findings.good(Area::Limits, "memory", what);
    }
}

/// Bytes `/proc/meminfo` calls available.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn addresses(around: &Around<'_>, findings: &mut Findings) {
    let socket = &around.config.socket;
    if socket.as_os_str().as_bytes().len() > SOCKET_PATH_LEN_MAX {
        let what = format!("its path is longer than {SOCKET_PATH_LEN_MAX} bytes");
        findings.fault(Area::Limits, socket.display(), what, "shorten socket.path");
    }
    let listen = around.config.http.listen;
    if around.daemon.is_some() {
        return;
    }
    match TcpListener::bind(listen) {
        Ok(_) => findings.good(Area::Limits, listen, "free for the probes"),
        Err(why) => {
            let what = format!("the probes cannot listen there: {why}");
            let then = format!(
                "`ss -ltnp sport = :{}` tells who does; or write another http.listen",
                listen.port()
            );
            findings.fault(Area::Limits, listen, what, then);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_from_the_kernels_table() {
        let text = "MemTotal:       24 kB\nMemAvailable:     2048 kB\n";
        assert_eq!(available(text), Some(2 << 20));
        assert_eq!(available("MemTotal: 24 kB\n"), None);
    }
}

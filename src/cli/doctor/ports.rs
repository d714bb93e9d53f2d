//! Serial ports: there, allowed, nobody else's, quick. None is opened.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::Access;

use super::Around;
use super::finding::{Area, Findings};
use crate::cli::holders::{self, Holder};
use crate::config::{Source, port_warnings};

/// Where the system names serial ports by adapter and by place.
const SERIAL_DIR: &str = "/dev/serial";
/// Where the kernel shows USB adapters.
const USB_SERIAL_DIR: &str = "/sys/bus/usb-serial/devices";
/// An adapter may keep bytes for this long before it passes them on.
const LATENCY_MS_MAX: u32 = 2;

const RULE: &str = "install 70-lanegate.rules (the package does), then plug the adapter in again";

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    for (device, path) in lines(around) {
        let subject = format!("{device} {}", path.display());
        look_at(around, &subject, path, findings);
    }
    for warning in port_warnings(around.config, Path::new(SERIAL_DIR)) {
        let then = "name the port by /dev/serial/by-path";
        findings.warning(Area::Port, "names", warning, then);
    }
    strangers(around, findings);
}

/// Every serial line with `lane device`.
fn lines<'a>(around: &'a Around<'_>) -> impl Iterator<Item = (String, &'a Path)> {
    around.config.lanes.iter().flat_map(|lane| {
        let id = &lane.config.lane;
        let io = (format!("{id} {}", lane.io.id), lane.io.line.path.as_path());
        let others = lane
            .devices
            .iter()
            .filter_map(move |device| match &device.source {
                Source::Serial(line) => Some((format!("{id} {}", device.id), line.path.as_path())),
                Source::Mqtt(_) | Source::Http(_) => None,
            });
        std::iter::once(io).chain(others)
    })
}

fn look_at(around: &Around<'_>, subject: &str, path: &Path, findings: &mut Findings) {
    let is_port = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type().is_char_device(),
        Err(why) => {
            let what = format!("cannot be found: {why}");
            let then = "is the adapter plugged in, and the path that of its socket? If it \
                        vanishes right after plugging in, brltty takes it: remove brltty";
            return findings.fault(Area::Port, subject, what, then);
        }
    };
    if !is_port {
        let then = "write the path of a port, best by /dev/serial/by-path";
        return findings.fault(Area::Port, subject, "is no port", then);
    }
    let allowed = around
        .identity
        .may(path, Access::READ_OK | Access::WRITE_OK);
    if !allowed.is_ok_and(|allowed| allowed) {
        let what = format!(
            "no permission: {} may not read and write it",
            around.identity.name
        );
        return findings.fault(Area::Port, subject, what, RULE);
    }
    let held = holders::opened_by(path);
    let others: Vec<&Holder> = held
        .iter()
        .filter(|holder| Some(holder.pid) != around.daemon_pid)
        .collect();
    let locked = holders::locked_by(path).filter(|h| Some(h.pid) != around.daemon_pid);
    if let Some(holder) = others.first().copied().or(locked.as_ref()) {
        let what = format!("is held by {holder}: both would take bytes from each other");
        let then = format!(
            "stop it; if it is ModemManager or brltty, {RULE}; if it is another lanegate, \
             one port belongs to one lane"
        );
        return findings.fault(Area::Port, subject, what, then);
    }
    let by = if held.is_empty() {
        "free"
    } else {
        "held by the daemon"
    };
    if latency(subject, path, Path::new(USB_SERIAL_DIR), findings) {
        findings.good(Area::Port, subject, format!("there, allowed, {by}"));
    }
}

/// False after a warning.
fn latency(subject: &str, path: &Path, dir: &Path, findings: &mut Findings) -> bool {
    let port = fs::canonicalize(path).ok();
    let port = port.as_deref().and_then(Path::file_name);
    let Some(timer) = port.map(|port| dir.join(port).join("latency_timer")) else {
        return true;
    };
    let ms = fs::read_to_string(timer).ok();
    let ms = ms.and_then(|text| text.trim().parse::<u32>().ok());
    match ms.filter(|ms| *ms > LATENCY_MS_MAX) {
        None => true,
        Some(ms) => {
            let what = format!("its adapter keeps bytes for {ms} ms before it passes them on");
            findings.warning(Area::Port, subject, what, RULE);
            false
        }
    }
}

/// Programs that take serial adapters for something else.
fn strangers(around: &Around<'_>, findings: &mut Findings) {
    let usb = |path: &Path| {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("ttyUSB") || name.starts_with("ttyACM"))
    };
    if !lines(around).any(|(_, path)| usb(path)) {
        return;
    }
    if let Some(holder) = holders::named("brltty") {
        let what = format!("{holder} claims USB serial adapters for Braille displays");
        let then = "apt purge brltty, or systemctl mask brltty-udev.service brltty.path";
        findings.warning(Area::Port, "brltty", what, then);
    }
    let kept_away = ["/usr/lib", "/lib", "/etc"].iter().any(|dir| {
        Path::new(dir)
            .join("udev/rules.d/70-lanegate.rules")
            .exists()
    });
    if let (Some(holder), false) = (holders::named("ModemManager"), kept_away) {
        let what = format!("{holder} sends AT commands into new serial ports");
        findings.warning(Area::Port, "ModemManager", what, RULE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_keeps_bytes_for_16_ms_is_told() {
        let dir = std::env::temp_dir().join(format!("lanegate-latency-{}", std::process::id()));
        let port = dir.join("ttyUSB7");
        fs::create_dir_all(&port).unwrap();
        for (ms, fine) in [("16\n", false), ("1\n", true)] {
            fs::write(port.join("latency_timer"), ms).unwrap();
            let mut findings = Findings::default();
            assert_eq!(latency("io-1", &port, &dir, &mut findings), fine, "{ms}");
            let said = findings.sorted();
            assert_eq!(said.len(), usize::from(!fine));
            assert!(
                said.iter().all(|f| f.to_string().contains("16 ms")),
                "{said:?}"
            );
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}

//! Names of serial ports that two adapters share. Needs to look at the
//! machine, so it is asked for apart from reading the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Config, Source};

/// Warns of `by-id` names that do not tell equal adapters apart: adapters
/// without a serial number (CH340) all have the same one, and it points to the
/// one plugged in last. `serial_dir` is `/dev/serial`.
#[must_use]
pub fn port_warnings(config: &Config, serial_dir: &Path) -> Vec<String> {
    let by_path = links(&serial_dir.join("by-path"));
    let by_id = links(&serial_dir.join("by-id"));
    let named: BTreeSet<&PathBuf> = by_id.values().collect();
    // Every adapter has a name by its place; one without a name by its number
    // lost that name to its twin.
    let nameless = by_path
        .values()
        .filter(|port| !named.contains(port))
        .count();
    let warn = |(device, path): (String, &PathBuf)| {
        let port = by_id.get(path)?;
        let place = by_path.iter().find(|(_, target)| *target == port)?;
        (nameless > 0).then(|| {
            format!(
                "{device}: {} may be shared by two equal adapters; the one plugged in now is {}",
                path.display(),
                place.0.display()
            )
        })
    };
    serial_ports(config).filter_map(warn).collect()
}

fn serial_ports(config: &Config) -> impl Iterator<Item = (String, &PathBuf)> {
    config.lanes.iter().flat_map(|lane| {
        let io = std::iter::once((lane.io.id.to_string(), &lane.io.line.path));
        let device = |d: &'_ super::DeviceConfig| match &d.source {
            Source::Serial(_) => Some(d.id.to_string()),
            Source::Mqtt(_) | Source::Http(_) => None,
        };
        let others = lane.devices.iter().filter_map(move |d| match &d.source {
            Source::Serial(line) => Some((device(d)?, &line.path)),
            Source::Mqtt(_) | Source::Http(_) => None,
        });
        io.chain(others)
    })
}

/// The links of a directory with what they point to; none if it is not there.
fn links(dir: &Path) -> BTreeMap<PathBuf, PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let path = entry.path();
            let target = fs::canonicalize(&path).ok()?;
            Some((path, target))
        })
        .collect()
}

//! Secrets and passwords the configuration names: read as the daemon will, so
//! that `check` passes nothing that cannot start. A credential is there only
//! while the service runs, and that it was not read is said.

use std::path::Path;

use super::super::files::FileFault;
use crate::config::{BrokerConfig, Config, Secured, is_credential};
use crate::http::Secret;

/// What is wrong with a file, read with the credentials of this directory.
type Fault<'c> = Box<dyn Fn(Option<&Path>) -> Option<String> + 'c>;

/// A file that holds a secret.
struct Named<'c> {
    /// Where the configuration names it.
    path: String,
    file: &'c Path,
    fault: Fault<'c>,
}

/// Faults of secrets that can be read here, and a warning of those that
/// cannot.
pub(super) fn secrets(file: &Path, config: &Config) -> (Vec<FileFault>, Option<FileFault>) {
    let passed = crate::config::credentials_dir();
    let (mut faults, mut unread) = (Vec::new(), Vec::new());
    for named in named(config) {
        if is_credential(named.file) && passed.is_none() {
            unread.push(format!("{} \"{}\"", named.path, named.file.display()));
        } else if let Some(why) = (named.fault)(passed.as_deref()) {
            faults.push(FileFault {
                path: named.path,
                ..FileFault::whole(file, why)
            });
        }
    }
    let warning = (!unread.is_empty()).then(|| {
        let why = format!(
            "credentials that only the service is handed, so they were not read here: {}; \
             each needs a LoadCredential= in the unit, and the daemon ends if one is missing or wrong",
            unread.join(", ")
        );
        FileFault::whole(file, why)
    });
    (faults, warning)
}

fn brokers(config: &Config) -> impl Iterator<Item = (&'static str, &BrokerConfig)> {
    let brokers = [
        ("broker.devices", &config.device_broker),
        ("broker.authority", &config.authority_broker),
    ];
    let brokers = brokers.into_iter();
    brokers.filter_map(|(path, broker)| Some((path, broker.as_ref()?)))
}

/// Files of TLS that cannot be read, which a daemon starts without: it tries
/// again until it can, and has no broker meanwhile.
pub(super) fn tls(file: &Path, config: &Config) -> Vec<FileFault> {
    let fault = |(path, broker): (&str, &BrokerConfig)| {
        let Secured::Tls(files) = &broker.secured else {
            return None;
        };
        let why = files.client().err()?;
        Some(FileFault {
            path: format!("{path}.tls"),
            ..FileFault::whole(file, format!("{why}: nothing comes from this broker so"))
        })
    };
    brokers(config).filter_map(fault).collect()
}

fn named(config: &Config) -> Vec<Named<'_>> {
    let passwords = brokers(config).filter_map(|(path, broker)| password(path, broker));
    let mut all: Vec<_> = passwords.collect();
    for (n, lane) in config.lanes.iter().enumerate() {
        for (_, place, source) in lane.sources() {
            if let Some(http) = source.http() {
                all.push(Named {
                    path: format!("lane[{n}].{place}.source.secret_file"),
                    file: &http.secret_file,
                    fault: Box::new(|dir| Secret::of(http, dir).err()),
                });
            }
            if let Some(login) = source.pull().and_then(|pull| pull.login.as_ref()) {
                let file = login.password_file.as_path();
                all.push(Named {
                    path: format!("lane[{n}].{place}.source.password_file"),
                    file,
                    fault: Box::new(move |dir| login.password(dir).err().map(unreadable(file))),
                });
            }
        }
    }
    all
}

fn unreadable(file: &Path) -> impl Fn(std::io::Error) -> String {
    move |why| format!("{} cannot be read: {why}", file.display())
}

fn password<'c>(path: &str, broker: &'c BrokerConfig) -> Option<Named<'c>> {
    let file = broker.password_file.as_deref()?;
    Some(Named {
        path: format!("{path}.password_file"),
        file,
        fault: Box::new(move |dir| broker.password(dir).err().map(unreadable(file))),
    })
}

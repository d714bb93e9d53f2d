//! Whose rights count: the service's user, where root looks on its behalf,
//! else whoever asks.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::Access;

use super::finding::{Area, Findings};
use super::unit::Unit;

/// A user with its groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) name: String,
    /// None: ourselves, whom the kernel answers for.
    other: Option<Other>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Other {
    uid: u32,
    gids: Vec<u32>,
}

impl Identity {
    fn ourselves() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = entry(&passwd, |fields| {
            fields.get(2) == Some(&uid.to_string().as_str())
        });
        let name = name.map_or_else(|| format!("user {uid}"), |fields| fields[0].to_owned());
        Self { name, other: None }
    }

    /// The user named, else the one of the unit if root asks, else ourselves.
    pub(super) fn of_service(
        named: Option<&str>,
        unit: Option<&Unit>,
        findings: &mut Findings,
    ) -> Self {
        let of_unit = unit.and_then(|unit| unit.last("User"));
        let of_unit = of_unit.filter(|_| rustix::process::getuid().is_root());
        let Some(user) = named.or(of_unit) else {
            return Self::ourselves();
        };
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        let extra = unit.into_iter().flat_map(|unit| {
            let supplementary = unit.all("SupplementaryGroups");
            supplementary.chain(unit.last("Group"))
        });
        let extra: Vec<&str> = extra.flat_map(str::split_whitespace).collect();
        let Some(other) = Other::read(user, &extra, &passwd, &groups) else {
            let what = format!("there is no user {user}: the service would not be started");
            let then = "systemd-sysusers lanegate.conf makes it; the package does so by itself";
            findings.fault(Area::Unit, user, what, then);
            return Self::ourselves();
        };
        Self {
            name: user.to_owned(),
            other: Some(other),
        }
    }

    /// Whether it may use `path` so.
    ///
    /// # Errors
    /// The path cannot be looked at.
    pub(super) fn may(&self, path: &Path, access: Access) -> io::Result<bool> {
        let Some(other) = &self.other else {
            return match rustix::fs::access(path, access) {
                Ok(()) => Ok(true),
                Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS) => Ok(false),
                Err(why) => Err(why.into()),
            };
        };
        let metadata = fs::metadata(path)?;
        let mode = metadata.permissions().mode();
        Ok(other.may(metadata.uid(), metadata.gid(), mode, access))
    }
}

impl Other {
    fn read(user: &str, extra: &[&str], passwd: &str, groups: &str) -> Option<Self> {
        let fields = entry(passwd, |fields| fields.first() == Some(&user))?;
        let uid = fields.get(2)?.parse().ok()?;
        let mut gids = vec![fields.get(3)?.parse().ok()?];
        for line in groups.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members] = fields.as_slice() else {
                continue;
            };
            let member = members.split(',').any(|member| member == user);
            if member || extra.contains(name) {
                gids.extend(gid.parse::<u32>());
            }
        }
        Some(Self { uid, gids })
    }

    /// By the bits alone: a right given by an access list does not show.
    fn may(&self, owner: u32, group: u32, mode: u32, access: Access) -> bool {
        let shift = if self.uid == 0 {
            return true;
        } else if owner == self.uid {
            6
        } else if self.gids.contains(&group) {
            3
        } else {
            0
        };
        let has = Access::from_bits_truncate(mode >> shift & 0o7);
        has.contains(access)
    }
}

fn entry(text: &str, is_it: impl Fn(&[&str]) -> bool) -> Option<Vec<&str>> {
    let lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut lines = lines.filter(|fields| fields.len() >= 4);
    lines.find(|fields| is_it(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nlanegate:x:990:991::/var/lib/lanegate:/bin/false\n";
    const GROUPS: &str =
        "root:x:0:\nlanegate:x:991:\ndialout:x:20:pat,lanegate\nserial:x:992:\nofficers:x:993:\n";

    #[test]
    fn the_services_user_has_the_groups_of_the_system_and_of_the_unit() {
        let other = Other::read("lanegate", &["serial"], PASSWD, GROUPS).unwrap();
        assert_eq!((other.uid, other.gids), (990, vec![991, 20, 992]));
        assert_eq!(Other::read("nobody", &[], PASSWD, GROUPS), None);
    }

    #[test]
    fn the_first_class_of_bits_that_applies_counts_alone() {
        let other = Other::read("lanegate", &[], PASSWD, GROUPS).unwrap();
        let both = Access::READ_OK | Access::WRITE_OK;
        assert!(other.may(0, 20, 0o660, both), "its group");
        assert!(!other.may(0, 20, 0o640, both));
        assert!(
            !other.may(0, 20, 0o606, both),
            "the group is asked, not the others"
        );
        assert!(!other.may(0, 0, 0o660, both));
        assert!(other.may(990, 0, 0o600, both));
    }
}

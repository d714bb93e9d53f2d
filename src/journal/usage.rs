//! How much room the journal takes and has, for metrics and `status`.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::reader::Segment;
use super::{Disk as _, RealDisk};

/// The journal's directory, as it was when looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Segment files.
    pub segments: u64,
    /// Their bytes, with snapshots and what else lies there.
    pub bytes: u64,
    /// Bytes free for us on its file system.
    pub free_bytes: u64,
}

/// Looks at the journal below `dir`, beside its writer.
///
/// # Errors
/// The directory cannot be read.
pub fn usage(dir: &Path) -> io::Result<Usage> {
    let mut usage = Usage {
        free_bytes: RealDisk::beside(dir)?.free_bytes()?,
        ..Usage::default()
    };
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) => usage.bytes += metadata.len(),
            // A file put aside and renamed meanwhile.
            Err(why) if why.kind() == ErrorKind::NotFound => continue,
            Err(why) => return Err(why),
        }
        let name = entry.file_name();
        let is_segment = name
            .to_str()
            .is_some_and(|name| Segment::parse(name).is_some());
        usage.segments += u64::from(is_segment);
    }
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_bytes_are_counted_and_the_free_space_is_the_file_systems() {
        let dir = std::env::temp_dir().join(format!("lanegate-usage-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let before = usage(&dir).unwrap();
        assert_eq!((before.segments, before.bytes), (0, 0));
        assert!(before.free_bytes > 0);
        for (name, len) in [
            ("journal-000000000000.lgj", 7),
            ("journal-000000000091.lgj", 5),
            ("snapshot-000000000090.json", 3),
        ] {
            std::fs::write(dir.join(name), vec![0; len]).unwrap();
        }
        let after = usage(&dir).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!((after.segments, after.bytes), (2, 15));
        assert!(usage(&dir).is_err());
    }
}

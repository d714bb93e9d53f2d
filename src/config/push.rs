//! `[push]`: the listener for devices that post; `[pictures]`: where what
//! cameras show is kept.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::controller::path_from;
use super::section::{Section, number, parsed};

/// The listener for devices that post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Largest body of a post, pictures included, in bytes.
    pub body_bytes_max: usize,
}

/// The folder of the pictures that come with reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PicturesConfig {
    /// The folder.
    pub dir: PathBuf,
    /// Most bytes of them.
    pub bytes_max: u64,
}

/// Some(None) where the table is not written.
pub(super) fn push(root: &Section<'_>) -> Option<Option<PushConfig>> {
    if !root.has("push") {
        return Some(None);
    }
    let s = root.section("push", &super::keys::PUSH);
    let listen = s.need(
        "listen",
        parsed(|text: &str| {
            let wrong = |_| format!("\"{text}\" is no address: write it like \"192.0.2.1:8081\"");
            text.parse::<SocketAddr>().map_err(wrong)
        }),
    );
    let kib = s.need("body_kib_max", number(16..=4096));
    Some(Some(PushConfig {
        listen: listen?,
        body_bytes_max: usize::try_from(kib?).expect("read in a range up to 4096") * 1024,
    }))
}

/// Some(None) where the table is not written: then none is kept.
pub(super) fn pictures(root: &Section<'_>, base: &Path) -> Option<Option<PicturesConfig>> {
    if !root.has("pictures") {
        return Some(None);
    }
    let s = root.section("pictures", &super::keys::PICTURES);
    let dir = s.need("dir", path_from(base));
    let mib = s.need("mib_max", number(1..=1_048_576));
    Some(Some(PicturesConfig {
        dir: dir?,
        bytes_max: mib? << 20,
    }))
}

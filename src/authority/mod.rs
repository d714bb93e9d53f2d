//! The customs side: what its messages mean. Transports live in their own
//! folders.

pub mod feed;

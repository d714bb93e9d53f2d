//! The folder of what cameras show, where one is configured.

use std::sync::Arc;

use lanegate_core::wire::protocol;

use super::RunError;
use super::port::Port;
use crate::config::DeviceConfig;
use crate::device::{Keeper, Pictures};

/// Opens the folder.
pub(super) fn folder(port: &Port) -> Result<Option<Arc<Pictures>>, RunError> {
    let Some(config) = &port.config.pictures else {
        return Ok(None);
    };
    let opened = Pictures::open(&config.dir, config.bytes_max);
    let opened = opened.map_err(|source| RunError::Pictures {
        path: config.dir.display().to_string(),
        source,
    })?;
    Ok(Some(Arc::new(opened)))
}

/// What keeps the pictures of `device` there.
pub(super) fn keeper(folder: Option<&Arc<Pictures>>, device: &DeviceConfig) -> Option<Keeper> {
    let protocol = protocol(&device.protocol)?;
    Some(Keeper::new(protocol, folder?.clone()))
}

//! Weighbridge indicators.

mod stability;
pub(super) mod yaohua_tf0;

pub use stability::{Stability, StableRule};

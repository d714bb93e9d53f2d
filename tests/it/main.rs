//! One integration binary: each file is a module, so that they link once.

// `cfg(test)` holds here anyway; said aloud, the lints know these for tests.
#[cfg(all(test, feature = "sim"))]
mod demo;
#[cfg(all(test, feature = "sim"))]
mod kill;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod shipped;

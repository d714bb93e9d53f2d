//! Tests of the master side.

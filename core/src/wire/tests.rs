//! Tests over all protocols.

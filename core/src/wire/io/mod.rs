//! Lane inputs and outputs.

pub mod modbus_rtu;

//! Lane inputs and outputs.

pub mod adam4000;
pub mod board;
pub mod lcus;
pub mod modbus_rtu;
pub mod modbus_tcp;
pub mod mqtt_io;
pub mod xy_lc301;

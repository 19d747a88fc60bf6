//! Owns the devices: one loop a device takes the next due message and hands it to the device's channel.

pub mod pace;
pub mod queue;
pub mod retry;

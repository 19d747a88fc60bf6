//! A simulated WhatsApp network: a server, its phones, faults on demand, and checkers, on the real wire protocol.
//!
//! The modules stand on each other, from the ground up.

pub mod checks;
pub mod control;
pub mod faults;
pub mod limits;
pub mod people;
pub mod server;
pub mod wire;

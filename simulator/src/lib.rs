//! A simulated WhatsApp network: a server, its phones, faults on demand, and checkers, on the real wire protocol.
//!
//! The modules stand on each other, from the ground up: a module uses only those before it.

pub mod limits;

pub mod clock;

pub mod wire;

pub mod faults;

pub mod checks;

pub mod phone;

pub mod server;

pub mod runtime;

pub mod control;

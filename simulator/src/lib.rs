//! A simulated WhatsApp network on the real wire protocol: a server, its phones, fault injection, and invariant checks.
//!
//! Modules are listed from the ground up: each uses only those before it.

pub mod limits;

pub mod clock;

pub mod wire;

pub mod faults;

pub mod checks;

pub mod phone;

pub mod server;

pub mod runtime;

pub mod control;

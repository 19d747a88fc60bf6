//! Stories about the whole gateway, told by name, on real sockets and real stores. `world.rs` builds what they play in.

mod client;
mod postgres;
mod receiver;
mod world;

mod answers;
mod fastapi;
mod idempotency;
mod malformed;
mod media;
mod sending;

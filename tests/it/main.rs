//! Stories about the whole gateway, told by name, on real sockets and real stores. `world.rs` builds what they play in.

mod client;
mod postgres;
mod world;

mod fastapi;
mod sending;

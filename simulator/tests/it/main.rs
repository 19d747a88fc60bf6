//! Stories about the network, told with a real client (whatsapp-rust) and with phones that are made here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app_state;
mod client;
mod faults;
mod groups;
mod linking;
mod media;
mod messages;
mod phone;
mod world;

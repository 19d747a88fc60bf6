//! Scenarios on the network, with three real clients (whatsapp-rust, Baileys and whatsmeow) and with minimal phones
//! from this test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
// The client library's futures are deeply nested, and more so with tracing.
#![recursion_limit = "256"]

mod app_state;
mod baileys;
mod calls;
mod client;
mod communities;
mod control;
mod conversations;
mod faults;
mod groups;
mod linking;
mod media;
mod messages;
mod must_be_shown;
mod newsletters;
mod own_copies;
mod passkey;
mod person;
mod phone;
mod polls;
mod program;
mod readme;
mod repeated_faults;
mod second_client;
mod talker;
mod whatsmeow;
mod world;

//! Stories about the whole gateway, told by name, on real sockets and real stores. `world.rs` builds what they play in
//! inside the test, `process.rs` runs the real program.

mod baileys;
mod browser;
mod bucket;
mod client;
mod network;
mod postgres;
mod process;
mod receiver;
mod stage;
mod world;

mod answers;
mod chatting;
mod commands;
mod console;
mod console_account;
mod console_browser;
mod console_devices;
mod console_inbox;
mod console_keyboard;
mod console_messages;
mod console_states;
mod crashes;
mod documents;
mod fastapi;
mod faults;
mod idempotency;
mod keys;
mod linked_crashes;
mod linking;
mod malformed;
mod managing;
mod media;
mod outages;
mod pacing;
mod pushing;
mod rotation;
mod samples;
mod sending;
mod sharing;
mod stores;
mod unlinking;
mod web;

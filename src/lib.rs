//! `wachat`, a self-hosted WhatsApp gateway. ARCHITECTURE.md walks through the house; this is its floor plan, from the
//! ground up. A module uses only those listed before it (tests/architecture.rs holds that).

pub mod bell;
pub mod clock;
pub mod console;
pub mod limits;
pub mod seal;
pub mod secrets;
pub mod settings;
pub mod telemetry;

pub mod account;
pub mod address;
pub mod customer_url;
pub mod device;
pub mod disk;
pub mod escapes;
pub mod memory;
pub mod message;
pub mod pace;
pub mod passkey;
pub mod password;
pub mod phone;
pub mod process;
pub mod qr;
pub mod reason;
pub mod supervisor;

pub mod pacing;

pub mod device_status;

pub mod waiting;

pub mod egress;

pub mod campaign;

pub mod media;
pub mod store;

pub mod room;

pub mod files;

pub mod inbox;
pub mod linking;
pub mod moving;
pub mod outbox;
pub mod receipts;

pub mod imports;

pub mod channel;

pub mod api;
pub mod dispatcher;
pub mod push;

pub mod http;

pub mod app;
pub mod cli;

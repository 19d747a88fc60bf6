//! The server: connections, accounts, iqs, routing, groups, media.
//!
//! It knows accounts and their devices. A phone is a device with an in-process connection ([`local_connection`]), a
//! companion one with a WebSocket ([`websocket`]). A [`device_connection`] is the same for both, so that acks,
//! receipts, mailboxes, keys and routing are implemented once.

mod about;
pub mod account;
mod account_sync;
pub mod app_state;
pub mod assertion;
mod calls;
pub mod community;
mod contact_codes;
mod delivery_id;
pub mod device;
mod device_connection;
mod device_list;
pub mod directory;
mod fault_points;
mod frames;
pub mod group;
mod group_notice;
mod grouped_receipts;
pub mod groups;
pub mod identity;
mod iq;
pub mod keys;
mod listener;
pub mod local_connection;
mod login;
mod mailbox;
mod media;
mod media_retry;
pub mod network;
pub mod newsletters;
mod notification;
mod own_copies;
pub mod pairing;
pub mod pairing_code;
mod participant_hash;
pub mod passkey_gate;
mod pictures;
mod presence;
mod publishing;
mod receipts;
pub mod registration;
mod routing;
mod send_queue;
mod sender_keys;
pub mod stanza_log;
mod status_privacy;
mod tls;
pub mod unhandled_iqs;
mod unlink;
mod websocket;

pub use delivery_id::DeliveryId;
pub use login::failure;

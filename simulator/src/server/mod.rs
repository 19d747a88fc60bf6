//! The server: connections, accounts, iqs, routing, groups, media.
//!
//! It knows accounts and their devices. A phone is a device whose link is inside this process ([`link::Link`]), a
//! companion one whose link is a WebSocket ([`connection`]); a [`session`] is the same for both, so that
//! acknowledgements, receipts, kept stanzas, keys and routing are written once.

mod about;
pub mod account;
mod account_sync;
pub mod app_state;
pub mod assertion;
mod calls;
pub mod community;
mod connection;
mod contact_codes;
pub mod device;
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
pub mod link;
pub mod linking_code;
mod listener;
mod login;
mod mailbox;
mod media;
mod media_retry;
pub mod network;
pub mod newsletters;
mod notification;
mod outlet;
mod own_copies;
pub mod pairing;
mod participant_hash;
pub mod passkey_gate;
mod pictures;
mod presence;
mod publishing;
mod receipts;
pub mod registration;
mod removal;
mod routing;
mod sender_keys;
mod session;
pub mod stanza_log;
mod status_privacy;
mod tls;
pub mod unknown;
mod witness;

pub use login::failure;
pub use witness::Named;

//! People and their phones, without a network.
//!
//! A phone is the first device of an account. What is here is its inside: keys, sessions, contents, files, application
//! state, history, and the decisions that turn a stanza which came in into stanzas that go out. Nothing here waits, asks
//! for the time, or opens a connection: the server's actor for a phone gives it nodes and the time, and carries out the
//! actions it returns.
//!
//! The modules stand on each other, from the ground up.

pub mod chance;
pub mod recent;

pub mod address;
pub mod identity;
pub mod media_retry;

pub mod bundle;

pub mod signal;

pub mod file;
pub mod linking;
pub mod pairing_code;
pub mod passkey;
pub mod passkey_pairing;

pub mod appstate;
pub mod content;
pub mod history;

pub mod phone;

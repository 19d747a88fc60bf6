//! The wire protocol: frames, the Noise handshake, certificates, stanzas.

pub mod certificate;
pub mod frame;
pub mod noise;
pub mod payload;
pub mod stanza;

//! Every upper bound, with its unit in the name.

/// A frame from a client. The largest known is an upload of 812 prekeys, about 60 KiB; app state can be larger.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A handshake message: keys, a certificate chain and a client payload are under 2 KiB.
pub const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

/// The edge routing that a client puts before the header: we hand out 8 bytes.
pub const EDGE_ROUTING_BYTES_MAX: usize = 1024;

/// An answer at least this long is sent compressed, as the service does; below, compressing costs more than it saves.
pub const COMPRESS_FROM_BYTES: usize = 2 * 1024;

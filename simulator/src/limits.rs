//! Every upper bound, with its unit in the name.

/// Faults that a plan holds at once: each is asked at every moment, so the list must stay short.
pub const FAULTS_MAX: usize = 256;

/// Counters that one fault keeps, one for each device and chat: 500 devices with a hundred chats each, and room.
pub const FAULT_COUNTERS_MAX: usize = 65_536;

/// Entries that a log of faults keeps: some megabytes, more than anybody reads.
pub const FAULT_LOG_ENTRIES_MAX: usize = 10_000;

/// The longest wait that a fault may ask for: ten minutes outlast every client's patience.
pub const FAULT_DELAY_MS_MAX: u64 = 600_000;

/// Copies that a fault may add to one stanza.
pub const FAULT_COPIES_MAX: u32 = 100;

/// Receipts that wait behind later ones on one device's link.
pub const FAULT_RECEIPTS_HELD_MAX: usize = 256;

/// Characters of a number, group, type or stanza id that a fault's scope or log repeats.
pub const FAULT_NAME_CHARS_MAX: usize = 128;

//! Every upper bound, with its unit in the name.

// People.

/// One-time prekeys a phone uploads at a time. Clients upload 812; a phone here has few correspondents, and its keys are
/// made while somebody waits for it.
pub const PHONE_PREKEYS_UPLOADED: usize = 60;

/// One-time prekeys a phone keeps the private halves of. Beyond it the oldest are dropped.
pub const PHONE_PREKEYS_KEPT_MAX: usize = 10 * PHONE_PREKEYS_UPLOADED;

/// Linked devices of one account, as the application documents it ("up to four").
pub const COMPANIONS_MAX: usize = 4;

/// Messages a phone remembers, the log that people read and that duplicates are found in. The oldest fall out.
pub const PHONE_MESSAGES_KEPT_MAX: usize = 50_000;

/// Messages of its own that a phone can still encrypt again when somebody could not read them.
pub const PHONE_MESSAGES_RESENDABLE_MAX: usize = 2_000;

/// Messages a phone has accepted from its person and not yet handed to the server.
pub const PHONE_MESSAGES_WAITING_MAX: usize = 10_000;

/// Files that a phone has encrypted and that wait for a place on the media host.
pub const PHONE_FILES_WAITING_MAX: usize = 1_000;

/// How long a phone waits for the answer to one question to the server before it gives the message up.
pub const PHONE_ANSWER_MS_MAX: u64 = 10_000;

/// How often one message is asked for again, or sent again: the figure that clients use.
pub const RETRIES_MAX: u8 = 5;

/// Messages that a phone counts its requests for, the oldest fall out.
pub const RETRIES_COUNTED_MAX: usize = 10_000;

/// Message ids in one receipt: the figure that clients use.
pub const RECEIPT_IDS_MAX: usize = 256;

/// Characters of one text that a person may send.
pub const TEXT_CHARACTERS_MAX: usize = 65_536;

/// Bytes of one file that a person may send.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;

/// Bytes of a compressed history that travel within its notification; a larger one goes to the media host.
pub const HISTORY_INLINE_BYTES_MAX: usize = 64 * 1024;

/// Chats and messages a made-up history may have in all: about 100 bytes each.
pub const HISTORY_MESSAGES_MAX: usize = 200_000;

/// Messages in one part of a history. Parts are decoded as a whole by clients.
pub const HISTORY_PART_MESSAGES_MAX: usize = 20_000;

//! The bounds of bodies and answers, and of files on their way through the gateway.

use super::{DOCUMENT_BYTES_MAX, MEDIA_BODY_BYTES_MAX, REQUEST_READ_SECONDS_MAX};

/// A body of a caller who is not known yet; and of one who is, one for which no memory is reserved.
pub const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;
/// What must come of a body in each stretch of [`REQUEST_READ_SECONDS_MAX`], unless it ends before: 16 KB a second.
pub const BODY_STRETCH_BYTES_MIN: usize = 16 * 1024 * REQUEST_READ_SECONDS_MAX as usize;
/// Larger bodies other than files: how many of one client are read at once, how many more may wait, and for how long. Hundreds of them at
/// once leave others no time.
pub const LARGE_BODIES_OF_CLIENT_MAX: usize = 2;
pub const LARGE_BODIES_OF_CLIENT_WAITING_MAX: usize = 1_000;
pub const LARGE_BODY_WAIT_SECONDS_MAX: u64 = 10;
/// The memory of all files on their way through a node, bodies of requests among them; and of one client's: the largest document in
/// base64 with escapes, without them, and decoded.
pub const FILES_BYTES_IN_MEMORY_MAX: usize = 3 * CLIENT_FILES_BYTES_IN_MEMORY_MAX;
pub const CLIENT_FILES_BYTES_IN_MEMORY_MAX: usize = 2 * MEDIA_BODY_BYTES_MAX + DOCUMENT_BYTES_MAX;
/// How long a body or a download waits for such memory.
pub const FILE_MEMORY_SECONDS_MAX: u64 = 10;
pub const OLDEST_FILE_MEMORY_SECONDS_MAX: u64 = 60;
/// What is read of a body for which the answer is there already, and for how long; where that is not all of it, the connection closes,
/// after what a client goes on to send was taken for a while.
pub const UNREAD_BODY_BYTES_MAX: usize = 64 * 1024;
pub const UNREAD_BODY_MS_MAX: u64 = 500;
pub const LINGER_SECONDS_MAX: u64 = 5;
pub const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a client may read nothing of an answer; and how much of it the system keeps, so that a client that reads very slowly
/// reads nothing for so long.
pub const ANSWER_STALL_SECONDS_MAX: u64 = 60;
pub const ANSWER_BYTES_KEPT: usize = 256 * 1024;
/// A file that nothing refers to is taken away so long after it was kept: a request that was to refer to it has ended by then. So many
/// are looked at together, and so many times in a minute.
pub const UNREFERENCED_FILE_MS: i64 = 3_600_000;
pub const FILE_SWEEP_ROWS: i64 = 1_000;
pub const FILE_SWEEP_PAGES: usize = 10;
/// Threads for what blocks: the store, files, and names of servers. Each keeps some memory after its work.
pub const BLOCKING_THREADS_MAX: usize = 128;

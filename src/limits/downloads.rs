//! The bounds of downloads of customers' media.

/// A whole download of a `media_url`, from the name's look-up to the last byte; how long a server may take to begin its answer
/// (some make the file first); and how much must come in each stretch of time from then on.
pub const MEDIA_FETCH_SECONDS_MAX: u64 = 60;
pub const MEDIA_ANSWER_SECONDS_MAX: u64 = 30;
pub const MEDIA_STRETCH_SECONDS: u64 = 10;
pub const MEDIA_STRETCH_BYTES_MIN: usize = 40 * 1024;
pub const MEDIA_CONNECT_SECONDS_MAX: u64 = 10;
/// Downloads at once from one server, of all devices of a node.
pub const HOST_FETCHES_MAX: usize = 4;
/// Files that one device, and one node, downloads at once from servers that are known to answer: apart from the sends, and from the
/// downloads below, so that however many dead servers hold up none of these.
pub const DEVICE_FETCHES_MAX: usize = 16;
pub const NODE_FETCHES_MAX: usize = 64;
/// The same from servers that were never asked before. They are many, since hundreds of them may be dead and one may not be; one that
/// stays silent costs little more than a socket.
pub const DEVICE_NEW_FETCHES_MAX: usize = 128;
pub const NODE_NEW_FETCHES_MAX: usize = 192;
/// The same from servers that failed when they were asked last.
pub const DEVICE_FAILING_FETCHES_MAX: usize = 16;
pub const NODE_FAILING_FETCHES_MAX: usize = 48;
/// How long a download from one of those two kinds of servers goes on while others wait for its place: before the server begins to answer,
/// and afterwards. Doubled with each attempt at the same file, up to a whole download's time.
pub const SILENT_FETCH_MS_MIN: i64 = 2_000;
pub const SLOW_FETCH_MS_MIN: i64 = 10_000;
/// How many of the downloads of a device, and of a node, each priority leaves to higher ones, from the highest: what is urgent finds
/// a free one beside any campaign.
pub const DEVICE_FETCHES_KEPT: [usize; 3] = [0, 2, 6];
pub const NODE_FETCHES_KEPT: [usize; 3] = [0, 8, 24];
/// Names of servers that are looked up at once for downloads, and for posts: each takes a thread of its own until the resolver of the
/// system answers.
pub const DOWNLOAD_LOOKUPS_MAX: usize = 128;
pub const POST_LOOKUPS_MAX: usize = 256;
/// How long a server that failed is left alone: doubled with each failure in a row, up to the other.
pub const HOST_REST_MS_MIN: i64 = 2_000;
pub const HOST_REST_MS_MAX: i64 = 60_000;
/// The longest `Retry-After` of a file server that is honoured in full.
pub const RETRY_AFTER_MS_MAX: i64 = 3_600_000;
/// Servers of which a node remembers how they answered.
pub const HOSTS_REMEMBERED_MAX: usize = 10_000;
/// Files of one priority that a device downloads ahead of their messages' turn; and, beyond those that its pacing holds, of
/// messages that may leave at once.
pub const MEDIA_AHEAD_MAX: usize = 64;
/// How long a message whose file is not there holds up later ones to its recipient: shorter than a minute, in which those leave.
pub const MEDIA_HOLD_MS_MAX: i64 = 50_000;
/// Messages of one device in memory that have stepped aside and wait for a download; of those from servers that failed; and of one
/// priority for one server, so that a long queue for it is not in the way of the others.
pub const DEVICE_MEDIA_ASIDE_MAX: usize = 512;
pub const DEVICE_FAILING_ASIDE_MAX: usize = 128;
pub const HOST_MEDIA_ASIDE_MAX: usize = 16;

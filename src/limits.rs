//! Every upper bound, with its unit in its name. Nothing in the gateway grows without one.

mod downloads;
mod imports;
mod postgres;
mod traffic;

pub use downloads::*;
pub use imports::*;
pub use postgres::*;
pub use traffic::*;

use std::num::NonZeroU32;

/// A JSON body without media.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A body of `POST /media`: 100 MB of document in base64, its line breaks, and the other fields.
pub const MEDIA_BODY_BYTES_MAX: usize = 142 * 1024 * 1024;
/// Fields of a form without a file.
pub const FORM_FIELDS_MAX: usize = 1_000;
/// How deep JSON may nest.
pub const JSON_DEPTH_MAX: usize = 64;
/// A message or caption, counted in characters after its escapes were decoded.
pub const TEXT_CHARS_MAX: usize = 65_536;
/// A customer's own word for a message.
pub const TAG_CHARS_MAX: usize = 64;
pub const TIMEOUT_SECONDS_DEFAULT: i64 = 86_400;
pub const TIMEOUT_SECONDS_MAX: i64 = 2_592_000;
/// A name of a client, a person, a device or a key; and how long a key may be good that has an end.
pub const NAME_CHARS_MAX: usize = 200;
pub const KEY_DAYS_MAX: i64 = 36_500;
/// Names that are tried for a user whose name is not given, before one with the client's number is taken.
pub const USERID_TRIES_MAX: i64 = 100;
pub const FILE_NAME_CHARS_MAX: usize = 255;
/// What is kept of an error that another program told.
pub const FAULT_CHARS_MAX: usize = 500;
/// How often a request to the media bucket is made again, and for how long, while somebody waits for it.
pub const BUCKET_RETRIES_MAX: usize = 3;
pub const BUCKET_SECONDS_MAX: u64 = 10;
/// How long a look at whether the media store takes files may take.
pub const MEDIA_CHECK_SECONDS_MAX: u64 = 5;
pub const URL_CHARS_MAX: usize = 2_048;

/// An image, a video or a sound, as WhatsApp's own apps limit them.
pub const MEDIA_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const DOCUMENT_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Messages that one device hands to its channel at once.
pub const DEVICE_SENDS_MAX: usize = 32;
/// The largest file that WhatsApp shows as a sticker, still or moving, and its longest side in pixels.
pub const STICKER_BYTES_MAX: usize = 100 * 1024;
pub const MOVING_STICKER_BYTES_MAX: usize = 500 * 1024;
pub const STICKER_SIDE_MAX: u32 = 512;
/// The largest picture that is decoded, for a small one or to be converted: a page of A4 at 600 dots an inch has 35 million.
pub const IMAGE_PIXELS_MAX: u64 = 36_000_000;
/// Files that are decoded at once: the largest picture takes up to 400 MB.
pub const PREVIEWS_AT_ONCE_MAX: usize = 1;
/// The longest side of the small picture that a recipient sees first.
pub const THUMBNAIL_SIDE: u32 = 96;
/// Packets of a voice note that are decoded for its waveform: two minutes; of a longer one a stretch of each part.
pub const WAVEFORM_PACKETS_MAX: usize = 6_400;
/// How long a link to stored media works.
pub const MEDIA_LINK_HOURS: i64 = 7 * 24;

/// So much of a file is in memory at once for each who loads it by its link.
pub const FILE_PIECE_BYTES_MAX: usize = 64 * 1024;

pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
pub const IDEMPOTENCY_HOURS: i64 = 72;

/// Requests a second for each API key, unless set otherwise.
pub const RATE_LIMIT_DEFAULT: u32 = 100;
/// Requests a second of all keys of a client and its people in the console together: as many as so many keys have.
pub const CLIENT_RATE_KEYS: NonZeroU32 = NonZeroU32::new(10).expect("some");
/// How often what a client has is counted again while its quota seems to have no room; counting takes one part in so many of the time.
pub const QUOTA_COUNT_MS: i64 = 1_000;
/// A quota of one client, as large as one of the settings.
pub const QUOTA_MAX: i64 = 4_294_967_295;
pub const QUOTA_COUNT_SHARE: i64 = 20;
/// How old may be what is known of the room on the disks; and at how many times the floor an operator is warned.
pub const DISK_LOOK_MS: i64 = 1_000;
pub const DISK_WARNING_FLOORS: u64 = 2;
/// API keys of one person that are good.
pub const KEYS_OF_PERSON_MAX: usize = 100;
/// A client has this long to send a request's head; and for each stretch of its body.
pub const REQUEST_READ_SECONDS_MAX: u64 = 30;
/// How long a stop may take before what is still under way is left.
pub const STOP_SECONDS_MAX: u64 = 8;
/// How long the store may take to be closed after that.
pub const STORE_CLOSE_SECONDS_MAX: u64 = 1;

/// Units that one commit of the store takes together.
pub const COMMIT_UNITS_MAX: usize = 512;
/// Units that wait for the store's writer; beyond it a request is answered 503.
pub const WRITER_QUEUE_MAX: usize = 16_384;
/// Rows that one `INSERT` carries.
pub const INSERT_ROWS_MAX: usize = 64;
/// Messages that are looked up together, and how many of such questions may wait.
pub const LOOKUPS_AT_ONCE_MAX: usize = 64;
pub const LOOKUP_QUEUE_MAX: usize = 16_384;
/// Connections that read a SQLite store, and what each connection remembers of it.
pub const SQLITE_READERS: u32 = 4;
pub const SQLITE_CACHE_KB: i64 = 16 * 1024;
/// How long a look at a single message of a SQLite store may miss what another process committed, and the connections for such
/// looks: one for each thread, up to so many.
pub const SNAPSHOT_MS_MAX: u64 = 100;
pub const SNAPSHOTS_MAX: usize = 16;
/// How long a write waits for another process's lock on the database.
pub const LOCK_WAIT_SECONDS: u64 = 10;

/// The least time between two messages of a device, and what may randomly be added to it.
pub const GAP_MS_MAX: i64 = 3_600_000;
/// What a new web device begins with: a person who answers several chats seldom sends faster than this, and not evenly.
pub const WEB_GAP_MS: i64 = 1_500;
pub const WEB_GAP_JITTER_MS: i64 = 1_500;
/// The least time between two messages of a device after WhatsApp said that it was too much at once: doubled each time that it
/// says so again, up to the other, and forgotten after so long without a word.
pub const SLOW_GAP_MS_MIN: i64 = 2_000;
pub const SLOW_GAP_MS_MAX: i64 = 2 * 60_000;
pub const SLOW_MS: i64 = 10 * 60_000;
/// How long somebody seems to type: a text of three words takes a moment, and nobody waits for a long one.
pub const TYPING_MS_MIN: i64 = 1_000;
pub const TYPING_MS_MAX: i64 = 6_000;
/// Chats of which a device remembers when they wrote, or that they are no strangers.
pub const CHATS_REMEMBERED_MAX: i64 = 10_000;
/// Messages of one device in memory together with those that its pacing holds: what may go must be found behind them.
pub const DEVICE_HELD_MESSAGES_MAX: usize = 8_192;
/// A device's messages a day, where they are limited.
pub const DAILY_LIMIT_MAX: i64 = 10_000_000;
/// Messages of one device held in memory, waiting for their turn.
pub const DEVICE_WINDOW_MESSAGES_MAX: usize = 1_024;
/// Messages of one line (a recipient's of one priority) in memory: many lines fit beside each other, and a line that moves on
/// need not ask the store for each message. It asks when only so few are left; and so many lines ask at once.
pub const LINE_MESSAGES_MAX: usize = 16;
pub const LINE_MESSAGES_MIN: usize = 4;
pub const LINES_AT_ONCE_MAX: usize = 32;
/// Messages that expire in one transaction: while it runs, nobody else writes to a SQLite store.
pub const EXPIRED_AT_ONCE: i64 = 1_000;
/// Rows on either side of a queue's head in which a device that starts looks for messages that still await receipts.
pub const REMEMBERED_ROWS_MAX: i64 = 20_000;
/// A device looks into the store this often, should a wake-up have been lost or come from another process.
pub const POLL_MS: u64 = 1_000;
/// How long one attempt to hand a message to a channel may take.
pub const SEND_SECONDS_MAX: u64 = 60;
/// How long after an attempt WhatsApp's acknowledgement may take before the message is sent again under the same id.
pub const ACK_SECONDS_MAX: u64 = 60;
pub const RETRY_DELAY_MS_MIN: u64 = 2_000;
pub const RETRY_DELAY_MS_MAX: u64 = 15 * 60 * 1_000;
/// Between two downloads of a message's file: doubled each time, up to the other. The last one is so long before the message expires.
pub const FETCH_DELAY_MS_MIN: i64 = 5_000;
pub const FETCH_DELAY_MS_MAX: i64 = 15 * 60_000;
pub const FETCH_LAST_MS: i64 = 15_000;
/// Attempts of one message that failed and are remembered, the latest: with the longest backoff, those of a day.
pub const ATTEMPTS_KEPT_MAX: i64 = 100;
/// Events of one device that wait to be stored.
pub const DEVICE_EVENTS_MAX: usize = 1_024;
/// How much of what happened to a device is remembered.
pub const DEVICE_HISTORY_ROWS_MAX: i64 = 1_000;
/// Numbers of which a device remembers whether they are on WhatsApp, and files that it remembers to have uploaded.
pub const CHECKED_NUMBERS_MAX: usize = 20_000;
pub const UPLOADS_REMEMBERED_MAX: usize = 512;
/// Groups of which is remembered that a message to them was refused, until the next one is sent.
pub const REFUSED_GROUPS_MAX: usize = 1_000;
/// How long a file that came in may take, how many of a device are had at once, and how long it is tried.
pub const DOWNLOAD_SECONDS_MAX: u64 = 120;
/// An answer of WhatsApp's media hosts: the largest file, encrypted.
pub const MEDIA_ANSWER_BYTES_MAX: u64 = DOCUMENT_BYTES_MAX as u64 + 1024 * 1024;
pub const DEVICE_DOWNLOADS_MAX: usize = 4;
pub const INBOUND_FILE_HOURS_MAX: i64 = 24;
/// How long the push of a message waits for the message's file.
pub const INBOUND_FILE_WAIT_MS: i64 = 60_000;
/// How long after a message could not be decrypted it is reported as unreadable, how many of one device wait for that or may
/// still be replaced, how many are reported at once, and how long one that was reported may be replaced.
pub const UNREADABLE_MS: i64 = 10 * 60_000;
pub const UNREADABLE_ROWS_MAX: i64 = 1_000;
pub const UNREADABLE_AT_ONCE: i64 = 50;
pub const UNREADABLE_DAYS: i64 = 30;
/// How long the answers to a poll or an event can be read.
pub const POLL_DAYS: i64 = 90;
/// How long a group is asked for its timer before a message goes without it.
pub const GROUP_TIMER_SECONDS_MAX: u64 = 5;
/// Devices that have metrics of their own; the others share one label.
pub const DEVICES_MEASURED_MAX: usize = 2_000;
/// How many accounts connect at once when many start.
pub const CONNECTS_MAX: usize = 8;
/// Writes at once of messages that came in to one account: as many as the client library decrypts at once.
pub const ARRIVALS_AT_ONCE_MAX: usize = 64;
/// How long after a message came in it may be decrypted, which moves a session on: what leaves meanwhile waits until sessions
/// are stored, and for how long at the most.
pub const DECRYPT_MS_MAX: i64 = 10_000;
pub const SETTLE_SECONDS_MAX: u64 = 20;
/// Receipts that wait to be stored before WhatsApp is told that we have them, each in a thread for as long as a commit takes,
/// out of the 512 that there are. While more wait, nothing at all leaves their account.
pub const RECEIPTS_HELD_MAX: usize = 64;
/// Requests to send a message again that wait for their answer, each in a thread, and how long one may wait.
pub const REQUESTS_HELD_MAX: usize = 32;
pub const ANSWER_SECONDS_MAX: u64 = 20;
/// Acknowledgements and receipts of one account that wait to be stored, where they are told faster than that.
pub const NEWS_WAITING_MAX: usize = 1_000_000;
/// A passkey's assertion in JSON.
pub const ASSERTION_BYTES_MAX: usize = 16 * 1024;
/// How long WhatsApp may take to answer a step of linking.
pub const LINK_STEP_SECONDS_MAX: u64 = 30;
/// How long WhatsApp may take to end a link, and a connection to close.
pub const UNLINK_SECONDS_MAX: u64 = 10;
pub const CLOSE_SECONDS_MAX: u64 = 2;
/// How long WhatsApp's server may take to be reached before an account is linked.
pub const REACH_SECONDS_MAX: u64 = 8;
/// After this long without a code, a server that was reached is said to give none.
pub const FIRST_CODE_SECONDS_MAX: u64 = 30;
/// How long a shared linking page is good.
pub const LINK_SHARE_MINUTES: i64 = 15;
/// How an attempt ended is shown for so long without a sign-in after the time of its page or pairing link: whoever linked reads it.
pub const LINK_END_SHOWN_MS: i64 = 60_000;
/// How long a person may take to link an account.
pub const LINK_MS_MAX: i64 = 180_000;
/// How long a request for a code that is typed waits for it: WhatsApp gives one within a second or two.
pub const LINK_CODE_WAIT_MS_MAX: u64 = 5_000;
/// After so long without an answer a person is told that no server seems to serve the store.
pub const LINK_SILENCE_MS_MAX: u64 = 10_000;

/// Pushes under way at once for one client: a dead receiver holds up only itself.
pub const PUSHES_PER_CLIENT_MAX: usize = 4;
/// Pushes under way at once in all.
pub const PUSHES_MAX: usize = 256;
pub const PUSH_SECONDS_MAX: u64 = 15;
/// How much of a receiver's answer is kept for a person to read.
pub const PUSH_ANSWER_BYTES_MAX: usize = 1_024;
/// A Push URL that failed for this long is paused; nothing is dropped.
pub const PUSH_HOURS_MAX: i64 = 72;

/// Rows of one page of a listing.
pub const PAGE_ROWS_DEFAULT: i64 = 50;
pub const PAGE_ROWS_MAX: i64 = 500;
/// Messages of a queue that are counted to tell a message its place; behind more than these it is told that much.
pub const POSITION_MAX: i64 = 100_000;
/// So many waiting messages of a device and a priority, the first, are looked at to find those that are under way.
pub const UNDER_WAY_AMONG: i64 = 512;
/// How old a place may be from which others are counted on.
pub const POSITION_MS: i64 = 1_000;
/// How old the counts of what waits for each device may be. They take one part in so many of the time.
pub const QUEUES_MS: i64 = 1_000;
pub const QUEUES_SHARE: i64 = 20;
/// How long who would rather not wait waits for them, and how old they are then at the most.
pub const QUEUES_WAIT_MS: u64 = 10;
pub const QUEUES_SHOWN_MS: i64 = 60_000;
/// Messages that one page looks through for a text or a state: it takes some hundredths of a second.
pub const LISTING_ROWS_READ_MAX: i64 = 20_000;
/// How far the clocks of two nodes, or of one before and after it was set, may be apart for messages to be found by their dates.
pub const CLOCK_STEP_MS_MAX: i64 = 600_000;

pub const CONNECTIONS_MAX: usize = 10_000;
/// Of these, connections from one address (of IPv6, one network of 64 bits); a quarter of all where those are few.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_000;
/// How often it is logged that connections are refused.
pub const REFUSED_CONNECTIONS_MS: i64 = 10_000;
/// A request's line and headers.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
pub const HEADERS_MAX: usize = 100;

/// Tries of a password for a name from one address: so many at once, then one in so many seconds. From everywhere together,
/// ten times as many.
pub const SIGN_IN_TRIES: u32 = 5;
pub const SIGN_IN_SECONDS_EACH: u64 = 30;
/// Tries that fail from one address (of IPv6, one network of 64 bits), whatever the names: so many at once, then one in so many
/// seconds. An office shares an address.
pub const SIGN_IN_ADDRESS_TRIES: u32 = 50;
pub const SIGN_IN_ADDRESS_SECONDS_EACH: u64 = 3;
/// Names and addresses whose tries are remembered, each.
pub const SIGN_IN_NAMES_MAX: usize = 10_000;
/// Requests with pairing links from one address: so many at once, then so many a second. The extension asks once a second.
pub const PAIRING_REQUESTS: u32 = 120;
pub const PAIRING_REQUESTS_A_SECOND: u32 = 10;
/// What is begun on one shared linking page: so often at once, then once in so many seconds. WhatsApp slows down an account for which codes
/// are asked again and again.
pub const LINK_SHARE_TRIES: u32 = 10;
pub const LINK_SHARE_SECONDS_EACH: u64 = 6;
/// Threads that hash passwords, each in 19 MiB of its own, which it gives back after so many seconds without a password.
pub const PASSWORD_THREADS: usize = 2;
pub const PASSWORD_MEMORY_SECONDS: u64 = 30;
/// How often a password is hashed to find whose of one name it is: their passwords have one salt, except those of before that was so.
pub const PASSWORD_SALTS_MAX: usize = 4;
/// Passwords that wait for those threads, for about half a second in all; one more is told to come again.
pub const PASSWORDS_WAITING_MAX: usize = 32;
/// How long somebody stays signed in to the console: while he is seen so often, and in all.
pub const SIGN_IN_IDLE_HOURS: i64 = 12;
pub const SIGN_IN_DAYS: i64 = 30;
/// Browsers in which one person is signed in at once; the oldest gives way.
pub const SIGN_INS_MAX: i64 = 20;
/// Characters of what a browser says that it is.
pub const AGENT_CHARS_MAX: usize = 200;
/// Pages of the console that keep up at once, and how often each is drawn anew.
pub const LIVE_PAGES_MAX: usize = 256;
/// Of these, pages of one person; and what a page that keeps up may have.
pub const LIVE_PAGES_OF_PERSON_MAX: usize = 8;
pub const LIVE_PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Shared linking pages that keep up at once, so that strangers take no room of who is signed in; and how often one of them does.
pub const LIVE_SHARED_PAGES_MAX: usize = 64;
pub const LIVE_FOLLOWERS_MAX: usize = 4;
pub const LIVE_MS: u64 = 1_000;
/// An answer of the API that a page shows: a page of a listing, with texts as long as texts may be.
pub const CONSOLE_ANSWER_BYTES_MAX: usize = 160 * 1024 * 1024;

/// How old a client's statistics may be before they are counted anew, where that takes no long: counting reads every message.
pub const STATISTICS_MS: i64 = 60_000;
/// How long who would rather not wait waits for what was never counted.
pub const STATISTICS_WAIT_MS: u64 = 10;
/// Counting takes one part in so many of the time.
pub const STATISTICS_SHARE: i64 = 20;
/// Messages that are counted in one look at the store: it takes some hundredths of a second.
pub const STATISTICS_ROWS_AT_ONCE: usize = 20_000;
/// How many clients' statistics are counted at once, and kept.
pub const STATISTICS_AT_ONCE_MAX: usize = 1;
pub const STATISTICS_CLIENTS_MAX: usize = 1_000;
/// The hours and the days of which they tell.
pub const STATISTICS_HOURS: usize = 24;
pub const STATISTICS_DAYS: usize = 30;
/// Characters of its last message that a listing of conversations shows of each.
pub const CONVERSATION_CHARS_MAX: i64 = 200;
/// Samples of pushes under way at once, and of these of one client: a receiver that does not answer takes its own.
pub const PUSH_TESTS_MAX: usize = 8;
pub const PUSH_TESTS_OF_CLIENT_MAX: usize = 2;
/// Searches for messages at once, half of the connections that read a SQLite store; of these of one client; and how many more of one
/// client may wait.
pub const SEARCHES_MAX: usize = SQLITE_READERS as usize / 2;
pub const SEARCHES_OF_CLIENT_MAX: usize = 1;
pub const SEARCHES_OF_CLIENT_WAITING_MAX: usize = 32;
/// How long it is remembered who did what, how much is forgotten at once, and how many characters say what it was done to.
pub const AUDIT_DAYS: i64 = 400;
pub const AUDIT_ROWS_FORGOTTEN_MAX: i64 = 10_000;
pub const AUDIT_CHARS_MAX: usize = 200;
/// What changes nothing, such as a secret that is shown and a request that is denied, is recorded again of the same person when it was
/// not done for this long; and how much of it is remembered.
pub const AUDIT_SEEN_MS: i64 = 60_000;
pub const AUDIT_SEEN_MAX: usize = 10_000;
/// Members of a group that are listed for one message: WhatsApp's groups have at most 1,024.
pub const MEMBERS_SHOWN_MAX: i64 = 2_048;
/// A form of the console with a file: the largest document, and its other fields.
pub const FORM_FILE_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + BODY_BYTES_MAX;
/// How long a form that is too large is read for nothing: a browser shows no answer before it has sent everything.
pub const FORM_DRAIN_SECONDS_MAX: u64 = 120;
/// How long a form that sends a message may be sent after it was drawn: shorter than the first answer to it is kept.
pub const FORM_HOURS_MAX: i64 = 48;
/// How often a form that was sent twice looks for the answer to its first sending, a tenth of a second apart.
pub const FORM_LOOKS_MAX: u32 = 100;
/// Fields of a form with a file.
pub const FORM_PARTS_MAX: usize = 32;
/// Rows that one export of messages has; more are had by narrower filters, or from the API.
pub const EXPORT_ROWS_MAX: usize = 100_000;
/// Earlier pages of a listing that its address remembers.
pub const PAGES_REMEMBERED_MAX: usize = 50;
/// The wait before a task that ended unexpectedly is started again: doubled each time, up to the other, and short again
/// after it ran for a while.
pub const RESTART_MS_MIN: u64 = 500;
pub const RESTART_MS_MAX: u64 = 60_000;
pub const RESTART_FORGIVEN_MS: i64 = 60_000;
/// The wait before a batch of a device's events is offered to the store again, doubled each time, up to the other.
pub const RECORD_AGAIN_MS_MIN: u64 = 250;
pub const RECORD_AGAIN_MS_MAX: u64 = 5_000;
/// How long the command line and a program that ends wait for their last log lines to be written.
pub const LOG_FLUSH_MS_MAX: u64 = 1_000;
/// Log lines that wait for standard error, and their bytes; more are dropped and counted.
pub const LOG_LINES_WAITING_MAX: usize = 8_192;
pub const LOG_BYTES_WAITING_MAX: usize = 8 * 1024 * 1024;
/// How long the first start waits for somebody to read what it shows once.
pub const FIRST_START_PRINT_MS_MAX: u64 = 10_000;
/// How long a node's lease of a device holds without being renewed, and how often it is.
pub const LEASE_MS: i64 = 20_000;
pub const LEASE_RENEWAL_MS: i64 = 5_000;
/// A device that was added so lately is about to be taken by a node.
pub const LEASE_TAKEN_MS_MAX: i64 = 5_000;
/// How far ahead of now a lease that is renewed ends at the most.
pub const LEASE_MS_MAX: i64 = 60_000;

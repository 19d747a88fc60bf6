//! Every upper bound, with its unit in the name.

/// Active faults of a plan: each is evaluated at every hook, so the list must stay short.
pub const FAULTS_MAX: usize = 256;

/// Counters of one fault, one for each device and chat: 500 devices with a hundred chats each, with a margin.
pub const FAULT_COUNTERS_MAX: usize = 65_536;

/// Entries of a fault log: a few megabytes, more than anybody reads.
pub const FAULT_LOG_ENTRIES_MAX: usize = 10_000;

/// The longest delay of a fault: ten minutes exceed every client's timeout.
pub const FAULT_DELAY_MS_MAX: u64 = 600_000;

/// Extra copies of one stanza that a fault may send.
pub const FAULT_COPIES_MAX: u32 = 100;

/// Receipts in the reorder buffer of one device's connection.
pub const FAULT_RECEIPTS_HELD_MAX: usize = 256;

/// Characters of a number, group, type or stanza id in a fault's scope, counters or log.
pub const FAULT_NAME_CHARS_MAX: usize = 128;

/// A frame from a client. The largest known is an upload of 812 prekeys, about 60 KiB; app state can be larger.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A handshake message: keys, a certificate chain and a client payload are under 2 KiB.
pub const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

/// The edge routing that a client sends before the header: this server hands out 8 bytes.
pub const EDGE_ROUTING_BYTES_MAX: usize = 1024;

/// A response of at least this size is compressed, as the service does; below it, compression costs more than it saves.
pub const COMPRESS_FROM_BYTES: usize = 2 * 1024;

/// Concurrent connections and other tasks, limited by file descriptors and memory.
pub const CONNECTIONS_MAX: usize = 20_000;

/// Milliseconds to wait after a connection could not be accepted.
pub const ACCEPT_PAUSE_MS: u64 = 50;

/// Seconds for a new connection to send its first byte.
pub const FIRST_BYTE_WAIT_SECONDS: u64 = 10;

/// Seconds for a TLS handshake, and for the head of an HTTP request.
pub const HEADER_WAIT_SECONDS: u64 = 10;

/// Seconds for a Noise handshake.
pub const HANDSHAKE_WAIT_SECONDS: u64 = 20;

/// Seconds without a frame after which a client counts as gone: clients ping every 15 to 30 seconds.
pub const SILENCE_SECONDS: u64 = 180;

/// Seconds for a write to a client that does not read, before it is disconnected.
pub const WRITE_WAIT_SECONDS: u64 = 30;

/// Milliseconds for a client to close its side of a closed connection.
pub const CLOSE_WAIT_MS: u64 = 2_000;

/// Stanzas in one write of a connection.
pub const WRITE_STANZAS_MAX: usize = 64;

/// Bytes after which a connection's writer stops collecting stanzas.
pub const WRITE_BYTES: usize = 64 * 1024;

/// Unconfirmed stanzas of a device: months of messages of a busy account.
pub const MAILBOX_STANZAS_MAX: usize = 100_000;

/// Stanzas in the send queue of a connection: a full mailbox, and more responses than any well-behaved client waits
/// for.
pub const SEND_QUEUE_STANZAS_MAX: usize = MAILBOX_STANZAS_MAX + 10_000;

/// Accounts that are notified when another's devices change.
pub const WATCHERS_PER_ACCOUNT_MAX: usize = 10_000;

/// Devices that write to a group, each of which is stored with the devices that have its sender key.
pub const SENDER_KEYS_MAX: usize = 100_000;

/// One-time prekeys stored per device: clients upload 812 at a time.
pub const PREKEYS_PER_DEVICE_MAX: usize = 2_000;

/// A device with fewer one-time prekeys is asked to upload more.
pub const PREKEYS_LOW: usize = 10;

/// Patches of one app state collection.
pub const PATCHES_PER_COLLECTION_MAX: usize = 100_000;

/// Patches of a collection in one response; the client fetches the rest with further requests.
pub const PATCHES_PER_ANSWER_MAX: usize = 100;

/// Stanzas in the log.
pub const LOG_STANZAS_MAX: usize = 10_000;

/// Children of a stanza, or of one of its children, in the log.
pub const LOGGED_CHILDREN_MAX: usize = 32;

/// Distinct unhandled requests to record.
pub const UNHANDLED_IQS_MAX: usize = 1_000;

/// Clients waiting to be linked at the same time.
pub const REGISTRATIONS_MAX: usize = 5_000;

/// Refs that a registering client gets, for the codes that it shows one after the other.
pub const QR_REFS: usize = 6;

/// Seconds for which the first code is shown; each later one for [`QR_NEXT_SECONDS`].
pub const QR_FIRST_SECONDS: u64 = 60;

/// See [`QR_FIRST_SECONDS`].
pub const QR_NEXT_SECONDS: u64 = 20;

/// Seconds for which a code is accepted beyond its time, for a phone that scanned it at the last moment.
pub const QR_GRACE_SECONDS: u64 = 30;

/// Seconds for a companion to confirm that it was linked.
pub const PAIRING_WAIT_SECONDS: u64 = 30;

/// Disappearing message timers of a group, in seconds: off, a day, a week, 90 days. Others are rejected.
pub const DISAPPEARING_SECONDS: [u64; 4] = [0, 86_400, 604_800, 7_776_000];

/// Revoked invite codes that are remembered for a group.
pub const REVOKED_INVITES_MAX: usize = 20;

/// Milliseconds after which a device-sent copy that a device acked without a receipt is sent again, and after which
/// then the connection is ended.
pub const OWN_COPY_WAIT_MS: u64 = 10_000;

/// Milliseconds for a companion that unlinks itself to close its connection before the server does: clients that are
/// disconnected too early fail halfway through.
pub const LOGOUT_WAIT_MS: u64 = 2_000;

/// Milliseconds from a linked companion's response to the request to reconnect: a client that gets both at once
/// connects twice.
pub const RESTART_PAUSE_MS: u64 = 100;

/// A file on the media host: the largest document that clients send.
pub const MEDIA_BYTES_MAX: usize = 100 * 1024 * 1024;

/// All files on the media host together; the oldest are evicted first.
pub const MEDIA_BYTES_TOTAL_MAX: usize = 512 * 1024 * 1024;

/// Seconds for connections to end when the port is closed, and for phones to stop.
pub const STOP_WAIT_SECONDS: u64 = 10;

/// Seconds for which a pairing code is valid.
pub const TYPED_CODE_SECONDS: u64 = 180;

/// Seconds for which a passkey challenge is valid: the default of the service's properties for the options and for the
/// assertion. The rest of the exchange may take as long again.
pub const PASSKEY_CHALLENGE_SECONDS: u64 = 600;

/// Seconds after the passkey request within which a client may prove that its code was scanned or typed.
pub const PASSKEY_HANDOFF_SECONDS: u64 = 300;

/// Milliseconds from a response at the passkey gate to the phone's next step, as long as a round trip to a phone takes.
/// A client that gets both at once may process the second before the first.
pub const PASSKEY_PHONE_PAUSE_MS: u64 = 300;

/// Seconds for which the connection of a failed attempt at the passkey gate stays open: as long as codes are shown.
pub const PASSKEY_LINGER_SECONDS: u64 = QR_FIRST_SECONDS + (QR_REFS as u64 - 1) * QR_NEXT_SECONDS;

/// Groups of one network.
pub const GROUPS_MAX: usize = 100_000;

/// Members of a group, as in the real service.
pub const GROUP_MEMBERS_MAX: usize = 1_024;

/// Groups, users or devices in one request.
pub const REQUEST_ITEMS_MAX: usize = 10_000;

/// Newsletters of one network.
pub const NEWSLETTERS_MAX: usize = 10_000;

/// Messages stored for a newsletter; the oldest are evicted first.
pub const NEWSLETTER_POSTS_MAX: usize = 1_000;

/// Newsletter messages in one response.
pub const NEWSLETTER_POSTS_LISTED_MAX: u64 = 300;

/// People that one person may block.
pub const BLOCKED_MAX: usize = 10_000;

/// Size of a group's subject, in bytes of UTF-8.
pub const GROUP_SUBJECT_BYTES_MAX: usize = 400;

/// Size of a group's description, in bytes of UTF-8.
pub const GROUP_DESCRIPTION_BYTES_MAX: usize = 8_192;

/// Accounts that subscribe to a person's presence.
pub const SUBSCRIBERS_PER_ACCOUNT_MAX: usize = 10_000;

/// Valid tokens for the media host; the oldest are evicted first.
pub const MEDIA_AUTHS_MAX: usize = 100_000;

// People.

/// One-time prekeys that a phone uploads at a time. Clients upload 812; a simulated phone has few correspondents, and
/// somebody waits while its keys are generated.
pub const PHONE_PREKEYS_UPLOADED: usize = 60;

/// One-time prekeys whose private halves a phone keeps. Beyond this the oldest are dropped.
pub const PHONE_PREKEYS_KEPT_MAX: usize = 10 * PHONE_PREKEYS_UPLOADED;

/// Linked devices of one account, as the application documents it ("up to four"). The server and phones enforce it.
pub const COMPANIONS_MAX: usize = 4;

/// Messages in a phone's log, which people read and duplicates are detected with. The oldest are evicted.
pub const PHONE_MESSAGES_KEPT_MAX: usize = 50_000;

/// Sent messages that a phone can still encrypt again for a retry.
pub const PHONE_MESSAGES_RESENDABLE_MAX: usize = 2_000;

/// Messages in a phone's outbox.
pub const PHONE_MESSAGES_WAITING_MAX: usize = 10_000;

/// Calls that a phone remembers; the oldest are evicted.
pub const PHONE_CALLS_KEPT_MAX: usize = 1_000;

/// Files that a phone has encrypted and not yet uploaded.
pub const PHONE_FILES_WAITING_MAX: usize = 1_000;

/// Options of a poll, as in the applications.
pub const POLL_OPTIONS_MAX: usize = 12;

/// People whose privacy tokens, given and received, a phone stores: more than anybody writes to.
pub const PHONE_TOKENS_MAX: usize = 10_000;

/// Timeout of a phone's iq to the server, after which the message fails.
pub const PHONE_ANSWER_MS_MAX: u64 = 10_000;

/// Retry requests and retries for one message: the same limit as in clients.
pub const RETRIES_MAX: u8 = 5;

/// Messages whose retry requests a phone counts; the oldest are evicted.
pub const RETRIES_COUNTED_MAX: usize = 10_000;

/// Message ids in one receipt: the same limit as in clients.
pub const RECEIPT_IDS_MAX: usize = 256;

/// Characters of one text that a person may send.
pub const TEXT_CHARACTERS_MAX: usize = 65_536;

/// Bytes of one file that a person may send.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;

/// Size of a compressed history that is sent inline in its notification; a larger one is uploaded to the media host.
pub const HISTORY_INLINE_BYTES_MAX: usize = 64 * 1024;

/// Chats and messages of a made-up history in total: about 100 bytes each.
pub const HISTORY_MESSAGES_MAX: usize = 200_000;

/// Messages in one history chunk, which clients decode as a whole.
pub const HISTORY_PART_MESSAGES_MAX: usize = 20_000;

/// A scenario file: 256 steps with a page of comments each.
pub const SCENARIO_BYTES_MAX: usize = 1024 * 1024;

/// Deliveries (a message to one device) that the checkers track: a million messages.
pub const CHECKED_DELIVERIES_MAX: usize = 1_000_000;

/// Chats whose order the checkers track, counted for each sender and recipient.
pub const CHECKED_CHATS_MAX: usize = 500_000;

/// Signal sessions whose ratchets the checkers track.
pub const CHECKED_SESSIONS_MAX: usize = 200_000;

/// Chains that the checkers track per session: as many as libsignal keeps for receiving.
pub const CHECKED_CHAINS_MAX: usize = 5;

/// The furthest that a chain may jump ahead: more than the message keys that libsignal keeps for skipped messages.
pub const RATCHET_JUMP_MAX: u32 = 2_000;

/// Violations shown in a report per check; the others are counted.
pub const CHECK_VIOLATIONS_SHOWN_MAX: usize = 10;

/// Characters of one violation's description: clients choose some of its words.
pub const CHECK_VIOLATION_CHARS_MAX: usize = 400;

/// Milliseconds after which a held receipt is released even if nothing has overtaken it.
pub const RECEIPT_HELD_MS_MAX: u64 = 10_000;

/// Concurrent uploads to the media host; others wait.
pub const MEDIA_UPLOADS_MAX: usize = 8;

/// Stated lifetime of a media link, two weeks as in the service; here it never ends.
pub const MEDIA_LINK_SECONDS: u64 = 1_209_600;

/// People and groups with a picture.
pub const PICTURES_MAX: usize = 10_000;

/// Seconds for an upload to the media host: the largest file at 350 KB per second.
pub const MEDIA_UPLOAD_SECONDS_MAX: u64 = 300;

/// People with simulated phones: each has a task and a few hundred KiB of keys.
pub const PEOPLE_MAX: usize = 10_000;

/// The shortest phone number, with its country code.
pub const NUMBER_DIGITS_MIN: usize = 5;

/// The longest phone number, as in E.164.
pub const NUMBER_DIGITS_MAX: usize = 15;

/// Characters of a person's name; applications truncate at 25, tests may want more.
pub const PERSON_NAME_CHARACTERS_MAX: usize = 100;

/// Commands queued for a phone; further callers wait.
pub const COMMANDS_WAITING_MAX: usize = 64;

/// Interval, in milliseconds, at which a phone checks for timeouts.
pub const PHONE_TICK_MS: u64 = 1_000;

/// Clients that wait for their pairing code to be typed into one phone; the oldest is dropped.
pub const TYPED_CODES_WAITING_MAX: usize = 16;

/// Seconds for a companion to respond after its code was typed.
pub const TYPED_CODE_WAIT_SECONDS: u64 = 30;

/// A request body of the control API, except with files.
pub const CONTROL_BODY_BYTES_MAX: usize = 256 * 1024;

/// A request body of the control API with the largest file in base64, and a margin for the other fields.
pub const CONTROL_FILE_BODY_BYTES_MAX: usize = FILE_BYTES_MAX / 3 * 4 + CONTROL_BODY_BYTES_MAX;

/// Stanzas in one response of the control API, unless more are requested.
pub const CONTROL_STANZAS_DEFAULT: usize = 200;

/// Stanzas in one response of the control API.
pub const CONTROL_STANZAS_MAX: usize = 2_000;

/// Bytes of a stanza that the control API shows.
pub const CONTROL_STANZA_BYTES_SHOWN_MAX: usize = 64;

/// Size of a key file: three keys of 64 hexadecimal digits with names.
pub const KEYS_FILE_BYTES_MAX: u64 = 4 * 1024;

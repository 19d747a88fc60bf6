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

/// Characters of a number, group, type or stanza id that a fault's scope, counters or log repeat.
pub const FAULT_NAME_CHARS_MAX: usize = 128;

/// A frame from a client. The largest known is an upload of 812 prekeys, about 60 KiB; app state can be larger.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A handshake message: keys, a certificate chain and a client payload are under 2 KiB.
pub const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

/// The edge routing that a client puts before the header: we hand out 8 bytes.
pub const EDGE_ROUTING_BYTES_MAX: usize = 1024;

/// An answer at least this long is sent compressed, as the service does; below, compressing costs more than it saves.
pub const COMPRESS_FROM_BYTES: usize = 2 * 1024;

/// Connections and other tasks at once: what a process may have of file descriptors, and a bit of memory each.
pub const CONNECTIONS_MAX: usize = 20_000;

/// After a connection could not be accepted, milliseconds before the next try.
pub const ACCEPT_PAUSE_MS: u64 = 50;

/// A new connection must say its first byte within this many seconds.
pub const FIRST_BYTE_WAIT_SECONDS: u64 = 10;

/// A TLS handshake, and the head of an HTTP request, within this many seconds.
pub const HEADER_WAIT_SECONDS: u64 = 10;

/// A Noise handshake within this many seconds.
pub const HANDSHAKE_WAIT_SECONDS: u64 = 20;

/// A client that says nothing for this many seconds is gone: clients send a ping every 15 to 30 seconds.
pub const SILENCE_SECONDS: u64 = 180;

/// Writing to a client that does not read, in seconds, before it is cut off.
pub const WRITE_WAIT_SECONDS: u64 = 30;

/// A client whose connection was closed may take this many milliseconds to close its side.
pub const CLOSE_WAIT_MS: u64 = 2_000;

/// A connection's writer takes this many stanzas into one write.
pub const WRITE_STANZAS_MAX: usize = 64;

/// A connection's writer stops collecting at this many bytes.
pub const WRITE_BYTES: usize = 64 * 1024;

/// Stanzas that a device has not confirmed: months of messages of a busy account.
pub const MAILBOX_STANZAS_MAX: usize = 100_000;

/// Stanzas waiting to be written to a connection: a full mailbox, and as many answers as no honest client waits for.
pub const SEND_QUEUE_STANZAS_MAX: usize = MAILBOX_STANZAS_MAX + 10_000;

/// Accounts that are told when another's devices change.
pub const WATCHERS_PER_ACCOUNT_MAX: usize = 10_000;

/// Devices that write to a group, each of which is remembered with the devices that have its sender key.
pub const SENDER_KEYS_MAX: usize = 100_000;

/// One-time prekeys that are kept for a device: clients upload 812 at a time.
pub const PREKEYS_PER_DEVICE_MAX: usize = 2_000;

/// A device with fewer one-time prekeys is told to bring new ones.
pub const PREKEYS_LOW: usize = 10;

/// Patches of one collection of app state.
pub const PATCHES_PER_COLLECTION_MAX: usize = 100_000;

/// Patches of a collection in one answer; more are fetched by asking again.
pub const PATCHES_PER_ANSWER_MAX: usize = 100;

/// Stanzas that the log holds.
pub const LOG_STANZAS_MAX: usize = 10_000;

/// Children of a stanza, or of one of its children, that the log holds.
pub const LOGGED_CHILDREN_MAX: usize = 32;

/// Unknown requests that are remembered.
pub const UNHANDLED_IQS_MAX: usize = 1_000;

/// Clients that are waiting to be linked at once.
pub const REGISTRATIONS_MAX: usize = 5_000;

/// The codes that a registering client gets, to be shown one after the other.
pub const QR_REFS: usize = 6;

/// The first code is shown this many seconds, each later one as many as [`QR_NEXT_SECONDS`].
pub const QR_FIRST_SECONDS: u64 = 60;

/// See [`QR_FIRST_SECONDS`].
pub const QR_NEXT_SECONDS: u64 = 20;

/// A code is still taken this many seconds after its time, for a phone that scanned it at the last moment.
pub const QR_GRACE_SECONDS: u64 = 30;

/// A companion must answer that it was linked within this many seconds.
pub const PAIRING_WAIT_SECONDS: u64 = 30;

/// How long a group may keep messages, in seconds: a day, a week, 90 days. Other times are refused.
pub const DISAPPEARING_SECONDS: [u64; 4] = [0, 86_400, 604_800, 7_776_000];

/// Codes of a group's invitation that are remembered as revoked.
pub const REVOKED_INVITES_MAX: usize = 20;

/// A copy of an own message that a device has acknowledged without a receipt comes again after this many milliseconds, and
/// after as many more the connection is ended.
pub const OWN_COPY_WAIT_MS: u64 = 10_000;

/// A companion that unlinks itself has this many milliseconds to close its connection before that is ended: clients
/// that hear of it too early fail halfway through.
pub const LOGOUT_WAIT_MS: u64 = 2_000;

/// From the answer of a linked companion to the request to connect again: a client that gets both at once connects twice.
pub const RESTART_PAUSE_MS: u64 = 100;

/// A file on the media host: the largest that clients send as a document.
pub const MEDIA_BYTES_MAX: usize = 100 * 1024 * 1024;

/// All files on the media host together; the oldest go first.
pub const MEDIA_BYTES_TOTAL_MAX: usize = 512 * 1024 * 1024;

/// When the port is closed, connections have this many seconds to end; so have phones that are stopped.
pub const STOP_WAIT_SECONDS: u64 = 10;

/// A code that is typed into a phone is good for this many seconds.
pub const TYPED_CODE_SECONDS: u64 = 180;

/// A challenge for a passkey is good for this many seconds: the default of the service's properties for the options and
/// for the assertion. The rest of the exchange may take as long again.
pub const PASSKEY_CHALLENGE_SECONDS: u64 = 600;

/// A client may prove within this many seconds of the request for its passkey that its code was scanned or typed.
pub const PASSKEY_HANDOFF_SECONDS: u64 = 300;

/// From an answer at the passkey gate to what the phone sends next, in milliseconds: what the way to a phone and back takes.
/// A client that gets both at once may look at the second before it has taken in the first.
pub const PASSKEY_PHONE_PAUSE_MS: u64 = 300;

/// When an attempt behind the passkey gate has failed, the connection stays open for as long as codes are shown.
pub const PASSKEY_LINGER_SECONDS: u64 = QR_FIRST_SECONDS + (QR_REFS as u64 - 1) * QR_NEXT_SECONDS;

/// Groups of one network.
pub const GROUPS_MAX: usize = 100_000;

/// Members of a group, as the real service has it.
pub const GROUP_MEMBERS_MAX: usize = 1_024;

/// Groups, users or devices in one request.
pub const REQUEST_ITEMS_MAX: usize = 10_000;

/// Newsletters of one network.
pub const NEWSLETTERS_MAX: usize = 10_000;

/// Messages that a newsletter keeps; the oldest go first.
pub const NEWSLETTER_POSTS_MAX: usize = 1_000;

/// Messages of a newsletter in one answer.
pub const NEWSLETTER_POSTS_LISTED_MAX: u64 = 300;

/// People whom one person blocks.
pub const BLOCKED_MAX: usize = 10_000;

/// The name of a group, in bytes of UTF-8.
pub const GROUP_SUBJECT_BYTES_MAX: usize = 400;

/// The text of a group, in bytes of UTF-8.
pub const GROUP_DESCRIPTION_BYTES_MAX: usize = 8_192;

/// Accounts that want to know whether a person is there.
pub const SUBSCRIBERS_PER_ACCOUNT_MAX: usize = 10_000;

/// Tokens for the media host that are good at once; the oldest go first.
pub const MEDIA_AUTHS_MAX: usize = 100_000;

// People.

/// One-time prekeys a phone uploads at a time. Clients upload 812; a phone here has few correspondents, and its keys are
/// made while somebody waits for it.
pub const PHONE_PREKEYS_UPLOADED: usize = 60;

/// One-time prekeys a phone keeps the private halves of. Beyond it the oldest are dropped.
pub const PHONE_PREKEYS_KEPT_MAX: usize = 10 * PHONE_PREKEYS_UPLOADED;

/// Linked devices of one account, as the application documents it ("up to four"). The server and phones hold to it.
pub const COMPANIONS_MAX: usize = 4;

/// Messages a phone remembers, the log that people read and that duplicates are found in. The oldest fall out.
pub const PHONE_MESSAGES_KEPT_MAX: usize = 50_000;

/// Messages of its own that a phone can still encrypt again when somebody could not read them.
pub const PHONE_MESSAGES_RESENDABLE_MAX: usize = 2_000;

/// Messages a phone has accepted from its person and not yet handed to the server.
pub const PHONE_MESSAGES_WAITING_MAX: usize = 10_000;

/// Calls that a phone remembers; the oldest fall out.
pub const PHONE_CALLS_KEPT_MAX: usize = 1_000;

/// Files that a phone has encrypted and that wait for a place on the media host.
pub const PHONE_FILES_WAITING_MAX: usize = 1_000;

/// Options of a poll, as applications allow.
pub const POLL_OPTIONS_MAX: usize = 12;

/// People of whom a phone remembers privacy tokens, given and received: more than anybody writes to.
pub const PHONE_TOKENS_MAX: usize = 10_000;

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

/// A scenario's file: 256 steps with a page of comments each.
pub const SCENARIO_BYTES_MAX: usize = 1024 * 1024;

/// Deliveries (a message to one device) that the checkers remember: a million messages.
pub const CHECKED_DELIVERIES_MAX: usize = 1_000_000;

/// Chats whose order the checkers follow, counted for each sender and recipient.
pub const CHECKED_CHATS_MAX: usize = 500_000;

/// Sessions whose ratchets the checkers follow.
pub const CHECKED_SESSIONS_MAX: usize = 200_000;

/// Chains that the checkers remember of one session: as many as libsignal keeps for receiving.
pub const CHECKED_CHAINS_MAX: usize = 5;

/// The furthest that a chain may jump ahead: more keys than libsignal keeps for messages that have not come.
pub const RATCHET_JUMP_MAX: u32 = 2_000;

/// Violations that a report shows of each check; the others are counted.
pub const CHECK_VIOLATIONS_SHOWN_MAX: usize = 10;

/// Characters of one violation: clients choose some of its words.
pub const CHECK_VIOLATION_CHARS_MAX: usize = 400;

/// A receipt that a fault holds back until others have overtaken it comes after this many milliseconds all the same.
pub const RECEIPT_HELD_MS_MAX: u64 = 10_000;

/// Files that are put on the media host at once; others wait.
pub const MEDIA_UPLOADS_MAX: usize = 8;

/// A link to a file says that it holds for two weeks, as those of the service do; here it never ends.
pub const MEDIA_LINK_SECONDS: u64 = 1_209_600;

/// People and groups with a picture.
pub const PICTURES_MAX: usize = 10_000;

/// A file must have come to the media host within this many seconds: the largest at 350 KB a second.
pub const MEDIA_UPLOAD_SECONDS_MAX: u64 = 300;

/// People with simulated phones: each has a task and some hundred KiB of keys.
pub const PEOPLE_MAX: usize = 10_000;

/// The shortest phone number with its country code that a person may have.
pub const NUMBER_DIGITS_MIN: usize = 5;

/// The longest phone number, as E.164 has it.
pub const NUMBER_DIGITS_MAX: usize = 15;

/// Characters of a person's name; applications cut at 25, tests may want more.
pub const PERSON_NAME_CHARACTERS_MAX: usize = 100;

/// Wishes that wait for a phone; whoever has one more waits.
pub const COMMANDS_WAITING_MAX: usize = 64;

/// A phone looks this often, in milliseconds, whether an answer is overdue.
pub const PHONE_TICK_MS: u64 = 1_000;

/// Clients that wait for a code to be typed into one phone; the oldest is forgotten.
pub const TYPED_CODES_WAITING_MAX: usize = 16;

/// After a code was typed, the companion must answer within this many seconds.
pub const TYPED_CODE_WAIT_SECONDS: u64 = 30;

/// A body of the control API, but for files.
pub const CONTROL_BODY_BYTES_MAX: usize = 256 * 1024;

/// A body of the control API with the largest file in base64, and some room for what is said of it.
pub const CONTROL_FILE_BODY_BYTES_MAX: usize = FILE_BYTES_MAX / 3 * 4 + CONTROL_BODY_BYTES_MAX;

/// Stanzas in one answer of the control API, unless more are asked for.
pub const CONTROL_STANZAS_DEFAULT: usize = 200;

/// Stanzas in one answer of the control API.
pub const CONTROL_STANZAS_MAX: usize = 2_000;

/// Of bytes in a stanza, the control API shows so many.
pub const CONTROL_STANZA_BYTES_SHOWN_MAX: usize = 64;

/// Bytes of a file of keys: three keys of 64 hexadecimal digits with names.
pub const KEYS_FILE_BYTES_MAX: u64 = 4 * 1024;

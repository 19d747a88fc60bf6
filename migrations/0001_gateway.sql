-- Facts about the whole store: the fingerprint of the master key that its secrets hang on.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Paying customers.
CREATE TABLE clients (
    id                  BIGSERIAL PRIMARY KEY,
    name                TEXT NOT NULL,
    country_code        TEXT NOT NULL,
    default_device      TEXT,
    disabled            BOOLEAN NOT NULL DEFAULT FALSE,
    created_at          BIGINT NOT NULL,
    -- Where inbound messages are pushed to; NULL for nowhere.
    push_url            TEXT,
    -- The secret is derived from the master key, the client and this number: rotating it counts up.
    push_secret_version BIGINT NOT NULL DEFAULT 1,
    -- Since when pushing rests, and why; a person or a new URL sets it going again.
    push_paused_at      BIGINT,
    push_paused_reason  TEXT
);

-- The users of a client.
CREATE TABLE persons (
    id            BIGSERIAL PRIMARY KEY,
    client_id     BIGINT NOT NULL REFERENCES clients (id),
    userid        TEXT NOT NULL UNIQUE,
    role          TEXT NOT NULL,
    password_hash TEXT,
    disabled      BOOLEAN NOT NULL DEFAULT FALSE,
    created_at    BIGINT NOT NULL
);
CREATE INDEX persons_client ON persons (client_id);

-- Hashes of API keys; the keys themselves are shown once and kept nowhere.
CREATE TABLE api_keys (
    id           BIGSERIAL PRIMARY KEY,
    client_id    BIGINT NOT NULL REFERENCES clients (id),
    person_id    BIGINT NOT NULL REFERENCES persons (id),
    name         TEXT NOT NULL,
    hash         BYTEA NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_client ON api_keys (client_id);

-- Linked WhatsApp accounts: the gateways, whose number is the API's sender and whose id is its queue.
CREATE TABLE devices (
    id            TEXT PRIMARY KEY,
    client_id     BIGINT NOT NULL REFERENCES clients (id),
    sender        TEXT NOT NULL,
    name          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL,
    state_reason  TEXT NOT NULL DEFAULT '',
    paused        BOOLEAN NOT NULL DEFAULT FALSE,
    daily_limit   BIGINT NOT NULL DEFAULT 0,
    gap_ms        BIGINT NOT NULL DEFAULT 0,
    gap_jitter_ms BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    removed_at    BIGINT,
    -- The node that may connect it. The epoch counts the owners; a write that names an old one does nothing.
    lease_node    TEXT,
    lease_epoch   BIGINT NOT NULL DEFAULT 0,
    lease_until   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX devices_client ON devices (client_id);
CREATE UNIQUE INDEX devices_sender ON devices (sender) WHERE removed_at IS NULL AND sender <> '';

-- How many messages a device accepted on each UTC day.
CREATE TABLE device_days (
    device_id TEXT NOT NULL,
    day       BIGINT NOT NULL,
    accepted  BIGINT NOT NULL,
    PRIMARY KEY (device_id, day)
);

-- Files that travel with messages. The bytes are on the shelf, under the same id.
CREATE TABLE media (
    id         TEXT PRIMARY KEY,
    client_id  BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    mime       TEXT NOT NULL,
    file_name  TEXT,
    bytes      BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Messages on their way out. seq is the order of acceptance.
CREATE TABLE messages (
    seq             BIGSERIAL PRIMARY KEY,
    ref_no          TEXT NOT NULL UNIQUE,
    client_id       BIGINT NOT NULL,
    person_id       BIGINT NOT NULL,
    device_id       TEXT NOT NULL,
    sender          TEXT NOT NULL,
    destination     TEXT NOT NULL,
    is_group        BOOLEAN NOT NULL,
    -- The text, or the caption of a media message.
    body            TEXT,
    is_media        BOOLEAN NOT NULL,
    media_id        TEXT,
    media_url       TEXT,
    file_name       TEXT,
    -- Q until it left or was given up, then S, D, R or A; U is how Q shows while the device cannot take it.
    status          TEXT NOT NULL,
    reason          TEXT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    -- Not to be tried before this moment.
    due_at          BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    -- Since when an attempt is under way: from before it is written to WhatsApp until it is acknowledged or has failed.
    under_way_at    BIGINT,
    sent_at         BIGINT,
    delivered_at    BIGINT,
    read_at         BIGINT,
    aborted_at      BIGINT,
    -- In a group: how many members it went to, and how many of their receipts have come.
    members         BIGINT,
    delivered_count BIGINT NOT NULL DEFAULT 0,
    read_count      BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX messages_waiting ON messages (device_id, seq) WHERE status = 'Q';
CREATE INDEX messages_expiry ON messages (expires_at) WHERE status = 'Q';

-- Receipts of a group's members.
CREATE TABLE message_members (
    ref_no       TEXT NOT NULL,
    member       TEXT NOT NULL,
    delivered_at BIGINT,
    read_at      BIGINT,
    PRIMARY KEY (ref_no, member)
);

-- First answers by Idempotency-Key.
CREATE TABLE idempotency (
    client_id  BIGINT NOT NULL,
    name       TEXT NOT NULL,
    body_hash  BYTEA NOT NULL,
    answer     TEXT NOT NULL,
    -- From then on the name is free again.
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, name)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- Messages that came in.
CREATE TABLE inbound (
    seq         BIGSERIAL PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    client_id   BIGINT NOT NULL,
    device_id   TEXT NOT NULL,
    gateway     TEXT NOT NULL,
    whatsapp_id TEXT NOT NULL,
    -- The group, or else the writer: with the writer and the id it tells a repeated message from a new one.
    chat        TEXT NOT NULL,
    originator  TEXT NOT NULL,
    name        TEXT,
    is_group    BOOLEAN NOT NULL,
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL,
    media_id    TEXT,
    file_name   TEXT,
    sent_at     BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    UNIQUE (device_id, chat, originator, whatsapp_id)
);
CREATE INDEX inbound_client ON inbound (client_id, seq);

-- Deliveries to Push URLs: one for each inbound message that its client wants pushed.
CREATE TABLE pushes (
    inbound_id  TEXT PRIMARY KEY,
    client_id   BIGINT NOT NULL,
    -- due, done or failed (tried for 72 hours).
    status      TEXT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    -- When trying began: 72 hours are counted from here.
    first_at    BIGINT NOT NULL,
    -- While a try is under way this is when another may begin, should the first have died with its process.
    due_at      BIGINT NOT NULL,
    done_at     BIGINT,
    last_status BIGINT,
    last_answer TEXT
);
CREATE INDEX pushes_due ON pushes (client_id, due_at) WHERE status = 'due';
CREATE INDEX pushes_client ON pushes (client_id, created_at);

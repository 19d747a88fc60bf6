-- Accounts that are linked as WhatsApp Web is.

-- Until when the state is expected to last, as with a ban; NULL when nobody knows.
ALTER TABLE devices ADD COLUMN state_until BIGINT;
-- Since when an account is linked.
ALTER TABLE devices ADD COLUMN linked_at BIGINT;
-- What a person wants done with the link: 'qr', 'code' or 'unlink'; NULL when it is done. The number is whose phone is to
-- be given the code.
ALTER TABLE devices ADD COLUMN wish TEXT;
ALTER TABLE devices ADD COLUMN wish_phone TEXT;
ALTER TABLE devices ADD COLUMN wish_at BIGINT NOT NULL DEFAULT 0;
-- WhatsApp takes no first messages to strangers before this moment.
ALTER TABLE devices ADD COLUMN strangers_after BIGINT NOT NULL DEFAULT 0;

-- What a phone is to scan, or a person to type, to link an account.
CREATE TABLE device_links (
    device_id  TEXT PRIMARY KEY,
    -- waiting, shown, linked or failed.
    status     TEXT NOT NULL,
    -- 'qr' or 'code'.
    way        TEXT NOT NULL,
    -- The code, sealed; NULL while there is none.
    code       BYTEA,
    expires_at BIGINT,
    reason     TEXT NOT NULL DEFAULT '',
    changed_at BIGINT NOT NULL
);

-- What happened to devices.
CREATE TABLE device_events (
    seq       BIGSERIAL PRIMARY KEY,
    device_id TEXT NOT NULL,
    at        BIGINT NOT NULL,
    state     TEXT NOT NULL,
    reason    TEXT NOT NULL
);
CREATE INDEX device_events_device ON device_events (device_id, seq);

-- A file that came in and is still to be had: how, sealed; when to try next; how often it was tried. The push waits for it,
-- as 'held'.
ALTER TABLE inbound ADD COLUMN file_ref BYTEA;
ALTER TABLE inbound ADD COLUMN file_due_at BIGINT;
ALTER TABLE inbound ADD COLUMN file_attempts BIGINT NOT NULL DEFAULT 0;
CREATE INDEX inbound_files ON inbound (device_id, file_due_at) WHERE file_due_at IS NOT NULL;

-- Which chats are no strangers to a device: those to whom a message was delivered before.
CREATE INDEX messages_known ON messages (device_id, destination) WHERE delivered_at IS NOT NULL;

-- What the client library of linked accounts keeps: keys, sessions, and what else it must find again.
CREATE TABLE session_keys (
    device_id TEXT   NOT NULL,
    -- What it is: store/sessions.rs lists them.
    kind      TEXT   NOT NULL,
    -- What it belongs to: the user of an address, a group, a collection, a chat; empty when to the device alone.
    owner     TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    -- Sealed; NULL for a token that has not come yet.
    value     BYTEA,
    -- The moment that decides when it is forgotten, in seconds; 0 for never.
    at        BIGINT NOT NULL DEFAULT 0,
    -- A second number, by kind: when a message was sent, when we gave our token, in which order something was learned.
    also      BIGINT,
    PRIMARY KEY (device_id, kind, owner, name)
);
CREATE INDEX session_keys_at ON session_keys (device_id, kind, at) WHERE at <> 0;
-- What is also looked for by its name alone.
CREATE INDEX session_keys_lid ON session_keys (device_id, kind, name, owner) WHERE kind = 'lid';
CREATE INDEX session_keys_shared ON session_keys (device_id, kind, name, owner) WHERE kind = 'sender_key_device';

-- The secret that pushes are signed with, sealed, where it does not follow from the master key, because that was changed
-- since; NULL where it does.
ALTER TABLE clients ADD COLUMN push_secret BYTEA;

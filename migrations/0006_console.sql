-- What the console needs: who is signed in, and who did what.

-- Whether the password was given to the person, who has to choose his own.
ALTER TABLE persons ADD COLUMN password_given BOOLEAN NOT NULL DEFAULT FALSE;

-- Browsers in which a person is signed in. The token is in the browser alone; here is its hash.
CREATE TABLE sign_ins (
    id           BIGSERIAL PRIMARY KEY,
    token        BYTEA NOT NULL UNIQUE,
    person_id    BIGINT NOT NULL REFERENCES persons (id),
    -- Whose things are looked at: the person's own client, or another that an administrator chose.
    client_id    BIGINT NOT NULL REFERENCES clients (id),
    -- What the browser says that it is.
    agent        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX sign_ins_person ON sign_ins (person_id);

-- Who changed what.
CREATE TABLE audit (
    seq       BIGSERIAL PRIMARY KEY,
    at        BIGINT NOT NULL,
    client_id BIGINT NOT NULL,
    userid    TEXT NOT NULL,
    -- 'console', or 'key ' and the key's number.
    way       TEXT NOT NULL,
    -- What was done, and to what.
    action    TEXT NOT NULL,
    subject   TEXT NOT NULL
);
CREATE INDEX audit_client ON audit (client_id, seq);

-- Attempts that failed, of messages that were tried again or given up.
CREATE TABLE message_attempts (
    ref_no TEXT NOT NULL,
    number BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (ref_no, number)
);

-- Conversations: one for each number, or group, that wrote to a device. What a listing needs, so that none reads every message
-- that came in.
CREATE TABLE conversations (
    device_id TEXT NOT NULL,
    chat      TEXT NOT NULL,
    client_id BIGINT NOT NULL,
    is_group  BOOLEAN NOT NULL,
    -- How its writer last called himself; NULL for a group.
    name      TEXT,
    -- The last message that came in, and how many did.
    last_seq  BIGINT NOT NULL,
    received  BIGINT NOT NULL,
    PRIMARY KEY (device_id, chat)
);
INSERT INTO conversations (device_id, chat, client_id, is_group, name, last_seq, received)
SELECT last.device_id, last.chat, last.client_id, last.is_group, CASE WHEN last.is_group THEN NULL ELSE last.name END,
    last.seq, counted.received
FROM (SELECT MAX(seq) AS seq, COUNT(*) AS received FROM inbound GROUP BY device_id, chat) AS counted
JOIN inbound AS last ON last.seq = counted.seq;
CREATE INDEX conversations_client ON conversations (client_id, last_seq);

-- Both directions of a conversation.
CREATE INDEX inbound_chat ON inbound (device_id, chat, seq);
CREATE INDEX messages_chat ON messages (device_id, destination, seq);
-- Pushes by their status: few are not done.
CREATE INDEX pushes_undone ON pushes (client_id, status, created_at) WHERE status <> 'done';

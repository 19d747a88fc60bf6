-- Which content of its message a push carries: it grows when the file of the message has come, or when one that could not be read
-- was read after all. A try that carried an earlier content does not end the push.
ALTER TABLE pushes ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
-- A push waits a minute for its message's file, no longer: what was held becomes due then.
UPDATE pushes SET status = 'due', due_at = created_at + 60000 WHERE status = 'held';

-- Messages that came in and could not be decrypted. Their senders are asked for them again; what is still missing at due_at is
-- reported in the inbox, under inbound_id, and replaced there should it be readable later.
CREATE TABLE unreadable (
    seq         BIGSERIAL PRIMARY KEY,
    device_id   TEXT NOT NULL,
    whatsapp_id TEXT NOT NULL,
    originator  TEXT NOT NULL,
    chat        TEXT NOT NULL,
    name        TEXT,
    is_group    BOOLEAN NOT NULL,
    -- What the inbox says of it.
    note        TEXT NOT NULL,
    sent_at     BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    -- NULL once it was reported.
    due_at      BIGINT,
    inbound_id  TEXT,
    UNIQUE (device_id, whatsapp_id, originator)
);
CREATE INDEX unreadable_due ON unreadable (device_id, due_at) WHERE due_at IS NOT NULL;

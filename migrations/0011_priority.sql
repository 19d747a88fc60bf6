-- Priorities, the customer's own tags, and why a message waits.

-- 0 high, 1 normal, 2 bulk. A higher priority leaves first; order per recipient holds within one priority.
ALTER TABLE messages ADD COLUMN priority BIGINT NOT NULL DEFAULT 1;
-- The customer's own word for the message, given back wherever it is shown.
ALTER TABLE messages ADD COLUMN tag TEXT;
-- Downloads of the message's file that failed; attempts counts only those to send it.
ALTER TABLE messages ADD COLUMN fetch_attempts BIGINT NOT NULL DEFAULT 0;
-- Why a message that was set aside waits until due_at: media, retry, rate_limited or new_contacts, and the same in words.
-- NULL while it only waits for its turn. One that waits for its media lets later ones pass.
ALTER TABLE messages ADD COLUMN wait_code TEXT;
ALTER TABLE messages ADD COLUMN wait_reason TEXT;

-- A device's queue is read one priority at a time, and how many due messages are ahead of one is counted in the index alone.
DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (device_id, priority, seq, due_at) WHERE status = 'Q';
-- Messages whose media is downloaded again later. New messages are not in it.
CREATE INDEX messages_media_wait ON messages (device_id, due_at) WHERE status = 'Q' AND wait_code = 'media';

-- What an import gives to each of its messages.
ALTER TABLE imports ADD COLUMN priority BIGINT NOT NULL DEFAULT 2;
ALTER TABLE imports ADD COLUMN tag TEXT;

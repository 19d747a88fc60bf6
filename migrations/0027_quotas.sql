-- How many bytes a client's files have, by this index alone.
CREATE INDEX media_bytes ON media (client_id, bytes) WHERE blob IS NULL;
-- What the rows of an import wait for that is under way; NULL while they are being queued.
ALTER TABLE imports ADD COLUMN wait_reason TEXT;

-- Which messages wait for a first download of their files, and block later ones to the same recipient until it ends.

CREATE INDEX messages_awaits_file ON messages (device_id, destination, seq)
    WHERE status = 'Q' AND media_url IS NOT NULL AND media_id IS NULL;

-- When the next message of a device that keeps a gap may leave.

ALTER TABLE devices ADD COLUMN next_slot_at BIGINT NOT NULL DEFAULT 0;

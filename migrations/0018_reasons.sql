-- Why messages wait, and what each device is doing.

-- Who paused a device, and when.
ALTER TABLE devices ADD COLUMN paused_by TEXT;
ALTER TABLE devices ADD COLUMN paused_at BIGINT;

-- How many due messages are ahead of one is counted in the index alone.
DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (device_id, priority, seq, due_at) WHERE status = 'Q';

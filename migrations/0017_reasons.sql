-- Why messages wait, and what each device is doing.

-- Who paused a device, and when.
ALTER TABLE devices ADD COLUMN paused_by TEXT;
ALTER TABLE devices ADD COLUMN paused_at BIGINT;

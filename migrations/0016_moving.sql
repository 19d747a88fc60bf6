-- Whose account may be linked to a device: the number that its customer's programs name as their sender. NULL when any
-- account may be. Set with a device's number, cleared when a person unlinks the device.
ALTER TABLE devices ADD COLUMN expected_sender TEXT;
UPDATE devices SET expected_sender = sender WHERE kind = 'web' AND sender <> '' AND linked_at IS NOT NULL;

-- A device's messages, newest first, by an index that only questions take which say its condition too. The former condition was one
-- on seq: SQLite took that index for the queue as well, whose question names a seq, and read every message that has left.
DROP INDEX messages_device;
CREATE INDEX messages_device ON messages (device_id, seq) WHERE ref_no <> '';

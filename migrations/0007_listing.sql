-- Listing messages, so that no page reads every message of the store.

-- Those of a client, and of a device, newest first. The second one's condition holds of all messages: only questions that say it
-- too take that index, and none takes it where `messages_waiting` leads to few.
CREATE INDEX messages_client ON messages (client_id, seq);
CREATE INDEX messages_device ON messages (device_id, seq) WHERE seq > 0;
-- A client's messages that wait, and those that were given up: few, and what a person looks for.
CREATE INDEX messages_queue ON messages (client_id, seq) WHERE status = 'Q';
CREATE INDEX messages_aborted ON messages (client_id, seq) WHERE status = 'A';

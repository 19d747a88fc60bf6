-- What was sent is also looked for by its id alone: the chat may have been written as a hidden id, or as a number.
CREATE INDEX session_keys_sent ON session_keys (device_id, name) WHERE kind = 'sent';

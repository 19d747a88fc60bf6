-- What a sandbox handled, and no real account: set when a message is accepted or received, because its device's id may belong to a
-- real account later.
ALTER TABLE messages ADD COLUMN sandbox BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE inbound ADD COLUMN sandbox BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE imports ADD COLUMN sandbox BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE messages SET sandbox = TRUE WHERE device_id IN (SELECT id FROM devices WHERE kind = 'sandbox');
UPDATE inbound SET sandbox = TRUE WHERE device_id IN (SELECT id FROM devices WHERE kind = 'sandbox');
UPDATE imports SET sandbox = TRUE WHERE device_id IN (SELECT id FROM devices WHERE kind = 'sandbox');

-- Who has written to a client: such a number can be answered whatever the numbering plans say.
CREATE INDEX inbound_originator ON inbound (client_id, originator);

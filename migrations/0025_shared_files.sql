-- The file whose bytes this one shares: those of one client that are the same are kept once. NULL where it has its own.
ALTER TABLE media ADD COLUMN blob TEXT;
CREATE INDEX media_content ON media (client_id, sha256);
CREATE INDEX media_blob ON media (blob) WHERE blob IS NOT NULL;
-- By which files are found that no message refers to.
CREATE INDEX messages_media ON messages (media_id) WHERE media_id IS NOT NULL;
CREATE INDEX inbound_media ON inbound (media_id) WHERE media_id IS NOT NULL;

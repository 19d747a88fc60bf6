-- What a row of an import said to whom, whatever its campaign is called: a corrected file under another name is recognized by it.
-- NULL of first answers to an Idempotency-Key, and of rows that were queued before.
ALTER TABLE idempotency ADD COLUMN said TEXT;
CREATE INDEX idempotency_said ON idempotency (client_id, said) WHERE said IS NOT NULL;
-- What the person decided about rows that another import has sent: 'skip' or 'send'; NULL while nobody has.
ALTER TABLE imports ADD COLUMN sent_before TEXT;

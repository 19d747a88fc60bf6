-- Rows of the batch in hand that were queued while the rest of it waits for room; the next batch begins at 0 again.
ALTER TABLE imports ADD COLUMN batch_accepted BIGINT NOT NULL DEFAULT 0;

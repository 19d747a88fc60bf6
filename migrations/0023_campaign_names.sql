-- The other names by which earlier versions recognized a campaign's rows, as JSON: what an import queues is what its check looked at.
-- NULL of imports that were given before.
ALTER TABLE imports ADD COLUMN former_names TEXT;

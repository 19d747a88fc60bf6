-- A device that WhatsApp told to be slower stays so over a restart: docs/pacing.md.

-- When WhatsApp said so last, until when it counts, and the least time between two messages meanwhile, in milliseconds.
ALTER TABLE devices ADD COLUMN slow_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN slow_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN slow_gap_ms BIGINT NOT NULL DEFAULT 0;

-- Which of the devices that had an id this one is: a device that was removed may be added again under its id.
ALTER TABLE devices ADD COLUMN incarnation BIGINT NOT NULL DEFAULT 1;

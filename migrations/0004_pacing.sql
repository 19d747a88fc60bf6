-- How a device goes about its number: docs/pacing.md.

-- Whether a recipient sees that somebody types before a text comes.
ALTER TABLE devices ADD COLUMN typing BOOLEAN NOT NULL DEFAULT FALSE;
-- Whether it sends few messages a day at first, and more from day to day.
ALTER TABLE devices ADD COLUMN warm_up BOOLEAN NOT NULL DEFAULT FALSE;
-- The hours, as HH:MM, between which messages wait; NULL for none. The later one may be of the next day.
ALTER TABLE devices ADD COLUMN quiet_from TEXT;
ALTER TABLE devices ADD COLUMN quiet_to TEXT;
-- Where its hours and days are: a name of the IANA database.
ALTER TABLE devices ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
-- When the rest towards strangers began that ends, or ended, at strangers_after.
ALTER TABLE devices ADD COLUMN strangers_since BIGINT NOT NULL DEFAULT 0;

-- How many messages a device that warms up tried for the first time on each day of its time zone. No column of device_days:
-- accepting locks the rows there in an order of its own, and a device's loop must never wait in a ring with it.
CREATE TABLE device_begun (
    device_id TEXT NOT NULL,
    day       BIGINT NOT NULL,
    messages  BIGINT NOT NULL,
    PRIMARY KEY (device_id, day)
);

-- Who wrote lately.
CREATE INDEX inbound_heard ON inbound (device_id, received_at);

-- Which message, on WhatsApp, an inbound one answers, changes or reacts to.
ALTER TABLE inbound ADD COLUMN about TEXT;

-- Which message an inbound one answers, changes or reacts to: the ref_no of one that was sent, or the id of one that came in.
ALTER TABLE inbound ADD COLUMN about TEXT;
CREATE INDEX inbound_whatsapp ON inbound (device_id, whatsapp_id);

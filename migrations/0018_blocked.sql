-- Which messages were tried, and block later ones to the same recipient until they are tried again.

CREATE INDEX messages_tried ON messages (device_id, destination, seq) WHERE status = 'Q' AND wait_code <> 'media';

-- The API key with which a linking page was shared: the page ends with it. NULL where a person shared it in the console.
ALTER TABLE link_shares ADD COLUMN key_id BIGINT;

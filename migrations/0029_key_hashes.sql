-- API keys that an operator chose can be guessed: what is stored of a key is an HMAC of its hash, under a secret that follows from the
-- master key. What is here is made so when the gateway opens the store next (src/store/key_hashes.rs).
ALTER TABLE api_keys ADD COLUMN is_keyed BOOLEAN NOT NULL DEFAULT FALSE;

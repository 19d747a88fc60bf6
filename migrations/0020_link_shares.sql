-- Pages on which somebody without a sign-in links an account: one at most for each device.
CREATE TABLE link_shares (
    device_id  TEXT PRIMARY KEY,
    -- The hash of the token in the page's address.
    token      BYTEA NOT NULL UNIQUE,
    -- Who shared it: what is done on the page is done for this person.
    person_id  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When an account was linked. The page does nothing afterwards.
    used_at    BIGINT
);

-- What WhatsApp asks for when an account that is linked has to show its passkey.
CREATE TABLE passkeys (
    device_id  TEXT PRIMARY KEY,
    -- required, sent, confirm or failed.
    status     TEXT NOT NULL,
    -- The request as WhatsApp made it: PublicKeyCredentialRequestOptions, in JSON.
    options    TEXT NOT NULL,
    -- The code to compare with the one on the phone, sealed.
    code       BYTEA,
    expires_at BIGINT NOT NULL,
    -- A person's answer that the device's loop has not passed on yet, sealed.
    answer     BYTEA
);

-- As what a message is shown: text, image, video, audio, voice, document, sticker or video_note. Of a file at an address it is what
-- was asked for until the file is here. NULL in older rows, and where nothing was asked for.
ALTER TABLE messages ADD COLUMN kind TEXT;

-- The hash of the file's bytes, in hexadecimal digits; NULL in older rows.
ALTER TABLE media ADD COLUMN sha256 TEXT;

-- What a recipient sees of a file before it is loaded, for each content once.
CREATE TABLE media_previews (
    sha256      TEXT PRIMARY KEY,
    width       BIGINT,
    height      BIGINT,
    duration_ms BIGINT,
    is_animated BOOLEAN NOT NULL,
    -- A JPEG.
    thumbnail   BYTEA,
    waveform    BYTEA
);

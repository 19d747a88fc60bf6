-- Imports of CSV files that go on where they were, after a crash and on another node.

-- A file whose rows are queued, a message each. The file itself is on the media shelf under the import's id.
CREATE TABLE imports (
    seq          BIGSERIAL PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    client_id    BIGINT NOT NULL REFERENCES clients (id),
    -- Who wants it: it goes on only while he may send.
    person_id    BIGINT NOT NULL REFERENCES persons (id),
    device_id    TEXT NOT NULL,
    file_name    TEXT NOT NULL,
    campaign     TEXT NOT NULL,
    -- The client's when the file was checked, so that its rows are read again as they were then.
    country_code TEXT NOT NULL,
    -- 'reading', 'checked', 'running', 'done' or 'stopped', and why it stopped.
    state        TEXT NOT NULL,
    reason       TEXT,
    -- The beginnings of the first rows, as JSON.
    preview      TEXT NOT NULL,
    row_count    BIGINT NOT NULL,
    -- The place of the first row that is not dealt with, from 0.
    next_row     BIGINT NOT NULL DEFAULT 0,
    accepted     BIGINT NOT NULL DEFAULT 0,
    -- Queued by an earlier import.
    known        BIGINT NOT NULL DEFAULT 0,
    refused      BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    begun_at     BIGINT,
    ended_at     BIGINT,
    -- Which node works on it, and until when nobody else may.
    lease_node   TEXT,
    lease_until  BIGINT NOT NULL DEFAULT 0,
    lease_epoch  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX imports_client ON imports (client_id, seq);
CREATE INDEX imports_running ON imports (begun_at) WHERE state = 'running';

-- Rows that are not queued.
CREATE TABLE import_refusals (
    import_id   TEXT NOT NULL REFERENCES imports (id),
    -- The row's place, from 0, and its line in the file, from 1.
    place       BIGINT NOT NULL,
    line        BIGINT NOT NULL,
    destination TEXT NOT NULL,
    reason      TEXT NOT NULL,
    PRIMARY KEY (import_id, place)
);

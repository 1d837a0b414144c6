-- Each closed segment of a recording becomes evidence at once: its row and its
-- leaf in the ledger are written in one transaction while the hearing runs, so
-- that what was recorded is fixed seconds after it was said, whatever happens
-- to the server later. The finished recording names the original it was made
-- from, and a hearing's integrity value (完整性校验值, AV 8) covers all of it.

-- +goose Up

CREATE TABLE recording_segments (
    hearing_id  uuid NOT NULL REFERENCES hearings,
    session     text NOT NULL CHECK (session <> ''),
    participant text NOT NULL CHECK (participant <> ''),
    number      integer NOT NULL CHECK (number > 0),
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    size        bigint NOT NULL CHECK (size >= 0),
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    previous    bytea CHECK (octet_length(previous) = 32), -- the chain; null for the first
    chain       bytea NOT NULL CHECK (octet_length(chain) = 32),
    payload     bytea NOT NULL CHECK (octet_length(payload) > 0),
    leaf_id     bigint NOT NULL UNIQUE,
    leaf_salt   bytea NOT NULL CHECK (octet_length(leaf_salt) = 16),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, session, participant, number),
    CHECK (ended_at >= started_at)
);

ALTER TABLE recordings
    ADD COLUMN session text,
    ADD COLUMN original_name text,
    ADD COLUMN original_hash bytea CHECK (octet_length(original_hash) = 32),
    ADD COLUMN original_size bigint CHECK (original_size >= 0),
    ADD CONSTRAINT original_whole CHECK (num_nonnulls(original_name, original_hash, original_size) IN (0, 3));

-- One value a state of the record: an answer of the parties names the one they saw.
CREATE TABLE hearing_integrity (
    hearing_id  uuid NOT NULL REFERENCES hearings,
    root        bytea NOT NULL CHECK (octet_length(root) = 32),
    items       integer NOT NULL CHECK (items > 0),
    file_hash   bytea NOT NULL CHECK (octet_length(file_hash) = 32),
    file_size   bigint NOT NULL CHECK (file_size > 0),
    at          timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, root)
);

CREATE TRIGGER recording_segments_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON recording_segments
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER hearing_integrity_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON hearing_integrity
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();

-- +goose Down
DROP TABLE hearing_integrity, recording_segments;
ALTER TABLE recordings DROP COLUMN original_size, DROP COLUMN original_hash, DROP COLUMN original_name, DROP COLUMN session;

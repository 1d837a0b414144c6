-- How long recordings are kept, who holds them beyond that, and who deleted them
-- by decision (AV 5, 15; PIPL 47). Deleting takes two people and leaves a
-- tombstone in the docket. A file leaves the store only while no entry but those
-- of the deleted recordings names it.

-- +goose Up

-- The files that entries name, by hash.
CREATE TABLE entry_files (
    entry_id uuid NOT NULL REFERENCES entries,
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (entry_id, hash)
);
CREATE INDEX entry_files_hash ON entry_files (hash);
INSERT INTO entry_files (entry_id, hash)
    SELECT DISTINCT e.id, decode(f ->> 'sha256', 'hex')
    FROM entries e, jsonb_array_elements(convert_from(e.payload, 'UTF8')::jsonb -> 'files') f;
CREATE TRIGGER entry_files_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON entry_files
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();

CREATE TABLE recording_holds (
    id             uuid PRIMARY KEY,
    case_id        uuid NOT NULL REFERENCES cases,
    reason         text NOT NULL CHECK (reason <> ''),
    account        uuid NOT NULL,
    name           text NOT NULL,
    at             timestamptz NOT NULL,
    released_by    uuid,
    released_name  text,
    release_reason text CHECK (release_reason <> ''),
    released_at    timestamptz,
    CHECK (num_nonnulls(released_by, released_name, release_reason, released_at) IN (0, 4))
);
CREATE UNIQUE INDEX recording_holds_open ON recording_holds (case_id) WHERE released_at IS NULL;

CREATE TABLE recording_deletions (
    id           uuid PRIMARY KEY,
    hearing_id   uuid NOT NULL REFERENCES hearings,
    reason       text NOT NULL CHECK (reason <> ''),
    proposed_by  uuid NOT NULL,
    proposed_name text NOT NULL,
    proposed_at  timestamptz NOT NULL,
    confirmed    boolean,
    decided_by   uuid,
    decided_name text,
    decided_at   timestamptz,
    purged_at    timestamptz,
    CHECK (num_nonnulls(confirmed, decided_by, decided_name, decided_at) IN (0, 4)),
    CHECK (NOT confirmed OR decided_by <> proposed_by), -- two people
    CHECK (purged_at IS NULL OR confirmed)
);
CREATE UNIQUE INDEX recording_deletions_one ON recording_deletions (hearing_id) WHERE confirmed IS NOT FALSE;

-- Files that a deletion takes out of the store; one that is named again later is looked for.
CREATE TABLE purged_files (
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    deletion_id uuid NOT NULL REFERENCES recording_deletions,
    PRIMARY KEY (hash, deletion_id)
);

-- +goose Down
DROP TABLE purged_files, recording_deletions, recording_holds, entry_files;

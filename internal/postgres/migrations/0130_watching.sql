-- Watching a hearing's recording (AV 10, 11, 15): when each participant spoke,
-- who watched which stretches, which bytes were fetched, and who may copy.
-- All but the decision on a copy is only ever added to.

-- +goose Up

-- By the levels that the participants' own clients sent with their sound (RFC 6464).
CREATE TABLE hearing_speaking (
    hearing_id  uuid NOT NULL REFERENCES hearings,
    participant text NOT NULL CHECK (participant <> ''),
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, participant, from_at),
    CHECK (to_at > from_at)
);

CREATE TABLE recording_viewings (
    id         uuid PRIMARY KEY, -- made by the player
    hearing_id uuid NOT NULL REFERENCES hearings,
    account    uuid NOT NULL,
    name       text NOT NULL,
    started_at timestamptz NOT NULL
);
CREATE INDEX recording_viewings_hearing ON recording_viewings (hearing_id, started_at);

-- A player that sends a batch again adds nothing.
CREATE TABLE recording_watched (
    viewing_id uuid NOT NULL REFERENCES recording_viewings,
    batch      integer NOT NULL CHECK (batch > 0),
    at         timestamptz NOT NULL,
    stretches  jsonb NOT NULL CHECK (jsonb_typeof(stretches) = 'array'),
    PRIMARY KEY (viewing_id, batch)
);

CREATE TABLE recording_fetches (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording_id uuid NOT NULL REFERENCES recordings,
    account      uuid NOT NULL,
    at           timestamptz NOT NULL,
    range        text NOT NULL, -- as asked for; empty: the whole file
    copied       boolean NOT NULL -- as a file to keep
);

CREATE TABLE recording_copies (
    id         uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases,
    account    uuid NOT NULL,
    name       text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    at         timestamptz NOT NULL,
    granted    boolean,
    decided_by uuid,
    decided_at timestamptz,
    CHECK (num_nonnulls(granted, decided_by, decided_at) IN (0, 3))
);
CREATE UNIQUE INDEX recording_copies_open ON recording_copies (case_id, account) WHERE granted IS NULL;
CREATE INDEX recording_copies_granted ON recording_copies (case_id, account) WHERE granted;

CREATE TRIGGER hearing_speaking_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON hearing_speaking
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER recording_viewings_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON recording_viewings
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER recording_watched_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON recording_watched
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER recording_fetches_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON recording_fetches
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();

-- +goose Down
DROP TABLE recording_copies, recording_fetches, recording_watched, recording_viewings, hearing_speaking;

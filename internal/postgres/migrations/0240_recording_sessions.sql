-- Segments go to the file store while the hearing runs, so that a recording can
-- be finished on another machine when its own is gone. A session is one run of
-- the recorder; it is settled when its files are stored, and what is not settled
-- is looked for at each start. Segments whose bytes went with the machine stay
-- in the list; the recording that was made without them names them.

-- +goose Up

CREATE TABLE recording_sessions (
    hearing_id uuid NOT NULL REFERENCES hearings,
    session    text NOT NULL CHECK (session <> ''),
    settled_at timestamptz,
    cleared_at timestamptz, -- its single segments have left the file store
    PRIMARY KEY (hearing_id, session),
    CHECK (settled_at IS NOT NULL OR cleared_at IS NULL)
);
CREATE INDEX recording_sessions_open ON recording_sessions (hearing_id) WHERE cleared_at IS NULL;

-- Those of before this migration wait, if they do, in the recordings' directory.
INSERT INTO recording_sessions (hearing_id, session, settled_at, cleared_at)
    SELECT DISTINCT hearing_id, session, now(), now() FROM recording_segments;

ALTER TABLE recordings ADD COLUMN lost integer[] NOT NULL DEFAULT '{}'; -- numbers of segments

-- +goose Down
ALTER TABLE recordings DROP COLUMN lost;
DROP TABLE recording_sessions;

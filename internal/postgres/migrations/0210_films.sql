-- One film of a hearing, made in the background from the participants' files.
-- The row is the job's state and what the page shows of it; a finished film's
-- hash stands in the docket too. One film of a hearing is made at a time.

-- +goose Up

CREATE TABLE hearing_films (
    id         uuid PRIMARY KEY,
    hearing_id uuid NOT NULL REFERENCES hearings,
    account    uuid NOT NULL, -- who asked for it
    name       text NOT NULL,
    lang       text NOT NULL CHECK (lang IN ('zh-CN', 'en')), -- of the words in the picture
    state      text NOT NULL CHECK (state IN ('waiting', 'making', 'done', 'failed', 'cancelled')),
    made       integer NOT NULL DEFAULT 0 CHECK (made >= 0 AND made <= steps),
    steps      integer NOT NULL DEFAULT 0, -- pieces, and one to join them; 0 until planned
    fault      text NOT NULL DEFAULT '',
    file_name  text,
    hash       bytea CHECK (octet_length(hash) = 32),
    size       bigint CHECK (size > 0),
    created_at timestamptz NOT NULL,
    ended_at   timestamptz,
    CHECK ((state = 'done') = (num_nonnulls(file_name, hash, size) = 3)),
    CHECK ((state IN ('waiting', 'making')) = (ended_at IS NULL)),
    CHECK ((state = 'failed') = (fault <> ''))
);
CREATE INDEX hearing_films_hearing ON hearing_films (hearing_id, created_at);
CREATE UNIQUE INDEX hearing_films_one ON hearing_films (hearing_id) WHERE state IN ('waiting', 'making');

-- +goose Down
DROP TABLE hearing_films;

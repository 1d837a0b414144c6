-- +goose Up
-- What the web needs to remember between requests. web_forms makes a form
-- that is sent twice one act: the token is claimed by the first request and
-- then holds where that one led. web_uploads lists the uploads that a person
-- has begun, so that they can be continued after a break of either side.
CREATE TABLE web_forms (
    account    uuid        NOT NULL,
    token      uuid        NOT NULL,
    claimed_at timestamptz NOT NULL,
    location   text        CHECK (location LIKE '/%'),
    PRIMARY KEY (account, token)
);

CREATE TABLE web_uploads (
    id         text        PRIMARY KEY CHECK (id <> ''),
    account    uuid        NOT NULL,
    case_id    uuid        NOT NULL,
    file_name  text        NOT NULL CHECK (file_name <> ''),
    size       bigint      NOT NULL CHECK (size >= 0),
    created_at timestamptz NOT NULL,
    sha256     bytea       CHECK (octet_length(sha256) = 32), -- known before the bytes leave the upload directory
    media_type text,
    evidence   uuid,       -- set once the file is part of the case
    CHECK ((sha256 IS NULL) = (media_type IS NULL))
);
CREATE INDEX web_uploads_unfinished ON web_uploads (account, case_id) WHERE evidence IS NULL;

-- +goose Down
DROP TABLE web_uploads;
DROP TABLE web_forms;

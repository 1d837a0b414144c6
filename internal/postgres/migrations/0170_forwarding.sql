-- Who received whose picture and sound in a hearing, from when to when: a list
-- of the record. A stretch grows while it goes on, so the latest word counts.

-- +goose Up

CREATE TABLE hearing_forwardings (
    hearing_id uuid NOT NULL REFERENCES hearings,
    receiver   text NOT NULL, -- media peers: an account, a player or an encoder
    sender     text NOT NULL,
    track      text NOT NULL,
    source     text NOT NULL CHECK (source IN ('mic', 'camera', 'screen')),
    from_at    timestamptz NOT NULL,
    to_at      timestamptz NOT NULL CHECK (to_at >= from_at),
    packets    bigint NOT NULL CHECK (packets > 0),
    PRIMARY KEY (hearing_id, receiver, track, from_at)
);

-- +goose Down
DROP TABLE hearing_forwardings;

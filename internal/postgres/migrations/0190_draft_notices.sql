-- Who wrote a draft is told some days before it is cleared, once for each last day. A notice holds no text and no person; it
-- goes with the draft when that lapses.

-- +goose Up
CREATE TABLE draft_notices (
    case_id    uuid        NOT NULL REFERENCES cases,
    kept_until date        NOT NULL, -- the last day, as it was told
    at         timestamptz NOT NULL,
    PRIMARY KEY (case_id, kept_until)
);

-- +goose Down
DROP TABLE draft_notices;

-- A recording that stands for the transcript where the parties agreed (AV 8), and
-- what each party says to its integrity value (AV 9). Both keep the latest word;
-- every word is an entry of the docket.

-- +goose Up

CREATE TABLE recording_consents (
    hearing_id uuid NOT NULL,
    case_id    uuid NOT NULL,
    party_id   uuid NOT NULL,
    account    uuid NOT NULL,
    agreed     boolean NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, party_id),
    FOREIGN KEY (hearing_id, case_id) REFERENCES hearings (id, case_id),
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id)
);

CREATE TABLE integrity_answers (
    hearing_id uuid NOT NULL,
    case_id    uuid NOT NULL,
    party_id   uuid NOT NULL,
    account    uuid NOT NULL,
    root       bytea NOT NULL,
    signed     boolean NOT NULL,
    objection  text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, party_id),
    FOREIGN KEY (hearing_id, case_id) REFERENCES hearings (id, case_id),
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id),
    FOREIGN KEY (hearing_id, root) REFERENCES hearing_integrity, -- of a value that there was
    CHECK (signed = (objection = ''))
);

-- +goose Down
DROP TABLE integrity_answers, recording_consents;

-- Supplements to the written explanation of a recording, when a gap is found after the judge signed (AV 4). What each
-- signed explanation covers is kept, so that a later gap shows as one that nothing explains yet.

-- +goose Up
ALTER TABLE recording_explanations
    ADD COLUMN number int NOT NULL DEFAULT 1 CHECK (number > 0), -- 1 the first; from 2 a supplement
    ADD COLUMN covers jsonb; -- the interruptions as signed; NULL before that, and where it was signed without this list
ALTER TABLE recording_explanations DROP CONSTRAINT recording_explanations_pkey;
ALTER TABLE recording_explanations ADD PRIMARY KEY (hearing_id, number);
ALTER TABLE recording_explanations ADD CHECK (covers IS NULL OR document IS NOT NULL);

-- +goose Down
DELETE FROM recording_explanations WHERE number > 1;
ALTER TABLE recording_explanations DROP CONSTRAINT recording_explanations_pkey;
ALTER TABLE recording_explanations DROP COLUMN covers, DROP COLUMN number;
ALTER TABLE recording_explanations ADD PRIMARY KEY (hearing_id);

-- The written explanation of what interrupted a hearing's recording (AV 3, 4):
-- the clerk's text until the judge has signed, then the document that was made of it.

-- +goose Up

ALTER TABLE service_documents DROP CONSTRAINT service_documents_kind_check;
ALTER TABLE service_documents ADD CONSTRAINT service_documents_kind_check CHECK (kind IN ('filing_receipt', 'acceptance_notice',
    'fee_notice', 'evidence_notice', 'invitation', 'summons', 'judgment', 'service_proof', 'corrections_notice',
    'refusal_ruling', 'recording_explanation'));

CREATE TABLE recording_explanations (
    hearing_id uuid PRIMARY KEY REFERENCES hearings,
    version    bigint NOT NULL CHECK (version > 0),
    texts      jsonb NOT NULL, -- the explanation of each interruption, by its key
    note       text NOT NULL,
    clerk      uuid NOT NULL,
    clerk_name text NOT NULL,
    saved_at   timestamptz NOT NULL,
    signed_at  timestamptz, -- by the clerk; a text that is saved again is unsigned again
    document   uuid UNIQUE REFERENCES service_documents,
    CHECK (document IS NULL OR signed_at IS NOT NULL)
);

-- +goose Down
DROP TABLE recording_explanations;
ALTER TABLE service_documents DROP CONSTRAINT service_documents_kind_check;
ALTER TABLE service_documents ADD CONSTRAINT service_documents_kind_check CHECK (kind IN ('filing_receipt', 'acceptance_notice',
    'fee_notice', 'evidence_notice', 'invitation', 'summons', 'judgment', 'service_proof', 'corrections_notice',
    'refusal_ruling'));

-- Complaints that were never filed are kept for the court's period after their last change (PIPL 19). Then what they say is
-- cleared; the row stays for its entries, without a filer, and nobody sees it.

-- +goose Up
ALTER TABLE cases ADD COLUMN lapsed_at timestamptz;
ALTER TABLE cases ADD CONSTRAINT cases_lapsed CHECK (lapsed_at IS NULL OR (stage = 'draft' AND title = '' AND facts = '' AND grounds = ''
    AND witnesses = '[]' AND filing_service = '{}' AND filer = '00000000-0000-0000-0000-000000000000'));
-- Who wrote a draft before there was this rule has time to read of it.
UPDATE cases SET updated_at = now() WHERE stage = 'draft' AND updated_at < now() - interval '30 days';
CREATE INDEX cases_drafts ON cases (updated_at) WHERE stage = 'draft' AND lapsed_at IS NULL;

-- +goose Down
ALTER TABLE cases DROP CONSTRAINT cases_lapsed, DROP COLUMN lapsed_at;

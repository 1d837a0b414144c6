-- Uploads that nobody goes on with are collected after the court's period: their bytes go, the row says so for as long
-- again, so that who comes back is told what became of it.

-- +goose Up
ALTER TABLE web_uploads
    ADD COLUMN touched_at timestamptz, -- when somebody last went on with it
    ADD COLUMN collected_at timestamptz, -- nobody can go on with it from then on
    ADD COLUMN cleared boolean NOT NULL DEFAULT false, -- its bytes are gone
    ADD CHECK (collected_at IS NULL OR evidence IS NULL),
    ADD CHECK (collected_at IS NOT NULL OR NOT cleared);
UPDATE web_uploads SET touched_at = now();
ALTER TABLE web_uploads ALTER COLUMN touched_at SET NOT NULL;
CREATE INDEX web_uploads_due ON web_uploads (touched_at) WHERE evidence IS NULL;

-- +goose Down
ALTER TABLE web_uploads DROP COLUMN touched_at, DROP COLUMN collected_at, DROP COLUMN cleared;

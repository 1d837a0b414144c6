-- Segments that the disk damaged after they were entered, and what is left of
-- each: defective files are kept (AV 5).

-- +goose Up
ALTER TABLE recordings ADD COLUMN defects jsonb NOT NULL DEFAULT '[]'; -- docket.Defect

-- +goose Down
ALTER TABLE recordings DROP COLUMN defects;

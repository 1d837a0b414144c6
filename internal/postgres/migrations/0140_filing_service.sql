-- A complaint asks for consent to electronic service and its address before it is
-- filed (LR 29, 30), so that the notices of acceptance can be served. Until then
-- the words stand with the draft; the filing moves them to service_consents.

-- +goose Up
ALTER TABLE cases ADD COLUMN filing_service jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(filing_service) = 'object');

-- +goose Down
ALTER TABLE cases DROP COLUMN filing_service;

-- A shared screen is a file of its own beside that of the camera and the
-- microphone: lists and players say which is which.

-- +goose Up
ALTER TABLE recordings ADD COLUMN source text CHECK (source IN ('camera', 'screen'));

-- +goose Down
ALTER TABLE recordings DROP COLUMN source;

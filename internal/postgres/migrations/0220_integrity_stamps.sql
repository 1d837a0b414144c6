-- The RFC 3161 time-stamp of an integrity value: that the record was so at that
-- time, by the word of an authority that is not this program.

-- +goose Up

CREATE TABLE integrity_stamps (
    hearing_id uuid NOT NULL,
    root       bytea NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    token_size bigint NOT NULL CHECK (token_size > 0),
    stamped_at timestamptz NOT NULL, -- what the token says
    authority  text NOT NULL CHECK (authority <> ''),
    PRIMARY KEY (hearing_id, root),
    FOREIGN KEY (hearing_id, root) REFERENCES hearing_integrity
);
CREATE TRIGGER integrity_stamps_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON integrity_stamps
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();

-- +goose Down
DROP TABLE integrity_stamps;

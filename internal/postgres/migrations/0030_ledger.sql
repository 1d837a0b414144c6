-- The transparency log (RFC 6962). A leaf is queued in the transaction of the
-- act that it proves, so it exists exactly when the act does; one sequencer
-- gives queued leaves their place and signs the tree. The triggers are a second
-- wall: whatever program connects, a placed leaf, a stored tree hash and a
-- signed checkpoint never change, and the tree never shrinks.

-- +goose Up
CREATE TABLE ledger_leaf (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    salt       bytea NOT NULL CHECK (octet_length(salt) = 16),
    queued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    leaf_index bigint UNIQUE CHECK (leaf_index >= 0) -- NULL until it is part of the tree
);
CREATE INDEX ledger_leaf_queued ON ledger_leaf (id) WHERE leaf_index IS NULL;

-- position is the index that golang.org/x/mod/sumdb/tlog.StoredHashIndex gives.
CREATE TABLE ledger_hash (
    position bigint PRIMARY KEY CHECK (position >= 0),
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE ledger_checkpoint (
    tree_size bigint PRIMARY KEY CHECK (tree_size > 0),
    root      bytea NOT NULL CHECK (octet_length(root) = 32),
    note      bytea NOT NULL,
    at        timestamptz NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION ledger_checkpoint_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_checkpoint WHERE tree_size >= NEW.tree_size) THEN
        RAISE EXCEPTION 'the ledger never goes backwards: checkpoint of size % refused', NEW.tree_size USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM ledger_leaf WHERE leaf_index = NEW.tree_size - 1) THEN
        RAISE EXCEPTION 'checkpoint of size % has no leaf %', NEW.tree_size, NEW.tree_size - 1 USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

CREATE TRIGGER ledger_checkpoint_grows BEFORE INSERT ON ledger_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_checkpoint_grows();
CREATE TRIGGER ledger_checkpoint_fixed BEFORE UPDATE OR DELETE ON ledger_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_hash_fixed BEFORE UPDATE OR DELETE ON ledger_hash
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_leaf_kept BEFORE DELETE ON ledger_leaf
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_leaf_fixed BEFORE UPDATE ON ledger_leaf
    FOR EACH ROW WHEN (OLD.leaf_index IS NOT NULL OR NEW.hash <> OLD.hash OR NEW.salt <> OLD.salt OR NEW.id <> OLD.id)
    EXECUTE FUNCTION ledger_append_only();

-- +goose Down
DROP TABLE ledger_checkpoint, ledger_hash, ledger_leaf;
DROP FUNCTION ledger_checkpoint_grows, ledger_append_only;

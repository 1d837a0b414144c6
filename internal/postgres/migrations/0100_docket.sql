-- The register: cases, parties, claims, filings, evidence, invitations,
-- consents, hearings, transcripts, recordings, and the entries that record
-- every act. The rules are in package docket; what must hold whatever the
-- program does stands here as a second wall: one 案号 a case and no gaps, one
-- filing a round, one correction round a case (DJ 7), one answer a party,
-- entries that nobody changes.

-- +goose Up

-- Gapless counters. A number is drawn in the transaction that uses it, so a
-- transaction that fails gives its number back.
CREATE TABLE docket_serials (
    name text PRIMARY KEY,
    last bigint NOT NULL CHECK (last > 0)
);

CREATE TABLE cases (
    id                uuid PRIMARY KEY,
    stage             text NOT NULL DEFAULT 'draft' CHECK (stage IN ('draft', 'submitted', 'correcting', 'refused',
                          'accepted', 'scheduled', 'heard', 'judged', 'served')),
    version           bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    filer             uuid NOT NULL,
    court_code        text NOT NULL,
    court_name        text NOT NULL,
    type_code         text,
    year              integer,
    serial            integer CHECK (serial > 0),
    number            text UNIQUE,
    title             text NOT NULL,
    cause_code        text NOT NULL DEFAULT '',
    cause_name        text NOT NULL DEFAULT '',
    procedure         text CHECK (procedure IN ('ordinary', 'simple', 'small')),
    amount_fen        bigint NOT NULL DEFAULT 0 CHECK (amount_fen >= 0),
    fee_fen           bigint NOT NULL DEFAULT 0 CHECK (fee_fen >= 0),
    facts             text NOT NULL DEFAULT '',
    grounds           text NOT NULL DEFAULT '',
    witnesses         jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(witnesses) = 'array'),
    judge             uuid,
    clerk             uuid,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    submitted_at      timestamptz,
    accepted_at       timestamptz,
    -- DJ 7, LR 9: all corrections are asked for at one time, and once.
    corrections       jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(corrections) = 'array'),
    correction_rounds integer NOT NULL DEFAULT 0 CHECK (correction_rounds IN (0, 1)),
    correction_due    date,
    refusal_reason    text NOT NULL DEFAULT '',
    entry_seq         integer NOT NULL DEFAULT 0 CHECK (entry_seq >= 0),
    evidence_seq      integer NOT NULL DEFAULT 0 CHECK (evidence_seq >= 0),
    UNIQUE (court_code, type_code, year, serial),
    CONSTRAINT cases_submitted CHECK (stage = 'draft' OR submitted_at IS NOT NULL),
    CONSTRAINT cases_registered CHECK (
        (stage IN ('accepted', 'scheduled', 'heard', 'judged', 'served'))
        = (number IS NOT NULL AND serial IS NOT NULL AND year IS NOT NULL AND type_code IS NOT NULL
           AND accepted_at IS NOT NULL AND procedure IS NOT NULL AND judge IS NOT NULL AND clerk IS NOT NULL)),
    CONSTRAINT cases_numbered CHECK ((number IS NULL) = (serial IS NULL)),
    CONSTRAINT cases_refused CHECK ((stage = 'refused') = (refusal_reason <> '')),
    CONSTRAINT cases_correcting CHECK (stage <> 'correcting'
        OR (correction_rounds = 1 AND correction_due IS NOT NULL AND jsonb_array_length(corrections) > 0)),
    CONSTRAINT cases_two_officers CHECK (judge <> clerk)
);
CREATE INDEX cases_filer ON cases (filer);
CREATE INDEX cases_judge ON cases (judge);
CREATE INDEX cases_clerk ON cases (clerk);
CREATE INDEX cases_stage ON cases (stage, updated_at DESC);

CREATE TABLE parties (
    id                   uuid PRIMARY KEY,
    case_id              uuid NOT NULL REFERENCES cases,
    ord                  integer NOT NULL CHECK (ord > 0),
    account              uuid,
    linked_at            timestamptz,
    standing             text NOT NULL CHECK (standing IN ('plaintiff', 'defendant', 'third_party')),
    kind                 text NOT NULL CHECK (kind IN ('natural', 'legal')),
    name                 text NOT NULL,
    id_kind              text NOT NULL CHECK (id_kind IN ('', 'resident_id', 'uscc', 'passport')),
    id_number            text NOT NULL,
    gender               text NOT NULL DEFAULT '',
    birth                date,
    ethnicity            text NOT NULL DEFAULT '',
    occupation           text NOT NULL DEFAULT '',
    phone                text NOT NULL,
    email                text NOT NULL,
    address              text NOT NULL,
    representative       text NOT NULL,
    representative_title text NOT NULL DEFAULT '',
    UNIQUE (id, case_id),
    UNIQUE (case_id, ord) DEFERRABLE INITIALLY DEFERRED,
    -- Nobody stands on two sides.
    CONSTRAINT parties_one_account UNIQUE (case_id, account),
    CONSTRAINT parties_linked CHECK ((account IS NULL) = (linked_at IS NULL))
);
CREATE INDEX parties_account ON parties (account);

CREATE TABLE claims (
    case_id    uuid NOT NULL REFERENCES cases,
    ord        integer NOT NULL CHECK (ord > 0),
    text       text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen >= 0),
    PRIMARY KEY (case_id, ord)
);

-- One row a filing: the complaint as submitted, or again after corrections.
CREATE TABLE filings (
    id      uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    round   integer NOT NULL CHECK (round IN (1, 2)),
    version bigint NOT NULL,
    number  text NOT NULL UNIQUE,
    at      timestamptz NOT NULL,
    files   jsonb NOT NULL CHECK (jsonb_typeof(files) = 'array'),
    UNIQUE (case_id, round),
    UNIQUE (case_id, version)
);

CREATE TABLE evidence (
    id         uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases,
    number     integer NOT NULL CHECK (number > 0),
    owner      uuid NOT NULL,
    owner_name text NOT NULL,
    party      uuid,
    name       text NOT NULL CHECK (name <> ''),
    source     text NOT NULL,
    purpose    text NOT NULL,
    date       date,
    file_name  text NOT NULL CHECK (file_name <> ''),
    media_type text NOT NULL,
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    size       bigint NOT NULL CHECK (size >= 0),
    upload_id  text,
    created_at timestamptz NOT NULL,
    UNIQUE (case_id, number),
    UNIQUE (case_id, owner, upload_id),
    FOREIGN KEY (party, case_id) REFERENCES parties (id, case_id) ON DELETE SET NULL (party)
);

CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    case_id    uuid NOT NULL,
    party_id   uuid NOT NULL,
    code_hash  bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at    timestamptz,
    used_by    uuid,
    revoked_at timestamptz,
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id),
    CHECK ((used_at IS NULL) = (used_by IS NULL)),
    CHECK (used_at IS NULL OR revoked_at IS NULL)
);
-- A newer letter replaces the older one.
CREATE UNIQUE INDEX invitations_open ON invitations (party_id) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_case ON invitations (case_id);

-- Wrong codes, so that guessing is slow.
CREATE TABLE link_attempts (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account uuid NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX link_attempts_account ON link_attempts (account, at);

-- LR 4: consent is per person and per stage. Entries keep the history.
CREATE TABLE online_consents (
    party_id uuid NOT NULL,
    case_id  uuid NOT NULL,
    stage    text NOT NULL CHECK (stage IN ('filing', 'mediation', 'evidence', 'hearing', 'judgment')),
    agreed   boolean NOT NULL,
    account  uuid NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (party_id, stage),
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id)
);

-- LR 29, 30: consent to electronic service names where to.
CREATE TABLE service_consents (
    party_id uuid PRIMARY KEY,
    case_id  uuid NOT NULL,
    agreed   boolean NOT NULL,
    email    text NOT NULL,
    in_app   boolean NOT NULL,
    basis    text NOT NULL,
    account  uuid NOT NULL,
    at       timestamptz NOT NULL,
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id),
    CHECK (NOT agreed OR email <> '' OR in_app)
);

CREATE TABLE hearings (
    id             uuid PRIMARY KEY,
    case_id        uuid NOT NULL REFERENCES cases,
    ord            integer NOT NULL CHECK (ord > 0),
    title          text NOT NULL CHECK (title <> ''),
    start_at       timestamptz NOT NULL,
    minutes        integer NOT NULL CHECK (minutes BETWEEN 1 AND 720),
    public         boolean NOT NULL,
    parties_agreed boolean NOT NULL,
    phase          text NOT NULL DEFAULT 'waiting' CHECK (phase IN ('waiting', 'opening', 'investigation', 'debate',
                       'final_statements', 'recess', 'closed')),
    resume         text CHECK (resume IN ('opening', 'investigation', 'debate', 'final_statements')),
    opened_at      timestamptz,
    closed_at      timestamptz,
    adjourned      boolean NOT NULL DEFAULT false,
    version        bigint NOT NULL DEFAULT 1,
    line_seq       integer NOT NULL DEFAULT 0 CHECK (line_seq >= 0),
    created_at     timestamptz NOT NULL,
    UNIQUE (id, case_id),
    UNIQUE (case_id, ord),
    CHECK ((phase = 'recess') = (resume IS NOT NULL)),
    CHECK ((phase = 'waiting') = (opened_at IS NULL)),
    CHECK ((phase = 'closed') = (closed_at IS NOT NULL)),
    CHECK (closed_at IS NULL OR closed_at >= opened_at),
    CHECK (NOT adjourned OR phase = 'closed')
);
-- A case has one hearing under way at a time.
CREATE UNIQUE INDEX hearings_one ON hearings (case_id) WHERE phase <> 'closed';
CREATE INDEX hearings_start ON hearings (start_at) WHERE phase <> 'closed';

-- LR 25: how a stay ended is what tells a fault of the network from leaving.
CREATE TABLE presence (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hearing_id uuid NOT NULL REFERENCES hearings,
    account    uuid NOT NULL,
    name       text NOT NULL,
    joined_at  timestamptz NOT NULL,
    left_at    timestamptz,
    cause      text CHECK (cause IN ('left', 'network', 'removed', 'closed')),
    CHECK ((left_at IS NULL) = (cause IS NULL)),
    CHECK (left_at IS NULL OR left_at >= joined_at)
);
CREATE UNIQUE INDEX presence_open ON presence (hearing_id, account) WHERE left_at IS NULL;
CREATE INDEX presence_hearing ON presence (hearing_id, joined_at);

CREATE TABLE transcript_lines (
    id         uuid PRIMARY KEY,
    hearing_id uuid NOT NULL REFERENCES hearings,
    seq        integer NOT NULL CHECK (seq > 0),
    speaker    text NOT NULL,
    text       text NOT NULL CHECK (text <> ''),
    author     uuid NOT NULL,
    at         timestamptz NOT NULL,
    revision   integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    UNIQUE (hearing_id, seq)
);

-- Every wording, the first included: nothing that stood in the record vanishes.
CREATE TABLE transcript_revisions (
    line_id  uuid NOT NULL REFERENCES transcript_lines,
    revision integer NOT NULL CHECK (revision > 0),
    speaker  text NOT NULL,
    text     text NOT NULL CHECK (text <> ''),
    author   uuid NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (line_id, revision)
);

-- CPL 150: each party confirms, or objects and says what is wrong.
CREATE TABLE transcript_answers (
    hearing_id uuid NOT NULL,
    case_id    uuid NOT NULL,
    party_id   uuid NOT NULL,
    account    uuid NOT NULL,
    confirmed  boolean NOT NULL,
    objection  text NOT NULL,
    at         timestamptz NOT NULL,
    digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (hearing_id, party_id),
    FOREIGN KEY (hearing_id, case_id) REFERENCES hearings (id, case_id),
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id),
    CHECK (confirmed = (objection = ''))
);

CREATE TABLE recordings (
    id          uuid PRIMARY KEY,
    hearing_id  uuid NOT NULL REFERENCES hearings,
    participant text NOT NULL,
    account     uuid,
    name        text NOT NULL,
    file_name   text NOT NULL CHECK (file_name <> ''),
    media_type  text NOT NULL,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    size        bigint NOT NULL CHECK (size >= 0),
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    gaps        jsonb NOT NULL CHECK (jsonb_typeof(gaps) = 'array'),
    created_at  timestamptz NOT NULL,
    -- A recorder that reports a file again after a crash adds nothing.
    UNIQUE (hearing_id, participant, hash),
    CHECK (ended_at >= started_at)
);

CREATE TABLE entries (
    id        uuid PRIMARY KEY,
    case_id   uuid NOT NULL REFERENCES cases,
    seq       integer NOT NULL CHECK (seq > 0),
    kind      text NOT NULL CHECK (kind <> ''),
    at        timestamptz NOT NULL,
    payload   bytea NOT NULL CHECK (octet_length(payload) > 0),
    leaf_id   bigint NOT NULL UNIQUE,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    leaf_salt bytea NOT NULL CHECK (octet_length(leaf_salt) = 16),
    UNIQUE (case_id, seq)
);

-- The record is added to and never rewritten. The ledger would show a change;
-- these triggers refuse it.
-- +goose StatementBegin
CREATE FUNCTION docket_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER entries_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER filings_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON filings
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER transcript_revisions_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON transcript_revisions
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();
CREATE TRIGGER recordings_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON recordings
    FOR EACH STATEMENT EXECUTE FUNCTION docket_refuse_change();

-- Each case's entries count 1, 2, 3 … whoever writes them.
-- +goose StatementBegin
CREATE FUNCTION docket_entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq > 1 AND NOT EXISTS (SELECT FROM entries WHERE case_id = NEW.case_id AND seq = NEW.seq - 1) THEN
        RAISE EXCEPTION 'entry % of case % has no predecessor', NEW.seq, NEW.case_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER entries_gapless BEFORE INSERT ON entries
    FOR EACH ROW EXECUTE FUNCTION docket_entry_follows();

-- +goose Down
DROP TABLE entries, recordings, transcript_answers, transcript_revisions, transcript_lines, presence, hearings,
    service_consents, online_consents, link_attempts, invitations, evidence, filings, claims, parties, cases,
    docket_serials;
DROP FUNCTION docket_entry_follows();
DROP FUNCTION docket_refuse_change();

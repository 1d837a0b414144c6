-- Court documents, judgment drafts and electronic service.
--
-- Why constraints: a job that runs twice must not make a document twice (one document a case, kind and
-- subject), a document must not be under way to one party twice (one active delivery of it), and a
-- delivery counts as served exactly when it has a date (LR 31).

-- +goose Up
CREATE TABLE service_documents (
    id         uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases,
    kind       text NOT NULL CHECK (kind IN ('filing_receipt', 'acceptance_notice', 'fee_notice', 'evidence_notice',
                   'invitation', 'summons', 'judgment', 'service_proof', 'corrections_notice', 'refusal_ruling')),
    subject    uuid NOT NULL, -- what it is about: the case, a receipt, an invitation, a hearing, a delivery
    variant    text NOT NULL DEFAULT '', -- tells two documents of one kind about one subject apart
    party_id   uuid,          -- the one party that it concerns; NULL when it is for all
    title      text NOT NULL CHECK (title <> ''),
    number     text NOT NULL, -- 案号, empty before acceptance
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    size       bigint NOT NULL CHECK (size > 0),
    created_at timestamptz NOT NULL,
    signed_at  timestamptz,
    UNIQUE (case_id, kind, subject, variant),
    UNIQUE (id, case_id),
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id)
);

CREATE TABLE service_judgments (
    case_id    uuid PRIMARY KEY REFERENCES cases,
    version    bigint NOT NULL CHECK (version > 0),
    draft      jsonb NOT NULL,
    updated_by uuid NOT NULL,
    updated_at timestamptz NOT NULL,
    document   uuid UNIQUE,
    FOREIGN KEY (document, case_id) REFERENCES service_documents (id, case_id)
);

CREATE TABLE service_deliveries (
    id             uuid PRIMARY KEY,
    case_id        uuid NOT NULL REFERENCES cases,
    party_id       uuid NOT NULL,
    account        uuid, -- the party's at the time; NULL when it was not linked
    recipient_name text NOT NULL,
    standing       text NOT NULL,
    consent        jsonb, -- as it stood; NULL when there was none
    state          text NOT NULL CHECK (state IN ('draft', 'sent', 'failed', 'arrived', 'awaiting', 'effective',
                       'presumed', 'rebutted')),
    effect         jsonb NOT NULL,
    effective_on   date,
    created_by     uuid NOT NULL,
    created_at     timestamptz NOT NULL,
    opened_at      timestamptz,
    confirmed_at   timestamptz,
    rebutted_at    timestamptz,
    proof          uuid, -- the latest 电子送达凭证
    UNIQUE (id, case_id),
    FOREIGN KEY (party_id, case_id) REFERENCES parties (id, case_id),
    FOREIGN KEY (proof, case_id) REFERENCES service_documents (id, case_id),
    CHECK ((state IN ('effective', 'presumed')) = (effective_on IS NOT NULL))
);
CREATE INDEX service_deliveries_account ON service_deliveries (account, created_at DESC);
CREATE INDEX service_deliveries_case ON service_deliveries (case_id, created_at);

CREATE TABLE service_delivery_documents (
    delivery_id uuid NOT NULL,
    document_id uuid NOT NULL,
    case_id     uuid NOT NULL,
    party_id    uuid NOT NULL,
    position    int NOT NULL CHECK (position > 0),
    active      boolean NOT NULL DEFAULT true, -- false once a later delivery took its place
    PRIMARY KEY (delivery_id, document_id),
    FOREIGN KEY (delivery_id, case_id) REFERENCES service_deliveries (id, case_id),
    FOREIGN KEY (document_id, case_id) REFERENCES service_documents (id, case_id)
);
CREATE UNIQUE INDEX service_one_active ON service_delivery_documents (document_id, party_id) WHERE active;

CREATE TABLE service_channels (
    delivery_id uuid NOT NULL REFERENCES service_deliveries,
    name        text NOT NULL CHECK (name IN ('in_app', 'email')),
    address     text NOT NULL,
    given       boolean NOT NULL, -- the recipient gave or confirmed the address (LR 29, 30)
    message_id  text UNIQUE,      -- of the mail, by which a bounce is told
    sent_at     timestamptz,
    arrived_at  timestamptz,
    read_at     timestamptz,
    failed_at   timestamptz,
    PRIMARY KEY (delivery_id, name)
);

CREATE TABLE service_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES service_deliveries,
    at          timestamptz NOT NULL,
    kind        text NOT NULL,
    channel     text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT ''
);
CREATE INDEX service_events_delivery ON service_events (delivery_id, id);

-- +goose Down
DROP TABLE service_events, service_channels, service_delivery_documents, service_deliveries, service_judgments,
    service_documents;

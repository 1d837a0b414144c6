-- The people of the court and how they prove who they are. A person acts only
-- after real-name registration (在线诉讼规则 art. 7); the number that proves the
-- name is sealed at rest and found again only through a keyed hash
-- (个人信息保护法 arts. 28, 51).

-- +goose Up
CREATE TABLE identity_account (
    id             uuid PRIMARY KEY,
    login          text NOT NULL CHECK (login = lower(login) AND login ~ '^[^[:space:]]{3,64}$'),
    password_hash  text NOT NULL CHECK (password_hash <> ''),
    name           text NOT NULL CHECK (name = btrim(name) AND char_length(name) BETWEEN 1 AND 100),
    id_kind        text NOT NULL CHECK (id_kind IN ('resident_id', 'uscc', 'passport')),
    id_sealed      bytea NOT NULL CHECK (octet_length(id_sealed) > 28),
    id_lookup      bytea NOT NULL CHECK (octet_length(id_lookup) = 32),
    phone          text NOT NULL CHECK (phone <> ''),
    email          text NOT NULL DEFAULT '',
    locale         text NOT NULL CHECK (locale IN ('zh-CN', 'en')),
    created_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX identity_account_login ON identity_account (login);
-- One account a person: nobody appears in one case under two accounts.
CREATE UNIQUE INDEX identity_account_id_number ON identity_account (id_kind, id_lookup);

CREATE TABLE identity_role (
    account_id  uuid NOT NULL REFERENCES identity_account (id),
    role        text NOT NULL CHECK (role IN ('user', 'filing_clerk', 'clerk', 'judge', 'supervisor', 'administrator')),
    granted_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, role)
);
CREATE INDEX identity_role_role ON identity_role (role);

-- Only the SHA-256 of a token is kept: whoever reads the table cannot sign in.
CREATE TABLE identity_session (
    id            uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES identity_account (id),
    token_hash    bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    user_agent    text NOT NULL DEFAULT '' CHECK (char_length(user_agent) <= 200),
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL CHECK (last_seen_at >= created_at),
    expires_at    timestamptz NOT NULL CHECK (expires_at > created_at),
    ended_at      timestamptz
);
CREATE INDEX identity_session_account ON identity_session (account_id);

CREATE TABLE identity_api_token (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES identity_account (id),
    token_hash  bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    label       text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 100),
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX identity_api_token_account ON identity_api_token (account_id);

-- Failed log-ins by the hash of the login tried, so that guessing is slowed
-- also for logins that nobody has, and no list of tried names is kept.
CREATE TABLE identity_login_failure (
    login_hash    bytea PRIMARY KEY CHECK (octet_length(login_hash) = 32),
    failures      integer NOT NULL CHECK (failures > 0),
    last_at       timestamptz NOT NULL,
    locked_until  timestamptz
);

-- +goose Down
DROP TABLE identity_login_failure;
DROP TABLE identity_api_token;
DROP TABLE identity_session;
DROP TABLE identity_role;
DROP TABLE identity_account;

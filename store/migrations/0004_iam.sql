-- Identity: workspaces, users, service accounts and roles (all resources of one shape), what they log in with, and the keys that sign tokens.

-- kind: 1 workspace, 2 user, 3 service account, 4 role. Workspaces themselves lie in the workspace "".
CREATE TABLE iam_resource (
    workspace TEXT NOT NULL,
    kind BIGINT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, kind, id)
);

CREATE TABLE iam_password (
    workspace TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (workspace, user_id)
);

-- A login and its refreshes. The refresh token of a generation is made from the caller's part, of which only the hash is here, and the seed.
CREATE TABLE iam_session (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    refresh_time BIGINT NOT NULL,
    seed BYTEA NOT NULL,
    family_hash BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX iam_session_by_user ON iam_session (workspace, user_id);
CREATE INDEX iam_session_by_expiry ON iam_session (expire_time);

-- Times of 0: never. old_hash is the secret before the last rotation.
CREATE TABLE iam_api_key (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    old_hash BYTEA NOT NULL,
    old_expire_time BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX iam_api_key_by_account ON iam_api_key (workspace, account_id);

-- private is sealed under a key derived from SECRET_KEY (sealed 1), or plain where none is given (sealed 0).
CREATE TABLE iam_signing_key (
    id TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    public BYTEA NOT NULL,
    private BYTEA NOT NULL,
    sealed BIGINT NOT NULL,
    PRIMARY KEY (id)
);

-- Moves with every change that must reach replicas that remember who may do what.
CREATE TABLE iam_revision (
    id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO iam_revision (id, revision) VALUES (1, 1);

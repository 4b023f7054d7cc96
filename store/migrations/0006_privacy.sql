-- The right to be forgotten: erasures, and hashes of whom nobody may write to again.

-- step, place, after: how far the sweep is. work: what it still looks for; empty once it is done.
CREATE TABLE erasure (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    step BIGINT NOT NULL,
    place BIGINT NOT NULL,
    after TEXT NOT NULL,
    work BYTEA NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX erasure_by_state ON erasure (state, workspace, id);

-- hash: of an identity (kind as in lead_identity) under the key below.
CREATE TABLE suppression (
    workspace TEXT NOT NULL,
    kind BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    create_time BIGINT NOT NULL,
    PRIMARY KEY (workspace, kind, hash)
);

-- One row, made with the first suppression.
CREATE TABLE suppression_key (
    id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (id)
);

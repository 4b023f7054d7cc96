-- The spine: leads, their identities and events, decisions, the event log, idempotency, routing policies, models, imports.
-- Portable: BIGINT, DOUBLE PRECISION and BYTEA are mapped to SQLite's types by store/migrate.c, and `--sqlite:` adds to a table there.
-- Times are microseconds since 1970 UTC. `data` holds the resource as marketing.v1 bytes; the other columns are what lists and joins need.
-- On SQLite only narrow tables are WITHOUT ROWID: whole rows in an index page leave it a fan-out of a handful, and every insert dirties several.

CREATE TABLE lead (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);

-- kind: 1 email, 2 phone, 3 external id; value in its normal form.
CREATE TABLE lead_identity (
    workspace TEXT NOT NULL,
    kind BIGINT NOT NULL,
    value TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    PRIMARY KEY (workspace, kind, value)
) --sqlite: WITHOUT ROWID
;

-- A merged lead's old id leads to the one that lives.
CREATE TABLE lead_alias (
    workspace TEXT NOT NULL,
    alias_id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    PRIMARY KEY (workspace, alias_id)
) --sqlite: WITHOUT ROWID
;
CREATE INDEX lead_alias_by_lead ON lead_alias (workspace, lead_id);

CREATE TABLE lead_event (
    workspace TEXT NOT NULL,
    event_id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    event_time BIGINT NOT NULL,
    ingest_time BIGINT NOT NULL,
    type TEXT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, event_id)
);
CREATE INDEX lead_event_by_lead ON lead_event (workspace, lead_id, event_time, event_id);

CREATE TABLE outcome (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    outcome_time BIGINT NOT NULL,
    ingest_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX outcome_by_lead ON outcome (workspace, lead_id, outcome_time, id);

CREATE TABLE decision (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    route BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX decision_by_lead ON decision (workspace, lead_id, id);

-- The log that agents, watches, analytics and audit read by cursor.
CREATE TABLE event (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    agent_type BIGINT NOT NULL,
    agent_id TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    conversation TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    payload BYTEA NOT NULL
);

-- Replies to request ids, oldest first by seq, so that expiry finds them without an index on time. key: the first 16 bytes of SHA-256 over
-- workspace, method and request id: narrow, since it comes in no order and each row dirties a page of its index.
CREATE TABLE idempotency (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace TEXT NOT NULL,
    key BYTEA NOT NULL UNIQUE,
    fingerprint BYTEA NOT NULL,
    create_time BIGINT NOT NULL,
    response BYTEA NOT NULL
);

CREATE TABLE routing_policy (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id, version)
);

-- What is in service, one row a slot ("routing_policy", "model", "engagement_model"); history says what was in service before, newest last.
CREATE TABLE active_version (
    workspace TEXT NOT NULL,
    slot TEXT NOT NULL,
    revision BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    version TEXT NOT NULL,
    update_time BIGINT NOT NULL,
    history BYTEA NOT NULL,
    PRIMARY KEY (workspace, slot)
) --sqlite: WITHOUT ROWID
;

CREATE TABLE model_version (
    workspace TEXT NOT NULL,
    model_id TEXT NOT NULL,
    version TEXT NOT NULL,
    state BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    digest TEXT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, model_id, version)
);

CREATE TABLE model_file (
    workspace TEXT NOT NULL,
    digest TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (workspace, digest)
);

CREATE TABLE lead_import (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE lead_import_reject (
    workspace TEXT NOT NULL,
    import_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, import_id, line)
);

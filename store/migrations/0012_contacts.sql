-- What may be sent to a lead, and whom nobody may write to.

-- One row a lead that something was said of or sent to. version moves with every consent, suppression, owner and send, so that of a send
-- and anything that forbids it only one can win.
CREATE TABLE contact (
    workspace TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, lead_id)
);

-- The ledger: what a lead said, with its proof. Rows are added only, and go with the lead.
CREATE TABLE consent_entry (
    workspace TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    id TEXT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, lead_id, id)
);

-- What was suppressed before are erasures (5), and what a build of then still adds during a rolling restart. purpose '' and medium 0: all.
CREATE TABLE suppressed (
    workspace TEXT NOT NULL,
    kind BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    cause BIGINT NOT NULL DEFAULT 5,
    purpose TEXT NOT NULL DEFAULT '',
    medium BIGINT NOT NULL DEFAULT 0,
    create_time BIGINT NOT NULL,
    PRIMARY KEY (workspace, kind, hash, cause, purpose, medium)
);
INSERT INTO suppressed (workspace, kind, hash, cause, purpose, medium, create_time)
    SELECT workspace, kind, hash, 5, '', 0, create_time FROM suppression;
DROP TABLE suppression;
ALTER TABLE suppressed RENAME TO suppression;

-- Versions of the workspace's rules; the newest is in force.
CREATE TABLE send_policy (
    workspace TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, version)
);

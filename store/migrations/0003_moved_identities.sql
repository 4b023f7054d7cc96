-- Identities that a lead has beside those in its fields: a merged duplicate's. Their rows in lead_identity name the lead as all do; this
-- is the way back, from the lead to them.

CREATE TABLE lead_identity_moved (
    workspace TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (workspace, lead_id, kind, value)
) --sqlite: WITHOUT ROWID
;

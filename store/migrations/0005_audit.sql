-- The event log as audit log: who asked for what, the hash chain over it, and signed checkpoints of the chain.

ALTER TABLE event ADD COLUMN principal TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN trace_id BYTEA;

-- A stretch of a workspace's chain, up to and with last_position. entries: for each the event's seq (8 bytes, big-endian) and its hash (32).
CREATE TABLE audit_seal (
    workspace TEXT NOT NULL,
    last_position BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    entries BYTEA NOT NULL,
    PRIMARY KEY (workspace, last_position)
);

-- One row: all events up to seq are in a chain. Whoever seals moves it from the value it read.
CREATE TABLE audit_cursor (
    id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO audit_cursor (id, seq) VALUES (1, 0);

CREATE TABLE audit_checkpoint (
    workspace TEXT NOT NULL,
    position BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, position)
);

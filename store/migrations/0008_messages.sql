-- Messages: each row is the resource and its place in the outbox.

-- version moves with every change, and is the fence of whoever has the message in hand. due_time: when it is looked at next, while state is
-- SCHEDULED (1) or SENDING (2); of the latter, when its lease ends. frozen: what is handed to the provider, the same at every attempt.
CREATE TABLE message (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    due_time BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    frozen BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX message_by_lead ON message (workspace, lead_id, id);
CREATE INDEX message_by_due ON message (due_time, workspace, id) WHERE state IN (1, 2);

-- Reactions to events, how far each subscriber is in the log and what it could not react to; and journeys, with who is in them.

CREATE TABLE reaction_cursor (
    subscriber TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (subscriber)
);
INSERT INTO reaction_cursor (subscriber, seq) SELECT 'engage', COALESCE(MAX(seq), 0) FROM event;

CREATE TABLE reaction_parked (
    workspace TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    seq BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (workspace, subscriber, seq)
);

-- A journey's versions never change once stored, but for their state.
CREATE TABLE journey (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id, version)
);

-- A lead in a journey, for the entry-th time. state: 1 under way, 2 has left, 3 under way and its wait ended while the journey was paused.
CREATE TABLE enrollment (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    journey_version BIGINT NOT NULL,
    lead_id TEXT NOT NULL,
    entry BIGINT NOT NULL,
    version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    due_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, lead_id, journey_id, entry)
);
CREATE INDEX enrollment_by_journey ON enrollment (workspace, journey_id, id);
CREATE INDEX enrollment_by_due ON enrollment (due_time, workspace, id) WHERE state = 1;
CREATE INDEX enrollment_held ON enrollment (workspace, journey_id) WHERE state = 3;

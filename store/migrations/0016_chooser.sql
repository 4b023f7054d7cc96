-- What the chooser has learnt, and the choices that it has yet to learn from.

-- A level of a factor (ChooserFactor of choice.proto): data is a bandit_level (ml/bandit.h), sums over all leads.
CREATE TABLE chooser_level (
    workspace TEXT NOT NULL,
    factor BIGINT NOT NULL,
    level TEXT NOT NULL,
    version BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, factor, level)
);

-- A message that was chosen. state: 1 its reward is waited for, 2 it was learnt from, 3 nothing could be. convert_time: when its lead
-- converted last while it waited; 0: it did not.
CREATE TABLE choice (
    workspace TEXT NOT NULL,
    message_id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    state BIGINT NOT NULL,
    due_time BIGINT NOT NULL,
    convert_time BIGINT NOT NULL,
    PRIMARY KEY (workspace, message_id)
);
CREATE INDEX choice_by_lead ON choice (workspace, lead_id);
CREATE INDEX choice_by_due ON choice (due_time, workspace, message_id) WHERE state = 1;

INSERT INTO reaction_cursor (subscriber, seq) SELECT 'chooser', COALESCE(MAX(seq), 0) FROM event;

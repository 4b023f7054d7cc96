-- Journeys whose entry is a segment: how far the leads that were there before have been let in. before_id: the last one looked at, from the end; "" once done.

CREATE TABLE journey_backfill (
    workspace TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    begin_time BIGINT NOT NULL,
    before_id TEXT NOT NULL,
    leads BIGINT NOT NULL,
    entered BIGINT NOT NULL,
    done BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    PRIMARY KEY (workspace, journey_id)
);
CREATE INDEX journey_backfill_under_way ON journey_backfill (begin_time) WHERE done = 0;

-- One row: where the database was when a server last started on it, and what was decided since it was found elsewhere
-- (agents/record/moved.h). hold_time: nothing leaves the house since then; 0: all may. moved_time: what was to leave by then may have left.
CREATE TABLE installation (
    id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    place TEXT NOT NULL,
    hold_time BIGINT NOT NULL,
    moved_time BIGINT NOT NULL,
    PRIMARY KEY (id)
);

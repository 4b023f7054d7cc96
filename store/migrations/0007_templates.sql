-- Templates: versions that never change, at most one of each template in service.

-- state: as Template.State; 4: deleted, head and data are empty. The row stays, so that no version is given twice. head: data without the texts of
-- its contents, for lists.
CREATE TABLE template (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    head BYTEA NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, id, version)
);
CREATE UNIQUE INDEX template_in_service ON template (workspace, id) WHERE state = 2;

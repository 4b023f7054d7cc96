-- Fitted versions of the engagement axis. Version 0, the documented prior, is in the program.

CREATE TABLE engagement_model (
    workspace TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (workspace, version)
) --sqlite: WITHOUT ROWID
;

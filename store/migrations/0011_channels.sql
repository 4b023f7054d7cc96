-- Channels: how messages leave.

-- data: the Channel without its secrets; sealed: these, under SECRET_KEY.
CREATE TABLE channel (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    medium BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    data BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (workspace, id)
);

-- Which name in a client certificate stands for which service account: in all workspaces together at most one.
CREATE TABLE iam_certificate (
    name TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (name)
);
CREATE UNIQUE INDEX iam_certificate_by_account ON iam_certificate (workspace, account_id);

-- The key of a person: personal data of decisions lies under it, and an erasure destroys it (agents/record/subject_key.h).
-- Leads and decisions of older builds have none: a lead gets one when it is saved next, and decisions without `sealed` hold all in `data`.

ALTER TABLE lead ADD COLUMN subject_key BYTEA;
ALTER TABLE decision ADD COLUMN sealed BYTEA;

-- A lead that has no row of its own any more, with the key that it had. subject_id: the lead that it was merged into, or itself where it was
-- deleted. An id that was given again and ended again has a row each time.
CREATE TABLE lead_ended (
    workspace TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_key BYTEA
);
CREATE INDEX lead_ended_by_lead ON lead_ended (workspace, lead_id);
CREATE INDEX lead_ended_by_subject ON lead_ended (workspace, subject_id);
INSERT INTO lead_ended (workspace, lead_id, subject_id) SELECT workspace, alias_id, lead_id FROM lead_alias;

-- The identities of deleted leads, hashed as in suppression: an erasure that comes later suppresses them.
CREATE TABLE lead_ended_identity (
    workspace TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (workspace, subject_id, kind, hash)
) --sqlite: WITHOUT ROWID
;

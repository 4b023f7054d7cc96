-- Parked events that somebody decided to leave alone: when (0: nobody did), who and why.

ALTER TABLE reaction_parked ADD COLUMN dismiss_time BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reaction_parked ADD COLUMN dismisser TEXT NOT NULL DEFAULT '';
ALTER TABLE reaction_parked ADD COLUMN dismiss_reason TEXT NOT NULL DEFAULT '';

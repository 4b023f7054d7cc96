-- The order among a lead's messages is asked for at every send: by what is still open, however much was sent before. SCHEDULED is 1, SENDING 2;
-- not `IN (1, 2)`, by which PostgreSQL, as long as it has no statistics, would take message_by_due for the shorter way.
CREATE INDEX message_open ON message (workspace, lead_id, id) WHERE state <= 2;

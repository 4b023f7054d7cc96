#include "agents/privacy/privacy_sql.h"

#include "agents/privacy/privacy.h"
#include "agents/record/lists.h"

#define COUNT_OF(table) "SELECT count(*) FROM " table " WHERE workspace = $1 AND lead_id = $2"
#define NEXT_OF(table, time, id)                                                                             \
    "SELECT " time ", " id ", data FROM " table " WHERE workspace = $1 AND lead_id = $2 AND (" time ", " id  \
    ") > ($3, $4) ORDER BY " time ", " id " LIMIT 1"
/* Rows of ended leads: deleted under this id, or merged into a lead that was; or, where the id itself was
 * merged, all that ended with it. */
#define OF_PERSON_AT(workspace, lead)                                                                        \
    " WHERE workspace = " workspace " AND subject_id IN (SELECT " lead                                       \
    " UNION ALL SELECT subject_id FROM lead_ended WHERE workspace = " workspace " AND lead_id = " lead ")"
#define OF_PERSON OF_PERSON_AT("$1", "$2")
/* Rows of the lead and of all that ended in it: a statement a table, however many leads were merged, for an
 * erasure that reads long loses to whoever else writes the lead. Under the id of one that ended another may
 * live. */
#define OF_ALL                                                                                               \
    " WHERE workspace = $1 AND lead_id IN (SELECT $2 UNION ALL SELECT e.lead_id FROM lead_ended AS "         \
    "e" OF_PERSON " AND NOT EXISTS (SELECT 1 FROM lead AS l WHERE l.workspace = $1 AND l.id = e.lead_id))"
#define COUNT_ALL(table) "SELECT count(*) FROM " table OF_ALL
#define ERASE_ALL(table) "DELETE FROM " table OF_ALL
/* Rows of merged leads included. */
#define NEXT_BY_ID(table)                                                                                    \
    "SELECT id, data FROM " table " WHERE workspace = $1 AND lead_id IN " LEAD_AND_MERGED                    \
    " AND id > $3 ORDER BY id LIMIT 1"
/* Whether a reply holds a text, somewhere between protobuf's own bytes. */
#define NAMING(holds)                                                                                        \
    "SELECT seq FROM idempotency WHERE workspace = $1 AND seq > $2 AND seq <= $3 AND " holds                 \
    " AND create_time <> $5"

/* Columns of COUNTS, in the order of enum subject_count. */
#define N_ALL(table) "(" COUNT_ALL(table) "), "
#define N_LEAD "SELECT count(subject_key) FROM lead WHERE workspace = $1 AND id = $2"
#define N_ENDED(what, table) "(SELECT count(" what ") FROM " table OF_PERSON ")"
#define N_SEALED_ALL "(" COUNT_ALL("decision") " AND sealed IS NOT NULL), "
#define N_ROWS                                                                                               \
    N_ALL("lead_event")                                                                                      \
    N_ALL("outcome")                                                                                         \
    N_ALL("message") N_ALL("contact") N_ALL("consent_entry") N_ALL("enrollment") N_ALL("choice")

const struct stmt privacy_sql[PRIVACY_STATEMENTS] = {
    [ALIASES_OF] = { "privacy_aliases", "tt", "t",
                     "SELECT alias_id FROM lead_alias WHERE workspace = $1 AND lead_id = $2 ORDER BY "
                     "alias_id",
                     NULL, NULL },
    [COUNTS] = { "privacy_counts", "tt", "iiiiiiiiiiii",
                 "SELECT " N_ROWS N_SEALED_ALL "(" COUNT_OF("lead_alias") "), " N_ENDED(
                     "*", "lead_ended_identity") ", (" N_LEAD "), " N_ENDED("subject_key", "lead_ended"),
                 NULL, NULL },
    [COUNT_DECISIONS] = { "privacy_count_decisions", "tt", "i", COUNT_OF("decision"), NULL, NULL },
    [EVENTS_ERASE] = { "privacy_events_erase", "tt", "", ERASE_ALL("lead_event"), NULL, NULL },
    [OUTCOMES_ERASE] = { "privacy_outcomes_erase", "tt", "", ERASE_ALL("outcome"), NULL, NULL },
    [CONTACTS_ERASE] = { "privacy_contacts_erase", "tt", "", ERASE_ALL("contact"), NULL, NULL },
    [CONSENTS_ERASE] = { "privacy_consents_erase", "tt", "", ERASE_ALL("consent_entry"), NULL, NULL },
    [CHOICES_ERASE] = { "privacy_choices_erase", "tt", "", ERASE_ALL("choice"), NULL, NULL },
    [MESSAGES_ERASE] = { "privacy_messages_erase", "tt", "", ERASE_ALL("message"), NULL, NULL },
    [ENROLLMENTS_ERASE] = { "privacy_enrollments_erase", "tt", "", ERASE_ALL("enrollment"), NULL, NULL },

    [ENDED_OF] = { "privacy_ended_of", "tt", "ti",
                   "SELECT e.lead_id, (SELECT count(*) FROM lead AS l"
                   " WHERE l.workspace = $1 AND l.id = e.lead_id) FROM lead_ended AS e" OF_PERSON
                   " GROUP BY e.lead_id ORDER BY e.lead_id",
                   NULL, NULL },
    [ENDED_ERASE] = { "privacy_ended_erase", "tt", "", "DELETE FROM lead_ended" OF_PERSON, NULL, NULL },
    [ENDED_SUPPRESS] = { "privacy_ended_suppress", "itt", "",
                         "INSERT INTO suppression (create_time, workspace, kind, hash, cause, "
                         "purpose, "
                         "medium)"
                         " SELECT $1, workspace, kind, hash, 5, '', 0 FROM "
                         "lead_ended_identity" OF_PERSON_AT("$2", "$3") " ON CONFLICT DO NOTHING",
                         NULL, NULL },
    [ENDED_IDENTITIES_ERASE] = { "privacy_ended_identities_erase", "tt", "",
                                 "DELETE FROM lead_ended_identity" OF_PERSON, NULL, NULL },

    [DECISIONS_AFTER] = { "privacy_decisions_after", "ttti", "tb",
                          "SELECT id, data FROM decision WHERE workspace = $1 AND lead_id = $2 AND "
                          "id > $3"
                          " AND sealed IS NULL ORDER BY id LIMIT $4",
                          NULL, NULL },
    [DECISION_REDACT] = { "privacy_decision_redact", "btt", "",
                          "UPDATE decision SET data = $1 WHERE workspace = $2 AND id = $3", NULL, NULL },
    [REPLIES_END] = { "privacy_replies_end", "ii", "i",
                      "SELECT COALESCE(max(seq), 0) FROM"
                      " (SELECT seq FROM idempotency WHERE seq > $1 ORDER BY seq LIMIT $2) AS r",
                      NULL, NULL },
    [REPLIES_NAMING] = { "privacy_replies_naming", "tiibi", "i", NAMING("instr(response, $4) > 0"), NULL,
                         NAMING("position($4::bytea IN response) > 0") },
    [REPLY_DELETE] = { "privacy_reply_delete", "i", "", "DELETE FROM idempotency WHERE seq = $1", NULL,
                       NULL },
    [REJECTS_AFTER] = { "privacy_rejects_after", "ttii", "tib",
                        "SELECT import_id, line, data FROM lead_import_reject WHERE workspace = $1"
                        " AND (import_id, line) > ($2, $3) ORDER BY import_id, line LIMIT $4",
                        NULL, NULL },
    [REJECT_REDACT] = { "privacy_reject_redact", "btti", "",
                        "UPDATE lead_import_reject SET data = $1 WHERE workspace = $2 AND import_id "
                        "= $3"
                        " AND line = $4",
                        NULL, NULL },

    [ERASURE_GET] = { "erasure_get", "tt", "b", "SELECT data FROM erasure WHERE workspace = $1 AND id = $2",
                      NULL, NULL },
    [ERASURE_OLDEST] = { "erasure_oldest", "", "ttiiiitbb",
                         "SELECT workspace, id, version, create_time, step, place, after, work, data"
                         " FROM erasure WHERE state = 1 ORDER BY state, workspace, id LIMIT 1",
                         NULL, NULL },
    [ERASURE_INSERT] = { "erasure_insert", "ttiibb", "",
                         "INSERT INTO erasure (workspace, id, version, state, create_time, step, "
                         "place, "
                         "after,"
                         " work, data) VALUES ($1, $2, 1, $3, $4, 0, 0, '', $5, $6)",
                         NULL, NULL },
    [ERASURE_UPDATE] = { "erasure_update", "iiitbbtti", "",
                         "UPDATE erasure SET version = version + 1, state = $1, step = $2, place = "
                         "$3,"
                         " after = $4, work = $5, data = $6 WHERE workspace = $7 AND id = $8 AND "
                         "version = "
                         "$9",
                         NULL, NULL },

    [EVENT_NEXT] = { "privacy_event_next", "ttit", "itb", NEXT_OF("lead_event", "event_time", "event_id"),
                     NULL, NULL },
    [OUTCOME_NEXT] = { "privacy_outcome_next", "ttit", "itb", NEXT_OF("outcome", "outcome_time", "id"), NULL,
                       NULL },
    [MESSAGE_NEXT] = { "privacy_message_next", "ttt", "tb", NEXT_BY_ID("message"), NULL, NULL },
    [ENROLLMENT_NEXT] = { "privacy_enrollment_next", "ttt", "tb", NEXT_BY_ID("enrollment"), NULL, NULL },
    [CONSENT_NEXT] = { "privacy_consent_next", "ttt", "tb",
                       "SELECT id, data FROM consent_entry WHERE workspace = $1 AND lead_id = $2 AND "
                       "id > $3"
                       " ORDER BY id LIMIT 1",
                       NULL, NULL },
    [CONTACT_NEXT] = { "privacy_contact_next", "ttt", "tb",
                       "SELECT lead_id, data FROM contact WHERE workspace = $1 AND lead_id = $2 AND "
                       "lead_id "
                       "> $3",
                       NULL, NULL },
};

const struct stmt_table privacy_statements = { privacy_sql, PRIVACY_STATEMENTS };

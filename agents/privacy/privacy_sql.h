/* privacy_sql.h: the statements of this room. */
#ifndef AGENTS_PRIVACY_PRIVACY_SQL_H
#define AGENTS_PRIVACY_PRIVACY_SQL_H

#include "store/db.h"

C_BEGIN

enum privacy_statement {
    ALIASES_OF,        /* workspace, lead id -> alias ids */
    COUNTS,            /* workspace, lead id -> a row of enum subject_count */
    COUNT_DECISIONS,   /* workspace, lead id -> rows */
    EVENTS_ERASE,      /* workspace, lead id: those of the leads that ended in it included */
    OUTCOMES_ERASE,    /* the same */
    MESSAGES_ERASE,    /* the same */
    ENROLLMENTS_ERASE, /* the same */
    CONTACTS_ERASE,    /* the same */
    CONSENTS_ERASE,    /* the same */
    CHOICES_ERASE,     /* the same */

    ENDED_OF, /* workspace, lead id -> id of an ended lead of its person, whether another lives under it now
               */
    ENDED_ERASE,            /* workspace, lead id: those; last, since the others ask for them */
    ENDED_SUPPRESS,         /* time, workspace, lead id */
    ENDED_IDENTITIES_ERASE, /* workspace, lead id */

    DECISIONS_AFTER, /* workspace, lead id, after id, limit -> id, data: of those in plain */
    DECISION_REDACT, /* data, workspace, id */
    REPLIES_END,     /* after seq, rows -> the seq of the last of so many; 0: no more */
    REPLIES_NAMING,  /* workspace, after seq, to seq, text, create_time of the reply to spare -> seq */
    REPLY_DELETE,    /* seq */
    REJECTS_AFTER,   /* workspace, import id, line, limit -> import id, line, data */
    REJECT_REDACT,   /* data, workspace, import id, line */

    ERASURE_GET,    /* workspace, id -> data */
    ERASURE_OLDEST, /* -> workspace, id, version, create_time, step, place, after, work, data */
    ERASURE_INSERT, /* workspace, id, state, create_time, work, data */
    ERASURE_UPDATE, /* state, step, place, after, work, data, workspace, id, version */

    EVENT_NEXT,      /* workspace, lead id, after time, after id -> time, id, data */
    OUTCOME_NEXT,    /* workspace, lead id, after time, after id -> time, id, data */
    MESSAGE_NEXT,    /* workspace, lead id, after id -> id, data; those of merged leads included */
    ENROLLMENT_NEXT, /* the same */
    CONSENT_NEXT,    /* workspace, lead id, after id -> id, data */
    CONTACT_NEXT,    /* the same */
    PRIVACY_STATEMENTS
};

/* The columns of COUNTS: rows of the lead and of those that ended in it; aliases, kept identities and keys of
 * the person. In one statement, for an erasure that reads long loses to whoever else writes the lead. */
enum subject_count {
    N_EVENTS,
    N_OUTCOMES,
    N_MESSAGES,
    N_CONTACTS,
    N_CONSENTS,
    N_ENROLLMENTS,
    N_CHOICES,
    N_SEALED, /* decisions under a key */
    N_ALIASES,
    N_ENDED_IDENTITIES,
    N_KEYS_HERE, /* of the lead itself */
    N_KEYS_ENDED
};

extern const struct stmt privacy_sql[PRIVACY_STATEMENTS];

C_END
#endif

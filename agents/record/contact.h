/* contact.h: what the send gate has to know about a lead: its consents, what was sent to it, who owns the
 * conversation. One row a lead, read with its version; every change and every send moves the version in its
 * own commit, so that of a send and anything that forbids it only one can win.
 *
 * Beside it the ledger of consents: entries with their proof that are added and never change. */
#ifndef AGENTS_RECORD_CONTACT_H
#define AGENTS_RECORD_CONTACT_H

#include "agents/record/leads.h"

C_BEGIN

#define CONTACT_SENDS 50                   /* the newest kept of each medium */
#define CONTACT_SENDS_US (92 * US_PER_DAY) /* and no longer than that */

struct contact_row {
    const char *lead_id;
    int64_t version; /* 0: not stored yet */
    Contact *contact;
};

/* An empty one where nothing is known. lead_id must last. */
MUSTCHECK struct status contact_load(struct ctx *c, const char *lead_id, struct contact_row *ret);
/* It is going to be loaded (db_expect). */
void contact_expect(struct ctx *c, const char *lead_id);

/* Adds the row to the unit, against the version read. The first row of a lead needs lead_hold beside it, else
 * it could outlive the lead; contact_keep sees to that. */
MUSTCHECK struct status contact_save(struct ctx *c, const struct contact_row *row);
MUSTCHECK struct status contact_keep(struct ctx *c, const struct lead_row *lead,
                                     const struct contact_row *row);

/* Whether the ctx's unit writes the lead's row already: a second write of the version that was read would
 * undo both. */
bool contact_in_unit(const struct ctx *c, const char *lead_id);

/* Adds to the unit that the version moves, if there is such a lead: something outside of the row, a
 * suppression, forbids sends that were decided before. */
void contact_touch(struct ctx *c, const char *lead_id);

/* Notes a message that leaves now. */
MUSTCHECK struct status contact_sent(struct ctx *c, struct contact_row *row, Medium medium);

/* What the lead said of exactly this purpose and medium; NULL: nothing. */
const Consent *contact_consent(const Contact *contact, const char *purpose, Medium medium);

/* Makes an entry of the ledger of `said` (purpose, medium, state, proof), adds it to the unit with its event,
 * and puts it into the row: an entry for all media replaces those of its purpose. The caller saves the row.
 */
MUSTCHECK struct status contact_say(struct ctx *c, struct contact_row *row, const Consent *said);

/* The newest entries of the ledger first, at most `limit`. */
MUSTCHECK struct status contact_ledger(struct ctx *c, const char *lead_id, size_t limit, Consent ***ret,
                                       size_t *ret_n);

/* Adds to the unit what is left of both where `duplicate` is merged into the lead: of two statements about
 * the same the stricter, all sends, the ledgers of both. */
MUSTCHECK struct status contact_join(struct ctx *c, const char *lead_id, const char *duplicate);

/* Adds to the unit that nothing of it is kept. */
void contact_remove(struct ctx *c, const char *lead_id);

extern const struct stmt_table contact_statements;

C_END
#endif

/* work.h: what an erasure still looks for, and where a text holds it. Private. */
#ifndef AGENTS_PRIVACY_WORK_H
#define AGENTS_PRIVACY_WORK_H

#include "agents/record/leads.h"

C_BEGIN

/* What the sweep of one erasure works with; kept in its row: for each text a letter, a blank, the text and a
 * NUL. */
struct work {
    const char **ids; /* of the lead and of those merged into it */
    size_t n_ids;
    struct str *texts; /* identities and the name, in lower case; a phone as its digits */
    size_t n_texts;
};

/* The work for a lead (NULL where it is gone already) with these identities and ids. In the arena. */
MUSTCHECK struct status work_make(struct ctx *c, const Lead *lead, const struct lead_identity *identities,
                                  size_t n, const char **ids, size_t n_ids, struct work *ret);
/* To the row, and from it. p is NULL over the budget. */
struct str work_pack(struct ctx *c, const struct work *w);
MUSTCHECK struct status work_unpack(struct ctx *c, struct str packed, struct work *ret);

/* Whether a row that somebody wrote holds one of the texts, as a word of its own, in whatever case and with
 * whatever stands between the digits of a phone. */
MUSTCHECK struct status work_found_in(struct ctx *c, const struct work *w, const char *row, bool *ret);

C_END
#endif

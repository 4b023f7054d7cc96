/* leads.h: the leads as all agents see them: found by name or identity, changed by version, saved with the
 * unit.
 *
 * A lead is read with the version of its row; saving it states that version, so two decisions on one lead
 * never overwrite each other: the second commit fails with CONFLICT and its handler runs again on fresh
 * reads. Handlers of one agent and those of others use these calls alike; the SQL is in leads_sql.c. */
#ifndef AGENTS_RECORD_LEADS_H
#define AGENTS_RECORD_LEADS_H

#include "agents/record/app.h"
#include "store/db.h"

C_BEGIN

struct lead_row {
    const char *id;  /* without "leads/" */
    int64_t version; /* 0: not stored yet */
    Lead *lead;      /* as it is to be; its own message, but what it points at is shared: replace, never write
                        through it */
    Lead *before;    /* as stored; NULL for a new lead */
    unsigned owned; /* a bit for each identity in `lead` that is the lead's already, though not in `before`: a
                       merged duplicate's */
    struct str key; /* its person's (subject_key.h): stored with the row, made where that has none yet */
    bool key_made;  /* it was made when the row was read, and is not stored */
};

/* Checks a lead given by a caller against the limits of lead.proto and brings it to its normal form in place:
 * email lower-case (ASCII) and trimmed, phone digits with a leading +, country upper-case, attributes sorted
 * by name without empty ones (of one name given twice the last counts). `field` is its path in the request,
 * e.g. "lead" or "leads[3]". Fails: FIELD_INVALID, FIELD_TOO_LONG, with one violation a bad field. */
MUSTCHECK struct status lead_check(struct ctx *c, Lead *given, const char *field);

/* Finds the lead that `given` (checked) means (by name, else by identity; aliases are followed) and lays what
 * is given over what is stored: set fields replace, unset ones and attributes not named stay. Where there is
 * none: a new row with a new id and name. Output-only fields of `given` are ignored. Fails: LEAD_NOT_FOUND (a
 * name that does not exist), IDENTITY_AMBIGUOUS, ETAG_MISMATCH. */
MUSTCHECK struct status lead_resolve(struct ctx *c, const Lead *given, struct lead_row *ret);

/* A new row of `given` (checked) with this id, or with a new one where id is "". Looks for nothing. */
MUSTCHECK struct status lead_new(struct ctx *c, const Lead *given, const char *id, struct lead_row *ret);

/* Loads a lead by `leads/{lead}`, following aliases. `field` names the request's field in errors. Fails:
 * FIELD_REQUIRED, FIELD_INVALID, LEAD_NOT_FOUND. */
MUSTCHECK struct status lead_load(struct ctx *c, const char *name, const char *field, struct lead_row *ret);

/* Lead and identities of this id are going to be asked for (db_expect). */
void lead_expect(struct ctx *c, const char *id);

/* Behind every id. */
#define LEAD_ID_LAST "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

/* The ids of the stored leads before this one, the newest (by id) first, at most `limit`: a row each. */
MUSTCHECK struct status lead_ids_before(struct ctx *c, const char *id, int64_t limit, struct rows *ret);

/* Fails with `reason` and a violation for each identity that saving the row would take from another lead.
 * Those that are the lead's own already are noted in row->owned. */
MUSTCHECK struct status lead_identities_free(struct ctx *c, struct lead_row *row, const char *field,
                                             enum reason reason);

/* Fails with ETAG_MISMATCH where an etag was sent and is not the stored lead's. */
MUSTCHECK struct status lead_etag_check(struct ctx *c, const struct lead_row *row, const char *etag);

/* Lays the fields set in `from` (checked) over row->lead. lead_fill sets only those that row->lead lacks. */
MUSTCHECK struct status lead_overlay(struct ctx *c, Lead *lead, const Lead *from);
MUSTCHECK struct status lead_fill(struct ctx *c, Lead *lead, const Lead *from);

/* True where saving would change anything but times: a text, an attribute, or a `triage` or `engagement` that
 * was replaced. */
bool lead_changed(const struct lead_row *row);

/* Adds the row (inserted or updated against its version) and what changed of its identities to the unit, and
 * sets update_time, etag and, for a new lead, create_time (its name it has from the start). Taken identities
 * make the unit fail with `identity_taken` (CONFLICT to decide again, IDENTITY_TAKEN as a final answer). */
MUSTCHECK struct status lead_save(struct ctx *c, struct lead_row *row, enum reason identity_taken);

/* Every identity of a stored lead: those in its fields, then those beside them. In the arena. */
struct lead_identity {
    struct value kind, text; /* as in the table lead_identity */
    bool moved;
};
MUSTCHECK struct status lead_identities(struct ctx *c, const struct lead_row *row, struct lead_identity **ret,
                                        size_t *ret_n);

/* Adds the end of a stored lead to the unit: the row and its key, its identities and aliases. What else is
 * kept by its id is the caller's. */
MUSTCHECK struct status lead_remove(struct ctx *c, struct lead_row *row);

/* Adds to the unit what is kept of a lead that is deleted, not erased: what its person is found by if an
 * erasure is asked for later. That is the key, and the identities as keyed hashes. */
MUSTCHECK struct status lead_retain(struct ctx *c, const struct lead_row *row);

/* Adds to the unit that `duplicate` becomes an alias of `row`: identities and aliases move, and `row` gets
 * the fields, attributes and decision that it lacks; their activity is added up; the duplicate's key is kept
 * for its decisions. The caller saves `row`. Both are stored. */
MUSTCHECK struct status lead_absorb(struct ctx *c, struct lead_row *row, struct lead_row *duplicate,
                                    double half_life_us);

/* The fields that a model or rule may read, by column name: source, country, company, job_title, time_zone,
 * email_domain, has_phone and every attribute. Sorted by name; names and texts point into the lead or the
 * arena. Fields without a value are left out; has_phone is "true" or "false" and always there. An attribute
 * that bears one of those names counts where the field itself has no value. */
struct field {
    struct str name, text;
};
MUSTCHECK struct status lead_fields(struct ctx *c, const Lead *lead, const struct field **ret, size_t *ret_n);

/* Folds an event of the given weight into the lead's engagement state: value = value * 2^-(dt / half-life) +
 * weight; an event older than as_of_time is added decayed. */
MUSTCHECK struct status lead_engage(struct ctx *c, Lead *lead, int64_t event_us, double weight,
                                    double half_life_us);

/* Adds to the unit that the lead must still be of this version at the commit: for what is stored beside a
 * lead without changing it. */
void lead_hold(struct ctx *c, const struct lead_row *row);
/* Adds to the unit that the row's key is stored, where it is not: for what is sealed under it without saving
 * the lead. */
void lead_keep_key(struct ctx *c, const struct lead_row *row);

extern const struct stmt_table leads_statements;

C_END
#endif

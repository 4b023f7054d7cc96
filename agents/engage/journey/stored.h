/* stored.h: between the files of this room: journeys and enrollments as they are stored. */
#ifndef AGENTS_ENGAGE_JOURNEY_STORED_H
#define AGENTS_ENGAGE_JOURNEY_STORED_H

#include "agents/engage/journey/journey_sql.h"
#include "agents/engage/journey/plan.h"
#include "agents/record/app.h"
#include "agents/record/versions.h"
#include "base/ids.h"

C_BEGIN

#define JOURNEYS "journeys/"
#define JOURNEYS_MAX 100 /* in service at a time */
#define CARES_MAX 512

/* All journeys of a workspace that are in service, paused ones included; counted by active.h. */
struct journeys {
    struct arena arena; /* holds this struct */
    struct plan *plans[JOURNEYS_MAX];
    size_t n;
    bool used; /* some version is or was in service: there may be leads under way */
    bool cares_for_all;
    bool hands_over;                /* some of them has a HANDOFF */
    char cares[CARES_MAX][ID_TEXT]; /* marks of the lead events that may move a lead, or have it enter */
    size_t n_cares;
};
MUSTCHECK struct status journeys_serving(struct ctx *c, const struct journeys **ret);
/* NULL where it is not in service. */
const struct plan *journeys_find(const struct journeys *all, const char *id);

/* Whether a lead event can matter to any version that leads are under way in. `mark`: of its type, as the log
 * has it; "" where it was written before marks were. */
bool journeys_care(const struct journeys *all, const char *mark);

extern const struct versions journey_versions;

/* The version in service and its state; 0 where none is. */
MUSTCHECK struct status journey_in_service(struct ctx *c, const char *id, int64_t *ret_version,
                                           Journey__State *ret_state);

/* The number of the newest version. Fails: JOURNEY_NOT_FOUND. */
MUSTCHECK struct status journey_newest(struct ctx *c, const char *id, int64_t *ret);

/* A stored version. Fails: JOURNEY_NOT_FOUND. */
MUSTCHECK struct status journey_stored(struct ctx *c, const char *id, int64_t version, Journey **ret);
/* Compiles a journey; the plan lives as long as the ctx's arena. Fails: as plan_compile. */
MUSTCHECK struct status journey_compile(struct ctx *c, const Journey *j, const char *field,
                                        const struct plan **ret);
/* The plan of a stored version. Fails: JOURNEY_NOT_FOUND; JOURNEY_INVALID where this build knows more rules
 * than the one that stored it. */
MUSTCHECK struct status journey_plan(struct ctx *c, const char *id, int64_t version, const struct plan **ret);

/* A lead in a journey. */
struct enrolled {
    const char *id, *journey_id, *lead_id;
    int64_t version; /* of the row */
    int64_t journey_version;
    int64_t due_us;
    Enrollment *e;
};
MUSTCHECK struct status enrolled_take(struct ctx *c, const struct value *row, struct enrolled *ret);
/* Whether its journey is paused. */
bool journey_is_held(const struct journeys *all, const struct enrolled *x);

/* ---- Moves: each adds to the ctx's unit ---- */

/* Whether the lead may enter now; *ret_entry: for the how-manieth time that would be. */
MUSTCHECK struct status enroll_may(struct ctx *c, const struct plan *p, const struct lead_row *lead,
                                   bool *ret, int64_t *ret_entry);
/* The lead enters and goes as far as it can. */
MUSTCHECK struct status enroll_enter(struct ctx *c, const struct plan *p, const struct lead_row *lead,
                                     int64_t entry, const char *why, Enrollment **ret);
/* An event (NULL: time) pushes it, by the plan of the version that it entered; where that cannot be run any
 * more, it leaves. */
MUSTCHECK struct status enroll_push(struct ctx *c, const struct journeys *all, const struct lead_row *lead,
                                    struct enrolled *x, const char *event);
/* The same while its journey is paused: an event may have it leave, or end its wait, which shows once the
 * journey is resumed. */
MUSTCHECK struct status enroll_push_held(struct ctx *c, const struct journeys *all,
                                         const struct lead_row *lead, struct enrolled *x, const char *event);
MUSTCHECK struct status enroll_leave(struct ctx *c, struct enrolled *x, Enrollment__ExitCause cause);
/* A caller has it leave, wherever it stands. */
MUSTCHECK struct status enroll_take_out(struct ctx *c, const struct journeys *all,
                                        const struct lead_row *lead, struct enrolled *x);
/* Its journey is paused and its wait has ended: it waits for the journey to be resumed. */
MUSTCHECK struct status enroll_hold(struct ctx *c, struct enrolled *x);

/* ---- Segments: those who were there before ---- */

/* Adds to the unit that the leads stored now are let in from two seconds on, when every replica knows that
 * the version is in service. */
MUSTCHECK struct status backfill_begin(struct ctx *c, const char *journey_id, int64_t version);
/* NULL where the version needs none. */
MUSTCHECK struct status backfill_show(struct ctx *c, const char *journey_id, int64_t version,
                                      JourneyBackfill **ret);
/* Those that have leads left to look at (enum backfill_column), and the next leads of one, in the ctx's unit.
 */
MUSTCHECK struct status backfills_due(struct ctx *c, size_t limit, struct rows *ret);
MUSTCHECK struct status backfill_go_on(struct ctx *c, const struct value *row);

C_END
#endif

/* plan.h: a journey made ready to run: a lead and a push in, the lead's new place and what to send out. No
 * I/O; a compiled plan never changes and any number of threads may use it at once. */
#ifndef AGENTS_ENGAGE_JOURNEY_PLAN_H
#define AGENTS_ENGAGE_JOURNEY_PLAN_H

#include "agents/record/leads.h"
#include "base/filter.h"

C_BEGIN

#define PLAN_STEPS_MAX 64
#define PLAN_ARMS_MAX 16
#define PLAN_EXIT_EVENTS_MAX 16
#define PLAN_RELEASED "lead.owner_released" /* ends a HANDOFF */
#define PLAN_END SIZE_MAX                   /* the step behind the last */

struct plan_arm {
    const struct filter *filter;
    size_t next;
};

struct plan_step {
    const char *id;
    size_t next;
    JourneyStep__ActionCase kind;
    /* WAIT, HANDOFF */
    int64_t wait_us;
    const char *event; /* NULL: only time ends it */
    size_t event_next;
    /* BRANCH */
    struct plan_arm arms[PLAN_ARMS_MAX];
    size_t n_arms;
    /* HANDOFF */
    const char *queue, *reason;
    /* SEND */
    SendOption **options; /* at least 1 */
    size_t n_options;
    bool chooses, chooses_hour; /* whether there is something to choose; the hour too */
    Priority priority;
    int64_t expiry_us;
};

struct plan {
    struct arena arena; /* holds all of it, this struct included */
    const char *id;     /* without "journeys/" */
    int64_t version;
    bool paused;
    bool segment;                      /* whoever the entry filter holds for enters */
    const char *entry_event;           /* NULL: only EnrollLead, or a segment */
    const struct filter *entry_filter; /* NULL: every lead */
    const struct filter *exit_filter;  /* NULL: never */
    const char *exit_events[PLAN_EXIT_EVENTS_MAX];
    size_t n_exit_events;
    bool again;
    int64_t again_delay_us;
    struct plan_step *steps;
    size_t n;
};

/* Checks a journey and compiles it (heap), with id and version as its message has them. `field` is its path
 * in the request, for violations. Fails: JOURNEY_INVALID with a violation for every fault found: steps that
 * do not exist or that nothing leads to, a circle without a wait in it, filters, lengths, parts that are
 * missing. */
MUSTCHECK struct status plan_compile(struct arena *errors, const Journey *j, const char *field,
                                     struct plan **ret);
void plan_free(void *plan); /* NULL is allowed */

/* The step of this id; PLAN_END where there is none. */
size_t plan_step_of(const struct plan *p, const char *id);

/* Where a lead is. Between two calls it stands in a step that it stays in, or has left. */
struct place {
    size_t step;    /* of one that has left, the last it took */
    int64_t due_us; /* when the wait ends */
    int64_t taken;  /* steps so far */
    bool left;
    Enrollment__ExitCause cause;
};

/* What comes of a move beside the place: called for each step that is taken. */
struct plan_actor {
    struct status (*take)(void *arg, const struct plan_step *step);
    void *arg;
};

/* Whether this is an action of the log that journeys go by. A caller's own lead event of such a type is none.
 */
bool plan_is_action(const char *event);

/* Whether some lead may enter by the event (an action of the log, or the type of a lead event). */
bool plan_waits_for(const struct plan *p, const char *event);

/* Whether it makes this lead enter. */
bool plan_admits(const struct plan *p, const char *event, const Lead *lead);

/* Whether it makes leads that are in it leave, wherever they are. */
bool plan_ends_by(const struct plan *p, const char *event);

/* Whether it moves a lead on that stands in this step. */
bool plan_awaits(const struct plan *p, size_t step, const char *event);

/* The lead enters and goes as far as it can. */
MUSTCHECK struct status plan_begin(const struct plan *p, const Lead *lead, int64_t now_us,
                                   const struct plan_actor *actor, struct place *ret);

/* Something may move the lead: a lead event of this type, or (NULL) time alone. *ret_moved: it did. */
MUSTCHECK struct status plan_push(const struct plan *p, const Lead *lead, int64_t now_us, const char *event,
                                  const struct plan_actor *actor, struct place *place, bool *ret_moved);

/* ---- The same by what is on record ---- */

/* What happened to a lead. */
struct past {
    int64_t time_us;
    const char *event; /* an action of the log, or the type of a lead event */
    bool action;       /* of the log: has leads enter, and moves none */
};

struct retrace_actor {
    struct status (*enter)(void *arg, const struct past *why);
    struct status (*take)(void *arg, const struct plan_step *step, int64_t time_us);
    /* Where the lead stands at the end, or has left. */
    struct status (*end)(void *arg, const struct place *at, int64_t time_us);
    void *arg;
};

#define RETRACE_STEPS_MAX 256

/* Takes a lead, as it is now, through the plan by events in the order of their times, with no time after
 * end_us. *ret_cut: after RETRACE_STEPS_MAX steps it was given up, though there is more. */
MUSTCHECK struct status plan_retrace(const struct plan *p, const Lead *lead, const struct past *events,
                                     size_t n, int64_t end_us, const struct retrace_actor *actor,
                                     bool *ret_cut);

C_END
#endif

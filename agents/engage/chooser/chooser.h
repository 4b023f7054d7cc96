/* chooser.h: which of several ways to say something to a lead, and at which hour (docs/choosing.md).
 *
 *   options.c   what may be chosen: ways that the send gate does not rule out, hours at which it lets go
 *   features.c  what the chooser sees of a lead
 *   levels.c    what it has learnt: a row for each template, medium and hour
 *   draw.c      the choice, from values alone: so it can be made again
 *   choose.c    all of that together, as a decision
 *   reward.c    conversions are noted with the choices that they answer
 *   list.c      what was learnt, for people
 *   learn.c     choices whose window is over are folded in, each once
 *
 * A choice lies as a decision with the message's lead; a row of the table `choice` waits for its reward. */
#ifndef AGENTS_ENGAGE_CHOOSER_CHOOSER_H
#define AGENTS_ENGAGE_CHOOSER_CHOOSER_H

#include "agents/engage/chooser/option.h"
#include "agents/record/checks.h"
#include "agents/record/event_log.h"
#include "agents/record/leads.h"
#include "store/db.h"

C_BEGIN

struct choosing {
    const struct lead_row *lead; /* stored */
    SendOption *const *options;
    size_t n;          /* 1 to CHOOSER_OPTIONS_MAX */
    bool hour;         /* choose the hour too */
    Priority priority; /* a set one */
    int64_t from_us;   /* the message leaves then, or within 24 hours from then */
    int64_t expire_us; /* GATE_NEVER: does not */
};

struct chosen {
    const SendOption *option;
    const char *purpose; /* its template's */
    int64_t send_us;
    Decision *decision; /* named, complete; NULL where the gate rules out all: then the first option stands */
};

/* Notes faults of a list of options: too many, one twice, a template's name or a medium that is none. */
void options_check(struct checks *k, const char *parent, SendOption *const *options, size_t n);

/* Chooses. Adds nothing to the unit. */
MUSTCHECK struct status choose(struct ctx *c, const struct choosing *what, struct chosen *ret);

/* Adds the decision, and that its reward is waited for, to the unit that plans the message (named; its
 * `decision` is the decision's name). */
MUSTCHECK struct status choice_keep(struct ctx *c, const struct lead_row *lead, const struct chosen *chosen,
                                    const Message *m);

/* Chooses again by what a decision of kind CHOICE holds: app.choose_again. Fails: REPLAY_IMPOSSIBLE where its
 * inputs were erased. */
MUSTCHECK struct status choose_again(struct ctx *c, const Decision *d, Decision **ret);

/* A reaction (agents/orchestrator). */
MUSTCHECK struct status chooser_on_outcome(struct ctx *c, const struct event_seen *e);

/* Handler. */
MUSTCHECK struct status list_chooser_levels(struct ctx *c, const ListChooserLevelsRequest *req,
                                            ListChooserLevelsResponse *res);

/* A job: folds in what is due, in commits of its own. */
MUSTCHECK struct status chooser_learn(struct ctx *c);

extern const struct stmt_table chooser_statements;

C_END
#endif

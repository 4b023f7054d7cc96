/* chooser_private.h: between the files of this room. */
#ifndef AGENTS_ENGAGE_CHOOSER_CHOOSER_PRIVATE_H
#define AGENTS_ENGAGE_CHOOSER_CHOOSER_PRIVATE_H

#include "agents/engage/chooser/chooser.h"
#include "agents/engage/contact/admit.h"
#include "ml/bandit.h"

C_BEGIN

/* ---- Features ---- */

#define FEATURES 6 /* one more or less and nothing of what was learnt can be used any more */

/* What is known of the stored lead now. */
MUSTCHECK struct status features_of(struct ctx *c, const struct lead_row *lead, const Contact *contact,
                                    ChoiceInputs *to);
/* As the levels see them. False where they are not those of this build. */
bool features_context(const ChoiceInputs *in, struct bandit_context *ret);

/* ---- Levels ---- */

#define LEVELS_MAX 256u /* in hand at once */

struct level {
    ChooserFactor factor;
    const char *name;
    int64_t version; /* of the row; 0: there is none yet */
    struct bandit_level *state;
    bool learnt; /* since it was read */
};

struct levels {
    struct level all[LEVELS_MAX];
    size_t n;
};

/* Those of the workspace but for the templates', which are read when they are found. */
MUSTCHECK struct status levels_open(struct ctx *c, struct levels **ret);
/* The level; one that knows nothing where it never learnt. Fails: INTERNAL (LEVELS_MAX are in hand). */
MUSTCHECK struct status level_find(struct ctx *c, struct levels *s, ChooserFactor factor, const char *name,
                                   struct level **ret);
/* Reads a row's version and data into a level that has its factor and name. Fails: INTERNAL. */
MUSTCHECK struct status level_take(struct ctx *c, struct level *l, int64_t version, struct str data);
/* Adds those that learnt to the unit, each against the version that was read. */
MUSTCHECK struct status levels_save(struct ctx *c, const struct levels *s);

/* The name of an option's level. NULL over the budget. */
const char *level_of_template(const char *template_name);
const char *level_of_medium(Medium medium);
const char *level_of_hour(struct arena *a, int local_hour);

/* ---- Options ---- */

/* What was found out about an option beside what the choice says of it. */
struct way {
    const char *purpose;
    const struct gate_facts *facts; /* for its purpose and medium */
};

/* Fills choice->options, ret_ways beside them, and the lead's contact. */
MUSTCHECK struct status options_look(struct ctx *c, const struct choosing *what, Choice *choice,
                                     struct way *ret_ways, const Contact **ret_contact);
/* Fills choice->hours with the times that suit the way; none where none does. */
MUSTCHECK struct status hours_look(struct ctx *c, const struct choosing *what, const struct way *way,
                                   Choice *choice);
/* The hour that a clock at the lead's shows. */
int hour_of(const struct gate_facts *f, int64_t us);

/* ---- Drawing ---- */

/* Chooses one of the feasible options (at least one is) by seed and explore: sets their propensities,
 * chosen_option and propensity. */
MUSTCHECK struct status draw_option(struct arena *a, const ChoiceInputs *in, Choice *choice);
/* The same for the hours, after the option; nothing where there are none. */
MUSTCHECK struct status draw_hour(struct arena *a, const ChoiceInputs *in, Choice *choice);

C_END
#endif

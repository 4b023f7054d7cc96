/* scoring.h: what scores leads: the model (or the prior scorecard) and the engagement axis, as agents/triage,
 * agents/lead and agents/model share them.
 *
 * What is in service comes from active_get(c, ACTIVE_MODEL) and active_get(c, ACTIVE_ENGAGEMENT). What was in
 * service once comes from here by digest or version, so that an old decision can be computed again. */
#ifndef AGENTS_RECORD_SCORING_H
#define AGENTS_RECORD_SCORING_H

#include "agents/record/app.h"
#include "agents/record/engagement.h"
#include "ml/model.h"

C_BEGIN

/* ---- Models ---- */

/* The version of the prior scorecard: changes with every change of its table (agents/triage/prior.c). */
#define SCORECARD_VERSION "scorecard-1"

/* A model to score with; what active_get(c, ACTIVE_MODEL) gives. */
struct scorer {
    struct model *model; /* NULL: the prior scorecard */
    const char *version; /* "models/m/versions/v"; "" for the prior scorecard */
    const char *digest;  /* SHA-256 of the model file in hex; of the scorecard, its version */
};

struct scoring; /* app.scoring: trusted keys, and a few models kept loaded; any thread may use it */

/* Opens app->scoring. keys_file names a file with one Ed25519 public key a line, 64 hex digits (`marketingctl
 * keys new` prints them); blank lines and those that start with # are skipped; "" trusts no key. Fails:
 * FIELD_INVALID (unreadable file, a line that is no key), REQUEST_TOO_LARGE. */
MUSTCHECK struct status model_trust_open(struct app *app, const char *keys_file, bool accept_unsigned,
                                         struct arena *a);
/* Lets go of the models kept. NULL is allowed. No other thread may still use it. */
void scoring_close(struct scoring *s);
/* What may be loaded. */
const struct model_trust *scoring_trust(const struct scoring *s);

/* Loads the model of the ctx's workspace whose file has this digest; recently used ones stay loaded (16 over
 * all workspaces). A file in the store was verified when it was imported and is verified again here. The
 * model is held until the ctx's arena is reset. Fails: MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSIGNED (its
 * key is trusted no more). */
MUSTCHECK struct status scoring_model(struct ctx *c, const char *digest, struct model **ret);

/* Room for model files that are on their way in, of all workspaces together: two of the largest at once. A
 * file's buffer may take half as much again. False where so many bytes are not left. */
#define SCORING_ROOM ((size_t)2 * MODEL_FILE_MAX)
bool scoring_room_take(struct scoring *s, size_t bytes);
void scoring_room_give(struct scoring *s, size_t bytes);

extern const struct stmt_table scoring_statements;

C_END
#endif

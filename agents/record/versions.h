/* versions.h: resources that are kept as versions, such as routing policies, templates and journeys.
 *
 * A stored version never changes but for its state; the first is 1, each further one more. Which one is in
 * service each room says itself. The message's name, version, state and create_time are the row's. */
#ifndef AGENTS_RECORD_VERSIONS_H
#define AGENTS_RECORD_VERSIONS_H

#include "agents/record/app.h"
#include "store/db.h"

#include <stddef.h>

C_BEGIN

struct versions {
    const char *what;       /* in errors: "journey" */
    const char *collection; /* "journeys/" */
    enum reason not_found;
    const ProtobufCMessageDescriptor *type;
    size_t name, version, state, create_time; /* where the message has them */
    const struct stmt *get;                   /* workspace, id, version -> state, create_time, data */
    const struct stmt *newest;                /* workspace, id -> version, 0 where there is none */
    const struct stmt *list; /* workspace, id, version, limit -> id, version, state, create_time, data */
    const struct stmt *move; /* to, workspace, id, version, from */
};

#define VERSIONS_OF(message)                                                                                 \
    .type = &message##_descriptor, .name = offsetof(message, name), .version = offsetof(message, version),   \
    .state = offsetof(message, state), .create_time = offsetof(message, create_time)

/* `ret`: a pointer to the message's pointer, here and below. Takes a row's (state, create_time, data). */
MUSTCHECK struct status versions_take(struct ctx *c, const struct versions *k, const char *id,
                                      int64_t version, const struct value *v, void *ret);
/* A stored version. Fails: not_found. */
MUSTCHECK struct status versions_get(struct ctx *c, const struct versions *k, const char *id, int64_t version,
                                     void *ret);
/* The number of the newest; 0 where there is none. */
MUSTCHECK struct status versions_newest(struct ctx *c, const struct versions *k, const char *id,
                                        int64_t *ret);

/* The version that a request means: the one that it names; for 0 `serving`, else (0 too) the newest.
 * Fails: FIELD_OUT_OF_RANGE, not_found. */
MUSTCHECK struct status versions_chosen(struct ctx *c, const struct versions *k, const char *id,
                                        int64_t asked, int64_t serving, int64_t *ret);

/* Makes `message` the version that comes after the newest, in this state. */
MUSTCHECK struct status versions_draft(struct ctx *c, const struct versions *k, const char *id, int state,
                                       void *message);

/* A page of all versions, by id and version. Fails: FIELD_OUT_OF_RANGE, PAGE_TOKEN_INVALID. */
MUSTCHECK struct status versions_page(struct ctx *c, const struct versions *k, int32_t page_size,
                                      const char *page_token, void *ret_messages, size_t *ret_n,
                                      char **ret_next);

/* Adds to the unit that a stored version goes from one state to another. */
void versions_move(struct ctx *c, const struct versions *k, const char *id, int64_t version, int64_t from,
                   int64_t to);

C_END
#endif

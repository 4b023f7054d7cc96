/* house.h: the running process: what main opened, in the order it is closed again. */
#ifndef SERVER_HOUSE_H
#define SERVER_HOUSE_H

#include "agents/engage/draft/draft.h"
#include "agents/engage/send/send.h"
#include "agents/record/app.h"
#include "server/options.h"

C_BEGIN

struct rpc;
struct jobs;
struct metrics_listener;
struct auth;
struct quota;
struct kv;

struct house {
    struct app app; /* what handlers see */
    struct options options;
    struct arena arena; /* lives as long as the process */
    int64_t start_us;
    struct send_limits send;
    struct drafting drafting;
    const char *first_password; /* while the first start makes it */
    struct jobs *jobs;
    struct metrics_listener *metrics;
    struct rpc *rpc;
    struct auth *auth; /* NULL: AUTH=off */
    struct quota *quota;
    struct kv *shared; /* Redis; NULL where there is none */
};

/* The house that an app is the inside of. */
static inline struct house *house_of(struct app *app)
{
    return (struct house *)(void *)((char *)app - offsetof(struct house, app));
}

/* Opens everything and serves. On failure what was opened is closed again. */
MUSTCHECK struct status house_open(struct house *h);
/* Drains: calls under way end, what they decided is committed. */
void house_close(struct house *h);

C_END
#endif

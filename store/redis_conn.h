/* redis_conn.h: one connection to Redis, with TLS where asked. hiredis makes the commands and reads the
 * replies; the socket is ours, so that everything ends at a deadline. Private to store/. */
#ifndef STORE_REDIS_CONN_H
#define STORE_REDIS_CONN_H

#include "base/arena.h"
#include "base/status.h"

#include <hiredis/hiredis.h>

C_BEGIN

/* What a url says. Texts live in the arena. */
struct redis_target {
    const char *host, *port, *user, *password, *database; /* "" where the url says nothing */
    void *tls;                                            /* of OpenSSL; NULL: plain text */
};

struct redis_conn;

/* Fails: FIELD_INVALID (REDIS_URL, REDIS_CA), without a word of the url. target->tls is freed with the arena.
 */
MUSTCHECK struct status redis_target_read(const char *url, const char *ca_file, struct arena *a,
                                          struct redis_target *ret);

/* Connects, logs in, chooses the database. Fails: KV_UNAVAILABLE. Looking a host's name up is not held to the
 * deadline. */
MUSTCHECK struct status redis_connect(const struct redis_target *t, int64_t deadline_us,
                                      struct redis_conn **ret);
void redis_disconnect(struct redis_conn *c); /* NULL is allowed */

/* Adds a command to those that the next exchange sends. */
void redis_command(struct redis_conn *c, const struct str *words, size_t n);
/* Sends what was added and reads a reply for each command; the caller frees them. Where it fails
 * (KV_UNAVAILABLE) there is no reply, and the connection is of no use any more. */
MUSTCHECK struct status redis_exchange(struct redis_conn *c, int64_t deadline_us, redisReply **ret, size_t n);

C_END
#endif

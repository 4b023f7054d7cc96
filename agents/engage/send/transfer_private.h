/* transfer_private.h: what the files that know libcurl share. */
#ifndef AGENTS_ENGAGE_SEND_TRANSFER_PRIVATE_H
#define AGENTS_ENGAGE_SEND_TRANSFER_PRIVATE_H

#include "agents/engage/send/transfer.h"

#include <curl/curl.h>

C_BEGIN

/* Starts libcurl, once. */
void transfer_library(void);

/* What holds for every exchange: no proxy, no redirect, no file of passwords; time; TLS. */
void transfer_set(CURL *e, const struct exchange *x);
/* That it is a POST. The list goes after the exchange. */
void transfer_set_post(CURL *e, const struct exchange *x, struct curl_slist **headers);

/* Whether the exchange's host is one of its private_hosts. */
bool transfer_anywhere(const struct exchange *x);

C_END
#endif

/* kv_backend.h: what the implementations of the key-value port share. Private to store/. */
#ifndef STORE_KV_BACKEND_H
#define STORE_KV_BACKEND_H

#include "store/kv.h"

C_BEGIN

MUSTCHECK struct status local_kv_open(size_t memory, struct kv **ret);
MUSTCHECK struct status redis_open(const struct kv_options *o, struct arena *a, struct kv **ret);

C_END
#endif

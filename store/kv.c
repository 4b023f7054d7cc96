#include "store/kv.h"

#include "store/kv_backend.h"

struct status kv_open(const struct kv_options *o, struct arena *a, struct kv **ret)
{
    return o->url[0] ? redis_open(o, a, ret) : local_kv_open(o->memory, ret);
}

void kv_close(struct kv *kv)
{
    if (kv)
        kv->ops->close(kv);
}

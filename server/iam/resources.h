/* resources.h: workspaces, users, service accounts and roles as rows of one table. Their messages begin
 * alike, so that one set of functions keeps them all. Private to server/iam. */
#ifndef SERVER_IAM_RESOURCES_H
#define SERVER_IAM_RESOURCES_H

#include "agents/record/mask.h"
#include "base/pb.h"
#include "proto/names.h"
#include "store/db.h"

C_BEGIN

/* As stored. */
enum resource_kind {
    RESOURCE_WORKSPACE = 1,
    RESOURCE_USER,
    RESOURCE_SERVICE_ACCOUNT,
    RESOURCE_ROLE,
    RESOURCE_KINDS
};

/* How each of the messages begins. */
struct resource_head {
    ProtobufCMessage base;
    char *name;
    char *etag;
    Timestamp *create_time;
    Timestamp *update_time;
};

/* User and ServiceAccount alike. */
struct account {
    struct resource_head head;
    char *display_name;
    size_t n_roles;
    char **roles; /* "roles/x" */
    protobuf_c_boolean disabled;
};

struct resource {
    enum resource_kind kind;
    const char *id;
    int64_t version;
    struct resource_head *message;
};

/* The id in a resource's name, e.g. "users/ann". Fails: FIELD_REQUIRED, FIELD_INVALID, naming the request's
 * field. */
MUSTCHECK struct status resource_id(struct ctx *c, enum resource_kind kind, const char *name,
                                    const char *field, const char **ret);
/* Reads one. Fails: ACCOUNT_NOT_FOUND. */
MUSTCHECK struct status resource_get(struct ctx *c, enum resource_kind kind, const char *id,
                                     struct resource *ret);
/* The same by its name; where `etag` is not empty it must match. Fails as the above, ETAG_MISMATCH. */
MUSTCHECK struct status resource_named(struct ctx *c, enum resource_kind kind, const char *name,
                                       const char *field, const char *etag, struct resource *ret);
/* A page. *ret_messages is made in the arena. */
MUSTCHECK struct status resource_list(struct ctx *c, enum resource_kind kind, int32_t page_size,
                                      const char *page_token, struct resource_head ***ret_messages,
                                      size_t *ret_n, char **ret_next);

/* Adds to the unit: a new one, its name, times and etag set by this. The unit fails with
 * ACCOUNT_ALREADY_EXISTS where there is one of this id. `id_field` names the request's field. */
MUSTCHECK struct status resource_add(struct ctx *c, enum resource_kind kind, const char *id,
                                     const char *id_field, bool disabled, struct resource_head *message);
/* Adds to the unit: the changed message of one that was read. */
MUSTCHECK struct status resource_put(struct ctx *c, struct resource *r, bool disabled);
/* Adds to the unit: its removal. */
MUSTCHECK struct status resource_remove(struct ctx *c, const struct resource *r);

C_END
#endif

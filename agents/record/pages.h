/* pages.h: page sizes and page tokens of all lists. A token is opaque, carries the key to go on from, and is
 * bound to the workspace, the method and the filter by a keyed hash, so that it cannot be used for another
 * list. */
#ifndef AGENTS_RECORD_PAGES_H
#define AGENTS_RECORD_PAGES_H

#include "agents/record/app.h"

C_BEGIN

#define PAGE_DEFAULT 50
#define PAGE_MAX 1000

struct page {
    int64_t size;
    const char *after; /* the last key of the page before; "" for the first page */
};

/* `scope` is what the token is bound to beside method and workspace: the filter, the parent. Fails:
 * FIELD_OUT_OF_RANGE, PAGE_TOKEN_INVALID. */
MUSTCHECK struct status page_read(struct ctx *c, int32_t page_size, const char *page_token, const char *scope,
                                  struct page *ret);
/* The token of the page after `last_key`, for which NULL (over the budget) is allowed. */
MUSTCHECK struct status page_token(struct ctx *c, const char *scope, const char *last_key, char **ret);

/* Lists by id and version: the key that a page goes on after ("" and 0 for the first), and the token of the
 * page after such a key. Fails: PAGE_TOKEN_INVALID. */
MUSTCHECK struct status page_after_version(struct ctx *c, const struct page *page, const char **ret_id,
                                           int64_t *ret_version);
MUSTCHECK struct status page_token_version(struct ctx *c, const char *id, int64_t version, char **ret);

C_END
#endif

/* SQLite's page cache, kept from looking for pages that it does not hold.
 *
 * Where an index page is split, the pages beside it get their numbers in order, and for a moment one of them
 * has that of the lock page, far beyond the end of the file. SQLite's cache remembers the largest number that
 * it was ever given; told at the commit to drop all pages beyond the end, it takes itself to hold some and
 * looks at each of its thousands. Here it is known when there are none. */
#include "store/sqlite.h"

#define LOCK_BYTE 0x40000000 /* the page that holds it never holds data */

static sqlite3_pcache_methods2 plain;

struct cache {
    sqlite3_pcache *real;
    unsigned lock_page;
    unsigned largest;    /* no page but the lock page has a larger number */
    bool lock_page_used; /* a page may have its number */
};

static struct cache *cache_of(sqlite3_pcache *p)
{
    return (struct cache *)p;
}

static sqlite3_pcache *cache_create(int page_bytes, int extra_bytes, int purgeable)
{
    struct cache *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->lock_page = (unsigned)(LOCK_BYTE / page_bytes + 1);
    c->real = plain.xCreate(page_bytes, extra_bytes, purgeable);
    if (c->real)
        return (sqlite3_pcache *)c;
    sqlite3_free(c);
    return NULL;
}

static void cache_destroy(sqlite3_pcache *p)
{
    plain.xDestroy(cache_of(p)->real);
    sqlite3_free(p);
}

static void cache_size(sqlite3_pcache *p, int pages)
{
    plain.xCachesize(cache_of(p)->real, pages);
}

static int cache_count(sqlite3_pcache *p)
{
    return plain.xPagecount(cache_of(p)->real);
}

static void cache_shrink(sqlite3_pcache *p)
{
    plain.xShrink(cache_of(p)->real);
}

static void may_hold(struct cache *c, unsigned number)
{
    if (number == c->lock_page)
        c->lock_page_used = true;
    else if (number > c->largest)
        c->largest = number;
}

static sqlite3_pcache_page *cache_fetch(sqlite3_pcache *p, unsigned number, int create)
{
    if (create)
        may_hold(cache_of(p), number);
    return plain.xFetch(cache_of(p)->real, number, create);
}

static void cache_unpin(sqlite3_pcache *p, sqlite3_pcache_page *page, int discard)
{
    plain.xUnpin(cache_of(p)->real, page, discard);
}

static void cache_rekey(sqlite3_pcache *p, sqlite3_pcache_page *page, unsigned from, unsigned to)
{
    struct cache *c = cache_of(p);
    if (from == c->lock_page)
        c->lock_page_used = false;
    may_hold(c, to);
    plain.xRekey(c->real, page, from, to);
}

static void cache_truncate(sqlite3_pcache *p, unsigned first)
{
    struct cache *c = cache_of(p);
    if (first > c->largest && !(c->lock_page_used && first <= c->lock_page))
        return;
    plain.xTruncate(c->real, first);
    c->largest = MIN(c->largest, first - 1);
    c->lock_page_used &= first > c->lock_page;
}

void lite_cache_configure(void)
{
    static const sqlite3_pcache_methods2 layer = {
        .iVersion = 1,
        .xCreate = cache_create,
        .xCachesize = cache_size,
        .xPagecount = cache_count,
        .xFetch = cache_fetch,
        .xUnpin = cache_unpin,
        .xRekey = cache_rekey,
        .xTruncate = cache_truncate,
        .xDestroy = cache_destroy,
        .xShrink = cache_shrink,
    };
    sqlite3_pcache_methods2 ours = layer;
    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &plain) != SQLITE_OK)
        return; /* SQLite is in use already: it stays as it is */
    ours.pArg = plain.pArg;
    ours.xInit = plain.xInit;
    ours.xShutdown = plain.xShutdown;
    sqlite3_config(SQLITE_CONFIG_PCACHE2, &ours);
}

/* SQLite's page cache, but for one number.
 *
 * Where an index page is split, the pages beside it get their numbers in order, and for a moment one of them
 * has that of the lock page, which never holds data. The cache remembers the largest number that it has seen;
 * at the commit it finds it to lie beyond the end of the database, and looks at each of its thousands of
 * pages for those that are no longer there. Under the number 0, which no page has, it need not. */
#include "store/sqlite.h"

#define LOCK_PAGE (0x40000000 / 4096 + 1) /* with pages of 4 KiB; in other databases a page like any */

static sqlite3_pcache_methods2 plain;

static unsigned number(unsigned page)
{
    return page == LOCK_PAGE ? 0 : page;
}

static sqlite3_pcache_page *fetch(sqlite3_pcache *cache, unsigned page, int create)
{
    return plain.xFetch(cache, number(page), create);
}

static void rekey(sqlite3_pcache *cache, sqlite3_pcache_page *p, unsigned from, unsigned to)
{
    plain.xRekey(cache, p, number(from), number(to));
}

static void truncate_from(sqlite3_pcache *cache, unsigned first)
{
    sqlite3_pcache_page *p = first <= LOCK_PAGE ? plain.xFetch(cache, 0, 0) : NULL;
    if (p)
        plain.xUnpin(cache, p, 1);
    plain.xTruncate(cache, first);
}

void lite_cache_configure(void)
{
    sqlite3_pcache_methods2 ours;
    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &plain) != SQLITE_OK)
        return; /* SQLite is in use already: it stays as it is */
    ours = plain;
    ours.xFetch = fetch;
    ours.xRekey = rekey;
    ours.xTruncate = truncate_from;
    sqlite3_config(SQLITE_CONFIG_PCACHE2, &ours);
}

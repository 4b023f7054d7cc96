/* What SQLite leaves of what was deleted. It overwrites deleted rows (secure_delete), but where it has moved
 * rows between pages their old bytes may stay in the unused middle of a page, between its list of cells and
 * the first of them, until that page fills up. */
#include "store/sqlite.h"

#define PAGE_MAX 65536
#define FILE_HEADER 100 /* before the header of the first page */
#define PAGES "SELECT pgoffset, pgsize FROM dbstat WHERE pagetype <> 'overflow'"

/* The page of a b-tree at the start of p; its unused middle. False where it is none. */
static bool middle(const unsigned char *p, bool first, int size, int *ret_from, int *ret_to)
{
    const unsigned char *header = p + (first ? FILE_HEADER : 0);
    bool leaf = header[0] == 10 || header[0] == 13, inner = header[0] == 2 || header[0] == 5;
    int cells = header[3] << 8 | header[4], start = header[5] << 8 | header[6];
    *ret_from = (int)(header - p) + (leaf ? 8 : 12) + 2 * cells;
    *ret_to = start ? start : PAGE_MAX;
    return (leaf || inner) && *ret_from <= *ret_to && *ret_to <= size;
}

static bool is_clean(const unsigned char *p, int n)
{
    for (int i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* Only bytes that mean nothing change, so whoever reads the page meanwhile, or a crash, does not matter. */
static bool scrub_page(sqlite3_file *f, unsigned char *page, sqlite3_int64 at, int size)
{
    int from, to;
    if (size > PAGE_MAX || f->pMethods->xRead(f, page, size, at) != SQLITE_OK ||
        !middle(page, at == 0, size, &from, &to))
        return false;
    if (is_clean(page + from, to - from))
        return true;
    memset(page + from, 0, (size_t)(to - from));
    return f->pMethods->xWrite(f, page + from, to - from, at + from) == SQLITE_OK;
}

static bool scrub_pages(sqlite3_file *f, sqlite3_stmt *pages)
{
    int rc;
    unsigned char *page = sqlite3_malloc(PAGE_MAX);
    bool good = page != NULL;
    while (good && (rc = sqlite3_step(pages)) != SQLITE_DONE)
        good = rc == SQLITE_ROW &&
               scrub_page(f, page, sqlite3_column_int64(pages, 0), sqlite3_column_int(pages, 1));
    sqlite3_free(page);
    return good;
}

bool lite_scrub(struct lite_conn *w)
{
    sqlite3_file *f = NULL;
    sqlite3_stmt *pages = NULL;
    bool good = sqlite3_file_control(w->h, "main", SQLITE_FCNTL_FILE_POINTER, &f) == SQLITE_OK &&
                sqlite3_prepare_v2(w->h, PAGES, -1, &pages, NULL) == SQLITE_OK && scrub_pages(f, pages);
    sqlite3_finalize(pages);
    sqlite3_db_release_memory(w->h); /* the pages in memory are as they were */
    return good && f->pMethods->xSync(f, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

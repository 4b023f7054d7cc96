/* backup.h: copies of an SQLite database, made beside the server that writes to it, and put back. For tools:
 * PostgreSQL has its own. docs/backup.md says what a restore means for messages. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

struct backup {
    int64_t bytes;   /* of the copy */
    int64_t schema;  /* the newest migration in it */
    int64_t events;  /* the last one in its event log; 0: none */
    int64_t time_us; /* of that event */
    int64_t erased; /* erasures that the newer database knows of and the copy does not: the people are back */
};

/* Copies what is committed at this moment into a new file, which is there as a whole or not at all, checked
 * and on the disk. The server goes on. The copy knows that it is one: a server that starts on it delivers
 * nothing until it is told to. Fails: STORE_UNAVAILABLE, STORE_FULL, FIELD_INVALID (the url, or there is such
 * a file). */
MUSTCHECK struct status backup_create(const char *url, const char *file, struct arena *a, struct backup *ret);

/* Checks a copy and makes it the database of the url, which must not be there yet. `suppressions_of`: NULL,
 * or the url of a database of the same installation, newer than the copy: whom that one suppresses is
 * suppressed in the copy too, before anything can start on it. Fails: as above, and STORE_UNAVAILABLE where a
 * file is damaged; FIELD_INVALID where the two databases are not of one installation and schema. */
MUSTCHECK struct status backup_restore(const char *file, const char *url, const char *suppressions_of,
                                       struct arena *a, struct backup *ret);

C_END
#endif

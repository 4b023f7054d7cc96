/* access.h: who may call at all: the option AUTH, and what a new installation begins with. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "server/house.h"

C_BEGIN

/* Opens h->app.iam over the open store, with a key that signs. Where calls need credentials and there is no
 * workspace yet, makes the first one and its administrator, and leaves the password in the file of
 * ADMIN_PASSWORD_FILE, or in the log. Fails: FIELD_INVALID (AUTH, the file), what the store fails with. */
MUSTCHECK struct status access_open(struct house *h);
bool access_required(const struct house *h);

C_END
#endif

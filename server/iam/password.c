#include "server/iam/password.h"

#include "base/ids.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <semaphore.h>

#define METHOD "$2b$"
#define COST 12
#define SALT_BYTES 16

/* The hash of a password that nobody knows: 32 random bytes, thrown away. */
#define DECOY "$2b$12$xQvAK2pCbzgr8Lf8/yNttekDC9iCnf19hkeFewTJSgw7tHDBOy4rm"

static sem_t hashing;

static void make_semaphore(void)
{
    sem_init(&hashing, 0, PASSWORD_AT_ONCE);
}

static void wait_turn(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_semaphore);
    while (sem_wait(&hashing) < 0 && errno == EINTR)
        ;
}

struct status password_acceptable(struct arena *a, const char *field, const char *password)
{
    size_t n = strlen(password);
    if (!n)
        return fail_field(a, REASON_FIELD_REQUIRED, field, "give a password");
    if (n < PASSWORD_MIN)
        return fail_field(a, REASON_FIELD_OUT_OF_RANGE, field, "must have at least %d bytes", PASSWORD_MIN);
    if (n > PASSWORD_MAX)
        return fail_field(a, REASON_FIELD_TOO_LONG, field, "must have at most %d bytes", PASSWORD_MAX);
    return ok();
}

/* bcrypt with the setting, which is a salt or a whole hash. NULL where the setting is none of ours. */
static struct status bcrypt(struct arena *a, const char *setting, const char *password, const char **ret)
{
    struct crypt_data *d = ARENA_NEW(a, struct crypt_data);
    if (!d)
        return fail_memory();
    wait_turn();
    const char *hash = crypt_r(password, setting, d);
    sem_post(&hashing);
    *ret = hash && str_starts(str_of(hash), STR(METHOD)) ? arena_dup(a, str_of(hash)) : NULL;
    OPENSSL_cleanse(d, sizeof *d);
    return a->overflow ? fail_memory() : ok();
}

struct status password_hash(struct arena *a, const char *password, const char **ret)
{
    char random[SALT_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE];
    random_bytes(random, sizeof random);
    if (!crypt_gensalt_rn(METHOD, COST, random, sizeof random, setting, sizeof setting))
        return fail(a, REASON_INTERNAL, "no salt for a password");
    TRY(bcrypt(a, setting, password, ret));
    return *ret ? ok() : fail(a, REASON_INTERNAL, "a password cannot be hashed");
}

struct status password_check(struct arena *a, const char *field, const char *hash, const char *password,
                             bool *ret)
{
    const char *against = hash ? hash : DECOY, *made;
    *ret = false;
    if (strlen(password) > PASSWORD_MAX)
        return fail_field(a, REASON_FIELD_TOO_LONG, field, "must have at most %d bytes", PASSWORD_MAX);
    TRY(bcrypt(a, against, password, &made));
    size_t n = strlen(against);
    *ret = hash && made && strlen(made) == n && same_bytes(made, against, n);
    return ok();
}

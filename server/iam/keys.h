/* keys.h: the Ed25519 keys that access tokens are signed with. The newest one that this replica can open
 * signs; all others verify until they expire. They are rows of the table iam_signing_key, their private
 * halves sealed (base/seal.h) where SECRET_KEY is given: a replica with another SECRET_KEY signs with a key
 * of its own, and each verifies what the other signed. Any thread. */
#ifndef SERVER_IAM_KEYS_H
#define SERVER_IAM_KEYS_H

#include "base/ctx.h"
#include "base/ids.h"
#include "base/sign.h"

C_BEGIN

#define KEYS_MAX 16

struct keys;

/* secret: of SECRET_KEY; empty: private halves are stored as they are. It must live as long as the keys. */
MUSTCHECK struct status keys_open(struct str secret, struct keys **ret);
void keys_close(struct keys *k); /* NULL is allowed */

/* Reads the rows; what they say holds from now on. */
MUSTCHECK struct status keys_load(struct ctx *c, struct keys *k);
/* Whether a new key is due: none can sign, or the one that does is 30 days old. */
bool keys_due(struct keys *k, int64_t now_us);
/* Adds to the ctx's unit a new key and the removal of expired ones. It signs once it was loaded. */
MUSTCHECK struct status keys_renew(struct ctx *c, struct keys *k);
/* Adds a key that is no row: for tests. */
MUSTCHECK struct status keys_add(struct keys *k, const char *id,
                                 const unsigned char private_half[SIGN_KEY_BYTES], int64_t create_us,
                                 int64_t expire_us);

/* Signs header and payload as a JWS in compact form, in the arena. Fails: INTERNAL where no key can sign. */
MUSTCHECK struct status keys_sign(struct keys *k, struct str payload, struct arena *a, const char **ret);
/* The payload of a JWS that one of the keys made: its header must be the one that we write for that key, to
 * the byte, so nothing in it is believed. False on any other text. */
MUSTCHECK bool keys_verify(struct keys *k, struct str jws, int64_t now_us, struct arena *a, struct str *ret);

struct public_key {
    char id[ID_TEXT];
    unsigned char half[SIGN_KEY_BYTES];
};
/* All keys that verify, the newest first. */
size_t keys_public(struct keys *k, struct public_key ret[KEYS_MAX]);

C_END
#endif

/* signer.h: the installation's signature under statements that others keep: audit checkpoints, certificates
 * of erasure. The key follows from SECRET_KEY alone, so it lies in no database. */
#ifndef AGENTS_RECORD_SIGNER_H
#define AGENTS_RECORD_SIGNER_H

#include "agents/record/app.h"
#include "base/sign.h"

C_BEGIN

struct signer {
    unsigned char secret[SIGN_KEY_BYTES], public_half[SIGN_KEY_BYTES];
};

/* Fails: INTERNAL where OpenSSL does. */
MUSTCHECK struct status signer_open(struct str secret_key, struct arena *a, struct signer **ret);
/* Signs the text; signature and public key as fields of a message, in the arena. Fails: INTERNAL. */
MUSTCHECK struct status signer_sign(struct ctx *c, struct str text, ProtobufCBinaryData *ret_public,
                                    ProtobufCBinaryData *ret_signature);

C_END
#endif

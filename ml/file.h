/* file.h: the model file. All integers and floats are little-endian; every length is stated before its bytes.
 *
 *   "MKTMODEL"  u32 version  u32 sections  then per section: 4-byte tag, u64 length
 *   the sections' bytes, in order: INFO VIEW MEMB STAK REPT DATA
 *   trailer: SHA-256 of all bytes before it, Ed25519 public key, Ed25519 signature (both zero where unsigned)
 *
 * The signature is over "marketing model file v1\n" and the digest. */
#ifndef ML_FILE_H
#define ML_FILE_H

#include "base/buf.h"
#include "ml/parts.h"

C_BEGIN

#define FILE_MAGIC "MKTMODEL"
#define FILE_VERSION 1u
#define FILE_TRAILER (32u + MODEL_KEY_BYTES + 64u)
#define STRING_MAX (16u * 1024 * 1024)

/* Appends the whole file; secret: a 32-byte Ed25519 private key, or NULL for an unsigned file. Fails:
 * REQUEST_TOO_LARGE (the buffer's limit), INTERNAL (OpenSSL). */
MUSTCHECK struct status file_write(const struct model_parts *p, const unsigned char *secret, struct buf *to);

/* Reads sections into parts (arena), checking everything; the trailer is not looked at. Fails: MODEL_INVALID.
 */
MUSTCHECK struct status file_read(struct str body, struct arena *a, struct arena *errors,
                                  struct model_parts *ret);

/* Ed25519 by OpenSSL. */
void key_new(unsigned char secret[32], unsigned char public_key[MODEL_KEY_BYTES]);
MUSTCHECK bool key_public(const unsigned char secret[32], unsigned char public_key[MODEL_KEY_BYTES]);
MUSTCHECK bool key_sign(const unsigned char secret[32], const unsigned char digest[32],
                        unsigned char signature[64]);
MUSTCHECK bool key_verify(const unsigned char public_key[MODEL_KEY_BYTES], const unsigned char digest[32],
                          const unsigned char signature[64]);

C_END
#endif

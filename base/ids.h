/* ids.h: names for things. */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include "base/base.h"

C_BEGIN

#define ID_TEXT 27 /* 26 characters and the NUL */

/* A new id: 48 bits of wall-clock milliseconds, then 80 random bits, in lower-case base 32 (0-9 a-v), so ids
 * sort by time of making and rows append to their index. Never starts with anything but a digit or letter.
 * Any thread. */
void id_new(char text[ID_TEXT]);
/* The id that (domain, seed) always give: for things that must come out the same when made twice. */
void id_derive(struct str domain, struct str seed, char text[ID_TEXT]);
/* 1 to 63 of [a-z0-9-], starting with a letter or digit, not ending with '-': what a client may choose. */
bool id_valid(struct str s);
#define ID_RULE "must be 1 to 63 of [a-z0-9-], with a letter or digit at both ends"
/* Cryptographically random bytes; aborts if the kernel has none. */
void random_bytes(void *p, size_t n);
/* The same for at most 256 bytes: one system call buys them for many. */
void random_pooled(void *p, size_t n);

#define SHA256_BYTES 32
void sha256(struct str data, unsigned char out[SHA256_BYTES]);
void hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_BYTES]);
/* Equal; in a time that does not tell where they differ. */
bool same_bytes(const void *a, const void *b, size_t n);
void hex_text(const unsigned char *p, size_t n, char *text); /* 2n characters and a NUL */
/* The way back. False where the text is anything but 2n of those characters; ret is then of no use. */
MUSTCHECK bool hex_bytes(struct str text, unsigned char *ret, size_t n);
/* splitmix64's output function: a bijective mix of 64 bits (Steele, Lea, Flood 2014). */
uint64_t mix64(uint64_t x);
/* A fast 64-bit hash of bytes for tables in memory. Not for storage, not against an adversary. */
uint64_t hash64(struct str s, uint64_t seed);

C_END
#endif

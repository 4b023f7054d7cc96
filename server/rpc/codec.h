/* codec.h: bytes of a request to a message, checked first.
 *
 * protobuf-c neither limits depth, nor checks UTF-8, and cuts strings at a NUL; so the bytes are scanned
 * against the message's shape before it sees them. Nothing here knows gRPC. Shapes are made once, at start;
 * everything else runs on any thread. */
#ifndef SERVER_RPC_CODEC_H
#define SERVER_RPC_CODEC_H

#include "base/status.h"
#include "server/rpc/schema.h"

#include <protobuf-c/protobuf-c.h>

C_BEGIN

#define CODEC_MAX_DEPTH 100

enum shape_check { CHECK_NOTHING, CHECK_STRING, CHECK_ENUM, CHECK_MESSAGE };

struct shape_field {
    const ProtobufCFieldDescriptor *d;
    const struct shape *sub; /* CHECK_MESSAGE */
    enum shape_check check;
    bool is_map;
};

/* A message type, compiled for the scan. */
struct shape {
    const ProtobufCMessageDescriptor *d;
    const struct shape_field *fields; /* as many as d has, in its order: by number */
    bool has_map;                     /* in it or below */
    bool recursive;                   /* holds itself, directly or through others: no request may */
    const struct shape *next;         /* the book's list */
};

/* All shapes made so far: a type used by many methods is compiled once. */
struct shape_book {
    struct arena *arena;
    const struct schema *schema;
    const struct shape *all;
};

/* NULL when the arena is full. */
const struct shape *shape_of(struct shape_book *book, const ProtobufCMessageDescriptor *d);

/* Unpacks into the arena, map fields in their canonical form (entries by key, the last of equal keys). Before
 * it allocates anything it refuses what is not well-formed wire format of the shape, nested deeper than
 * CODEC_MAX_DEPTH, or holds a string that is not UTF-8 or has a NUL, or an enum number the enum does not
 * have; the violation names the field ("rows[3].lead.email"). Fails: MALFORMED_MESSAGE, NESTING_TOO_DEEP,
 * INVALID_UTF8, EMBEDDED_NUL, FIELD_INVALID; REQUEST_TOO_LARGE where the arena's budget does not hold the
 * message. */
MUSTCHECK struct status codec_decode(const struct shape *s, struct str bytes, struct arena *a,
                                     ProtobufCMessage **ret);

C_END
#endif

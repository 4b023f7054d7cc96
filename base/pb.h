/* pb.h: protobuf-c messages in arenas. Nothing here is ever freed by protobuf_c_message_free_unpacked: the
 * arena's reset does it. */
#ifndef BASE_PB_H
#define BASE_PB_H

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>

C_BEGIN

/* A message with its defaults. NULL over the arena's budget. */
void *pb_new(struct arena *a, const ProtobufCMessageDescriptor *d);
#define PB_NEW(a, type) ((type *)pb_new((a), &type##_descriptor))

/* The bytes of a message, in the arena; p is NULL over the budget. */
struct str pb_pack(struct arena *a, const void *message);

/* Most messages fit here. */
struct pb_room {
    uint8_t bytes[4096];
};

/* The bytes of a message, lying in the room. False where they are more, or the message carries fields that
 * its descriptor does not know: protobuf_c_message_pack does those. */
bool pb_pack_into(const void *message, struct pb_room *room, struct str *ret);

/* NULL where the bytes are not such a message or the budget is used up (then a->overflow is set). For bytes
 * that this system wrote itself: nothing is checked beyond what protobuf-c checks. */
void *pb_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, struct str bytes);
#define PB_UNPACK(a, type, bytes) ((type *)pb_unpack((a), &type##_descriptor, (bytes)))

/* A string field's value, in the arena; the shared empty string for an empty slice. NULL over the budget. */
char *pb_str(struct arena *a, struct str s);

C_END
#endif

/* descriptors.h: the serialized google.protobuf.FileDescriptorSet of everything the server serves, imports
 * included. */
#ifndef PROTO_DESCRIPTORS_H
#define PROTO_DESCRIPTORS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
extern const unsigned char proto_descriptor_set[];
extern const size_t proto_descriptor_set_size;
#ifdef __cplusplus
}
#endif
#endif

/* schema.h: what protobuf-c's descriptors leave out, read from the FileDescriptorSet: which side of a method
 * streams, which messages are map entries, and the files themselves for reflection. */
#ifndef SERVER_RPC_SCHEMA_H
#define SERVER_RPC_SCHEMA_H

#include "base/status.h"

C_BEGIN

enum symbol_kind { SYMBOL_MESSAGE, SYMBOL_MAP_ENTRY, SYMBOL_ENUM, SYMBOL_SERVICE, SYMBOL_METHOD };

struct schema_symbol {
    const char *name; /* full: "marketing.v1.LeadService.GetLead" */
    enum symbol_kind kind;
    bool client_streams, server_streams; /* methods */
    size_t file;
};

struct schema_file {
    const char *name; /* "marketing/v1/lead.proto" */
    struct str bytes; /* its serialized FileDescriptorProto, inside the set given to schema_load */
};

struct schema {
    struct schema_file *files;
    struct schema_symbol *symbols; /* by name */
    size_t n_files, n_symbols;
};

/* The set's bytes must outlive the schema; the rest is copied into the arena. Fails: SCHEMA_INVALID,
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status schema_load(struct str set, struct arena *a, struct schema *ret);
/* NULL where there is none. */
const struct schema_symbol *schema_find(const struct schema *s, const char *name);
const struct schema_file *schema_find_file(const struct schema *s, const char *name);

C_END
#endif

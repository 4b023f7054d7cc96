#include "server/rpc/schema.h"

#include "base/pb.h"

#include "google/protobuf/descriptor.pb-c.h"

#include <stdlib.h>

typedef Google__Protobuf__FileDescriptorSet FileSet;
typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__ServiceDescriptorProto Service;

#define PARSE_BYTES (64u << 20)

/* One walk counts the symbols, a second one writes them down. */
struct walk {
    struct arena *a;
    struct schema_symbol *out; /* NULL while counting */
    size_t n, file;
};

static const char *join(struct walk *w, const char *scope, const char *name)
{
    const char *joined = w->out ? arena_printf(w->a, "%s%s%s", scope, scope[0] ? "." : "", name) : "";
    return joined ? joined : "";
}

static void note(struct walk *w, const char *scope, const char *name, enum symbol_kind kind, bool client,
                 bool server)
{
    if (w->out) {
        struct schema_symbol *s = &w->out[w->n];
        s->name = join(w, scope, name);
        s->kind = kind;
        s->client_streams = client;
        s->server_streams = server;
        s->file = w->file;
    }
    w->n++;
}

static void walk_enums(struct walk *w, const char *scope, Enum *const *enums, size_t n)
{
    for (size_t i = 0; i < n; i++)
        note(w, scope, enums[i]->name, SYMBOL_ENUM, false, false);
}

static void walk_messages(struct walk *w, const char *scope, Message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const Message *m = messages[i];
        bool map = m->options && m->options->has_map_entry && m->options->map_entry;
        note(w, scope, m->name, map ? SYMBOL_MAP_ENTRY : SYMBOL_MESSAGE, false, false);
        const char *inner = join(w, scope, m->name);
        walk_messages(w, inner, m->nested_type, m->n_nested_type);
        walk_enums(w, inner, m->enum_type, m->n_enum_type);
    }
}

static void walk_services(struct walk *w, const char *scope, Service *const *services, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        note(w, scope, services[i]->name, SYMBOL_SERVICE, false, false);
        const char *inner = join(w, scope, services[i]->name);
        for (size_t k = 0; k < services[i]->n_method; k++) {
            const Google__Protobuf__MethodDescriptorProto *m = services[i]->method[k];
            note(w, inner, m->name, SYMBOL_METHOD, m->client_streaming, m->server_streaming);
        }
    }
}

static void walk_files(struct walk *w, const FileSet *set)
{
    w->n = 0;
    for (w->file = 0; w->file < set->n_file; w->file++) {
        const File *f = set->file[w->file];
        const char *package = f->package ? f->package : "";
        walk_messages(w, package, f->message_type, f->n_message_type);
        walk_enums(w, package, f->enum_type, f->n_enum_type);
        walk_services(w, package, f->service, f->n_service);
    }
}

/* The set is `repeated FileDescriptorProto file = 1`: where each file's own bytes lie in it. */
static bool slice_files(struct str set, struct schema *s)
{
    const uint8_t *p = (const uint8_t *)set.p, *end = p + set.n;
    for (size_t i = 0; i < s->n_files; i++) {
        uint64_t n = 0;
        int shift = 0;
        if (p == end || *p++ != (1 << 3 | 2))
            return false;
        do {
            if (p == end || shift > 28)
                return false;
            n |= (uint64_t)(*p & 0x7f) << shift;
            shift += 7;
        } while (*p++ & 0x80);
        if (n > (uint64_t)(end - p))
            return false;
        s->files[i].bytes = str_make((const char *)p, n);
        p += n;
    }
    return p == end;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct schema_symbol *)x)->name, ((const struct schema_symbol *)y)->name);
}

static struct status build(const FileSet *set, struct str bytes, struct arena *a, struct schema *s)
{
    struct walk w = { a, NULL, 0, 0 };
    walk_files(&w, set);
    s->n_symbols = w.n;
    s->n_files = set->n_file;
    s->files = ARENA_ARRAY(a, set->n_file, struct schema_file);
    s->symbols = w.out = ARENA_ARRAY(a, w.n, struct schema_symbol);
    if (a->overflow)
        return fail_memory();
    for (size_t i = 0; i < set->n_file; i++)
        s->files[i].name = arena_dup(a, str_of(set->file[i]->name));
    walk_files(&w, set);
    if (a->overflow)
        return fail_memory();
    if (!slice_files(bytes, s))
        return fail(a, REASON_SCHEMA_INVALID, "the descriptor set holds more than files");
    qsort(s->symbols, s->n_symbols, sizeof *s->symbols, by_name);
    return ok();
}

struct status schema_load(struct str set, struct arena *a, struct schema *ret)
{
    struct arena scratch;
    struct status st;
    memset(ret, 0, sizeof *ret);
    arena_init(&scratch, PARSE_BYTES);
    const FileSet *files = pb_unpack(&scratch, &google__protobuf__file_descriptor_set__descriptor, set);
    st = files ? build(files, set, a, ret)
               : fail(a, REASON_SCHEMA_INVALID, "the descriptor set does not parse");
    arena_done(&scratch);
    return st;
}

const struct schema_symbol *schema_find(const struct schema *s, const char *name)
{
    struct schema_symbol key;
    memset(&key, 0, sizeof key);
    key.name = name;
    return s->n_symbols ? bsearch(&key, s->symbols, s->n_symbols, sizeof key, by_name) : NULL;
}

const struct schema_file *schema_find_file(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (strcmp(s->files[i].name, name) == 0)
            return &s->files[i];
    return NULL;
}

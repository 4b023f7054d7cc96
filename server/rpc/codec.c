#include "server/rpc/codec.h"

#include "base/pb.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

#define MAX_FIELD_NUMBER ((1u << 29) - 1)

/* ---- shapes ---- */

static enum shape_check check_of(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_STRING    ? CHECK_STRING
           : f->type == PROTOBUF_C_TYPE_ENUM    ? CHECK_ENUM
           : f->type == PROTOBUF_C_TYPE_MESSAGE ? CHECK_MESSAGE
                                                : CHECK_NOTHING;
}

static const struct shape *find_shape(const struct shape_book *book, const ProtobufCMessageDescriptor *d)
{
    const struct shape *s = book->all;
    while (s && s->d != d)
        s = s->next;
    return s;
}

static bool fill_field(struct shape_book *book, struct shape *s, struct shape_field *f,
                       const ProtobufCFieldDescriptor *d)
{
    f->d = d;
    f->check = check_of(d);
    if (f->check != CHECK_MESSAGE)
        return true;
    const struct schema_symbol *symbol =
        schema_find(book->schema, ((const ProtobufCMessageDescriptor *)d->descriptor)->name);
    f->is_map = symbol && symbol->kind == SYMBOL_MAP_ENTRY;
    f->sub = shape_of(book, d->descriptor);
    if (!f->sub)
        return false;
    s->has_map |= f->is_map || f->sub->has_map;
    /* A shape without fields yet is one still being made above us: the type holds itself. */
    s->recursive |= f->sub->recursive || !f->sub->fields;
    return true;
}

const struct shape *shape_of(struct shape_book *book, const ProtobufCMessageDescriptor *d)
{
    const struct shape *known = find_shape(book, d);
    if (known)
        return known;
    struct shape *s = ARENA_NEW(book->arena, struct shape);
    struct shape_field *fields = ARENA_ARRAY(book->arena, d->n_fields + 1, struct shape_field);
    if (!s || !fields)
        return NULL;
    s->d = d;
    s->next = book->all;
    book->all = s;
    for (unsigned i = 0; i < d->n_fields; i++)
        if (!fill_field(book, s, &fields[i], &d->fields[i]))
            return NULL;
    s->fields = fields;
    return s;
}

/* ---- the scan ---- */

/* One message being scanned; the chain of them is the path to where we are. */
struct frame {
    const struct frame *up;
    const struct shape *shape;
    const uint8_t *begin, *at, *end; /* at: the key of the field being read */
    const struct shape_field *field; /* NULL: unknown, or none yet */
    int depth;
};

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
    uint64_t v = 0;
    const uint8_t *q = *p;
    for (unsigned shift = 0; shift < 64 && q < end; shift += 7) {
        v |= (uint64_t)(*q & 0x7f) << shift;
        if (!(*q++ & 0x80)) {
            *p = q;
            *ret = v;
            return true;
        }
    }
    return false;
}

/* Steps over one value. For WIRE_BYTES *ret is what it holds. */
static bool read_value(const uint8_t **p, const uint8_t *end, enum wire w, struct str *ret,
                       uint64_t *ret_number)
{
    uint64_t n = 0;
    size_t fixed = w == WIRE_64 ? 8 : w == WIRE_32 ? 4 : 0;
    if (w == WIRE_VARINT)
        return read_varint(p, end, ret_number);
    if (w == WIRE_BYTES) {
        if (!read_varint(p, end, &n) || n > (uint64_t)(end - *p))
            return false;
        *ret = str_make((const char *)*p, (size_t)n);
        *p += n;
        return true;
    }
    if (!fixed || (size_t)(end - *p) < fixed)
        return false;
    *p += fixed;
    return true;
}

/* How many of the field's elements stand before this one. Bytes before `at` were scanned already, so they
 * parse. */
static size_t element_index(const struct frame *f)
{
    const uint8_t *p = f->begin;
    size_t n = 0;
    while (p < f->at) {
        uint64_t key, number;
        struct str bytes;
        if (!read_varint(&p, f->at, &key) || !read_value(&p, f->at, (enum wire)(key & 7), &bytes, &number))
            break;
        n += (key >> 3) == f->field->d->id;
    }
    return n;
}

static const char *path_of(const struct frame *f, struct arena *a)
{
    const char *path = "";
    for (; f; f = f->up) {
        if (!f->field)
            continue;
        const char *dot = path[0] ? "." : "";
        path = f->field->d->label == PROTOBUF_C_LABEL_REPEATED
                   ? arena_printf(a, "%s[%zu]%s%s", f->field->d->name, element_index(f), dot, path)
                   : arena_printf(a, "%s%s%s", f->field->d->name, dot, path);
        if (!path)
            return "";
    }
    return path;
}

static struct status refuse(const struct frame *f, struct arena *a, enum reason r, const char *what)
{
    const char *path = path_of(f, a);
    if (path[0])
        return fail_field(a, r, path, "%s", what);
    struct status st = fail(NULL, r, "refused");
    st.message = what;
    st.violations = ARENA_NEW(a, struct violation);
    if (st.violations) {
        st.violations->field = "";
        st.violations->description = what;
    }
    return st;
}

static const struct shape_field *find_field(const struct shape *s, unsigned number, unsigned *hint)
{
    /* Writers put fields in order of their numbers, mostly: try the one after the last. */
    for (unsigned i = *hint; i < s->d->n_fields && i < *hint + 2; i++)
        if (s->fields[i].d->id == number) {
            *hint = i;
            return &s->fields[i];
        }
    const ProtobufCFieldDescriptor *d = protobuf_c_message_descriptor_get_field(s->d, number);
    if (!d)
        return NULL;
    *hint = (unsigned)(d - s->d->fields);
    return &s->fields[*hint];
}

static enum wire wire_of(ProtobufCType t)
{
    switch (t) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

/* Repeated numbers come packed or one by one. */
static bool wire_fits(const ProtobufCFieldDescriptor *d, enum wire w)
{
    enum wire own = wire_of(d->type);
    return w == own || (w == WIRE_BYTES && d->label == PROTOBUF_C_LABEL_REPEATED);
}

static struct status check_enum(const struct frame *f, struct arena *a, uint64_t number)
{
    if (protobuf_c_enum_descriptor_get_value(f->field->d->descriptor, (int32_t)number))
        return ok();
    return refuse(f, a, REASON_FIELD_INVALID, "the enum has no such number");
}

static struct status check_packed_enums(const struct frame *f, struct arena *a, struct str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p, *end = p + bytes.n;
    uint64_t number;
    while (p < end) {
        if (!read_varint(&p, end, &number))
            return refuse(f, a, REASON_MALFORMED_MESSAGE, "a packed number is cut short");
        TRY(check_enum(f, a, number));
    }
    return ok();
}

static struct status check_string(const struct frame *f, struct arena *a, struct str s)
{
    if (s.n && memchr(s.p, 0, s.n))
        return refuse(f, a, REASON_EMBEDDED_NUL, "holds a NUL character");
    if (!str_is_utf8(s))
        return refuse(f, a, REASON_INVALID_UTF8, "is not UTF-8");
    return ok();
}

static struct status scan_message(const struct frame *up, const struct shape *s, struct str bytes,
                                  struct arena *a);

static struct status check_value(const struct frame *f, enum wire w, struct str bytes, uint64_t number,
                                 struct arena *a)
{
    switch (f->field->check) {
    case CHECK_STRING:
        return check_string(f, a, bytes);
    case CHECK_ENUM:
        return w == WIRE_BYTES ? check_packed_enums(f, a, bytes) : check_enum(f, a, number);
    case CHECK_MESSAGE:
        return scan_message(f, f->field->sub, bytes, a);
    default:
        return ok();
    }
}

static struct status scan_message(const struct frame *up, const struct shape *s, struct str bytes,
                                  struct arena *a)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    struct frame f = { up, s, p, p, p + bytes.n, NULL, up ? up->depth + 1 : 1 };
    unsigned hint = 0;
    if (f.depth > CODEC_MAX_DEPTH)
        return refuse(up, a, REASON_NESTING_TOO_DEEP, "messages are nested too deep");
    while (p < f.end) {
        uint64_t key, number = 0;
        struct str value = { NULL, 0 };
        f.at = p;
        f.field = NULL;
        if (!read_varint(&p, f.end, &key) || key >> 3 == 0 || key >> 3 > MAX_FIELD_NUMBER)
            return refuse(&f, a, REASON_MALFORMED_MESSAGE, "a field's key is damaged");
        f.field = find_field(s, (unsigned)(key >> 3), &hint);
        enum wire w = (enum wire)(key & 7);
        if (f.field && !wire_fits(f.field->d, w))
            return refuse(&f, a, REASON_MALFORMED_MESSAGE, "is not encoded as its type");
        if (!read_value(&p, f.end, w, &value, &number))
            return refuse(&f, a, REASON_MALFORMED_MESSAGE, "the value is cut short or of no known encoding");
        if (f.field && f.field->check != CHECK_NOTHING)
            TRY(check_value(&f, w, value, number, a));
    }
    return ok();
}

/* ---- canonical maps ---- */

static const void *member(const ProtobufCMessage *m, unsigned offset)
{
    return (const char *)m + offset;
}

/* Keys of one map have one type: strings in byte order, numbers by value, unsigned ones by their bits. */
static int key_cmp(const ProtobufCMessage *x, const ProtobufCMessage *y)
{
    const ProtobufCFieldDescriptor *key = &x->descriptor->fields[0];
    const void *p = member(x, key->offset), *q = member(y, key->offset);
    switch (key->type) {
    case PROTOBUF_C_TYPE_STRING:
        return strcmp(*(char *const *)p, *(char *const *)q);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return (*(const int64_t *)p > *(const int64_t *)q) - (*(const int64_t *)p < *(const int64_t *)q);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return (*(const uint64_t *)p > *(const uint64_t *)q) - (*(const uint64_t *)p < *(const uint64_t *)q);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return (*(const uint32_t *)p > *(const uint32_t *)q) - (*(const uint32_t *)p < *(const uint32_t *)q);
    default: /* int32 and bool, which protobuf-c keeps in an int */
        return (*(const int32_t *)p > *(const int32_t *)q) - (*(const int32_t *)p < *(const int32_t *)q);
    }
}

/* Stable: equal keys keep their order. Runs of doubling width are merged from v into spare and back. */
static bool sort_entries(ProtobufCMessage **v, size_t n, struct arena *a)
{
    ProtobufCMessage **spare = ARENA_ARRAY(a, n, ProtobufCMessage *);
    if (!spare)
        return false;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t i = lo, mid = MIN(lo + width, n), j = mid, hi = MIN(lo + 2 * width, n);
            for (size_t k = lo; k < hi; k++)
                spare[k] = i < mid && (j >= hi || key_cmp(v[i], v[j]) <= 0) ? v[i++] : v[j++];
        }
        memcpy(v, spare, n * sizeof *v);
    }
    return true;
}

static bool canonical_map(ProtobufCMessage **v, size_t *n, struct arena *a)
{
    size_t i = 1, kept = 0;
    while (i < *n && key_cmp(v[i - 1], v[i]) < 0)
        i++;
    if (i >= *n)
        return true;
    if (!sort_entries(v, *n, a))
        return false;
    for (i = 0; i < *n; i++)
        if (i + 1 == *n || key_cmp(v[i], v[i + 1]) != 0)
            v[kept++] = v[i];
    *n = kept;
    return true;
}

static bool canonical(const struct shape *s, ProtobufCMessage *m, struct arena *a);

static bool canonical_field(const struct shape_field *f, ProtobufCMessage *m, struct arena *a)
{
    void *at = (char *)m + f->d->offset, *quantifier = (char *)m + f->d->quantifier_offset;
    if (f->d->label != PROTOBUF_C_LABEL_REPEATED) {
        bool absent = (f->d->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(uint32_t *)quantifier != f->d->id;
        return absent || !*(ProtobufCMessage **)at || canonical(f->sub, *(ProtobufCMessage **)at, a);
    }
    ProtobufCMessage **v = *(ProtobufCMessage ***)at;
    size_t *n = quantifier;
    if (f->is_map && !canonical_map(v, n, a))
        return false;
    for (size_t i = 0; f->sub->has_map && i < *n; i++)
        if (!canonical(f->sub, v[i], a))
            return false;
    return true;
}

static bool canonical(const struct shape *s, ProtobufCMessage *m, struct arena *a)
{
    for (unsigned i = 0; s->has_map && i < s->d->n_fields; i++)
        if (s->fields[i].check == CHECK_MESSAGE && (s->fields[i].is_map || s->fields[i].sub->has_map) &&
            !canonical_field(&s->fields[i], m, a))
            return false;
    return true;
}

struct status codec_decode(const struct shape *s, struct str bytes, struct arena *a, ProtobufCMessage **ret)
{
    TRY(scan_message(NULL, s, bytes, a));
    ProtobufCMessage *m = pb_unpack(a, s->d, bytes);
    if (!m && !a->overflow)
        return refuse(NULL, a, REASON_MALFORMED_MESSAGE, "the bytes are not a message of the request's type");
    if (!m || !canonical(s, m, a))
        return fail_memory();
    *ret = m;
    return ok();
}

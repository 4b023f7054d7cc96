#include "agents/audit/entry.h"

#include <endian.h>

#define FORM 1

static bool is_number(const struct value *v)
{
    return v->type == VALUE_INT;
}

static size_t size_of(const struct value *row)
{
    size_t n = 0;
    for (size_t i = 0; i < ENTRY_COLUMN_COUNT; i++)
        n += is_number(&row[i]) ? 8 : 4 + row[i].s.n;
    return n;
}

static char *put_value(char *at, const struct value *v)
{
    uint64_t number = htobe64((uint64_t)v->i);
    uint32_t length = htobe32((uint32_t)v->s.n);
    if (is_number(v)) {
        memcpy(at, &number, sizeof number);
        return at + sizeof number;
    }
    memcpy(at, &length, sizeof length);
    if (v->s.n)
        memcpy(at + sizeof length, v->s.p, v->s.n);
    return at + sizeof length + v->s.n;
}

static void put_row(char *at, const struct value *row)
{
    for (size_t i = 0; i < ENTRY_COLUMN_COUNT; i++)
        at = put_value(at, &row[i]);
}

struct str entry_text(struct arena *a, const struct value *row)
{
    size_t n = size_of(row);
    char *text = arena_raw(a, n);
    if (text)
        put_row(text, row);
    return str_make(text, n);
}

bool entry_hash(struct arena *a, const unsigned char before[SHA256_BYTES], const struct value *row,
                unsigned char ret[SHA256_BYTES])
{
    struct arena_mark mark = arena_mark(a);
    size_t n = SHA256_BYTES + 1 + size_of(row);
    char *text = arena_raw(a, n);
    if (!text)
        return false;
    memcpy(text, before, SHA256_BYTES);
    text[SHA256_BYTES] = FORM;
    put_row(text + SHA256_BYTES + 1, row);
    sha256(str_make(text, n), ret);
    arena_rewind(a, mark);
    return true;
}

void link_put(unsigned char at[LINK_BYTES], int64_t seq, const unsigned char hash[SHA256_BYTES])
{
    uint64_t number = htobe64((uint64_t)seq);
    memcpy(at, &number, sizeof number);
    memcpy(at + sizeof number, hash, SHA256_BYTES);
}

int64_t link_seq(const unsigned char at[LINK_BYTES])
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return (int64_t)be64toh(number);
}

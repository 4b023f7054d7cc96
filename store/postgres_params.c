#include "store/postgres.h"

#include <arpa/inet.h>
#include <endian.h>
#include <limits.h>
#include <stdio.h>

#define NAME_BYTES 72
#define ARRAY_HEADER 20 /* dimensions, has NULLs, element type, length, lower bound */

/* PostgreSQL's numbers of its types (pg_type.dat): they never change. */
static const struct pg_type {
    char letter;
    Oid one, array;
} types[] = {
    { 't', 25, 1009 },  /* text */
    { 'i', 20, 1016 },  /* bigint */
    { 'd', 701, 1022 }, /* double precision */
    { 'b', 17, 1001 },  /* bytea */
};

static const struct pg_type *type_of(char letter)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].letter == letter)
            return &types[i];
    BUG("a letter of a statement's values");
}

Oid pg_oid(char letter)
{
    return type_of(letter)->one;
}

static void put64(char *to, const struct value *v)
{
    uint64_t bits;
    if (v->type == VALUE_INT)
        memcpy(&bits, &v->i, sizeof bits);
    else
        memcpy(&bits, &v->d, sizeof bits);
    bits = htobe64(bits);
    memcpy(to, &bits, sizeof bits);
}

static void put32(char **at, uint32_t v)
{
    v = htonl(v);
    memcpy(*at, &v, sizeof v);
    *at += sizeof v;
}

static bool is_number(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_REAL;
}

static size_t value_bytes(const struct value *v)
{
    return v->type == VALUE_NULL ? 0 : is_number(v) ? 8 : v->s.n;
}

void pg_params_row(struct pg_params *p, const struct stmt *s, const struct value *args)
{
    p->n = (int)strlen(s->params);
    for (int i = 0; i < p->n; i++) {
        const struct value *v = &args[i];
        p->formats[i] = 1;
        p->lengths[i] = (int)value_bytes(v);
        p->values[i] = v->type == VALUE_NULL ? NULL : v->s.n ? v->s.p : "";
        if (is_number(v)) {
            put64(p->numbers[i], v);
            p->values[i] = p->numbers[i];
        }
    }
}

static char *put_element(char *at, const struct value *v)
{
    size_t n = value_bytes(v);
    put32(&at, v->type == VALUE_NULL ? UINT32_MAX : (uint32_t)n);
    if (is_number(v))
        put64(at, v);
    else if (n)
        memcpy(at, v->s.p, n);
    return at + n;
}

static char *put_array(char *at, Oid type, struct write *const *writes, size_t n, size_t param)
{
    uint32_t nulls = 0;
    for (size_t i = 0; i < n; i++)
        nulls |= writes[i]->args[param].type == VALUE_NULL;
    put32(&at, 1);
    put32(&at, nulls);
    put32(&at, type);
    put32(&at, (uint32_t)n);
    put32(&at, 1);
    for (size_t i = 0; i < n; i++)
        at = put_element(at, &writes[i]->args[param]);
    return at;
}

bool pg_params_bulk(struct pg_params *p, const struct stmt *s, struct write *const *writes, size_t n,
                    struct arena *a)
{
    size_t bytes = 0;
    p->n = (int)strlen(s->params);
    for (int i = 0; i < p->n; i++) {
        size_t one = ARRAY_HEADER;
        for (size_t k = 0; k < n; k++)
            one += 4 + value_bytes(&writes[k]->args[i]);
        if (one > INT_MAX)
            return false;
        p->formats[i] = 1;
        p->lengths[i] = (int)one;
        bytes += one;
    }
    char *at = arena_raw(a, bytes);
    if (!at)
        return false;
    for (int i = 0; i < p->n; i++) {
        p->values[i] = at;
        at = put_array(at, pg_oid(s->params[i]), writes, n, (size_t)i);
    }
    return true;
}

static void name_of(char name[NAME_BYTES], const struct stmt *s, enum pg_text text)
{
    snprintf(name, NAME_BYTES, "%s%s", text == PG_BULK ? "bulk_" : "", s->name);
}

static struct pg_prepared *prepared_at(const struct pg_conn *c, const struct stmt *s, enum pg_text text)
{
    size_t i = (stmt_hash(s) + text) & (PG_STATEMENTS - 1);
    while (c->prepared[i].key && (c->prepared[i].key != s || c->prepared[i].text != text))
        i = (i + 1) & (PG_STATEMENTS - 1);
    return &c->prepared[i];
}

bool pg_is_prepared(const struct pg_conn *c, const struct stmt *s, enum pg_text text)
{
    return prepared_at(c, s, text)->key != NULL;
}

void pg_prepared_add(struct pg_conn *c, const struct stmt *s, enum pg_text text)
{
    struct pg_prepared *p = prepared_at(c, s, text);
    ASSERT(p->key || c->n < PG_STATEMENTS / 4 * 3);
    c->n += !p->key;
    p->key = s;
    p->text = text;
}

bool pg_send_prepare(struct pg_conn *c, const struct stmt *s, enum pg_text text)
{
    char name[NAME_BYTES];
    Oid oids[STMT_MAX_PARAMS];
    int n = 0;
    for (; s->params[n]; n++)
        oids[n] = text == PG_BULK ? type_of(s->params[n])->array : pg_oid(s->params[n]);
    name_of(name, s, text);
    const char *sql = text == PG_BULK ? s->pg_bulk : s->pg_sql ? s->pg_sql : s->sql;
    if (PQsendPrepare(c->h, name, sql, n, oids) == 1)
        return true;
    pg_lost(c);
    return false;
}

bool pg_send_describe(struct pg_conn *c, const struct stmt *s, enum pg_text text)
{
    char name[NAME_BYTES];
    name_of(name, s, text);
    if (PQsendDescribePrepared(c->h, name) == 1)
        return true;
    pg_lost(c);
    return false;
}

bool pg_send(struct pg_conn *c, const struct stmt *s, enum pg_text text, const struct pg_params *p)
{
    char name[NAME_BYTES];
    name_of(name, s, text);
    if (PQsendQueryPrepared(c->h, name, p->n, p->values, p->lengths, p->formats, 1) == 1)
        return true;
    pg_lost(c);
    return false;
}

#include "base/filter.h"

#include "base/clock.h"

/* How a value stands to the one in the filter, and which of that each operator wants. */
enum { LESS = 1, EQUAL = 2, GREATER = 4, UNEQUAL = 8 /* and not ordered */ };
enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_HAS, OPS };
static const struct {
    const char *text;
    unsigned wants;
} ops[OPS] = {
    { "=", EQUAL },   { "!=", LESS | GREATER | UNEQUAL }, { "<", LESS },  { "<=", LESS | EQUAL },
    { ">", GREATER }, { ">=", GREATER | EQUAL },          { ":", EQUAL },
};

/* A filter is compiled to a chain of tests; each names the test to go on with, or the answer. */
enum { ACCEPT = UINT16_MAX, REJECT = UINT16_MAX - 1 };

struct test {
    const struct filter_field *field;
    struct str rest, text;
    double number;
    int64_t integer;
    enum op op;
    bool any;     /* `:*` */
    bool numeric; /* a LOOSE field beside a number */
    uint16_t on_true, on_false;
};

struct filter {
    uint16_t n, start;
    struct test tests[];
};

/* ---- Matching ---- */

static unsigned order(bool less, bool equal)
{
    return less ? LESS : equal ? EQUAL : GREATER;
}

static bool contains(struct str s, struct str piece)
{
    for (size_t at = 0; at + piece.n <= s.n; at++)
        if (str_starts_nocase(str_make(s.p + at, s.n - at), piece))
            return true;
    return false;
}

static unsigned compare_text(const struct test *t, const struct filter_value *v)
{
    if (t->op == OP_HAS)
        return contains(v->text, t->text) ? EQUAL : UNEQUAL;
    int c = str_cmp(v->text, t->text);
    return order(c < 0, c == 0);
}

static unsigned compare_number(const struct test *t, const struct filter_value *v)
{
    return v->number != v->number ? UNEQUAL : order(v->number < t->number, v->number == t->number);
}

static unsigned compare_loose(const struct test *t, const struct filter_value *v)
{
    if (!t->numeric)
        return compare_text(t, v);
    struct filter_value number = filter_number(0);
    return str_to_f64(v->text, &number.number) ? compare_number(t, &number) : UNEQUAL;
}

static unsigned compare_integer(const struct test *t, const struct filter_value *v)
{
    return order(v->integer < t->integer, v->integer == t->integer);
}

static unsigned (*const compare[])(const struct test *, const struct filter_value *) = {
    [FILTER_TEXT] = compare_text,    [FILTER_LOOSE] = compare_loose,  [FILTER_NUMBER] = compare_number,
    [FILTER_BOOL] = compare_integer, [FILTER_TIME] = compare_integer, [FILTER_ENUM] = compare_integer,
};

static bool holds(const struct test *t, struct filter_value v)
{
    if (!v.present)
        return t->op == OP_NE;
    return t->any || (compare[t->field->type](t, &v) & ops[t->op].wants);
}

bool filter_match(const struct filter *f, filter_lookup_fn lookup, void *arg)
{
    uint16_t at = f->start;
    while (at < f->n) {
        const struct test *t = &f->tests[at];
        at = holds(t, lookup(arg, t->field, t->rest)) ? t->on_true : t->on_false;
    }
    return at == ACCEPT;
}

bool filter_is_empty(const struct filter *f)
{
    return f->n == 0;
}

/* ---- Reading ---- */

struct node {
    enum { TEST, ALL, ANY } kind;
    bool negated;
    struct node *last; /* the children of ALL and ANY, last one first */
    struct node *previous;
    struct test test;
};

struct parser {
    struct arena *a;
    const char *field; /* of the request */
    const struct filter_schema *schema;
    struct str text; /* in the arena: tests point into it */
    size_t at;
    unsigned depth;
    uint16_t tests;
};

static struct status wrong(struct parser *p, size_t at, const char *what)
{
    return fail_field(p->a, REASON_FILTER_INVALID, p->field, "at byte %zu: %s", at + 1, what);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(struct parser *p)
{
    while (p->at < p->text.n && is_space(p->text.p[p->at]))
        p->at++;
}

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || (unsigned char)c >= 0x80;
}

static bool value_byte(char c)
{
    return !is_space(c) && !strchr("()\"'=<>!,", c) && c;
}

/* The run of bytes from here that belong to a word; empty where there is none. */
static struct str peek_word(struct parser *p, bool (*belongs)(char))
{
    skip_space(p);
    size_t end = p->at;
    while (end < p->text.n && belongs(p->text.p[end]))
        end++;
    return str_make(p->text.p + p->at, end - p->at);
}

static bool take_keyword(struct parser *p, struct str word)
{
    if (!str_eq(peek_word(p, name_byte), word))
        return false;
    p->at += word.n;
    return true;
}

static bool take_byte(struct parser *p, char c)
{
    skip_space(p);
    if (p->at >= p->text.n || p->text.p[p->at] != c)
        return false;
    p->at++;
    return true;
}

static bool at_quote(const struct parser *p)
{
    return p->at < p->text.n && (p->text.p[p->at] == '"' || p->text.p[p->at] == '\'');
}

static char unescaped(char c)
{
    static const char from[] = "\\\"'nt", to[] = "\\\"'\n\t";
    const char *at = c ? strchr(from, c) : NULL;
    return at ? to[at - from] : 0;
}

static struct status take_string(struct parser *p, struct str *ret)
{
    size_t start = p->at, n = 0;
    char quote = p->text.p[p->at++];
    char *to = arena_raw(p->a, p->text.n - p->at + 1);
    if (!to)
        return fail_memory();
    for (; p->at < p->text.n && p->text.p[p->at] != quote; p->at++) {
        to[n] = p->text.p[p->at];
        if (to[n] == '\\') {
            if (++p->at == p->text.n || !(to[n] = unescaped(p->text.p[p->at])))
                return wrong(p, p->at - 1, "a \\ must be followed by one of \\ \" ' n t");
        }
        n++;
    }
    if (p->at == p->text.n)
        return wrong(p, start, "the quote opened here is never closed");
    p->at++;
    *ret = str_make(to, n);
    return ok();
}

static const struct filter_field *find_field(const struct filter_schema *schema, struct str name,
                                             struct str *ret_rest)
{
    for (size_t i = 0; i < schema->n; i++) {
        struct str known = str_of(schema->fields[i].name);
        if (known.p[known.n - 1] == '.' && str_starts(name, known)) {
            *ret_rest = str_make(name.p + known.n, name.n - known.n);
            return &schema->fields[i];
        }
        if (str_eq(name, known)) {
            *ret_rest = str_make("", 0);
            return &schema->fields[i];
        }
    }
    return NULL;
}

static struct status take_field(struct parser *p, struct test *t)
{
    struct str name = peek_word(p, name_byte), rest;
    size_t start = p->at;
    if (name.n == 0)
        return wrong(p, start, "expected the name of a field");
    t->field = find_field(p->schema, name, &rest);
    if (!t->field)
        return wrong(p, start, "no field of that name can be filtered by");
    p->at += name.n;
    bool prefix = t->field->name[strlen(t->field->name) - 1] == '.';
    if (prefix && rest.n == 0 && at_quote(p))
        TRY(take_string(p, &rest));
    if (prefix && rest.n == 0)
        return wrong(p, p->at, "expected the rest of the name");
    t->rest = rest;
    return ok();
}

static struct status take_op(struct parser *p, struct test *t)
{
    skip_space(p);
    struct str left = str_make(p->text.p + p->at, p->text.n - p->at);
    size_t longest = 0;
    for (int i = 0; i < OPS; i++) {
        struct str op = str_of(ops[i].text);
        if (op.n > longest && str_starts(left, op)) {
            t->op = (enum op)i;
            longest = op.n;
        }
    }
    if (!longest)
        return wrong(p, p->at, "expected one of = != < <= > >= :");
    if (t->field->type == FILTER_BOOL && t->op != OP_EQ && t->op != OP_NE && t->op != OP_HAS)
        return wrong(p, p->at, "a field that is true or false has = and != only");
    p->at += longest;
    return ok();
}

static bool is_keyword(struct str s)
{
    return str_eq(s, STR("AND")) || str_eq(s, STR("OR")) || str_eq(s, STR("NOT"));
}

static struct status read_enum(struct parser *p, struct test *t, size_t start)
{
    const ProtobufCEnumDescriptor *d = t->field->values;
    char *name = arena_dup(p->a, t->text);
    char *full = arena_printf(p->a, "%s%.*s", t->field->prefix, (int)t->text.n, t->text.p);
    if (!name || !full)
        return fail_memory();
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(d, full);
    if (!v)
        v = protobuf_c_enum_descriptor_get_value_by_name(d, name);
    if (!v)
        return wrong(p, start, "not one of the field's values");
    t->integer = v->value;
    return ok();
}

/* Turns the text of the value into what its field's type is compared with. */
static struct status read_value(struct parser *p, struct test *t, size_t start, bool quoted)
{
    switch (t->field->type) {
    case FILTER_TEXT:
        return ok();
    case FILTER_LOOSE:
        t->numeric = !quoted && t->op != OP_HAS && str_to_f64(t->text, &t->number);
        return ok();
    case FILTER_NUMBER:
        return str_to_f64(t->text, &t->number) ? ok() : wrong(p, start, "expected a number");
    case FILTER_BOOL:
        t->integer = str_eq(t->text, STR("true"));
        return t->integer || str_eq(t->text, STR("false")) ? ok() : wrong(p, start, "expected true or false");
    case FILTER_TIME:
        return clock_parse(t->text, &t->integer) ? ok()
                                                 : wrong(p, start, "expected a date or time of RFC 3339");
    case FILTER_ENUM:
        return read_enum(p, t, start);
    }
    return ok();
}

static struct status take_value(struct parser *p, struct test *t)
{
    struct str word = peek_word(p, value_byte);
    size_t start = p->at;
    bool quoted = at_quote(p);
    if (quoted) {
        TRY(take_string(p, &t->text));
        return read_value(p, t, start, true);
    }
    if (word.n == 0 || is_keyword(word))
        return wrong(p, start, "expected a value");
    p->at += word.n;
    t->any = t->op == OP_HAS && str_eq(word, STR("*"));
    t->text = word;
    return t->any ? ok() : read_value(p, t, start, false);
}

static struct node *node_new(struct parser *p, int kind)
{
    struct node *n = ARENA_NEW(p->a, struct node);
    if (n)
        n->kind = kind;
    return n;
}

static struct status parse_all(struct parser *p, struct node **ret);

static struct status parse_group(struct parser *p, struct node **ret)
{
    if (++p->depth > FILTER_DEPTH_MAX)
        return wrong(p, p->at - 1, "parentheses are nested more than 16 deep");
    TRY(parse_all(p, ret));
    if (!take_byte(p, ')'))
        return wrong(p, p->at, p->at < p->text.n ? "expected AND, OR or )" : "expected )");
    p->depth--;
    return ok();
}

static struct status parse_term(struct parser *p, struct node **ret)
{
    bool negated = false;
    while (take_byte(p, '-') || take_keyword(p, STR("NOT")))
        negated = !negated;
    if (take_byte(p, '(')) {
        TRY(parse_group(p, ret));
    } else {
        *ret = node_new(p, TEST);
        if (!*ret)
            return fail_memory();
        TRY(take_field(p, &(*ret)->test));
        TRY(take_op(p, &(*ret)->test));
        TRY(take_value(p, &(*ret)->test));
        p->tests++;
    }
    (*ret)->negated ^= negated;
    return ok();
}

static struct status parse_any(struct parser *p, struct node **ret)
{
    struct node *any = node_new(p, ANY), *term = NULL;
    if (!any)
        return fail_memory();
    do {
        TRY(parse_term(p, &term));
        term->previous = any->last;
        any->last = term;
    } while (take_keyword(p, STR("OR")));
    *ret = any;
    return ok();
}

static bool at_end(struct parser *p)
{
    skip_space(p);
    return p->at == p->text.n || p->text.p[p->at] == ')';
}

static struct status parse_all(struct parser *p, struct node **ret)
{
    struct node *all = node_new(p, ALL), *any = NULL;
    if (!all)
        return fail_memory();
    do {
        TRY(parse_any(p, &any));
        any->previous = all->last;
        all->last = any;
    } while (take_keyword(p, STR("AND")) || !at_end(p));
    *ret = all;
    return ok();
}

/* ---- Compiling ---- */

/* Writes the node's tests before `*next`, last one first, so that each target is known when it is needed.
 * Returns where the node starts. As deep as the parser was. */
static uint16_t emit(struct filter *f, uint16_t *next, const struct node *n, uint16_t on_true,
                     uint16_t on_false)
{
    uint16_t yes = n->negated ? on_false : on_true, no = n->negated ? on_true : on_false;
    if (n->kind == TEST) {
        f->tests[--*next] = n->test;
        f->tests[*next].on_true = yes;
        f->tests[*next].on_false = no;
        return *next;
    }
    uint16_t start = n->kind == ALL ? yes : no;
    for (const struct node *child = n->last; child; child = child->previous)
        start = n->kind == ALL ? emit(f, next, child, start, no) : emit(f, next, child, yes, start);
    return start;
}

static struct status compile(struct parser *p, const struct node *root, const struct filter **ret)
{
    struct filter *f = arena_alloc(p->a, sizeof *f + p->tests * sizeof f->tests[0]);
    uint16_t next = p->tests;
    if (!f || p->a->overflow)
        return fail_memory();
    f->n = p->tests;
    f->start = root ? emit(f, &next, root, ACCEPT, REJECT) : ACCEPT;
    *ret = f;
    return ok();
}

struct status filter_parse(struct arena *a, const char *field, struct str text,
                           const struct filter_schema *schema, const struct filter **ret)
{
    struct parser p = { a, field, schema, str_make(arena_dup(a, text), text.n), 0, 0, 0 };
    struct node *root = NULL;
    if (text.n > FILTER_BYTES_MAX)
        return wrong(&p, FILTER_BYTES_MAX, "the filter is longer than 1,024 bytes");
    if (!p.text.p)
        return fail_memory();
    skip_space(&p);
    if (p.at < text.n) {
        TRY(parse_all(&p, &root));
        if (p.at < text.n)
            return wrong(&p, p.at, "expected AND, OR or the end");
    }
    return compile(&p, root, ret);
}

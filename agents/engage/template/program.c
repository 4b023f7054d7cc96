#include "agents/engage/template/program.h"

#include "agents/engage/template/markup.h"

enum kind { WRITE, VALUE, SKIP_WITHOUT, SKIP_WITH };

struct op {
    uint8_t kind;    /* enum kind */
    uint8_t escape;  /* enum escape, of VALUE */
    uint16_t field;  /* of all but WRITE */
    uint32_t to;     /* of SKIP: the op after the section */
    struct str text; /* of WRITE */
};

enum { USED = 1, SHOWN = 2 /* outside of sections */ };

struct program {
    size_t n;
    const uint8_t *seen; /* for each field */
    struct op ops[];
};

/* ---- Running ---- */

void program_run(const struct program *p, const struct str *values, struct buf *out)
{
    size_t i = 0;
    while (i < p->n && !out->overflow) {
        const struct op *op = &p->ops[i++];
        switch (op->kind) {
        case WRITE:
            buf_put(out, op->text.p, op->text.n);
            break;
        case VALUE:
            escape_put(out, (enum escape)op->escape, values[op->field]);
            break;
        case SKIP_WITHOUT:
            i = values[op->field].n ? i : op->to;
            break;
        default:
            i = values[op->field].n ? op->to : i;
        }
    }
}

bool program_uses(const struct program *p, size_t field)
{
    return p->seen[field] & USED;
}

bool program_shows(const struct program *p, size_t field)
{
    return p->seen[field] & SHOWN;
}

/* ---- Compiling ---- */

struct section {
    size_t start; /* of its tag */
    size_t field, op;
    bool inverted;
    struct markup before;
};

struct compiler {
    struct arena *a;
    enum program_part part;
    struct str text; /* in the arena: ops point into it */
    const struct program_field *fields;
    size_t n_fields;
    struct program *p;
    uint8_t *seen;
    struct markup markup;
    struct section open[PROGRAM_DEPTH_MAX];
    size_t depth;
    struct program_fault *faults, **end;
    size_t n_faults;
    bool lost; /* nothing sensible can be said of what follows */
};

/* {{ name }} in the text: from start to end. sigil is 0 for a value. */
struct tag {
    size_t start, end;
    char sigil;
    struct str name;
};

static void fault(struct compiler *c, size_t at, const char *text)
{
    struct program_fault *f = c->n_faults < PROGRAM_FAULTS_MAX ? ARENA_NEW(c->a, struct program_fault) : NULL;
    if (!f)
        return;
    f->line = f->column = 1;
    f->text = text;
    for (size_t i = 0; i < at && i < c->text.n; i++)
        if (c->text.p[i] == '\n') {
            f->line++;
            f->column = 1;
        } else
            f->column += ((unsigned char)c->text.p[i] & 0xc0) != 0x80;
    *c->end = f;
    c->end = &f->next;
    c->n_faults++;
}

/* A fault after which the rest is not looked at. */
static void give_up(struct compiler *c, size_t at, const char *text)
{
    fault(c, at, text);
    c->lost = true;
}

static struct op *add(struct compiler *c, enum kind kind, size_t field)
{
    struct op *op = &c->p->ops[c->p->n++];
    op->kind = (uint8_t)kind;
    op->field = (uint16_t)field;
    return op;
}

static void literal(struct compiler *c, size_t from, size_t to)
{
    struct str s = str_make(c->text.p + from, to - from);
    size_t at = 0;
    const char *wrong = c->part == PROGRAM_HTML ? markup_read(&c->markup, s, &at) : NULL;
    if (c->part == PROGRAM_SUBJECT && (at = escape_line_length(s)) < s.n)
        wrong = "a subject is one line without control characters";
    if (wrong)
        give_up(c, from + at, wrong);
    else if (s.n)
        add(c, WRITE, 0)->text = s;
}

/* n_fields where there is none of that name. */
static size_t find_field(struct compiler *c, const struct tag *t)
{
    size_t i = 0;
    while (i < c->n_fields && !str_eq(t->name, str_of(c->fields[i].name)))
        i++;
    if (i == c->n_fields)
        fault(c, t->start, "there is no such field; attributes.NAME must be among the template's fields");
    return i;
}

/* ---- Tags ---- */

static bool has_value_here(const struct compiler *c, size_t field)
{
    bool has = c->fields[field].always;
    for (size_t i = 0; i < c->depth && !has; i++)
        has = c->open[i].field == field && !c->open[i].inverted;
    return has;
}

static enum escape escape_here(struct compiler *c, const struct tag *t)
{
    static const enum escape plain[] = { [PROGRAM_SUBJECT] = ESCAPE_LINE, [PROGRAM_TEXT] = ESCAPE_NONE };
    enum escape how;
    if (c->part != PROGRAM_HTML)
        return plain[c->part];
    const char *wrong = markup_value(&c->markup, &how);
    if (wrong)
        give_up(c, t->start, wrong);
    return how;
}

static void tag_value(struct compiler *c, const struct tag *t)
{
    size_t field = find_field(c, t);
    enum escape how = escape_here(c, t);
    if (field == c->n_fields)
        return;
    if (!has_value_here(c, field))
        fault(
            c, t->start,
            "the field may have no value here: put it into a section on it, or make it required, or give it "
            "a default");
    c->seen[field] |= c->depth ? USED : USED | SHOWN;
    add(c, VALUE, field)->escape = (uint8_t)how;
}

static void tag_section(struct compiler *c, const struct tag *t)
{
    size_t field = find_field(c, t);
    const char *wrong = c->part == PROGRAM_HTML ? markup_section(&c->markup) : NULL;
    if (c->depth == PROGRAM_DEPTH_MAX)
        wrong = "sections are nested more than 16 deep";
    if (wrong) {
        give_up(c, t->start, wrong);
        return;
    }
    struct section *s = &c->open[c->depth++];
    s->start = t->start;
    s->field = field;
    s->inverted = t->sigil == '^';
    s->before = c->markup;
    s->op = c->p->n;
    c->seen[field] |= USED; /* of no field there is room for one more */
    add(c, s->inverted ? SKIP_WITH : SKIP_WITHOUT, field);
}

static void tag_end(struct compiler *c, const struct tag *t)
{
    if (c->depth == 0) {
        give_up(c, t->start, "no section is open here");
        return;
    }
    struct section *s = &c->open[--c->depth];
    const char *wrong = c->part == PROGRAM_HTML ? markup_join(&c->markup, &s->before) : NULL;
    if (t->name.n && s->field < c->n_fields && !str_eq(t->name, str_of(c->fields[s->field].name)))
        wrong = "this is not the innermost section that is open";
    if (wrong)
        give_up(c, t->start, wrong);
    c->p->ops[s->op].to = (uint32_t)c->p->n;
}

static void tag_comment(struct compiler *c, const struct tag *t)
{
    (void)c;
    (void)t;
}

static void tag_raw(struct compiler *c, const struct tag *t)
{
    give_up(c, t->start, "there is no raw output: every value is escaped for its place");
}

static void tag_partial(struct compiler *c, const struct tag *t)
{
    give_up(c, t->start, "there are no partials");
}

static void tag_delimiters(struct compiler *c, const struct tag *t)
{
    give_up(c, t->start, "the delimiters cannot be changed");
}

static const struct {
    char sigil;
    bool alone; /* alone on its line it takes the line with it */
    void (*compile)(struct compiler *, const struct tag *);
} sigils[] = {
    { 0, false, tag_value }, { '#', true, tag_section },  { '^', true, tag_section },
    { '/', true, tag_end },  { '!', true, tag_comment },  { '{', false, tag_raw },
    { '&', false, tag_raw }, { '>', false, tag_partial }, { '=', false, tag_delimiters },
};

/* The row of what follows {{. */
static size_t sigil_of(char c)
{
    size_t i = COUNT(sigils) - 1;
    while (i && sigils[i].sigil != c)
        i--;
    return i;
}

/* ---- Lines ---- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where nothing else is on the tag's line from and to become the line's start and end. */
static void take_line(struct str text, const struct tag *t, size_t *from, size_t *to)
{
    size_t start = t->start, end = t->end;
    while (start && blank(text.p[start - 1]))
        start--;
    while (end < text.n && blank(text.p[end]))
        end++;
    if (start && text.p[start - 1] != '\n')
        return;
    if (end + 1 < text.n && text.p[end] == '\r' && text.p[end + 1] == '\n')
        end++;
    if (end < text.n && text.p[end] != '\n')
        return;
    *from = start;
    *to = MIN(end + 1, text.n);
}

static const char *find(struct str s, size_t from, const char *two)
{
    return memmem(s.p + from, s.n - from, two, 2);
}

/* Reads the tag that starts at `start`. False where it never ends. */
static bool read_tag(struct compiler *c, size_t start, struct tag *t, size_t *ret_sigil)
{
    const char *close = find(c->text, start + 2, "}}");
    if (!close)
        return false;
    *ret_sigil = sigil_of(c->text.p[start + 2]);
    t->start = start;
    t->sigil = sigils[*ret_sigil].sigil;
    size_t name = start + 2 + (t->sigil != 0), end = (size_t)(close - c->text.p);
    t->name = str_trim(str_make(c->text.p + name, end - MIN(name, end)));
    t->end = end + 2;
    return true;
}

static void compile(struct compiler *c)
{
    size_t at = 0, sigil, from, to;
    const char *open;
    struct tag t;
    while (!c->lost && (open = find(c->text, at, "{{"))) {
        if (!read_tag(c, (size_t)(open - c->text.p), &t, &sigil)) {
            give_up(c, (size_t)(open - c->text.p), "the tag that starts here is never closed");
            return;
        }
        from = t.start;
        to = t.end;
        if (sigils[sigil].alone)
            take_line(c->text, &t, &from, &to);
        literal(c, at, from);
        if (!c->lost)
            sigils[sigil].compile(c, &t);
        at = to;
    }
    if (c->lost)
        return;
    literal(c, at, c->text.n);
    const char *wrong = c->part == PROGRAM_HTML && !c->lost ? markup_end(&c->markup) : NULL;
    if (c->depth)
        fault(c, c->open[c->depth - 1].start, "the section that starts here is never closed");
    else if (wrong)
        fault(c, c->text.n, wrong);
}

static size_t count_tags(struct str text)
{
    size_t n = 0, at = 0;
    const char *open;
    while ((open = find(text, at, "{{"))) {
        n++;
        at = (size_t)(open - text.p) + 2;
    }
    return n;
}

struct status program_compile(struct arena *a, enum program_part part, struct str text,
                              const struct program_field *fields, size_t n_fields, const struct program **ret,
                              struct program_fault **ret_faults)
{
    struct compiler *c = ARENA_NEW(a, struct compiler);
    size_t tags = count_tags(text);
    if (!c)
        return fail_memory();
    c->a = a;
    c->part = part;
    c->text = text;
    c->fields = fields;
    c->n_fields = n_fields;
    c->end = &c->faults;
    if (text.n > PROGRAM_BYTES_MAX)
        give_up(c, 0, "the text is longer than 131,072 bytes");
    else if (tags > PROGRAM_TAGS_MAX)
        give_up(c, 0, "the text has more than 1,024 tags");
    if (!c->lost) {
        c->text.p = arena_dup(a, text);
        c->seen = ARENA_ARRAY(a, n_fields + 1, uint8_t);
        c->p = arena_alloc(a, sizeof *c->p + (2 * tags + 1) * sizeof c->p->ops[0]);
        if (!c->text.p || !c->seen || !c->p)
            return fail_memory();
        c->p->seen = c->seen;
        compile(c);
    }
    *ret_faults = c->faults;
    if (a->overflow)
        return fail_memory();
    if (!c->faults)
        *ret = c->p;
    return ok();
}

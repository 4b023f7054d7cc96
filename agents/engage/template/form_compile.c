/* A template checked and compiled in one go: what is wrong is gathered, so that its author hears of all of it
 * at once. */
#include "agents/engage/template/form_private.h"
#include "agents/record/checks.h"
#include "agents/record/lead_text.h"
#include "base/ids.h"
#include "base/pb.h"

#include <stdio.h>

#define COMPILED_MAX (16u * 1024 * 1024)
#define DISPLAY_NAME_MAX 256
#define FALLBACK_MAX 256
#define ATTRIBUTE_NAME_MAX 128
#define ATTRIBUTES "attributes."

struct build {
    struct form *f;
    struct arena *a; /* the form's */
    const Template *t;
    struct checks k;
    const char *parent; /* the template's path in the request */
    size_t texts;       /* bytes of all contents so far */
};

static PRINTF(3, 4) void wrong(struct build *b, const char *field, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(b->k.a, fmt, ap);
    va_end(ap);
    check_fail(&b->k, REASON_TEMPLATE_INVALID, b->parent, field, "%s", text ? text : "is not sound");
}

/* ---- Fields ---- */

static size_t add_field(struct form *f, const char *name, bool always)
{
    f->names[f->n_fields].name = name;
    f->names[f->n_fields].always = always;
    return f->n_fields++;
}

static struct status start_fields(struct build *b)
{
    struct form *f = b->f;
    size_t room = FORM_SYSTEM + LEAD_TEXTS + MIN(b->t->n_fields, FORM_FIELDS_MAX);
    f->fields = ARENA_ARRAY(b->a, room, struct form_field);
    f->names = ARENA_ARRAY(b->a, room, struct program_field);
    if (!f->fields || !f->names)
        return fail_memory();
    for (size_t i = 0; i < FORM_SYSTEM; i++)
        add_field(f, form_system_names[i], true);
    for (size_t i = 0; i < LEAD_TEXTS; i++)
        add_field(f, lead_texts[i].name, false);
    return ok();
}

/* The number of the field that `path` names; f->n_fields where there is none. */
static size_t find_field(const struct form *f, struct str path)
{
    size_t i = 0;
    while (i < f->n_fields && !str_eq(path, str_of(f->names[i].name)))
        i++;
    return i;
}

/* What may stand between {{ and }}. */
static bool attribute_name_usable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '{' || s.p[i] == '}')
            return false;
    return s.n && s.n <= ATTRIBUTE_NAME_MAX && str_trim(s).n == s.n;
}

/* Number of the lead's own field or the attribute that `d` declares; n_fields where something is wrong. */
static size_t declared(struct build *b, const TemplateField *d, const char *at)
{
    struct form *f = b->f;
    struct str path = str_of(d->path), prefix = STR(ATTRIBUTES);
    size_t i = find_field(f, path);
    for (size_t k = 0; k < b->t->n_fields && b->t->fields[k] != d; k++)
        if (strcmp(b->t->fields[k]->path, d->path) == 0) {
            wrong(b, at, "fields[%zu] has the same path", k);
            return f->n_fields;
        }
    if (i >= FORM_SYSTEM && i < f->n_fields)
        return i;
    if (str_starts(path, prefix) && attribute_name_usable(str_make(path.p + prefix.n, path.n - prefix.n))) {
        char *name = arena_dup(b->a, path);
        f->fields[f->n_fields].attribute = str_of(name ? name + prefix.n : "");
        return add_field(f, name ? name : "", false);
    }
    wrong(b, at,
          "must be a text field of a lead, or attributes.NAME; NAME has 1 to 128 bytes, no { or }, "
          "no blank at its ends");
    return f->n_fields;
}

static void check_field(struct build *b, const TemplateField *d, bool own, const char *at)
{
    if (own && d->type > TEMPLATE_FIELD__TYPE_TEXT)
        wrong(b, at, "is a TEXT");
    else if (d->date_format && d->type != TEMPLATE_FIELD__TYPE_DATE)
        wrong(b, at, "only a DATE has a date format");
    else if (d->required && *d->default_value)
        wrong(b, at, "is required and has a default value");
    else if (strlen(d->default_value) > FALLBACK_MAX)
        wrong(b, at, "default_value holds more than %d bytes", FALLBACK_MAX);
}

static void add_declared(struct build *b, size_t k)
{
    const TemplateField *d = b->t->fields[k];
    char at[32];
    snprintf(at, sizeof at, "fields[%zu]", k);
    unsigned before = b->k.n;
    size_t i = declared(b, d, at);
    if (i == b->f->n_fields)
        return;
    check_field(b, d, i < FORM_SYSTEM + LEAD_TEXTS, at);
    if (b->k.n > before)
        return;
    struct form_field *field = &b->f->fields[i];
    struct str fallback = str_of(d->default_value), shown;
    field->type = d->type;
    field->date_format = d->date_format;
    field->required = d->required;
    if (fallback.n && !form_shown(b->a, d->type, d->date_format, fallback, &shown))
        wrong(b, at, "default_value is not of the field's type");
    else if (fallback.n)
        field->fallback = str_of(arena_dup(b->a, shown));
    b->f->names[i].always = d->required || fallback.n;
}

/* ---- Contents ---- */

const char *const form_part_names[PROGRAM_PARTS] = { "subject", "text", "html" };

char **form_part(TemplateContent *content, enum program_part part)
{
    char **const parts[PROGRAM_PARTS] = { &content->subject, &content->text, &content->html };
    return parts[part];
}

static void tell_faults(struct build *b, const char *at, const struct program_fault *fault)
{
    for (; fault; fault = fault->next)
        wrong(b, at, "line %zu, column %zu: %s", fault->line, fault->column, fault->text);
}

static struct status compile_part(struct build *b, size_t k, enum program_part part, struct form_content *to)
{
    struct str text = str_of(*form_part(b->t->contents[k], part));
    struct program_fault *faults = NULL;
    char at[48];
    snprintf(at, sizeof at, "contents[%zu].%s", k, form_part_names[part]);
    if (!text.n)
        return ok();
    if (part != PROGRAM_TEXT && to->medium != MEDIUM_EMAIL) {
        wrong(b, at, "only an EMAIL has this part");
        return ok();
    }
    if ((b->texts += text.n) > FORM_TEXTS_MAX)
        return ok(); /* said once, in the end */
    TRY(program_compile(b->a, part, text, b->f->names, b->f->n_fields, &to->parts[part], &faults));
    tell_faults(b, at, faults);
    if (!faults && part != PROGRAM_SUBJECT && to->medium == MEDIUM_EMAIL &&
        strcmp(b->t->purpose, FORM_TRANSACTIONAL) != 0 &&
        !program_shows(to->parts[part], FORM_UNSUBSCRIBE_URL))
        wrong(b, at,
              "must show {{unsubscribe_url}} outside of sections, as the purpose is not " FORM_TRANSACTIONAL);
    return ok();
}

static void check_content(struct build *b, size_t k, const struct form_content *to)
{
    const TemplateContent *from = b->t->contents[k];
    char at[32];
    snprintf(at, sizeof at, "contents[%zu]", k);
    if (!form_locale_valid(str_of(from->locale)))
        wrong(b, at, "locale must be a language tag of BCP 47, as de-AT is, of at most 35 bytes");
    if (!from->medium)
        wrong(b, at, "medium must be set");
    for (size_t i = 0; i < k; i++)
        if (b->f->contents[i].medium == to->medium && strcmp(b->f->contents[i].folded, to->folded) == 0)
            wrong(b, at, "contents[%zu] has the same medium and locale", i);
    if (from->medium == MEDIUM_EMAIL && (!*from->subject || (!*from->text && !*from->html)))
        wrong(b, at, "an EMAIL has a subject, and a text or html");
    else if (from->medium != MEDIUM_EMAIL && !*from->text)
        wrong(b, at, "text must be given");
}

static struct status add_content(struct build *b, size_t k)
{
    const TemplateContent *from = b->t->contents[k];
    struct form_content *to = &b->f->contents[k];
    to->medium = from->medium;
    to->locale = arena_dup(b->a, str_of(from->locale));
    to->folded = form_locale_fold(b->a, str_of(from->locale));
    if (!to->locale || !to->folded)
        return fail_memory();
    check_content(b, k, to);
    for (int part = 0; part < PROGRAM_PARTS; part++)
        TRY(compile_part(b, k, (enum program_part)part, to));
    b->f->n_contents++;
    return ok();
}

/* The way of locales always ends: each medium has the default one. */
static void check_default_locale(struct build *b)
{
    for (size_t i = 0; i < b->f->n_contents; i++) {
        size_t k = 0;
        while (k < b->f->n_contents && (b->f->contents[k].medium != b->f->contents[i].medium ||
                                        strcmp(b->f->contents[k].folded, b->f->default_locale)))
            k++;
        if (k == b->f->n_contents) {
            wrong(b, "default_locale", "contents[%zu] has a medium without contents in this locale", i);
            return;
        }
    }
}

/* ---- All of it ---- */

static void check_head(struct build *b)
{
    const Template *t = b->t;
    if (strlen(t->display_name) > DISPLAY_NAME_MAX)
        wrong(b, "display_name", "holds more than %d bytes", DISPLAY_NAME_MAX);
    if (!id_valid(str_of(t->purpose)))
        wrong(b, "purpose", ID_RULE);
    if (t->n_fields > FORM_FIELDS_MAX)
        wrong(b, "fields", "must be at most %d", FORM_FIELDS_MAX);
    if (t->n_contents < 1 || t->n_contents > FORM_CONTENTS_MAX)
        wrong(b, "contents", "must be 1 to %d", FORM_CONTENTS_MAX);
}

static struct status build(struct build *b)
{
    const Template *t = b->t;
    check_head(b);
    TRY(b->k.s); /* what is counted is countable */
    TRY(start_fields(b));
    for (size_t i = 0; i < t->n_fields; i++)
        add_declared(b, i);
    b->f->default_locale = form_locale_fold(b->a, str_of(t->default_locale));
    b->f->contents = ARENA_ARRAY(b->a, t->n_contents, struct form_content);
    if (!b->f->default_locale || !b->f->contents)
        return fail_memory();
    for (size_t i = 0; i < t->n_contents; i++)
        TRY(add_content(b, i));
    check_default_locale(b);
    if (b->texts > FORM_TEXTS_MAX)
        wrong(b, "contents", "all texts together hold more than 524,288 bytes");
    return b->a->overflow || b->k.a->overflow ? fail_memory() : b->k.s;
}

struct status form_compile(struct arena *errors, const Template *t, const char *field, struct form **ret)
{
    struct arena arena;
    arena_init(&arena, COMPILED_MAX);
    struct form *f = ARENA_NEW(&arena, struct form);
    if (!f)
        return fail_memory();
    f->refs = 1;
    f->arena = arena; /* from here on the arena lives inside itself */
    struct build b = { f, &f->arena, t, checks_start(errors), field, 0 };
    struct status s = build(&b);
    if (is_ok(s))
        *ret = f;
    else
        form_unref(f);
    return s;
}

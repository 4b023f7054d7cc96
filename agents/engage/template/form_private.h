/* form_private.h: between the files that make up a form. */
#ifndef AGENTS_ENGAGE_TEMPLATE_FORM_PRIVATE_H
#define AGENTS_ENGAGE_TEMPLATE_FORM_PRIVATE_H

#include "agents/engage/template/form.h"

C_BEGIN

/* Fields are numbered: what the system gives, the lead's own texts, then the attributes declared. */
struct form_field {
    struct str attribute; /* its name; p is NULL where it is none */
    TemplateField__Type type;
    TemplateField__DateFormat date_format;
    bool required;
    struct str fallback; /* stands where there is no value, already as it is shown */
};

struct form_content {
    const char *locale, *folded; /* as given; in lower case */
    Medium medium;
    const struct program *parts[PROGRAM_PARTS]; /* NULL where it has no such part */
};

struct form {
    struct arena arena; /* holds all of it, this struct included */
    size_t refs;        /* changed by form_ref and form_unref only, with atomic operations */
    struct form_field *fields;
    struct program_field *names; /* of the fields, for programs */
    size_t n_fields;
    struct form_content *contents;
    size_t n_contents;
    const char *default_locale; /* in lower case */
};

/* ---- Values (form_values.c) ---- */

/* The text as it is shown, in the arena. False where it is not of the type, or the budget is used up. */
bool form_shown(struct arena *a, TemplateField__Type type, TemplateField__DateFormat format, struct str text,
                struct str *ret);

/* The values that a content needs, by number of the field, in the arena. Fails as form_render does. */
MUSTCHECK struct status form_values(struct arena *a, const struct form *f, const struct form_content *content,
                                    const struct form_request *r, const struct str **ret);

/* ---- Locales (form_locale.c) ---- */

/* A well-formed language tag, as BCP 47 has it but for what is irregular: subtags of 1 to 8 letters and
 * digits joined by -, the first of 2 to 8 letters, 35 bytes at most. */
bool form_locale_valid(struct str s);
/* In lower case, in the arena. NULL over the budget. */
char *form_locale_fold(struct arena *a, struct str s);
/* The content for a medium and a locale; NULL where the medium has none. */
const struct form_content *form_choose(const struct form *f, Medium medium, struct str locale);

C_END
#endif

/* form.h: a template compiled: a lead in, the words of a message out. No I/O; a form never changes and any
 * number of threads may render it at once.
 *
 * docs/templates.md is the manual. The fields that a text may name are the lead's own, attributes that the
 * template declares with a type, and what the system gives (form_system). */
#ifndef AGENTS_ENGAGE_TEMPLATE_FORM_H
#define AGENTS_ENGAGE_TEMPLATE_FORM_H

#include "agents/engage/template/program.h"
#include "proto/names.h"

C_BEGIN

#define FORM_FIELDS_MAX 64
#define FORM_CONTENTS_MAX 64
#define FORM_TEXTS_MAX (512u * 1024) /* of all contents together */
#define FORM_SUBJECT_MAX 998         /* bytes rendered, as RFC 5322 has it for a line */
#define FORM_BODY_MAX (512u * 1024)  /* of each body rendered */

#define FORM_TRANSACTIONAL "transactional" /* the one purpose without {{unsubscribe_url}} */

/* What the system gives, by number of form_system_names. */
enum form_system {
    FORM_UNSUBSCRIBE_URL,
    FORM_SENDER_NAME,
    FORM_SENDER_EMAIL,
    FORM_SENDER_ADDRESS,
    FORM_SYSTEM
};
extern const char *const form_system_names[FORM_SYSTEM]; /* "unsubscribe_url", "sender.name" ... */

/* The parts of a content: "subject", "text", "html", and where it holds each. */
extern const char *const form_part_names[PROGRAM_PARTS];
char **form_part(TemplateContent *content, enum program_part part);

struct form;

/* Checks a template and compiles it (heap, counted: the caller has the first reference). `field` is its path
 * in the request, for violations. Fails: TEMPLATE_INVALID with a violation for every fault found, that of a
 * text naming its part, line and column.
 */
MUSTCHECK struct status form_compile(struct arena *errors, const Template *t, const char *field,
                                     struct form **ret);
struct form *form_ref(struct form *f);
void form_unref(struct form *f); /* NULL is allowed */
size_t form_bytes(const struct form *f);

struct form_request {
    Medium medium;
    const char *locale; /* the one wanted; "" for the default */
    const Lead *lead;   /* as stored, or checked */
    const char *system[FORM_SYSTEM];
};

/* The words of a message; each text is NUL-ended, "" where the medium has no such part. */
struct form_message {
    const char *locale; /* the one used */
    struct str subject, text, html;
};

/* Renders into the arena. Of the locales that the medium has, the one wanted is used, or it shortened from
 * the end ("de-AT", "de"), or the template's default. Fails: TEMPLATE_MEDIUM_MISSING, TEMPLATE_VALUE_MISSING
 * (a required field, or one that the system gives), TEMPLATE_VALUE_INVALID (not of its type),
 * TEMPLATE_TOO_LONG. */
MUSTCHECK struct status form_render(struct arena *a, const struct form *f, const struct form_request *r,
                                    struct form_message *ret);

C_END
#endif

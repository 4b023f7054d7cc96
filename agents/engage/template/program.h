/* program.h: the language of templates: one text compiled to a list of steps. No I/O; a program never changes
 * and any number of threads may run it at once.
 *
 *     Hello{{#full_name}} {{full_name}}{{/full_name}}{{^full_name}} there{{/}}!
 *
 * A logic-less language of the Mustache family. {{NAME}} shows a field's value, escaped for its place;
 * {{#NAME}}...{{/NAME}} is there where the field has a value, {{^NAME}}...{{/NAME}} where it has none ({{/}}
 * ends the innermost section too); {{! ... }} is a comment. A section or comment tag alone on its line takes
 * the line with it. There is nothing else: no raw output, no partials, no other delimiters, no code. Values
 * are data: what looks like a tag in one is text.
 *
 * Everything is checked when a text is compiled. A field that may have no value stands only inside a section
 * on it, so that no message ever has a hole. */
#ifndef AGENTS_ENGAGE_TEMPLATE_PROGRAM_H
#define AGENTS_ENGAGE_TEMPLATE_PROGRAM_H

#include "base/buf.h"
#include "base/status.h"

C_BEGIN

#define PROGRAM_BYTES_MAX (128u * 1024)
#define PROGRAM_TAGS_MAX 1024
#define PROGRAM_DEPTH_MAX 16 /* of sections within each other */
#define PROGRAM_FAULTS_MAX 16

enum program_part { PROGRAM_SUBJECT, PROGRAM_TEXT, PROGRAM_HTML, PROGRAM_PARTS };

/* A field that a text may name. */
struct program_field {
    const char *name;
    bool always; /* has a value in every rendering */
};

/* What is wrong with a text. Counted from 1; columns in characters. */
struct program_fault {
    size_t line, column;
    const char *text;
    struct program_fault *next;
};

struct program;

/* Compiles UTF-8 text into the arena. Where it is unsound *ret_faults is the list of what is wrong, in order,
 * and *ret is not set; else NULL. Faults are literals. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status program_compile(struct arena *a, enum program_part part, struct str text,
                                        const struct program_field *fields, size_t n_fields,
                                        const struct program **ret, struct program_fault **ret_faults);

/* True where some rendering depends on this field; where every rendering shows it. */
bool program_uses(const struct program *p, size_t field);
bool program_shows(const struct program *p, size_t field);

/* Appends the text with its values: values[i] is field i's, an empty one counts as none. Takes time and room
 * in proportion to what it writes; out's limit ends it. */
void program_run(const struct program *p, const struct str *values, struct buf *out);

C_END
#endif

/* What the fields of a lead hold, as it is shown. */
#include "agents/engage/template/form_private.h"
#include "agents/record/lead_text.h"
#include "base/clock.h"

/* ---- Types ---- */

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                      "July",    "August",   "September", "October", "November", "December" };

/* How a day is written: 'Y', 'M' and 'D' stand for its digits, 'd' for the day without a leading 0, 'n' for
 * the month's name, all else for itself. */
static const char *const date_formats[] = {
    [TEMPLATE_FIELD__DATE_FORMAT_UNSPECIFIED] = "Y-M-D",
    [TEMPLATE_FIELD__DATE_FORMAT_ISO] = "Y-M-D",
    [TEMPLATE_FIELD__DATE_FORMAT_DAY_MONTH_YEAR_DOTS] = "D.M.Y",
    [TEMPLATE_FIELD__DATE_FORMAT_DAY_MONTH_YEAR_SLASHES] = "D/M/Y",
    [TEMPLATE_FIELD__DATE_FORMAT_MONTH_DAY_YEAR_SLASHES] = "M/D/Y",
    [TEMPLATE_FIELD__DATE_FORMAT_ENGLISH] = "d n Y",
};

static void put_date_part(struct buf *out, char part, const char *iso)
{
    switch (part) {
    case 'Y':
        buf_put(out, iso, 4);
        break;
    case 'M':
        buf_put(out, iso + 5, 2);
        break;
    case 'D':
        buf_put(out, iso + 8, 2);
        break;
    case 'd':
        buf_put(out, iso + 8 + (iso[8] == '0'), iso[8] == '0' ? 1 : 2);
        break;
    case 'n':
        buf_puts(out, months[(iso[5] - '0') * 10 + iso[6] - '0' - 1]);
        break;
    default:
        buf_putc(out, part);
    }
}

/* The calendar day as the value has it: a time's zone moves nothing. */
static bool shown_date(struct arena *a, TemplateField__DateFormat format, struct str text, struct str *ret)
{
    int64_t us;
    struct buf out;
    if (!clock_parse(text, &us))
        return false;
    buf_init(&out, 64);
    for (const char *p = date_formats[format]; *p; p++)
        put_date_part(&out, *p, text.p);
    *ret = buf_keep(&out, a);
    return ret->p;
}

bool form_shown(struct arena *a, TemplateField__Type type, TemplateField__DateFormat format, struct str text,
                struct str *ret)
{
    double number;
    *ret = text;
    if (type == TEMPLATE_FIELD__TYPE_DATE)
        return shown_date(a, format, text, ret);
    return type != TEMPLATE_FIELD__TYPE_NUMBER || str_to_f64(text, &number);
}

/* ---- Values ---- */

const char *const form_system_names[FORM_SYSTEM] = {
    [FORM_UNSUBSCRIBE_URL] = "unsubscribe_url",
    [FORM_SENDER_NAME] = "sender.name",
    [FORM_SENDER_EMAIL] = "sender.email",
    [FORM_SENDER_ADDRESS] = "sender.address",
};

static struct str raw_value(const struct form *f, const struct form_request *r, size_t i)
{
    if (i < FORM_SYSTEM)
        return str_of(r->system[i]);
    if (i < FORM_SYSTEM + LEAD_TEXTS)
        return str_of(lead_text(r->lead, i - FORM_SYSTEM));
    return str_of(lead_attribute(r->lead, f->fields[i].attribute));
}

static bool used(const struct form_content *content, size_t field)
{
    bool is = false;
    for (size_t i = 0; i < PROGRAM_PARTS; i++)
        is |= content->parts[i] && program_uses(content->parts[i], field);
    return is;
}

static struct status field_value(struct arena *a, const struct form *f, size_t i, struct str raw,
                                 struct str *ret)
{
    const struct form_field *field = &f->fields[i];
    *ret = field->fallback;
    if (raw.n == 0)
        return f->names[i].always && !field->fallback.n
                   ? fail(a, REASON_TEMPLATE_VALUE_MISSING, "%s has no value", f->names[i].name)
                   : ok();
    if (!form_shown(a, field->type, field->date_format, raw, ret))
        return a->overflow ? fail_memory()
                           : fail(a, REASON_TEMPLATE_VALUE_INVALID, "%s is not a %s", f->names[i].name,
                                  field->type == TEMPLATE_FIELD__TYPE_DATE ? "date" : "number");
    return ok();
}

struct status form_values(struct arena *a, const struct form *f, const struct form_content *content,
                          const struct form_request *r, const struct str **ret)
{
    struct str *values = ARENA_ARRAY(a, f->n_fields, struct str);
    if (!values)
        return fail_memory();
    for (size_t i = 0; i < f->n_fields; i++)
        if (f->fields[i].required || used(content, i))
            TRY(field_value(a, f, i, raw_value(f, r, i), &values[i]));
    *ret = values;
    return ok();
}

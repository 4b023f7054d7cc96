#include "agents/engage/template/form_private.h"

/* ---- Rendering ---- */

static struct status render_part(struct arena *a, const struct program *p, const struct str *values,
                                 size_t limit, struct str *ret)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, limit);
    if (p)
        program_run(p, values, &out);
    if (out.overflow)
        return fail(a, REASON_TEMPLATE_TOO_LONG, "more than %zu bytes would be written", limit);
    *ret = str_make(arena_dup(a, buf_str(&out)), out.n);
    return ret->p ? ok() : fail_memory();
}

struct status form_render(struct arena *a, const struct form *f, const struct form_request *r,
                          struct form_message *ret)
{
    const struct form_content *content = form_choose(f, r->medium, str_of(r->locale));
    const struct str *values;
    if (!content)
        return fail(a, REASON_TEMPLATE_MEDIUM_MISSING, "the template has no contents for this medium");
    TRY(form_values(a, f, content, r, &values));
    ret->locale = content->locale;
    TRY(render_part(a, content->parts[PROGRAM_SUBJECT], values, FORM_SUBJECT_MAX, &ret->subject));
    TRY(render_part(a, content->parts[PROGRAM_TEXT], values, FORM_BODY_MAX, &ret->text));
    return render_part(a, content->parts[PROGRAM_HTML], values, FORM_BODY_MAX, &ret->html);
}

/* ---- Life ---- */

size_t form_bytes(const struct form *f)
{
    return f->arena.used;
}

struct form *form_ref(struct form *f)
{
    __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
    return f;
}

void form_unref(struct form *f)
{
    if (!f || __atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    struct arena arena = f->arena; /* it lives inside itself */
    arena_done(&arena);
}

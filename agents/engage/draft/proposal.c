#include "agents/engage/draft/proposal.h"

#include "agents/engage/draft/links.h"
#include "agents/engage/template/form.h"
#include "base/json.h"
#include "base/pb.h"

#define PART_MAX (128u * 1024)
#define SHOWN 120 /* bytes of a link in the detail */

typedef DraftTemplateResponse__Outcome outcome_t;

static struct status put(struct ctx *c, DraftTemplateResponse *res, outcome_t outcome, const char *detail)
{
    res->outcome = outcome;
    res->detail = pb_str(c->arena, str_of(detail));
    return res->detail ? ok() : fail_memory();
}

/* A copy of the brief whose content of that number may be written to. */
static struct status copy_of(struct ctx *c, const Template *brief, size_t content, Template **ret)
{
    Template *t = PB_NEW(c->arena, Template);
    TemplateContent *own = PB_NEW(c->arena, TemplateContent);
    TemplateContent **all = ARENA_ARRAY(c->arena, brief->n_contents, TemplateContent *);
    if (!t || !own || !all)
        return fail_memory();
    *t = *brief;
    *own = *brief->contents[content];
    memcpy(all, brief->contents, brief->n_contents * sizeof *all);
    all[content] = own;
    t->contents = all;
    *ret = t;
    return ok();
}

/* The part as the model has it; *ret NULL where it has none. */
static struct status read_part(struct ctx *c, struct str text, const char *name, char **ret)
{
    struct buf b;
    buf_init(&b, PART_MAX);
    bool there = json_text(text, name, &b);
    *ret = there ? arena_dup(c->arena, buf_str(&b)) : NULL;
    buf_done(&b);
    return there && !*ret ? fail_memory() : ok();
}

/* Everything that the brief says, for what may be repeated of it. */
static void put_words(struct buf *b, const Template *t)
{
    for (size_t i = 0; i < t->n_contents; i++)
        for (int k = 0; k < PROGRAM_PARTS; k++) {
            buf_puts(b, *form_part(t->contents[i], (enum program_part)k));
            buf_putc(b, '\n');
        }
}

static struct status check_links(struct ctx *c, const Template *brief, TemplateContent *drafted,
                                 DraftTemplateResponse *res)
{
    struct buf known;
    struct str foreign = str_make("", 0);
    bool good = true;
    buf_init(&known, FORM_TEXTS_MAX + 4096);
    put_words(&known, brief);
    for (int i = 0; good && i < PROGRAM_PARTS; i++)
        good = links_known(str_of(*form_part(drafted, (enum program_part)i)), buf_str(&known), &foreign);
    const char *shown = arena_dup(c->arena, str_make(foreign.p, MIN(foreign.n, SHOWN)));
    buf_done(&known);
    if (good)
        return ok();
    return shown ? put(c, res, DRAFT_TEMPLATE_RESPONSE__OUTCOME_FOREIGN_LINK, shown) : fail_memory();
}

static struct status check_sound(struct ctx *c, const Template *t, DraftTemplateResponse *res)
{
    struct form *f;
    struct status s = form_compile(c->arena, t, "template", &f);
    if (is_ok(s)) {
        form_unref(f);
        return ok();
    }
    if (s.reason != REASON_TEMPLATE_INVALID)
        return s;
    return put(c, res, DRAFT_TEMPLATE_RESPONSE__OUTCOME_UNSOUND,
               s.violations ? s.violations->description : s.message);
}

static struct status fill(struct ctx *c, TemplateContent *drafted, struct str text, bool *ret_whole)
{
    *ret_whole = true;
    for (int i = 0; i < PROGRAM_PARTS; i++) {
        char **part = form_part(drafted, (enum program_part)i), *given;
        if (!**part)
            continue;
        TRY(read_part(c, text, form_part_names[i], &given));
        *ret_whole = *ret_whole && given && *given;
        if (given)
            *part = given;
    }
    return ok();
}

static struct status judge(struct ctx *c, const Template *brief, size_t content, struct str text,
                           Template **ret, DraftTemplateResponse *res)
{
    bool whole;
    TRY(copy_of(c, brief, content, ret));
    TRY(fill(c, (*ret)->contents[content], text, &whole));
    if (!whole)
        return put(c, res, DRAFT_TEMPLATE_RESPONSE__OUTCOME_MALFORMED, "a part is missing");
    TRY(check_sound(c, *ret, res));
    return res->outcome ? ok() : check_links(c, brief, (*ret)->contents[content], res);
}

struct status proposal_judge(struct ctx *c, const Template *brief, size_t content, struct str text,
                             DraftTemplateResponse *res)
{
    Template *drafted = NULL;
    TRY(judge(c, brief, content, text, &drafted, res));
    res->template_ = res->outcome ? (Template *)brief : drafted;
    if (!res->outcome)
        res->outcome = DRAFT_TEMPLATE_RESPONSE__OUTCOME_DRAFTED;
    return ok();
}

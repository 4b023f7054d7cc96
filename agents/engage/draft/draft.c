/* DraftTemplate: asks the endpoint, shows what comes, ends with a proposal or the brief. */
#include "agents/engage/draft/draft.h"
#include "agents/engage/draft/prompt.h"
#include "agents/engage/draft/proposal.h"
#include "agents/engage/draft/reply.h"
#include "agents/engage/send/send.h"
#include "agents/engage/send/stream.h"
#include "agents/engage/template/form.h"
#include "base/pb.h"

#define AT_ONCE 8
#define STEP_MS 20 /* so long a thread waits for the endpoint before others get it */
#define INSTRUCTIONS_MAX 2048
#define TONE_MAX 128

struct draft {
    struct drafting *with;
    Template *brief;
    size_t content; /* which of the brief's */
    struct exchange x;
    const char *headers[4];
    struct stream *stream; /* NULL: nothing was asked */
    struct reply reply;
    size_t told; /* of the reply's text */
    bool counted, ended;
    DraftTemplateResponse__Outcome outcome; /* where nothing was asked */
};

/* ---- Options ---- */

static bool in_header(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

struct status drafting_check(struct arena *a, const struct drafting *d, const char *private_hosts)
{
    if (!*d->url)
        return ok();
    const char *host = transfer_host(a, d->url, "http https");
    bool safe =
        host && (str_starts(str_of(d->url), STR("https:")) || transfer_may_be_private(private_hosts, host));
    if (!safe)
        return fail(a, REASON_FIELD_INVALID,
                    "DRAFT_URL must be an https URL, or an http one to a host of CHANNEL_HOSTS");
    if (!*d->model)
        return fail(a, REASON_FIELD_INVALID, "DRAFT_URL needs a DRAFT_MODEL");
    if (!in_header(str_of(d->api_key)))
        return fail(a, REASON_FIELD_INVALID, "DRAFT_API_KEY must be printable ASCII without blanks");
    return ok();
}

/* ---- The request ---- */

static struct status find_content(struct ctx *c, const DraftTemplateRequest *req, size_t *ret)
{
    const Template *t = req->template_;
    const char *locale = *req->locale ? req->locale : t->default_locale;
    for (size_t i = 0; i < t->n_contents; i++)
        if (t->contents[i]->medium == req->medium && strcasecmp(t->contents[i]->locale, locale) == 0) {
            *ret = i;
            return ok();
        }
    return fail(c->arena, REASON_TEMPLATE_MEDIUM_MISSING,
                "the template has nothing for this medium in this locale");
}

static struct status check(struct ctx *c, const DraftTemplateRequest *req)
{
    struct form *f;
    if (!req->template_)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "template", "must be given");
    if (strlen(req->instructions) > INSTRUCTIONS_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "instructions", "at most %d bytes",
                          INSTRUCTIONS_MAX);
    if (strlen(req->tone) > TONE_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "tone", "at most %d bytes", TONE_MAX);
    TRY(form_compile(c->arena, req->template_, "template", &f));
    form_unref(f);
    return ok();
}

/* ---- Asking ---- */

static void draft_end(void *arg)
{
    struct draft *d = arg;
    reply_done(&d->reply);
    if (d->counted)
        __atomic_sub_fetch(&d->with->under_way, 1, __ATOMIC_RELAXED);
}

static bool take(void *arg, struct str bytes)
{
    return reply_take(arg, bytes);
}

static struct status ask(struct ctx *c, const DraftTemplateRequest *req, struct draft *d)
{
    const struct drafting *with = d->with;
    d->headers[0] = "Content-Type: application/json";
    d->headers[1] = "Accept: text/event-stream";
    if (*with->api_key &&
        !(d->headers[2] = arena_printf(c->arena, "Authorization: Bearer %s", with->api_key)))
        return fail_memory();
    d->x.url = arena_printf(c->arena, "%s/chat/completions", with->url);
    d->x.timeout_ms = with->timeout_ms;
    d->x.private_hosts = c->app->send->private_hosts;
    d->x.ca_file = c->app->send->ca_file;
    d->x.headers = d->headers;
    TRY(prompt_make(c->arena, with, req, d->brief->contents[d->content], &d->x.body));
    return d->x.url ? stream_open(c->arena, &d->x, take, &d->reply, &d->stream) : fail_memory();
}

static struct status begin(struct ctx *c, const DraftTemplateRequest *req, struct draft *d)
{
    if (!*d->with->url) {
        d->outcome = DRAFT_TEMPLATE_RESPONSE__OUTCOME_OFF;
        return ok();
    }
    d->counted = true;
    if (__atomic_add_fetch(&d->with->under_way, 1, __ATOMIC_RELAXED) > AT_ONCE) {
        d->outcome = DRAFT_TEMPLATE_RESPONSE__OUTCOME_BUSY;
        return ok();
    }
    return ask(c, req, d);
}

struct status draft_template_open(struct ctx *c, const DraftTemplateRequest *req, struct draft **ret)
{
    struct draft *d = ARENA_NEW(c->arena, struct draft);
    TRY(check(c, req));
    if (!d)
        return fail_memory();
    TRY(find_content(c, req, &d->content));
    d->with = c->app->drafting;
    d->brief = req->template_;
    reply_init(&d->reply);
    if (!arena_on_reset(c->arena, draft_end, d))
        return fail_memory();
    *ret = d;
    return begin(c, req, d);
}

/* ---- Answering ---- */

static const DraftTemplateResponse__Outcome of_reply[] = {
    [REPLY_OPEN] = DRAFT_TEMPLATE_RESPONSE__OUTCOME_UNREACHABLE,
    [REPLY_REFUSED] = DRAFT_TEMPLATE_RESPONSE__OUTCOME_REFUSED,
    [REPLY_LONG] = DRAFT_TEMPLATE_RESPONSE__OUTCOME_TOO_LONG,
    [REPLY_MALFORMED] = DRAFT_TEMPLATE_RESPONSE__OUTCOME_MALFORMED,
};

static struct status no_draft(struct ctx *c, const struct draft *d, DraftTemplateResponse__Outcome outcome,
                              const char *detail, DraftTemplateResponse *res)
{
    res->outcome = outcome;
    res->template_ = d->brief;
    res->detail = pb_str(c->arena, str_of(detail));
    return res->detail ? ok() : fail_memory();
}

static struct status conclude(struct ctx *c, struct draft *d, enum stream_state state,
                              DraftTemplateResponse *res)
{
    d->ended = true;
    if (!d->stream)
        return no_draft(c, d, d->outcome, "", res);
    if (d->reply.state == REPLY_DONE)
        return proposal_judge(c, d->brief, d->content, buf_str(&d->reply.text), res);
    int code = stream_code(d->stream);
    const char *detail = stream_detail(d->stream);
    if (code && code != 200 && !(detail = arena_printf(c->arena, "HTTP %d", code)))
        return fail_memory();
    if (state == STREAM_LATE && d->reply.state == REPLY_OPEN)
        return no_draft(c, d, DRAFT_TEMPLATE_RESPONSE__OUTCOME_LATE, detail, res);
    return no_draft(c, d, of_reply[d->reply.state], detail, res);
}

static struct status tell_progress(struct ctx *c, struct draft *d, DraftTemplateResponse *res)
{
    struct str new = str_make(d->reply.text.p + d->told, d->reply.text.n - d->told);
    d->told = d->reply.text.n;
    res->progress = pb_str(c->arena, new);
    return res->progress ? ok() : fail_memory();
}

struct status draft_template(struct ctx *c, struct draft *d, DraftTemplateResponse *res, bool *ret_found,
                             bool *ret_ended)
{
    *ret_found = false;
    *ret_ended = d->ended;
    if (d->ended)
        return ok();
    enum stream_state state = d->stream ? stream_step(d->stream, STEP_MS) : STREAM_ENDED;
    *ret_found = true;
    if (d->reply.text.n > d->told)
        return tell_progress(c, d, res);
    if (state != STREAM_OPEN)
        return conclude(c, d, state, res);
    *ret_found = false;
    return ok();
}

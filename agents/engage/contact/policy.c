#include "agents/engage/contact/policy.h"

#include "agents/engage/contact/policy_sql.h"
#include "agents/engage/gate/zones.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/times.h"
#include "base/ids.h"

#include <math.h>
#include <stdio.h>

#define PURPOSES_MAX 32
#define RULES_MAX 16

/* ---- The built-in rules ---- */

struct purpose_row {
    const char *id;
    bool all; /* passes through every gate; else only through those that nothing passes by */
};
static const struct purpose_row purposes[] = { { "marketing", true }, { "transactional", false } };

static const struct cap_row {
    int32_t limit;
    int64_t days;
} caps[] = { { 1, 1 }, { 3, 7 }, { 10, 30 } };

static Duration *days(struct arena *a, int64_t n)
{
    Duration *d = PB_NEW(a, Duration);
    if (d)
        d->seconds = n * 86400;
    return d;
}

static bool builtin_purposes(struct arena *a, SendPolicy *p)
{
    p->purposes = ARENA_ARRAY(a, COUNT(purposes), SendPolicy__Purpose *);
    for (size_t i = 0; p->purposes && i < COUNT(purposes); i++) {
        SendPolicy__Purpose *to = PB_NEW(a, SendPolicy__Purpose);
        if (!to)
            return false;
        to->id = (char *)purposes[i].id;
        to->requires_consent = to->respects_owner = to->respects_hold_out = purposes[i].all;
        to->respects_quiet_hours = to->respects_caps = purposes[i].all;
        p->purposes[p->n_purposes++] = to;
    }
    return p->purposes;
}

static bool builtin_caps(struct arena *a, SendPolicy *p)
{
    p->frequency_caps = ARENA_ARRAY(a, COUNT(caps), SendPolicy__FrequencyCap *);
    for (size_t i = 0; p->frequency_caps && i < COUNT(caps); i++) {
        SendPolicy__FrequencyCap *to = PB_NEW(a, SendPolicy__FrequencyCap);
        if (!to || !(to->window = days(a, caps[i].days)))
            return false;
        to->limit = caps[i].limit;
        p->frequency_caps[p->n_frequency_caps++] = to;
    }
    return p->frequency_caps;
}

static bool builtin_night(struct arena *a, SendPolicy *p)
{
    SendPolicy__QuietHours *night = PB_NEW(a, SendPolicy__QuietHours);
    p->quiet_hours = ARENA_ARRAY(a, 1, SendPolicy__QuietHours *);
    if (!night || !p->quiet_hours)
        return false;
    night->start = (char *)"21:00";
    night->end = (char *)"08:00";
    p->quiet_hours[p->n_quiet_hours++] = night;
    return true;
}

static struct status builtin(struct ctx *c, SendPolicy **ret)
{
    SendPolicy *p = PB_NEW(c->arena, SendPolicy);
    if (!p || !builtin_purposes(c->arena, p) || !builtin_caps(c->arena, p) || !builtin_night(c->arena, p) ||
        !(p->max_channels_window = days(c->arena, 30)))
        return fail_memory();
    p->max_channels = (int32_t)c->app->max_channels;
    p->default_time_zone = (char *)"UTC";
    *ret = p;
    return ok();
}

/* ---- Checking and compiling ---- */

struct compiler {
    struct ctx *c;
    struct checks k;
    const char *field;
    const char *list; /* in the field, and the place in it, that is being compiled; NULL: the field itself */
    size_t i;
};

/* What is being compiled, for violations: "field.list[i]". */
static const char *here(const struct compiler *m)
{
    const char *text = m->list ? arena_printf(m->c->arena, "%s.%s[%zu]", m->field, m->list, m->i) : m->field;
    return text ? text : m->field;
}

/* 0 where it is no time that a window may have. */
static int64_t window(struct compiler *m, const char *field, const Duration *d)
{
    bool whole = d && d->nanos == 0 && d->seconds >= 60 && d->seconds <= GATE_WINDOW_MAX / US_PER_SECOND;
    if (!whole)
        check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, here(m), field, "must be whole seconds, 60 to %lld",
                   (long long)(GATE_WINDOW_MAX / US_PER_SECOND));
    return whole ? d->seconds * US_PER_SECOND : 0;
}

static void compile_purposes(struct compiler *m, const SendPolicy *p, struct gate_purpose *to)
{
    if (p->n_purposes == 0 || p->n_purposes > PURPOSES_MAX)
        check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, m->field, "purposes", "must be 1 to %d", PURPOSES_MAX);
    m->list = "purposes";
    for (size_t i = 0; i < MIN(p->n_purposes, PURPOSES_MAX); i++) {
        const SendPolicy__Purpose *s = p->purposes[i];
        m->i = i;
        to[i] = (struct gate_purpose){ s->requires_consent, s->respects_owner, s->respects_hold_out,
                                       s->respects_quiet_hours, s->respects_caps };
        if (!id_valid(str_of(s->id)))
            check_fail(&m->k, REASON_FIELD_INVALID, here(m), "id", ID_RULE);
        for (size_t k = 0; k < i; k++)
            if (strcmp(p->purposes[k]->id, s->id) == 0)
                check_fail(&m->k, REASON_FIELD_INVALID, here(m), "id", "is given twice");
    }
    m->list = NULL;
}

static void compile_caps(struct compiler *m, const SendPolicy *p, struct gate_cap *to)
{
    if (p->n_frequency_caps > RULES_MAX)
        check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, m->field, "frequency_caps", "must be at most %d",
                   RULES_MAX);
    m->list = "frequency_caps";
    for (size_t i = 0; i < MIN(p->n_frequency_caps, RULES_MAX); i++) {
        const SendPolicy__FrequencyCap *s = p->frequency_caps[i];
        m->i = i;
        to[i] = (struct gate_cap){ (int)s->medium, window(m, "window", s->window), (uint32_t)s->limit };
        if (s->limit < 1 || s->limit > GATE_CAP_LIMIT)
            check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, here(m), "limit", "must be 1 to %d", GATE_CAP_LIMIT);
    }
    m->list = NULL;
}

/* "21:00" as seconds; -1 for anything else. */
static int32_t clock_seconds(const char *text)
{
    int64_t hour, minute;
    struct str s = str_of(text);
    if (s.n != 5 || s.p[2] != ':' || s.p[0] == '-' || s.p[0] == '+' || s.p[3] == '-' || s.p[3] == '+' ||
        !str_to_i64(str_make(s.p, 2), &hour) || !str_to_i64(str_make(s.p + 3, 2), &minute))
        return -1;
    return minute < 60 && hour * 60 + minute <= 24 * 60 ? (int32_t)(hour * 60 + minute) * 60 : -1;
}

static uint8_t weekdays(struct compiler *m, const SendPolicy__QuietHours *s)
{
    uint8_t all = s->n_days ? 0 : 127;
    for (size_t i = 0; i < s->n_days; i++) {
        if (!s->days[i])
            check_fail(&m->k, REASON_FIELD_INVALID, here(m), "days", "holds one that is not set");
        else
            all |= (uint8_t)(1u << (s->days[i] - SEND_POLICY__WEEKDAY_SUNDAY));
    }
    return all;
}

static void compile_quiet_hours(struct compiler *m, const SendPolicy *p, struct gate_quiet *to)
{
    if (p->n_quiet_hours > RULES_MAX)
        check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, m->field, "quiet_hours", "must be at most %d",
                   RULES_MAX);
    m->list = "quiet_hours";
    for (size_t i = 0; i < MIN(p->n_quiet_hours, RULES_MAX); i++) {
        const SendPolicy__QuietHours *s = p->quiet_hours[i];
        m->i = i;
        to[i] = (struct gate_quiet){ clock_seconds(s->start), clock_seconds(s->end), weekdays(m, s) };
        if (to[i].start < 0 || to[i].start == 86400)
            check_fail(&m->k, REASON_FIELD_INVALID, here(m), "start", "must be a time from 00:00 to 23:59");
        if (to[i].end <= 0)
            check_fail(&m->k, REASON_FIELD_INVALID, here(m), "end", "must be a time from 00:01 to 24:00");
    }
    m->list = NULL;
}

static uint64_t part_of_all(double fraction)
{
    return fraction >= 1 ? UINT64_MAX : (uint64_t)ldexp(fraction, 64);
}

static void compile_rest(struct compiler *m, const SendPolicy *p, struct gate_policy *to)
{
    to->paused = p->paused;
    to->max_media = (uint32_t)p->max_channels;
    to->media_window_us = window(m, "max_channels_window", p->max_channels_window);
    if (p->max_channels < 1 || p->max_channels > MEDIUM_CRM)
        check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, m->field, "max_channels", "must be 1 to %d", MEDIUM_CRM);
    if (!(p->hold_out_fraction >= 0 && p->hold_out_fraction <= 1))
        check_fail(&m->k, REASON_FIELD_OUT_OF_RANGE, m->field, "hold_out_fraction", "must be 0 to 1");
    else
        to->hold_out_below = part_of_all(p->hold_out_fraction);
    if (!zones_find(m->c->app->zones, str_of(p->default_time_zone)))
        check_fail(&m->k, REASON_FIELD_INVALID, m->field, "default_time_zone", "is no IANA zone");
}

struct status send_rules_compile(struct ctx *c, const SendPolicy *p, const char *field,
                                 struct send_rules *ret)
{
    struct compiler m = { c, checks_start(c->arena), field, NULL, 0 };
    struct gate_purpose *all = ARENA_ARRAY(c->arena, PURPOSES_MAX, struct gate_purpose);
    struct gate_cap *limits = ARENA_ARRAY(c->arena, RULES_MAX, struct gate_cap);
    struct gate_quiet *quiet = ARENA_ARRAY(c->arena, RULES_MAX, struct gate_quiet);
    if (!all || !limits || !quiet)
        return fail_memory();
    memset(ret, 0, sizeof *ret);
    compile_purposes(&m, p, all);
    compile_caps(&m, p, limits);
    compile_quiet_hours(&m, p, quiet);
    compile_rest(&m, p, &ret->gate);
    ret->policy = p;
    ret->purposes = all;
    ret->gate.caps = limits;
    ret->gate.n_caps = MIN(p->n_frequency_caps, RULES_MAX);
    ret->gate.quiet = quiet;
    ret->gate.n_quiet = MIN(p->n_quiet_hours, RULES_MAX);
    if (is_ok(m.k.s) && !gate_quiet_leaves_time(&ret->gate))
        check_fail(&m.k, REASON_FIELD_INVALID, field, "quiet_hours", "leave no time of the week");
    return m.k.s;
}

/* ---- Which are in force ---- */

static struct status stored(struct ctx *c, const struct value *v, SendPolicy **ret)
{
    SendPolicy *p = PB_UNPACK(c->arena, SendPolicy, v[2].s);
    TRY(decoded(c, p, "the send policy"));
    p->version = v[0].i;
    p->create_time = time_message(c->arena, v[1].i);
    *ret = p;
    return p->create_time ? ok() : fail_memory();
}

struct status send_rules_load(struct ctx *c, struct send_rules *ret)
{
    struct rows rows;
    SendPolicy *p = NULL;
    TRY(DB_QUERY(c, &send_policy_sql[SEND_POLICY_NEWEST], &rows, v_text(c->workspace)));
    if (rows.n)
        TRY(stored(c, row_at(&rows, 0), &p));
    else
        TRY(builtin(c, &p));
    p->etag = arena_printf(c->arena, "%lld", (long long)p->version);
    return p->etag ? send_rules_compile(c, p, "send_policy", ret) : fail_memory();
}

const struct gate_purpose *send_rules_purpose(const struct send_rules *r, const char *id)
{
    for (size_t i = 0; i < r->policy->n_purposes; i++)
        if (strcmp(r->policy->purposes[i]->id, id) == 0)
            return &r->purposes[i];
    return NULL;
}

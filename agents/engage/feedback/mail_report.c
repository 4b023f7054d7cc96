#include "agents/engage/feedback/mail_report.h"

#include "agents/engage/feedback/mime_part.h"

#define DEPTH_MAX 4  /* of parts within parts */
#define PARTS_MAX 64 /* of the whole mail */
#define STATUS_MAX 11
#define DETAIL_MAX 512

struct reading {
    struct arena *a;
    struct mail_report *report;
    unsigned parts;
};

/* Up to a blank, a semicolon or a comment. */
static struct str word(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] > ' ' && s.p[n] != ';' && s.p[n] != '(')
        n++;
    return str_make(s.p, n);
}

static const char *ascii(struct arena *a, struct str s, size_t max)
{
    char *text = arena_dup(a, str_make(s.p, MIN(s.n, max)));
    for (char *p = text; p && *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return text;
}

/* ---- Message-IDs ---- */

/* Adds what stands in angle brackets. */
static void add_ids(struct mail_report *r, struct str field)
{
    while (field.n && r->n_ids < MAIL_IDS_MAX) {
        (void)str_split(&field, '<');
        struct str id = str_trim(str_split(&field, '>'));
        if (id.n)
            r->ids[r->n_ids++] = id;
    }
}

static void add_ids_of(struct reading *r, struct str head, const char *name)
{
    add_ids(r->report, mime_field(r->a, head, name));
}

/* ---- Delivery status ---- */

static const struct {
    const char *action;
    enum mail_kind kind;
} actions[] = {
    { "failed", MAIL_FAILED },
    { "delayed", MAIL_DELAYED },
    { "delivered", MAIL_DELIVERED },
};

/* Of several recipients the one for whom it went worst counts: our mails have one, so the others are whom it
 * was passed on to. */
static void read_recipient(struct reading *r, struct str group)
{
    struct str action = word(mime_field(r->a, group, "Action"));
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (!str_eq_nocase(action, str_of(actions[i].action)) || actions[i].kind <= r->report->kind)
            continue;
        struct str diagnostic = mime_field(r->a, group, "Diagnostic-Code");
        (void)str_split(&diagnostic, ';');
        r->report->kind = actions[i].kind;
        r->report->status = ascii(r->a, word(mime_field(r->a, group, "Status")), STATUS_MAX);
        r->report->detail = ascii(r->a, str_trim(diagnostic), DETAIL_MAX);
    }
}

/* Groups of fields with empty lines between: the first is of the report, the others of a recipient each. */
static void read_status(struct reading *r, struct str body)
{
    for (unsigned i = 0; body.n && i < PARTS_MAX; i++) {
        struct mime_part group = mime_split(body);
        read_recipient(r, group.head);
        body = group.body;
    }
}

/* ---- Complaints ---- */

static void read_feedback(struct reading *r, struct str body)
{
    struct str type = word(mime_field(r->a, mime_split(body).head, "Feedback-Type"));
    if (str_eq_nocase(type, STR("abuse")) || str_eq_nocase(type, STR("fraud")))
        r->report->kind = MAIL_COMPLAINT;
}

/* ---- The mail that came back ---- */

static void read_returned(struct reading *r, struct str body)
{
    add_ids_of(r, mime_split(body).head, "Message-ID");
}

static const struct {
    const char *type;
    void (*read)(struct reading *r, struct str body);
} readers[] = {
    { "message/delivery-status", read_status },   { "message/global-delivery-status", read_status },
    { "message/feedback-report", read_feedback }, { "message/rfc822", read_returned },
    { "message/global", read_returned },          { "message/global-headers", read_returned },
    { "message/rfc822-headers", read_returned },  { "text/rfc822-headers", read_returned },
};

/* ---- Parts ---- */

static void read_part(struct reading *r, const struct mime_part *part, unsigned depth)
{
    struct mime_type t = mime_type(r->a, part->head);
    struct mime_parts parts = mime_parts(part->body, t.boundary);
    struct mime_part inner;
    for (size_t i = 0; i < COUNT(readers); i++)
        if (str_eq(t.type, str_of(readers[i].type)))
            readers[i].read(r, mime_decoded(r->a, part));
    if (!str_starts(t.type, STR("multipart/")) || depth == DEPTH_MAX)
        return;
    while (r->parts++ < PARTS_MAX && mime_next(&parts, &inner))
        read_part(r, &inner, depth + 1);
}

/* ---- Replies ---- */

/* What programs write into the head of a mail that nobody wrote; NULL: any value but `no`. */
static const struct {
    const char *name, *value;
} signs[] = {
    { "Auto-Submitted", NULL },
    { "X-Autoreply", NULL },
    { "X-Autorespond", NULL },
    { "X-Auto-Response-Suppress", NULL },
    { "List-Id", NULL },
    { "Precedence", "bulk" },
    { "Precedence", "list" },
    { "Precedence", "junk" },
    { "Precedence", "auto_reply" },
    { "Return-Path", "<>" },
};

/* Senders to whom nobody writes, and who write nothing themselves. */
static const char *const machines[] = { "mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply" };

static bool is_machine(struct str from)
{
    for (; from.n; from = str_make(from.p + 1, from.n - 1))
        for (size_t i = 0; i < COUNT(machines); i++)
            if (str_starts_nocase(from, str_of(machines[i])))
                return true;
    return false;
}

static bool is_automatic(struct arena *a, struct str head)
{
    for (size_t i = 0; i < COUNT(signs); i++) {
        struct str value = mime_field(a, head, signs[i].name);
        if (signs[i].value ? str_eq_nocase(value, str_of(signs[i].value))
                           : value.n && !str_eq_nocase(word(value), STR("no")))
            return true;
    }
    return is_machine(mime_field(a, head, "From"));
}

bool mail_report_read(struct arena *a, struct str mail, struct mail_report *ret)
{
    struct reading r = { a, ret, 0 };
    struct mime_part whole = mime_split(mail);
    memset(ret, 0, sizeof *ret);
    ret->status = ret->detail = "";
    read_part(&r, &whole, 0);
    bool is_report = ret->kind != MAIL_OTHER;
    if (!is_report)
        ret->n_ids = 0; /* mails that somebody attached */
    add_ids_of(&r, whole.head, "In-Reply-To");
    add_ids_of(&r, whole.head, "References");
    if (!is_report && ret->n_ids)
        ret->kind = is_automatic(a, whole.head) ? MAIL_AUTOMATIC : MAIL_REPLY;
    return !a->overflow;
}

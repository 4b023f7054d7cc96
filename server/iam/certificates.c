/* Which name in a client certificate stands for which service account. Who may say so may let a peer in, so
 * it is the installation's matter, not a tenant's. */
#include "server/iam/iam_private.h"

#define NAME_MAX_BYTES 512

static bool is_lower_or_digit(char x)
{
    return (x >= 'a' && x <= 'z') || (x >= '0' && x <= '9');
}

/* What follows the scheme is compared to the byte, so its form is the authority's matter. */
static bool is_uri(struct str name)
{
    struct str rest = name, scheme = str_split(&rest, ':');
    for (size_t i = 0; i < scheme.n; i++)
        if (!is_lower_or_digit(scheme.p[i]) && !memchr("+.-", scheme.p[i], 3))
            return false;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] <= ' ' || rest.p[i] > '~')
            return false;
    return scheme.n > 0 && scheme.p[0] >= 'a' && rest.n > 0;
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.n; i++)
        if (!is_lower_or_digit(label.p[i]) && label.p[i] != '-')
            return false;
    return label.n > 0 && label.p[0] != '-' && label.p[label.n - 1] != '-';
}

/* No wildcard: it stands for nobody in particular. */
static bool is_host(struct str name)
{
    bool good = name.p[name.n - 1] != '.';
    while (good && name.n)
        good = is_label(str_split(&name, '.'));
    return good;
}

static struct status check_name(struct ctx *c, struct str name)
{
    if (name.n > NAME_MAX_BYTES)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "service_account.certificate_name",
                          "at most %d bytes", NAME_MAX_BYTES);
    if (!(memchr(name.p, ':', name.n) ? is_uri(name) : is_host(name)))
        return fail_field(c->arena, REASON_FIELD_INVALID, "service_account.certificate_name",
                          "must be a URI, or a DNS name in small letters without a wildcard");
    return ok();
}

static struct status may_name(struct ctx *c)
{
    struct scope_set needed = { { 0 } };
    scope_add(&needed, SCOPE_system_admin);
    if (caller_covers(c, &needed))
        return ok();
    return denied(c, REASON_PERMISSION_MISSING, "a certificate_name is given by who holds system.admin");
}

struct status certificate_change(struct ctx *c, const char *account_id, const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        return ok();
    TRY(may_name(c));
    if (*after)
        TRY(check_name(c, str_of(after)));
    certificate_remove(c, account_id);
    if (*after)
        UNIT_ADD(c->unit, &iam_sql[CERTIFICATE_INSERT], 1, REASON_ACCOUNT_ALREADY_EXISTS, v_text(after),
                 v_text(c->workspace), v_text(account_id));
    return ok();
}

void certificate_remove(struct ctx *c, const char *account_id)
{
    UNIT_ADD(c->unit, &iam_sql[CERTIFICATE_DELETE], -1, REASON_CONFLICT, v_text(c->workspace),
             v_text(account_id));
}

#include "agents/engage/contact/address.h"

#include "agents/record/lead_text.h"
#include "base/ids.h"
#include "base/pb.h"

struct status address_find(struct ctx *c, const char *email, const char *phone, struct address *ret)
{
    Lead *given = PB_NEW(c->arena, Lead);
    if (!given)
        return fail_memory();
    if (!*email == !*phone)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "email", "give either an email or a phone");
    size_t field = *email ? LEAD_EMAIL : LEAD_PHONE;
    *lead_text_at(given, field) = pb_str(c->arena, str_of(*email ? email : phone));
    if (!lead_text(given, field))
        return fail_memory();
    TRY(lead_check(c, given, ""));
    c->ask_store = true; /* nothing in the commit would find out that memory was wrong */
    TRY(lead_resolve(c, given, &ret->row));
    ret->identity =
        (struct lead_identity){ v_int((int64_t)field + 1), v_text(lead_text(given, field)), false };
    return ok();
}

void purpose_check(struct checks *k, const char *parent, const char *purpose)
{
    if (*purpose && !id_valid(str_of(purpose)))
        check_fail(k, REASON_FIELD_INVALID, parent, "purpose", ID_RULE);
}

#include "agents/engage/contact/owner.h"

#include "agents/record/checks.h"
#include "agents/record/events.h"
#include "agents/record/times.h"

#define USERS "users/"
#define QUEUES "queues/"

/* owner "": nobody. */
static struct status put(struct ctx *c, const struct lead_row *lead, struct contact_row *row,
                         const char *owner)
{
    row->contact->owner = pb_str(c->arena, str_of(owner));
    row->contact->owner_time = *owner ? time_message(c->arena, c->now_us) : NULL;
    if (!row->contact->owner || (*owner && !row->contact->owner_time))
        return fail_memory();
    event_note(c, "engage", *owner ? "lead.owner_assigned" : "lead.owner_released", row->contact->lead);
    return contact_keep(c, lead, row);
}

/* ---- For journeys ---- */

struct status owner_hand_over(struct ctx *c, const struct lead_row *lead, const char *queue)
{
    struct contact_row row;
    if (contact_in_unit(c, lead->id))
        return ok();
    TRY(contact_load(c, lead->id, &row));
    return *row.contact->owner ? ok() : put(c, lead, &row, queue);
}

struct status owner_take_back(struct ctx *c, const struct lead_row *lead, const char *queue)
{
    struct contact_row row;
    if (contact_in_unit(c, lead->id))
        return ok();
    TRY(contact_load(c, lead->id, &row));
    return strcmp(row.contact->owner, queue) ? ok() : put(c, lead, &row, "");
}

/* ---- AssignOwner, ReleaseOwner ---- */

static bool is_user(const char *owner)
{
    return str_starts(str_of(owner), STR(USERS));
}

static struct status check_owner(struct ctx *c, const char *owner)
{
    const char *id;
    return name_id(c->arena, owner, is_user(owner) ? USERS : QUEUES, "owner", &id);
}

struct status assign_owner(struct ctx *c, const AssignOwnerRequest *req, Contact *res)
{
    struct lead_row lead;
    struct contact_row row;
    const char *owner = !*req->owner && is_user(c->principal) ? c->principal : req->owner;
    TRY(check_owner(c, owner));
    TRY(lead_load(c, req->name, "name", &lead));
    TRY(contact_load(c, lead.id, &row));
    bool same = strcmp(row.contact->owner, owner) == 0;
    if (!same && is_user(row.contact->owner) && !req->force)
        return fail(c->arena, REASON_OWNER_TAKEN, "%s belongs to %s", req->name, row.contact->owner);
    if (!same)
        TRY(put(c, &lead, &row, owner));
    *res = *row.contact;
    return ok();
}

struct status release_owner(struct ctx *c, const ReleaseOwnerRequest *req, Contact *res)
{
    struct lead_row lead;
    struct contact_row row;
    if (*req->owner)
        TRY(check_owner(c, req->owner));
    TRY(lead_load(c, req->name, "name", &lead));
    TRY(contact_load(c, lead.id, &row));
    const char *has = row.contact->owner;
    if (*has && *req->owner && strcmp(has, req->owner))
        return fail(c->arena, REASON_OWNER_TAKEN, "%s belongs to %s", req->name, has);
    if (*has)
        TRY(put(c, &lead, &row, ""));
    *res = *row.contact;
    return ok();
}

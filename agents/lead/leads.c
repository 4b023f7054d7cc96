/* One lead at a time: create, read, change, delete, merge. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/checks.h"
#include "agents/record/contact.h"
#include "agents/record/engagement.h"
#include "agents/record/events.h"
#include "base/ids.h"
#include "base/pb.h"

/* ---- CreateLead ---- */

/* The id that the caller chose: by lead_id, or by the lead's name; "" for none. */
static struct status chosen_id(struct ctx *c, const char *lead_id, const Lead *lead, const char **ret)
{
    const char *named = *lead->name ? lead->name + strlen("leads/") : ""; /* checked before */
    if (*lead_id)
        TRY(id_check(c->arena, lead_id, "lead_id"));
    if (*lead_id && *named && strcmp(lead_id, named))
        return fail_field(c->arena, REASON_FIELD_INVALID, "lead_id", "differs from lead.name");
    *ret = *lead_id ? lead_id : named;
    return ok();
}

static struct status id_is_free(struct ctx *c, const char *id)
{
    struct lead_row row;
    if (!*id)
        return ok();
    const char *name = arena_printf(c->arena, "leads/%s", id);
    struct status s = name ? lead_load(c, name, "lead_id", &row) : fail_memory();
    if (s.reason == REASON_LEAD_NOT_FOUND)
        return ok();
    TRY(s);
    return fail_field(c->arena, REASON_LEAD_ALREADY_EXISTS, "lead_id", "leads/%s exists", id);
}

/* Saves, unless the call only asked whether it could, and answers with the lead. An answer that is stored for
 * retries tells of the lead as one that is still there, also where nothing changed: an erasure that goes
 * through the stored answers meanwhile would miss it. */
static struct status save(struct ctx *c, struct lead_row *row, bool validate_only, Lead *res)
{
    if (!validate_only && lead_changed(row)) {
        TRY(lead_save(c, row, REASON_CONFLICT));
        TRY(lead_announce(c, row));
    } else if (!validate_only && *c->request_id) {
        lead_hold(c, row);
    }
    *res = *row->lead;
    return ok();
}

/* Makes a lead that does not exist yet. */
static struct status create(struct ctx *c, const Lead *given, const char *id, bool validate_only, Lead *res)
{
    struct lead_row row;
    TRY(lead_new(c, given, id, &row));
    TRY(lead_etag_check(c, &row, given->etag));
    TRY(lead_identities_free(c, &row, "lead", REASON_IDENTITY_TAKEN));
    return save(c, &row, validate_only, res);
}

struct status create_lead(struct ctx *c, const CreateLeadRequest *req, Lead *res)
{
    const char *id = "";
    c->ask_store |= req->validate_only;
    TRY(lead_required(c, req->lead, "lead"));
    TRY(lead_check(c, req->lead, "lead"));
    TRY(chosen_id(c, req->lead_id, req->lead, &id));
    TRY(id_is_free(c, id));
    return create(c, req->lead, id, req->validate_only, res);
}

/* ---- GetLead ---- */

struct status get_lead(struct ctx *c, const GetLeadRequest *req, Lead *res)
{
    struct lead_row row;
    TRY(lead_load(c, req->name, "name", &row));
    *res = *row.lead;
    return ok();
}

/* ---- UpdateLead ---- */

static struct status named(struct ctx *c, const Lead *lead)
{
    const char *id = "";
    if (!lead)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "lead", "give the lead with its name");
    return name_id(c->arena, lead->name, "leads/", "lead.name", &id);
}

static struct status update(struct ctx *c, const UpdateLeadRequest *req, struct lead_row *row, Lead *res)
{
    TRY(lead_etag_check(c, row, req->lead->etag));
    TRY(lead_mask_apply(c, row->lead, req->lead, req->update_mask));
    TRY(lead_identities_free(c, row, "lead", REASON_IDENTITY_TAKEN));
    return save(c, row, req->validate_only, res);
}

struct status update_lead(struct ctx *c, const UpdateLeadRequest *req, Lead *res)
{
    struct lead_row row;
    c->ask_store |= req->validate_only;
    TRY(named(c, req->lead));
    TRY(lead_check(c, req->lead, "lead"));
    struct status s = lead_load(c, req->lead->name, "lead.name", &row);
    if (s.reason == REASON_LEAD_NOT_FOUND && req->allow_missing)
        return create(c, req->lead, req->lead->name + strlen("leads/"), req->validate_only, res);
    TRY(s);
    return update(c, req, &row, res);
}

/* ---- DeleteLead ---- */

static void delete_with_all(struct ctx *c, struct lead_row *row)
{
    struct value workspace = v_text(c->workspace), id = v_text(row->id);
    UNIT_ADD(c->unit, &lead_room_sql[EVENTS_DELETE], -1, REASON_CONFLICT, workspace, id);
    UNIT_ADD(c->unit, &lead_room_sql[OUTCOMES_DELETE], -1, REASON_CONFLICT, workspace, id);
    contact_remove(c, row->id);
    event_note(c, "lead", "lead.deleted", row->lead->name);
}

struct status delete_lead(struct ctx *c, const DeleteLeadRequest *req, Empty *res)
{
    struct lead_row row;
    struct status s = lead_load(c, req->name, "name", &row);
    if (s.reason == REASON_LEAD_NOT_FOUND && req->allow_missing)
        return ok();
    TRY(s);
    TRY(lead_etag_check(c, &row, req->etag));
    TRY(lead_retain(c, &row));
    TRY(lead_remove(c, &row));
    delete_with_all(c, &row);
    return ok();
}

/* ---- MergeLeads ---- */

static struct status merge(struct ctx *c, struct lead_row *row, struct lead_row *duplicate)
{
    struct value id = v_text(row->id), workspace = v_text(c->workspace), old = v_text(duplicate->id);
    const struct engagement_axis *axis;
    TRY(lead_axis(c, &axis));
    UNIT_ADD(c->unit, &lead_room_sql[EVENTS_GIVE], -1, REASON_CONFLICT, id, workspace, old);
    UNIT_ADD(c->unit, &lead_room_sql[OUTCOMES_GIVE], -1, REASON_CONFLICT, id, workspace, old);
    TRY(contact_join(c, row->id, duplicate->id));
    TRY(lead_absorb(c, row, duplicate, axis->half_life_us));
    return lead_save(c, row, REASON_CONFLICT);
}

static struct status announce_merge(struct ctx *c, const MergeLeadsRequest *req, const Lead *lead)
{
    MergeLeadsRequest told = *req;
    told.request_id = (char *)protobuf_c_empty_string;
    struct str payload = pb_pack(c->arena, &told);
    if (!payload.p)
        return fail_memory();
    lead_event(c, "lead.merged", lead, "", payload);
    return ok();
}

struct status merge_leads(struct ctx *c, const MergeLeadsRequest *req, Lead *res)
{
    struct lead_row row, duplicate;
    TRY(lead_load(c, req->name, "name", &row));
    TRY(lead_load(c, req->duplicate, "duplicate", &duplicate));
    if (strcmp(req->name, req->duplicate) == 0)
        return fail_field(c->arena, REASON_FIELD_INVALID, "duplicate", "a lead cannot be merged into itself");
    if (strcmp(row.id, duplicate.id)) { /* else they were merged before */
        TRY(merge(c, &row, &duplicate));
        TRY(announce_merge(c, req, row.lead));
    }
    *res = *row.lead;
    return ok();
}

/* Imports and their rejects as they are stored and shown. */
#include "agents/lead/import.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"

#include <inttypes.h>

/* The column `data` holds the length of the LeadImport (4 bytes, little-endian), the LeadImport, and what a
 * successor needs as an ImportLeadsRequest: the spec with the separator that was found, the header as
 * content, and as offset twice the line, plus one after a CR. */
#define LENGTH_BYTES 4

static struct status import_decode(struct ctx *c, struct str data, struct import_record *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < LENGTH_BYTES && data.n >= LENGTH_BYTES; i++)
        n |= (size_t)(unsigned char)data.p[i] << 8 * i;
    if (data.n < LENGTH_BYTES || n > data.n - LENGTH_BYTES)
        return fail(c->arena, REASON_INTERNAL, "import %s cannot be decoded", ret->id);
    ret->import = PB_UNPACK(c->arena, LeadImport, str_make(data.p + LENGTH_BYTES, n));
    n += LENGTH_BYTES;
    ImportLeadsRequest *rest = PB_UNPACK(c->arena, ImportLeadsRequest, str_make(data.p + n, data.n - n));
    if (c->arena->overflow)
        return fail_memory();
    if (!ret->import || !rest || !rest->spec)
        return fail(c->arena, REASON_INTERNAL, "import %s cannot be decoded", ret->id);
    ret->spec = rest->spec;
    ret->header = str_make((char *)rest->content.data, rest->content.len);
    ret->line = (uint64_t)rest->offset / 2;
    ret->after_cr = rest->offset & 1;
    return ok();
}

struct status import_restore(struct ctx *c, const char *id, int64_t version, struct str bytes,
                             struct import_record *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->id = id;
    ret->version = version;
    return import_decode(c, bytes, ret);
}

struct status import_load(struct ctx *c, const char *id, struct import_record *ret)
{
    struct rows rows;
    memset(ret, 0, sizeof *ret);
    ret->id = id;
    TRY(DB_QUERY(c, &lead_room_sql[IMPORT_GET], &rows, v_text(c->workspace), v_text(id)));
    if (rows.n == 0)
        return ok();
    return import_restore(c, id, row_at(&rows, 0)[0].i, row_at(&rows, 0)[1].s, ret);
}

static struct status import_encode(struct ctx *c, const struct import_record *r, struct str *ret)
{
    ImportLeadsRequest rest = IMPORT_LEADS_REQUEST_INIT;
    rest.spec = r->spec;
    rest.content.data = (uint8_t *)r->header.p;
    rest.content.len = r->header.n;
    rest.offset = (int64_t)(r->line * 2 + r->after_cr);
    struct str a = pb_pack(c->arena, r->import), b = pb_pack(c->arena, &rest);
    char *p = arena_raw(c->arena, LENGTH_BYTES + a.n + b.n);
    if (!a.p || !b.p || !p)
        return fail_memory();
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        p[i] = (char)(a.n >> 8 * i);
    memcpy(p + LENGTH_BYTES, a.p, a.n);
    memcpy(p + LENGTH_BYTES + a.n, b.p, b.n);
    *ret = str_make(p, LENGTH_BYTES + a.n + b.n);
    return ok();
}

struct status import_save(struct ctx *c, struct import_record *r, struct str *ret)
{
    struct value workspace = v_text(c->workspace), id = v_text(r->id), now = v_int(c->now_us);
    r->import->update_time = time_message(c->arena, c->now_us);
    if (!r->import->update_time)
        return fail_memory();
    TRY(import_encode(c, r, ret));
    if (r->version)
        UNIT_ADD(c->unit, &lead_room_sql[IMPORT_UPDATE], 1, REASON_CONFLICT, now, v_bytes(*ret), workspace,
                 id, v_int(r->version));
    else
        UNIT_ADD(c->unit, &lead_room_sql[IMPORT_INSERT], 1, REASON_CONFLICT, workspace, id, v_int(1), now,
                 now, v_bytes(*ret));
    return ok();
}

/* ---- GetLeadImport, ListLeadImportRejects ---- */

static struct status load_named(struct ctx *c, const char *name, const char *field, struct import_record *ret)
{
    const char *id = "";
    TRY(name_id(c->arena, name, "leadImports/", field, &id));
    TRY(import_load(c, id, ret));
    return ret->import ? ok() : fail(c->arena, REASON_IMPORT_NOT_FOUND, "%s does not exist", name);
}

struct status get_lead_import(struct ctx *c, const GetLeadImportRequest *req, LeadImport *res)
{
    struct import_record r;
    TRY(load_named(c, req->name, "name", &r));
    *res = *r.import;
    return ok();
}

static struct status take_rejects(struct ctx *c, const struct rows *rows, ListLeadImportRejectsResponse *res)
{
    res->rejects = ARENA_ARRAY(c->arena, rows->n + 1, LeadImportReject *);
    for (size_t i = 0; res->rejects && i < rows->n; i++) {
        res->rejects[i] = PB_UNPACK(c->arena, LeadImportReject, row_at(rows, i)[1].s);
        TRY(decoded(c, res->rejects[i], "a reject"));
        res->n_rejects++;
    }
    return res->rejects ? ok() : fail_memory();
}

struct status list_lead_import_rejects(struct ctx *c, const ListLeadImportRejectsRequest *req,
                                       ListLeadImportRejectsResponse *res)
{
    struct import_record r;
    struct page page;
    struct rows rows;
    int64_t after = 0;
    TRY(load_named(c, req->parent, "parent", &r));
    TRY(page_read(c, req->page_size, req->page_token, r.id, &page));
    if (*page.after && !str_to_i64(str_of(page.after), &after))
        return fail_field(c->arena, REASON_PAGE_TOKEN_INVALID, "page_token", "not a token of this list");
    TRY(DB_QUERY(c, &lead_room_sql[REJECTS_PAGE], &rows, v_text(c->workspace), v_text(r.id), v_int(after),
                 v_int(page.size + 1)));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    TRY(take_rejects(c, &rows, res));
    if (!more)
        return ok();
    const char *key = arena_printf(c->arena, "%" PRId64, row_at(&rows, rows.n - 1)[0].i);
    return page_token(c, r.id, key, &res->next_page_token);
}

/* ImportLeads: the stream. */
#include "agents/lead/import.h"

#include "agents/lead/lead.h"
#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/ids.h"

#define CHUNK_MAX (1024 * 1024)
#define TAIL_MAX (CSV_RECORD_MAX + CHUNK_MAX)
#define RECORD_MAX (CSV_RECORD_MAX * 3)
#define ID_MAX 64

/* What an item leaves behind for the next one. */
struct place {
    bool begun;
    int64_t version;      /* of the import's row */
    int64_t received;     /* bytes of the file; committed_bytes and the tail */
    struct buf record;    /* the import's row */
    struct buf tail;      /* received, but not dealt with yet */
    struct lead_set *set; /* the item's leads; lives while the item is on its way into the store */
};

/* An item may run again, and another after it before it is durable: places[at] is that of the last durable
 * item, the next two are of those under way. */
struct lead_import {
    char id[ID_MAX];
    unsigned at;
    struct place places[3];
};

static void import_release(void *p)
{
    struct lead_import *s = p;
    for (size_t i = 0; i < COUNT(s->places); i++) {
        buf_done(&s->places[i].record);
        buf_done(&s->places[i].tail);
    }
}

struct status import_leads_open(struct ctx *c, struct lead_import **ret)
{
    struct lead_import *s = ARENA_NEW(c->arena, struct lead_import);
    if (!s)
        return fail_memory();
    for (size_t i = 0; i < COUNT(s->places); i++) {
        buf_init(&s->places[i].record, RECORD_MAX);
        buf_init(&s->places[i].tail, TAIL_MAX);
    }
    if (!arena_on_reset(c->arena, import_release, s))
        return fail_memory();
    *ret = s;
    return ok();
}

static struct place *place(struct lead_import *s, unsigned items_on)
{
    return &s->places[(s->at + items_on) % COUNT(s->places)];
}

void import_leads_committed(struct ctx *c, struct lead_import *s)
{
    s->at++;
}

/* ---- The record ---- */

static struct status new_record(struct ctx *c, const LeadImportSpec *spec, struct import_record *r)
{
    static const char separators[] = ",;\t|";
    size_t n = strlen(spec->separator);
    if (n > 1 || (n == 1 && !strchr(separators, *spec->separator)))
        return fail_field(c->arena, REASON_FIELD_INVALID, "spec.separator", "must be one of , ; tab |");
    r->spec = arena_raw(c->arena, sizeof *r->spec);
    r->import = PB_NEW(c->arena, LeadImport);
    if (!r->spec || !r->import)
        return fail_memory();
    *r->spec = *spec;
    r->line = 1;
    r->import->name = arena_printf(c->arena, "leadImports/%s", r->id);
    r->import->state = LEAD_IMPORT__STATE_RUNNING;
    r->import->create_time = time_message(c->arena, c->now_us);
    return r->import->name && r->import->create_time ? ok() : fail_memory();
}

/* The first message names the import. */
static struct status named_id(struct ctx *c, struct lead_import *s, const ImportLeadsRequest *req)
{
    if (!req->spec || !*req->spec->import_id)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "spec.import_id",
                          "the first message names the import");
    struct str id = str_of(req->spec->import_id);
    if (!id_valid(id))
        return fail_field(c->arena, REASON_FIELD_INVALID, "spec.import_id", "must be 1 to 63 of [a-z0-9-]");
    memcpy(s->id, id.p, id.n + 1);
    return ok();
}

static struct status mismatch(struct ctx *c, const struct lead_import *s, const char *why)
{
    return fail(c->arena, REASON_IMPORT_MISMATCH, "leadImports/%s: %s", s->id, why);
}

static struct status begin(struct ctx *c, struct lead_import *s, const ImportLeadsRequest *req,
                           struct import_record *r)
{
    TRY(named_id(c, s, req));
    TRY(import_load(c, s->id, r));
    if (!r->import)
        return new_record(c, req->spec, r);
    return r->import->state == LEAD_IMPORT__STATE_DONE ? mismatch(c, s, "it is done") : ok();
}

/* Nobody else has gone on with the import where it is as the item before left it. The commit checks that;
 * where it failed, the store is asked. */
static struct status go_on(struct ctx *c, const struct lead_import *s, const struct place *from,
                           struct import_record *r)
{
    if (c->attempt == 0)
        return import_restore(c, s->id, from->version, buf_str(&from->record), r);
    TRY(import_load(c, s->id, r));
    return r->version == from->version ? ok() : mismatch(c, s, "another stream goes on with it");
}

/* ---- Chunks ---- */

static struct status check_chunk(struct ctx *c, const struct lead_import *s, const ImportLeadsRequest *req,
                                 const struct place *from, const struct import_record *r)
{
    int64_t expected = from->begun ? from->received : r->import->committed_bytes;
    if (from->begun && req->spec)
        return fail_field(c->arena, REASON_FIELD_INVALID, "spec", "only in the first message");
    if (req->content.len > CHUNK_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "content", "at most 1 MiB");
    if (req->offset == expected)
        return ok();
    return mismatch(c, s,
                    arena_printf(c->arena, "the next chunk's offset is %lld, not %lld", (long long)expected,
                                 (long long)req->offset));
}

/* What has not been dealt with yet: the tail and the new bytes. */
static struct status join(struct ctx *c, struct str tail, struct str content, struct str *ret)
{
    *ret = content.n ? content : tail;
    if (!tail.n || !content.n)
        return ok();
    char *p = arena_raw(c->arena, tail.n + content.n);
    if (!p)
        return fail_memory();
    memcpy(p, tail.p, tail.n);
    memcpy(p + tail.n, content.p, content.n);
    *ret = str_make(p, tail.n + content.n);
    return ok();
}

static struct status announce(struct ctx *c, const LeadImport *m)
{
    struct str payload = pb_pack(c->arena, m);
    const struct event e = { AGENT_TYPE_UNSPECIFIED, "lead", "lead.imported", m->name, "", "", payload };
    if (!payload.p)
        return fail_memory();
    event_add(c, &e);
    return ok();
}

/* Bytes that end no row are not worth a commit, but for the first: from then on the import exists. */
static struct status save(struct ctx *c, struct import_record *r, const struct place *from, bool moved,
                          struct place *to)
{
    struct str record = buf_str(&from->record);
    bool saved = moved || !from->begun;
    if (saved)
        TRY(import_save(c, r, &record));
    if (moved)
        TRY(announce(c, r->import));
    buf_clear(&to->record);
    buf_put(&to->record, record.p, record.n);
    to->version = r->version + saved;
    return to->record.overflow ? fail_memory() : ok();
}

static void keep_tail(struct place *to, struct str input, size_t read)
{
    buf_clear(&to->tail);
    buf_put(&to->tail, input.p + read, input.n - read);
}

/* `req`: NULL where the last message held more than one item. */
struct status import_leads_item(struct ctx *c, struct lead_import *s, const ImportLeadsRequest *req)
{
    const struct place *from = place(s, c->ahead);
    struct place *to = place(s, c->ahead + 1u);
    struct import_record r;
    struct import_rows rows;
    struct str content = req ? str_make((char *)req->content.data, req->content.len) : str_make("", 0), input;
    TRY(from->begun ? go_on(c, s, from, &r) : begin(c, s, req, &r));
    if (req)
        TRY(check_chunk(c, s, req, from, &r));
    TRY(join(c, buf_str(&from->tail), content, &input));
    int64_t was = r.import->committed_bytes;
    TRY(import_read(c, &r, input, false, &rows));
    TRY(import_apply(c, &r, &rows, c->ahead ? from->set : NULL, &to->set));
    TRY(save(c, &r, from, r.import->committed_bytes > was, to));
    keep_tail(to, input, (size_t)(r.import->committed_bytes - was));
    to->received = was + (int64_t)input.n;
    to->begun = true;
    c->more = rows.more;
    return to->tail.overflow ? fail_memory() : ok();
}

struct status import_leads_finish(struct ctx *c, struct lead_import *s, LeadImport *res)
{
    const struct place *from = place(s, 0);
    struct import_record r;
    struct import_rows rows;
    struct lead_set *set;
    struct str record;
    if (!from->begun)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "spec", "the first message names the import");
    TRY(go_on(c, s, from, &r));
    TRY(import_read(c, &r, buf_str(&from->tail), true, &rows));
    TRY(import_apply(c, &r, &rows, NULL, &set));
    r.import->state = LEAD_IMPORT__STATE_DONE;
    TRY(import_save(c, &r, &record));
    TRY(announce(c, r.import));
    *res = *r.import;
    return ok();
}

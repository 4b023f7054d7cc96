/* Channels as a resource. */
#include "agents/engage/channel/channel_private.h"
#include "agents/engage/channel/channel_sql.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/mask.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/ids.h"

/* ---- Reading ---- */

/* Takes (id, version, data). */
static struct status take(struct ctx *c, const struct value *v, Channel **ret)
{
    Channel *channel = PB_UNPACK(c->arena, Channel, v[2].s);
    TRY(decoded(c, channel, CHANNELS "%s", v[0].s.p));
    channel->etag = arena_printf(c->arena, "%lld", (long long)v[1].i);
    *ret = channel;
    return channel->etag ? ok() : fail_memory();
}

/* Takes (id, version, data, sealed). */
static struct status take_row(struct ctx *c, const struct value *v, struct channel_row *ret)
{
    ret->id = v[0].s.p;
    ret->version = v[1].i;
    ret->sealed = v[3].s;
    return take(c, v, &ret->channel);
}

struct status channel_load(struct ctx *c, const char *name, struct channel_row *ret)
{
    struct rows rows;
    const char *id;
    TRY(name_id(c->arena, name, CHANNELS, "name", &id));
    TRY(DB_QUERY(c, &channel_sql[CHANNEL_GET], &rows, v_text(c->workspace), v_text(id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_CHANNEL_NOT_FOUND, "there is no %s", name);
    return take_row(c, row_at(&rows, 0), ret);
}

struct status channel_for(struct ctx *c, Medium medium, struct channel_row *ret)
{
    struct rows rows;
    memset(ret, 0, sizeof *ret);
    TRY(DB_QUERY(c, &channel_sql[CHANNEL_FOR], &rows, v_text(c->workspace), v_int(medium)));
    return rows.n ? take_row(c, row_at(&rows, 0), ret) : ok();
}

static struct status load_to_change(struct ctx *c, const char *name, const char *etag,
                                    struct channel_row *ret)
{
    TRY(channel_load(c, name, ret));
    if (*etag && strcmp(etag, ret->channel->etag) != 0)
        return fail(c->arena, REASON_ETAG_MISMATCH, "%s has another etag now; read it again", name);
    return ok();
}

/* ---- Writing ---- */

/* Checks what the channel is to be, its secrets within, and packs both halves. */
static struct status pack(struct ctx *c, const char *id, Channel *channel, struct str *data,
                          struct str *sealed)
{
    Channel *secrets;
    TRY(channel_check(c, channel));
    channel->etag = (char *)protobuf_c_empty_string;
    channel->update_time = time_message(c->arena, c->now_us);
    TRY(channel_detach(c, channel, &secrets));
    TRY(channel_seal(c, id, secrets, sealed));
    *data = pb_pack(c->arena, channel);
    return channel->update_time && data->p ? ok() : fail_memory();
}

struct status create_channel(struct ctx *c, const CreateChannelRequest *req, Channel *res)
{
    struct str data, sealed;
    TRY(id_check(c->arena, req->channel_id, "channel_id"));
    if (!req->channel)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "channel", "must be given");
    *res = *req->channel;
    res->name = arena_printf(c->arena, CHANNELS "%s", req->channel_id);
    res->create_time = time_message(c->arena, c->now_us);
    if (!res->name || !res->create_time)
        return fail_memory();
    TRY(pack(c, req->channel_id, res, &data, &sealed));
    UNIT_ADD(c->unit, &channel_sql[CHANNEL_INSERT], 1, REASON_CHANNEL_ALREADY_EXISTS, v_text(c->workspace),
             v_text(req->channel_id), v_int(1), v_int(res->medium), v_int(res->disabled), v_bytes(data),
             v_bytes(sealed));
    res->etag = "1";
    event_note(c, "engage", "channel.created", res->name);
    return ok();
}

#define SETTABLE(field)                                                                                      \
    {                                                                                                        \
#field, offsetof(Channel, field), sizeof(((Channel *)0)->field)                                      \
    }

static const struct {
    const char *name;
    size_t offset, size;
} settable[] = {
    SETTABLE(display_name),
    SETTABLE(disabled),
    SETTABLE(smtp),
    SETTABLE(webhook),
    SETTABLE(messages_per_second),
    SETTABLE(messages_per_second_per_domain),
    SETTABLE(postal_address),
    SETTABLE(track_opens),
    SETTABLE(track_clicks),
    SETTABLE(feedback),
};

static struct status overlay(struct ctx *c, const UpdateChannelRequest *req, Channel *channel)
{
    const char *names[COUNT(settable) + 1] = { NULL };
    for (size_t i = 0; i < COUNT(settable); i++)
        names[i] = settable[i].name;
    TRY(mask_check(c, req->update_mask, names));
    for (size_t i = 0; i < COUNT(settable); i++)
        if (mask_has(req->update_mask, settable[i].name))
            memcpy((char *)channel + settable[i].offset, (const char *)req->channel + settable[i].offset,
                   settable[i].size);
    return ok();
}

/* Secrets that cannot be opened any more are as good as none: they are to be given again. */
static struct status keep_secrets(struct ctx *c, const struct channel_row *row, Channel *channel)
{
    Channel *secrets;
    struct status s = channel_secrets(c, row, &secrets);
    if (s.reason == REASON_CHANNEL_STATE)
        return ok();
    TRY(s);
    channel_keep(channel, row->channel, secrets);
    return ok();
}

struct status update_channel(struct ctx *c, const UpdateChannelRequest *req, Channel *res)
{
    struct channel_row row;
    struct str data, sealed;
    if (!req->channel)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "channel", "give the channel with its name");
    TRY(load_to_change(c, req->channel->name, req->channel->etag, &row));
    *res = *row.channel;
    TRY(overlay(c, req, res));
    TRY(keep_secrets(c, &row, res));
    TRY(pack(c, row.id, res, &data, &sealed));
    UNIT_ADD(c->unit, &channel_sql[CHANNEL_UPDATE], 1, REASON_CONFLICT, v_int(res->disabled), v_bytes(data),
             v_bytes(sealed), v_text(c->workspace), v_text(row.id), v_int(row.version));
    res->etag = arena_printf(c->arena, "%lld", (long long)row.version + 1);
    event_note(c, "engage", "channel.updated", res->name);
    return res->etag ? ok() : fail_memory();
}

struct status delete_channel(struct ctx *c, const DeleteChannelRequest *req, Empty *res)
{
    struct channel_row row;
    (void)res;
    TRY(load_to_change(c, req->name, req->etag, &row));
    UNIT_ADD(c->unit, &channel_sql[CHANNEL_DELETE], 1, REASON_CONFLICT, v_text(c->workspace), v_text(row.id),
             v_int(row.version));
    event_note(c, "engage", "channel.deleted", req->name);
    return ok();
}

/* ---- Handlers that read ---- */

struct status get_channel(struct ctx *c, const GetChannelRequest *req, Channel *res)
{
    struct channel_row row;
    TRY(channel_load(c, req->name, &row));
    *res = *row.channel;
    return ok();
}

struct status list_channels(struct ctx *c, const ListChannelsRequest *req, ListChannelsResponse *res)
{
    struct page page;
    struct rows rows;
    TRY(page_read(c, req->page_size, req->page_token, "", &page));
    TRY(DB_QUERY(c, &channel_sql[CHANNEL_LIST], &rows, v_text(c->workspace), v_text(page.after),
                 v_int(page.size + 1)));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    res->channels = ARENA_ARRAY(c->arena, rows.n + 1, Channel *);
    if (!res->channels)
        return fail_memory();
    for (; res->n_channels < rows.n; res->n_channels++)
        TRY(take(c, row_at(&rows, res->n_channels), &res->channels[res->n_channels]));
    return more ? page_token(c, "", row_at(&rows, rows.n - 1)[0].s.p, &res->next_page_token) : ok();
}

/* channel.h: the ways out: channels with their settings and their secrets. */
#ifndef AGENTS_ENGAGE_CHANNEL_CHANNEL_H
#define AGENTS_ENGAGE_CHANNEL_CHANNEL_H

#include "agents/engage/send/mime.h"
#include "agents/engage/send/send.h"
#include "agents/record/app.h"
#include "store/db.h"

C_BEGIN

#define CHANNELS "channels/"

struct channel_row {
    const char *id;
    int64_t version;   /* of the row */
    Channel *channel;  /* as callers see it */
    struct str sealed; /* the secrets: channel_secrets */
};

/* Fails: FIELD_REQUIRED, FIELD_INVALID, CHANNEL_NOT_FOUND. */
MUSTCHECK struct status channel_load(struct ctx *c, const char *name, struct channel_row *ret);

/* The first by id that is in service for the medium; ret->channel is NULL where none is. */
MUSTCHECK struct status channel_for(struct ctx *c, Medium medium, struct channel_row *ret);

/* A Channel that holds only the secrets. Fails: CHANNEL_STATE where they were sealed under another
 * SECRET_KEY. */
MUSTCHECK struct status channel_secrets(struct ctx *c, const struct channel_row *row, Channel **ret);

/* The settings as the drivers want them; texts are shared with the row and the secrets. */
struct smtp_server channel_smtp(const Channel *channel, const Channel *secrets);
struct webhook channel_webhook(const Channel *channel, const Channel *secrets);

/* The mail as it leaves through the channel, in the arena: with the channel's sender, signed where it has a
 * key. `m` lacks the sender's fields. Fails: as mime_compose and dkim_sign. */
MUSTCHECK struct status channel_mail(struct ctx *c, const Channel *channel, const Channel *secrets,
                                     struct mail *m, struct str *ret);
/* Where the mail server sends what it could not deliver. */
const char *channel_bounce_address(const Channel *channel);

/* Handlers. */
MUSTCHECK struct status create_channel(struct ctx *c, const CreateChannelRequest *req, Channel *res);
MUSTCHECK struct status get_channel(struct ctx *c, const GetChannelRequest *req, Channel *res);
MUSTCHECK struct status list_channels(struct ctx *c, const ListChannelsRequest *req,
                                      ListChannelsResponse *res);
MUSTCHECK struct status update_channel(struct ctx *c, const UpdateChannelRequest *req, Channel *res);
MUSTCHECK struct status delete_channel(struct ctx *c, const DeleteChannelRequest *req, Empty *res);
MUSTCHECK struct status test_channel(struct ctx *c, const TestChannelRequest *req, TestChannelResponse *res);

extern const struct stmt_table channel_statements;

C_END
#endif

/* channel_private.h: between the files of this room. */
#ifndef AGENTS_ENGAGE_CHANNEL_CHANNEL_PRIVATE_H
#define AGENTS_ENGAGE_CHANNEL_CHANNEL_PRIVATE_H

#include "agents/engage/channel/channel.h"

C_BEGIN

/* Checks the settings, the secrets in them included. Fails with a violation for each that is at fault. */
MUSTCHECK struct status channel_check(struct ctx *c, const Channel *channel);

/* Fills empty secrets of `channel` with those of the stored one. A password goes to the host, port and user
 * that it was given for alone. */
void channel_keep(Channel *channel, const Channel *stored, const Channel *secrets);

/* Moves the secrets out of the settings (which are not shared) into a Channel of their own, and leaves in
 * channel->secrets which there are. */
MUSTCHECK struct status channel_detach(struct ctx *c, Channel *channel, Channel **ret);

/* In the arena. */
MUSTCHECK struct status channel_seal(struct ctx *c, const char *id, const Channel *secrets, struct str *ret);

C_END
#endif

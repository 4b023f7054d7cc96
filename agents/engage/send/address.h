/* address.h: which network addresses a channel may lead to, wherever its host name points at this moment. */
#ifndef AGENTS_ENGAGE_SEND_ADDRESS_H
#define AGENTS_ENGAGE_SEND_ADDRESS_H

#include "base/base.h"

#include <sys/socket.h>

C_BEGIN

/* Whether it is an address of the public internet: not this machine, its link, a private network, a cloud's
 * metadata service, a group, or one of these within another form (mapped, 6to4, NAT64). */
bool address_public(const struct sockaddr *a);

C_END
#endif

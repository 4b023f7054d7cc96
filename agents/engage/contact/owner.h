/* owner.h: who owns the conversation with a lead. */
#ifndef AGENTS_ENGAGE_CONTACT_OWNER_H
#define AGENTS_ENGAGE_CONTACT_OWNER_H

#include "agents/record/contact.h"

C_BEGIN

/* Adds to the unit that a journey gives the conversation to a queue (`queues/{queue}`), unless somebody has
 * it or the unit gives it away already. */
MUSTCHECK struct status owner_hand_over(struct ctx *c, const struct lead_row *lead, const char *queue);

/* Adds to the unit that the queue has it no longer; where it has not, nothing. */
MUSTCHECK struct status owner_take_back(struct ctx *c, const struct lead_row *lead, const char *queue);

/* Handlers. */
MUSTCHECK struct status assign_owner(struct ctx *c, const AssignOwnerRequest *req, Contact *res);
MUSTCHECK struct status release_owner(struct ctx *c, const ReleaseOwnerRequest *req, Contact *res);

C_END
#endif

/* message.h: messages as they are planned, listed and cancelled. What becomes of one when it is due is the
 * delivery's matter. */
#ifndef AGENTS_ENGAGE_MESSAGE_MESSAGE_H
#define AGENTS_ENGAGE_MESSAGE_MESSAGE_H

#include "agents/record/app.h"
#include "store/db.h"

C_BEGIN

/* Gives a message of these fields (lead, medium, purpose, priority, template, channel, enrollment, send_time,
 * expire_time) a name and adds it, SCHEDULED, to the ctx's unit. Nothing is checked. */
MUSTCHECK struct status message_add(struct ctx *c, Message *m);

struct message_row {
    const char *id;
    int64_t version; /* of the row */
    int64_t next;    /* which a change gives it: another one */
    Message *message;
};

/* Fails: FIELD_REQUIRED, FIELD_INVALID, MESSAGE_NOT_FOUND. */
MUSTCHECK struct status message_load(struct ctx *c, const char *name, struct message_row *ret);

/* Adds to the unit the change from the version that was read to what row->message says now, with an event of
 * this action. due_us: when it is looked at next, in a state in which it is. `frozen` replaces what was,
 * unless its p is NULL. */
MUSTCHECK struct status message_save(struct ctx *c, const struct message_row *row, int64_t due_us,
                                     struct str frozen, const char *action);

/* The two halves of message_save: the change without an event, and an event about the message as it is now.
 */
MUSTCHECK struct status message_store(struct ctx *c, const struct message_row *row, int64_t due_us,
                                      struct str frozen);
MUSTCHECK struct status message_announce(struct ctx *c, const Message *m, const char *action);

/* What is frozen begins with the address that the message goes to and a line end. Here is the address: a mail
 * address or a phone; "" where it goes to neither, or an older build froze it for a webhook. */
MUSTCHECK struct status message_address(struct ctx *c, const char *id, const char **ret);

/* Messages of the lead, its merged duplicates included, that wait (SCHEDULED) and have more than this
 * priority; the first `limit` that are due. */
struct message_waiting {
    int64_t due_us;
    const Message *message;
};
MUSTCHECK struct status message_waiting(struct ctx *c, const char *lead_id, Priority above, size_t limit,
                                        struct message_waiting **ret, size_t *ret_n);
/* It is going to be asked (db_expect). */
void message_waiting_expect(struct ctx *c, const char *lead_id, Priority above, size_t limit);

/* Handlers. */
MUSTCHECK struct status get_message(struct ctx *c, const GetMessageRequest *req, Message *res);
MUSTCHECK struct status list_messages(struct ctx *c, const ListMessagesRequest *req,
                                      ListMessagesResponse *res);
MUSTCHECK struct status cancel_message(struct ctx *c, const CancelMessageRequest *req, Message *res);
MUSTCHECK struct status resolve_unknown_message(struct ctx *c, const ResolveUnknownMessageRequest *req,
                                                Message *res);

extern const struct stmt_table message_statements;

C_END
#endif

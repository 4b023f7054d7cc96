/* mail_report.h: what a mail that came back to us tells of one that we sent: delivery status notifications
 * (RFC 3464), complaints (RFC 5965) and replies. No I/O.
 *
 * It answers which messages the mail may be about, never whether they are ours. */
#ifndef AGENTS_ENGAGE_FEEDBACK_MAIL_REPORT_H
#define AGENTS_ENGAGE_FEEDBACK_MAIL_REPORT_H

#include "base/arena.h"
#include "base/base.h"

C_BEGIN

#define MAIL_REPORT_BYTES_MAX (1u << 20)
#define MAIL_IDS_MAX 32 /* Message-IDs looked at */

enum mail_kind {
    MAIL_OTHER,     /* a report of another kind, or a mail that answers nothing */
    MAIL_AUTOMATIC, /* an out-of-office notice, a mailing list */
    MAIL_REPLY,
    MAIL_DELAYED, /* it may still arrive */
    MAIL_DELIVERED,
    MAIL_FAILED, /* it came back */
    MAIL_COMPLAINT
};

struct mail_report {
    enum mail_kind kind;
    const char *status; /* of FAILED, "5.1.1"; "" where it is not told */
    const char *detail; /* the words of the server that refused it, in ASCII; "" */
    /* Message-IDs without brackets that it may be about: the likeliest first. */
    struct str ids[MAIL_IDS_MAX];
    size_t n_ids;
};

/* False over the arena's budget. Texts point into the mail, or into the arena. */
bool mail_report_read(struct arena *a, struct str mail, struct mail_report *ret) MUSTCHECK;

C_END
#endif

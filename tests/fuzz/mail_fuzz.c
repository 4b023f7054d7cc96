/* Any bytes as a mail that came back: what it tells lies within the mail's limits, and twice the same. */
#include "agents/engage/feedback/mail_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct mail_report r, again;
    struct str mail = str_make((const char *)data, n);
    arena_init(&a, 64 << 20);
    if (mail_report_read(&a, mail, &r) && mail_report_read(&a, mail, &again)) {
        ASSERT(r.n_ids <= MAIL_IDS_MAX && r.n_ids == again.n_ids && r.kind == again.kind);
        ASSERT(r.kind != MAIL_REPLY || r.n_ids);
        ASSERT(strcmp(r.status, again.status) == 0 && strcmp(r.detail, again.detail) == 0);
        for (size_t i = 0; i < r.n_ids; i++)
            ASSERT(r.ids[i].n > 0 && !memchr(r.ids[i].p, '>', r.ids[i].n));
    }
    arena_done(&a);
    return 0;
}

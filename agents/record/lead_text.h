/* lead_text.h: the text fields of a lead as one table, so that checking, merging, filtering, CSV columns and
 * update masks treat them alike. */
#ifndef AGENTS_RECORD_LEAD_TEXT_H
#define AGENTS_RECORD_LEAD_TEXT_H

#include "base/base.h"
#include "proto/names.h"

C_BEGIN

#define LEAD_ATTRIBUTES_MAX 512

enum lead_text_id {
    LEAD_EMAIL,
    LEAD_PHONE,
    LEAD_EXTERNAL_ID,
    LEAD_IDENTITIES, /* those before are identities; lead_identity.kind is their number + 1 */
    LEAD_FULL_NAME = LEAD_IDENTITIES,
    LEAD_COMPANY,
    LEAD_JOB_TITLE,
    LEAD_SOURCE,
    LEAD_COUNTRY,
    LEAD_TIME_ZONE,
    LEAD_TEXTS
};

struct lead_text_row {
    const char *name; /* as in lead.proto */
    size_t offset;    /* in Lead */
    size_t max;       /* bytes */
};

extern const struct lead_text_row lead_texts[LEAD_TEXTS];

static inline char **lead_text_at(Lead *l, size_t i)
{
    return (char **)(void *)((char *)l + lead_texts[i].offset);
}
static inline const char *lead_text(const Lead *l, size_t i)
{
    return *(char *const *)(const void *)((const char *)l + lead_texts[i].offset);
}
/* LEAD_TEXTS where there is none of that name. */
size_t lead_text_find(struct str name);

/* The value of an attribute; NULL where there is none. The lead's attributes are sorted, as all stored and
 * checked ones are. */
const char *lead_attribute(const Lead *l, struct str name);

C_END
#endif

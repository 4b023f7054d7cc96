#include "agents/record/lead_text.h"

#define IDENTITY_EMAIL 254
#define SHORT_TEXT 256

const struct lead_text_row lead_texts[LEAD_TEXTS] = {
    [LEAD_EMAIL] = { "email", offsetof(Lead, email), IDENTITY_EMAIL },
    [LEAD_PHONE] = { "phone", offsetof(Lead, phone), 21 }, /* in its normal form */
    [LEAD_EXTERNAL_ID] = { "external_id", offsetof(Lead, external_id), 128 },
    [LEAD_FULL_NAME] = { "full_name", offsetof(Lead, full_name), SHORT_TEXT },
    [LEAD_COMPANY] = { "company", offsetof(Lead, company), SHORT_TEXT },
    [LEAD_JOB_TITLE] = { "job_title", offsetof(Lead, job_title), SHORT_TEXT },
    [LEAD_SOURCE] = { "source", offsetof(Lead, source), SHORT_TEXT },
    [LEAD_COUNTRY] = { "country", offsetof(Lead, country), SHORT_TEXT },
    [LEAD_TIME_ZONE] = { "time_zone", offsetof(Lead, time_zone), SHORT_TEXT },
};

size_t lead_text_find(struct str name)
{
    size_t i = 0;
    while (i < LEAD_TEXTS && !str_eq(name, str_of(lead_texts[i].name)))
        i++;
    return i;
}

const char *lead_attribute(const Lead *l, struct str name)
{
    size_t low = 0, high = l->n_attributes;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = str_cmp(str_of(l->attributes[middle]->key), name);
        if (c == 0)
            return l->attributes[middle]->value;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#include "agents/record/lead_filter.h"

#include "agents/record/lead_text.h"
#include "agents/record/times.h"

enum {
    TEXT_TAGS = LEAD_TEXTS,
    CREATED = TEXT_TAGS,
    UPDATED,
    CATEGORY,
    DESTINATION,
    PRIORITY,
    FIT,
    ENGAGEMENT,
    ATTRIBUTE
};

#define TEXT(id, name)                                                                                       \
    {                                                                                                        \
        name, FILTER_TEXT, id, NULL, NULL                                                                    \
    }
static const struct filter_field fields[] = {
    TEXT(LEAD_EMAIL, "email"),
    TEXT(LEAD_PHONE, "phone"),
    TEXT(LEAD_EXTERNAL_ID, "external_id"),
    TEXT(LEAD_FULL_NAME, "full_name"),
    TEXT(LEAD_COMPANY, "company"),
    TEXT(LEAD_JOB_TITLE, "job_title"),
    TEXT(LEAD_SOURCE, "source"),
    TEXT(LEAD_COUNTRY, "country"),
    TEXT(LEAD_TIME_ZONE, "time_zone"),
    { "create_time", FILTER_TIME, CREATED, NULL, NULL },
    { "update_time", FILTER_TIME, UPDATED, NULL, NULL },
    { "triage.category", FILTER_ENUM, CATEGORY, &LeadCategory_descriptor, "LEAD_CATEGORY_" },
    { "triage.destination", FILTER_ENUM, DESTINATION, &AgentType_descriptor, "AGENT_TYPE_" },
    { "triage.priority", FILTER_ENUM, PRIORITY, &Priority_descriptor, "PRIORITY_" },
    { "triage.fit_score", FILTER_NUMBER, FIT, NULL, NULL },
    { "triage.engagement_score", FILTER_NUMBER, ENGAGEMENT, NULL, NULL },
    { "attributes.", FILTER_LOOSE, ATTRIBUTE, NULL, NULL },
};
const struct filter_schema lead_filter_schema = { fields, COUNT(fields) };

static struct filter_value triage_value(const LeadTriage *t, int tag)
{
    if (!t)
        return filter_none();
    if (tag == FIT || tag == ENGAGEMENT)
        return filter_number(tag == FIT ? t->fit_score : t->engagement_score);
    int value = tag == CATEGORY      ? (int)t->category
                : tag == DESTINATION ? (int)t->destination
                                     : (int)t->priority;
    return value ? filter_integer(value) : filter_none();
}

struct filter_value lead_filter_look(void *arg, const struct filter_field *field, struct str rest)
{
    const Lead *l = arg;
    if (field->tag < TEXT_TAGS)
        return filter_text(str_of(lead_text(l, (size_t)field->tag)));
    if (field->tag == ATTRIBUTE)
        return filter_text(str_of(lead_attribute(l, rest)));
    if (field->tag == CREATED || field->tag == UPDATED) {
        const Timestamp *t = field->tag == CREATED ? l->create_time : l->update_time;
        return t ? filter_integer(time_us(t)) : filter_none();
    }
    return triage_value(l->triage, field->tag);
}

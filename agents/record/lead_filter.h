/* lead_filter.h: what a filter over stored leads may name (lead.proto, ListLeadsRequest.filter). */
#ifndef AGENTS_RECORD_LEAD_FILTER_H
#define AGENTS_RECORD_LEAD_FILTER_H

#include "agents/record/leads.h"
#include "base/filter.h"

C_BEGIN

extern const struct filter_schema lead_filter_schema;

/* For filter_match: the value of a field of the Lead that `arg` is. */
struct filter_value lead_filter_look(void *arg, const struct filter_field *field, struct str rest);

C_END
#endif

// fixture.h: a house with leads in it, and requests in short.
#ifndef TESTS_UNIT_AGENTS_LEAD_FIXTURE_H
#define TESTS_UNIT_AGENTS_LEAD_FIXTURE_H

#include "agents/lead/lead.h"
#include "agents/record/active.h"
#include "agents/record/decisions.h"
#include "agents/record/engagement.h"
#include "agents/record/events.h"
#include "agents/record/lead_events.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads.h"
#include "agents/record/times.h"
#include "tests/unit/agents/harness.h"

#include <map>

namespace fixture
{

using harness::Answer;
using harness::House;

using Fields = std::map<std::string, std::string>; // "email", "etag", "attributes.age" ...

inline struct status load_nothing(ctx *, const char *, const char *, void **ret)
{
    *ret = nullptr;
    return ok();
}
inline struct status load_prior(ctx *, const char *, const char *, void **ret)
{
    *ret = const_cast<engagement_axis *>(&engagement_axis_prior);
    return ok();
}
inline void unload_nothing(void *) {}

class LeadRoom : public testing::Test
{
  protected:
    LeadRoom()
    {
        static const active_loader loaders[ACTIVE_SLOTS] = {
            { "model", load_nothing, unload_nothing },
            { "routing_policy", load_nothing, unload_nothing },
            { "engagement_model", load_prior, unload_nothing },
            { "journeys", load_nothing, unload_nothing },
        };
        arena_init(&memory, 64 << 20);
        EXPECT_EQ(active_open(loaders, &memory, &house.app.active).code, CODE_OK);
    }
    ~LeadRoom() override
    {
        active_close(house.app.active);
        arena_done(&memory);
    }

    char *text(const std::string &s)
    {
        return pb_str(&memory, str_make(s.data(), s.size()));
    }

    Lead *lead(const Fields &fields)
    {
        Lead *l = PB_NEW(&memory, Lead);
        l->attributes = ARENA_ARRAY(&memory, fields.size() + 1, Lead__AttributesEntry *);
        for (const auto &[key, value] : fields) {
            size_t i = lead_text_find(str_of(key.c_str()));
            if (i < LEAD_TEXTS) {
                *lead_text_at(l, i) = text(value);
            } else if (key == "name") {
                l->name = text(value);
            } else if (key == "etag") {
                l->etag = text(value);
            } else {
                auto *e = PB_NEW(&memory, Lead__AttributesEntry);
                e->key = text(key.substr(key.find('.') + 1));
                e->value = text(value);
                l->attributes[l->n_attributes++] = e;
            }
        }
        return l;
    }

    Answer<Lead> create(const Fields &fields, const std::string &id = "", bool validate_only = false)
    {
        CreateLeadRequest req = CREATE_LEAD_REQUEST_INIT;
        req.lead = lead(fields);
        req.lead_id = text(id);
        req.validate_only = validate_only;
        return house.call(create_lead, req, &Lead_descriptor);
    }

    Answer<Lead> get(const std::string &name)
    {
        GetLeadRequest req = GET_LEAD_REQUEST_INIT;
        req.name = text(name);
        return house.call(get_lead, req, &Lead_descriptor);
    }

    Answer<Lead> merge(const std::string &name, const std::string &duplicate)
    {
        MergeLeadsRequest req = MERGE_LEADS_REQUEST_INIT;
        req.name = text(name);
        req.duplicate = text(duplicate);
        return house.call(merge_leads, req, &Lead_descriptor);
    }

    Answer<Empty> remove(const std::string &name, const std::string &etag = "", bool allow_missing = false)
    {
        DeleteLeadRequest req = DELETE_LEAD_REQUEST_INIT;
        req.name = text(name);
        req.etag = text(etag);
        req.allow_missing = allow_missing;
        return house.call(delete_lead, req, &Empty_descriptor);
    }

    struct EventRow {
        std::string id, lead, email, external_id, type = "page_view";
        int64_t time_us = 0;
        Fields attributes = {};
    };
    Answer<IngestEventsResponse> ingest(const std::vector<EventRow> &events)
    {
        IngestEventsRequest req = INGEST_EVENTS_REQUEST_INIT;
        req.events = ARENA_ARRAY(&memory, events.size() + 1, LeadEvent *);
        for (const auto &row : events) {
            auto *e = PB_NEW(&memory, LeadEvent);
            e->event_id = text(row.id);
            e->lead = text(row.lead);
            e->email = text(row.email);
            e->external_id = text(row.external_id);
            e->type = text(row.type);
            e->event_time = row.time_us ? time_message(&memory, row.time_us) : nullptr;
            e->attributes = ARENA_ARRAY(&memory, row.attributes.size() + 1, LeadEvent__AttributesEntry *);
            for (const auto &[key, value] : row.attributes) {
                auto *a = PB_NEW(&memory, LeadEvent__AttributesEntry);
                a->key = text(key);
                a->value = text(value);
                e->attributes[e->n_attributes++] = a;
            }
            req.events[req.n_events++] = e;
        }
        return house.call(ingest_events, req, &IngestEventsResponse_descriptor);
    }

    // The ids of a lead's events, in the order of the list, page by page.
    std::vector<std::string> events_of(const std::string &name, int page_size = 0)
    {
        std::vector<std::string> ids;
        ListLeadEventsRequest req = LIST_LEAD_EVENTS_REQUEST_INIT;
        req.parent = text(name);
        req.page_size = page_size;
        do {
            auto a = house.call(list_lead_events, req, &ListLeadEventsResponse_descriptor);
            if (!a.ok_())
                return { a.reason() };
            for (size_t i = 0; i < a->n_events; i++)
                ids.push_back(a->events[i]->event_id);
            req.page_token = text(a->next_page_token);
        } while (*req.page_token);
        return ids;
    }

    int64_t count(const std::string &table)
    {
        return house.count(("SELECT COUNT(*) FROM " + table + " WHERE workspace = $1").c_str());
    }
    int64_t events(const std::string &action)
    {
        return house.count(
            ("SELECT COUNT(*) FROM event WHERE workspace = $1 AND action = '" + action + "'").c_str());
    }
    static std::string attribute(const Lead *l, const char *name)
    {
        const char *value = lead_attribute(l, str_of(name));
        return value ? value : "(none)";
    }

    arena memory; // of the requests
    House house{ { &leads_statements, &events_statements, &active_statements, &decisions_statements,
                   &engagement_statements, &lead_events_statements, &lead_statements } };
};

} // namespace fixture

#endif

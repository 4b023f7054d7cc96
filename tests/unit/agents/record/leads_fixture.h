// leads_fixture.h: leads in short, one commit after the other or many in one.
#ifndef TESTS_UNIT_AGENTS_RECORD_LEADS_FIXTURE_H
#define TESTS_UNIT_AGENTS_RECORD_LEADS_FIXTURE_H

#include "agents/record/events.h"
#include "agents/record/known.h"
#include "agents/record/lead_set.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads.h"
#include "tests/unit/agents/harness.h"

namespace fixture
{

using harness::House;

struct Given {
    std::string name, email, phone, external_id, company, country, etag;
    std::vector<std::pair<std::string, std::string>> attributes;

    Given &with(const char *key, const std::string &value)
    {
        attributes.emplace_back(key, value);
        return *this;
    }
};

inline Given email(const std::string &s)
{
    Given g;
    g.email = s;
    return g;
}

inline Lead *make(arena *a, const Given &g)
{
    auto text = [&](const std::string &s) { return pb_str(a, str_make(s.data(), s.size())); };
    Lead *l = PB_NEW(a, Lead);
    l->name = text(g.name);
    l->email = text(g.email);
    l->phone = text(g.phone);
    l->external_id = text(g.external_id);
    l->company = text(g.company);
    l->country = text(g.country);
    l->etag = text(g.etag);
    l->attributes = ARENA_ARRAY(a, g.attributes.size() + 1, Lead__AttributesEntry *);
    for (const auto &[key, value] : g.attributes) {
        auto *e = PB_NEW(a, Lead__AttributesEntry);
        e->key = text(key);
        e->value = text(value);
        l->attributes[l->n_attributes++] = e;
    }
    return l;
}

class Leads : public testing::Test
{
  protected:
    House house{ { &leads_statements, &events_statements, &known_statements } };

    // Creates or updates one after the other in commits of their own: names, or reasons of failure.
    std::string upsert(const Given &g)
    {
        std::string name;
        auto a = house.run([&](ctx *c) {
            lead_row row;
            Lead *given = make(c->arena, g);
            TRY(lead_check(c, given, "lead"));
            TRY(lead_resolve(c, given, &row));
            if (lead_changed(&row))
                TRY(lead_save(c, &row, REASON_CONFLICT));
            name = row.lead->name;
            return ok();
        });
        return a.ok_() ? name : a.reason();
    }

    // The same in one commit.
    std::vector<std::string> upsert_together(const std::vector<Given> &all, bool prefetch)
    {
        std::vector<std::string> names;
        auto a = house.run([&](ctx *c) {
            names.clear();
            lead_set *set = lead_set_new(c, all.size());
            std::vector<Lead *> given;
            for (const auto &g : all)
                given.push_back(make(c->arena, g));
            for (Lead *l : given)
                TRY(lead_check(c, l, "lead"));
            if (prefetch)
                TRY(lead_set_prefetch(set, given.data(), given.size()));
            for (Lead *l : given) {
                lead_row *row = nullptr;
                struct status s = lead_set_resolve(set, l, "lead", &row);
                names.push_back(s.code ? reason_name(static_cast<enum reason>(s.reason)) : row->lead->name);
            }
            return lead_set_save(set);
        });
        EXPECT_EQ(a.reason(), "OK") << a.message();
        return names;
    }

    harness::Answer<Lead> get(const std::string &name)
    {
        return house.run<Lead>(
            [&](ctx *c, Lead *res) {
                lead_row row;
                TRY(lead_load(c, name.c_str(), "name", &row));
                *res = *row.lead;
                return ok();
            },
            &Lead_descriptor);
    }

    std::string check(const Given &g, Lead **ret, arena *a)
    {
        unit u = {};
        ctx c = house.make(a, &u);
        *ret = make(a, g);
        struct status s = lead_check(&c, *ret, "lead");
        std::string text;
        for (const violation *v = s.violations; v; v = v->next)
            text += std::string(v->field) + "; ";
        return text;
    }
};

} // namespace fixture

#endif

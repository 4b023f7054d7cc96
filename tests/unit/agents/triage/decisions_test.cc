// Reading, listing, explaining and overriding decisions.
#include "tests/unit/agents/model/trained.h"

#include <set>

namespace
{

using namespace harness;

const Key &signer()
{
    static const Key key;
    return key;
}

const std::string &model()
{
    static const std::string bytes = trained_model(1, 2.0, &signer());
    return bytes;
}

Answer<Decision> get(ScoringHouse &h, const std::string &name, DecisionView view = DECISION_VIEW_UNSPECIFIED)
{
    GetDecisionRequest req = GET_DECISION_REQUEST_INIT;
    req.name = const_cast<char *>(name.c_str());
    req.view = view;
    return h.call(get_decision, req, &Decision_descriptor);
}

Answer<ListDecisionsResponse> list(ScoringHouse &h, const std::string &lead, const std::string &filter = "",
                                   int size = 0, const std::string &token = "")
{
    ListDecisionsRequest req = LIST_DECISIONS_REQUEST_INIT;
    req.lead = const_cast<char *>(lead.c_str());
    req.filter = const_cast<char *>(filter.c_str());
    req.page_token = const_cast<char *>(token.c_str());
    req.page_size = size;
    return h.call(list_decisions, req, &ListDecisionsResponse_descriptor);
}

std::vector<std::string> list_all(ScoringHouse &h, const std::string &lead, const std::string &filter,
                                  int size)
{
    std::vector<std::string> names;
    std::string token;
    do {
        auto page = list(h, lead, filter, size, token);
        EXPECT_TRUE(page.ok_()) << page.message();
        if (!page.ok_())
            return names;
        EXPECT_LE(page->n_decisions, static_cast<size_t>(size));
        for (size_t i = 0; i < page->n_decisions; i++) {
            EXPECT_EQ(page->decisions[i]->inputs, nullptr);
            names.push_back(page->decisions[i]->name);
        }
        token = page->next_page_token;
    } while (!token.empty());
    return names;
}

TEST(GetDecision, ShowsInputsOnlyWhereAsked)
{
    ScoringHouse h;
    auto made = h.triage({ { "company", "Example" }, { "x", "1" } }, "ann@example.com");
    auto basic = get(h, made->decision->name);
    ASSERT_TRUE(basic.ok_()) << basic.message();
    EXPECT_EQ(basic->inputs, nullptr);
    EXPECT_EQ(basic->fit->margin, made->decision->fit->margin);
    auto full = get(h, made->decision->name, DECISION_VIEW_FULL);
    ASSERT_NE(full->inputs, nullptr);
    std::map<std::string, std::string> fields;
    for (size_t i = 0; i < full->inputs->n_fields; i++)
        fields[full->inputs->fields[i]->key] = full->inputs->fields[i]->value;
    EXPECT_EQ(fields, (std::map<std::string, std::string>{ { "company", "Example" },
                                                           { "email_domain", "example.com" },
                                                           { "has_phone", "false" },
                                                           { "x", "1" } }));
    EXPECT_EQ(get(h, "decisions/none").reason(), "DECISION_NOT_FOUND");
    EXPECT_EQ(get(h, "").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(get(h, "leads/x").reason(), "FIELD_INVALID");
    h.workspace = "other";
    EXPECT_EQ(get(h, made->decision->name).reason(), "DECISION_NOT_FOUND");
}

TEST(ListDecisions, PagesOldestFirstAndByLead)
{
    ScoringHouse h;
    std::vector<std::string> all, anns;
    std::string ann;
    for (int i = 0; i < 25; i++) {
        auto a = h.triage({ { "x", std::to_string(i) } }, i % 5 ? "bob@example.com" : "ann@example.com");
        ASSERT_TRUE(a.ok_());
        all.push_back(a->decision->name);
        if (i % 5 == 0) {
            anns.push_back(a->decision->name);
            ann = a->lead;
        }
    }
    std::sort(all.begin(), all.end());
    std::sort(anns.begin(), anns.end());
    for (int size : { 1, 4, 5, 25, 1000 }) {
        EXPECT_EQ(list_all(h, "", "", size), all) << size;
        EXPECT_EQ(list_all(h, ann, "", size), anns) << size;
    }
    EXPECT_TRUE(list_all(h, "leads/none", "", 10).empty());
    EXPECT_EQ(list(h, "none").reason(), "FIELD_INVALID");
    EXPECT_EQ(list(h, "", "", -1).reason(), "FIELD_OUT_OF_RANGE");
    auto page = list(h, "", "", 10);
    EXPECT_EQ(list(h, ann, "", 10, page->next_page_token).reason(), "PAGE_TOKEN_INVALID");
    EXPECT_EQ(list(h, "", "abstained = true", 10, page->next_page_token).reason(), "PAGE_TOKEN_INVALID");
}

TEST(ListDecisions, FiltersOverEveryFieldItPromises)
{
    ScoringHouse h(&signer());
    auto cold = h.triage({ { "x", "1" } }, "ann@gmail.com");
    auto hot = h.triage(
        { { "job_title", "CEO" }, { "company", "Example" }, { "source", "demo" }, { "phone", "+43123456" } },
        "bob@example.com");
    ASSERT_TRUE(h.import(model(), "m", "one", true).ok_());
    auto scored = h.triage({ { "visits", "15" }, { "plan", "team" } }, "carl@example.com");
    ASSERT_TRUE(cold.ok_() && hot.ok_() && scored.ok_());
    const struct {
        const char *filter;
        std::vector<std::string> expected;
    } table[] = {
        { "category = COLD_LEAD AND fit.probability < 0.2 AND fit.model_version != \"models/m/versions/one\"",
          { cold->decision->name } },
        { "destination = ENGAGE AND priority >= HIGH AND -fit.model_version:*", { hot->decision->name } },
        { "fit.model_version = \"models/m/versions/one\"", { scored->decision->name } },
        { "kind = OVERRIDE", {} },
        { "create_time > 2020-01-01T00:00:00Z AND routing_policy = \"routingPolicies/default\" AND "
          "fit.probability >= 0.5 AND category = CAMPAIGN_QUALIFIED AND abstained = false AND NOT "
          "fit.model_version:*",
          { hot->decision->name } },
        { "engagement.score > 0.99", {} },
    };
    for (const auto &t : table)
        EXPECT_EQ(list_all(h, "", t.filter, 50), t.expected) << t.filter;
    auto bad = list(h, "", "reason = x");
    EXPECT_EQ(bad.reason(), "FILTER_INVALID");
    EXPECT_EQ(bad.fields(), "filter");
}

TEST(ListDecisions, AMergedLeadsDecisionsAreTheSurvivorsToo)
{
    ScoringHouse h;
    auto ann = h.triage({ { "x", "1" } }, "ann@example.com"),
         bob = h.triage({ { "x", "1" } }, "bob@example.com");
    static const stmt alias = {
        "test_alias", "ttt",  "", "INSERT INTO lead_alias (workspace, alias_id, lead_id) VALUES ($1, $2, $3)",
        nullptr,      nullptr
    };
    h.run([&](ctx *c) {
        UNIT_ADD(c->unit, &alias, 1, REASON_CONFLICT, v_text(c->workspace), v_text(ann->lead + 6),
                 v_text(bob->lead + 6));
        return ok();
    });
    std::vector<std::string> both = { ann->decision->name, bob->decision->name };
    std::sort(both.begin(), both.end());
    EXPECT_EQ(list_all(h, bob->lead, "", 1), both);
    EXPECT_EQ(list_all(h, ann->lead, "", 50), both);
}

TEST(ListDecisions, AFilterThatFewMatchEndsInSteps)
{
    ScoringHouse h;
    // Rows are copied by SQL: 12,000 are more than one call looks at.
    auto a = h.triage({ { "x", "1" } }, "ann@example.com");
    static const stmt copy = { "test_copy",
                               "it",
                               "",
                               "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"
                               " INSERT INTO decision (workspace, id, lead_id, create_time, kind, route, "
                               "data) SELECT workspace, 'a' || CAST(100000 + i AS TEXT), lead_id, "
                               "create_time, kind, route, data"
                               " FROM decision, n WHERE workspace = $2",
                               nullptr,
                               nullptr };
    h.run([&](ctx *c) {
        UNIT_ADD(c->unit, &copy, -1, REASON_CONFLICT, v_int(12000), v_text(c->workspace));
        return ok();
    });
    auto first = list(h, "", "kind = OVERRIDE");
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_EQ(first->n_decisions, 0u);
    ASSERT_STRNE(first->next_page_token, "");
    auto second = list(h, "", "kind = OVERRIDE", 0, first->next_page_token);
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_STREQ(second->next_page_token, "");
}

// ---- Explaining ----

Answer<ExplainDecisionResponse> explain(ScoringHouse &h, const std::string &name,
                                        std::vector<const char *> immutable = {})
{
    ExplainDecisionRequest req = EXPLAIN_DECISION_REQUEST_INIT;
    req.name = const_cast<char *>(name.c_str());
    req.immutable_fields = const_cast<char **>(immutable.data());
    req.n_immutable_fields = immutable.size();
    return h.call(explain_decision, req, &ExplainDecisionResponse_descriptor);
}

double sum(const ExplainDecisionResponse *e)
{
    double s = e->base_value;
    for (size_t i = 0; i < e->n_contributions; i++)
        s += e->contributions[i]->contribution;
    return s;
}

// Makes the change that the explanation names, and returns the category that then comes out.
LeadCategory after_change(ScoringHouse &h, std::map<std::string, std::string> lead, const char *email,
                          const ExplainDecisionResponse *e, double *ret_probability)
{
    std::string address = email;
    for (size_t i = 0; i < e->n_smallest_change; i++) {
        const FieldChange *f = e->smallest_change[i];
        if (std::string(f->field) == "email_domain")
            address = std::string("ann@") + f->to_value;
        else if (std::string(f->field) == "has_phone")
            lead["phone"] = "+43123456";
        else if (*f->to_value)
            lead[f->field] = f->to_value;
        else
            lead.erase(f->field);
    }
    arena a;
    arena_init(&a, 1 << 20);
    ScoreLeadRequest req = SCORE_LEAD_REQUEST_INIT;
    req.lead = ScoringHouse::lead(&a, lead, address.c_str());
    auto scored = h.call(score_lead, req, &ScoreLeadResponse_descriptor);
    EXPECT_TRUE(scored.ok_()) << scored.message();
    *ret_probability = scored->decision->fit->probability;
    LeadCategory category = scored->decision->category;
    arena_done(&a);
    return category;
}

TEST(ExplainDecision, OfTheScorecardAddsUpAndNamesAWorkingChange)
{
    const std::map<std::string, std::string> leads[] = {
        { { "x", "1" } },
        { { "company", "Example" } },
        { { "company", "Example" }, { "source", "purchased list" } },
        { { "job_title", "CEO" }, { "company", "Example" }, { "source", "demo" }, { "phone", "+43123456" } },
    };
    for (const auto &lead : leads)
        for (const char *email : { "ann@gmail.com", "ann@example.com" }) {
            ScoringHouse h;
            auto made = h.triage(lead, email);
            ASSERT_TRUE(made.ok_());
            auto why = explain(h, made->decision->name);
            ASSERT_TRUE(why.ok_()) << why.message();
            EXPECT_NEAR(sum(why.res), made->decision->fit->margin, 1e-12);
            EXPECT_EQ(why->n_contributions, 6u);
            ASSERT_NE(why->decision->inputs, nullptr);
            ASSERT_GE(why->n_smallest_change, 1u);
            EXPECT_NE(why->changed_category, made->decision->category);
            double probability = 0;
            EXPECT_EQ(after_change(h, lead, email, why.res, &probability), why->changed_category);
            EXPECT_EQ(probability, why->changed_probability);
        }
}

TEST(ExplainDecision, OfAModelAddsUpAndNamesAWorkingChange)
{
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(model(), "m", "one", true).ok_());
    size_t found = 0;
    for (int visits = 0; visits < 30; visits += 3)
        for (const char *plan : { "free", "enterprise" }) {
            std::map<std::string, std::string> lead = { { "visits", std::to_string(visits) },
                                                        { "plan", plan } };
            auto made = h.triage(lead, "", true);
            ASSERT_TRUE(made.ok_()) << made.message();
            auto why = explain(h, made->decision->name);
            ASSERT_TRUE(why.ok_()) << why.message();
            EXPECT_NEAR(sum(why.res), made->decision->fit->margin, 1e-5);
            EXPECT_EQ(why->n_contributions, 3u);
            ASSERT_EQ(made->decision->n_contributions, 3u);
            for (size_t i = 0; i < 3; i++)
                EXPECT_EQ(made->decision->contributions[i]->contribution,
                          why->contributions[i]->contribution);
            if (!why->n_smallest_change)
                continue;
            found++;
            double probability = 0;
            EXPECT_NE(why->changed_category, made->decision->category);
            EXPECT_EQ(after_change(h, lead, "", why.res, &probability), why->changed_category);
            EXPECT_EQ(probability, why->changed_probability);
        }
    EXPECT_GE(found, 15u);
}

TEST(ExplainDecision, LeavesImmutableFieldsAlone)
{
    ScoringHouse h(&signer());
    auto made = h.triage({ { "company", "Example" } }, "ann@example.com");
    auto free = explain(h, made->decision->name);
    ASSERT_EQ(free->n_smallest_change, 1u);
    auto fixed = explain(h, made->decision->name, { free->smallest_change[0]->field });
    ASSERT_TRUE(fixed.ok_());
    for (size_t i = 0; i < fixed->n_smallest_change; i++)
        EXPECT_STRNE(fixed->smallest_change[i]->field, free->smallest_change[0]->field);
    auto none = explain(h, made->decision->name,
                        { "company", "country", "email_domain", "has_phone", "job_title", "source" });
    EXPECT_EQ(none->n_smallest_change, 0u);
    EXPECT_EQ(none->changed_category, LEAD_CATEGORY_UNSPECIFIED);

    ASSERT_TRUE(h.import(model(), "m", "one", true).ok_());
    auto scored = h.triage({ { "visits", "15" }, { "plan", "team" } });
    auto kept = explain(h, scored->decision->name, { "visits", "plan", "job_title" });
    ASSERT_TRUE(kept.ok_());
    EXPECT_EQ(kept->n_smallest_change, 0u);
    EXPECT_EQ(explain(h, "decisions/none").reason(), "DECISION_NOT_FOUND");
}

// ---- Overriding ----

Answer<Decision> override_(ScoringHouse &h, const std::string &name, LeadCategory category,
                           const char *why = "She called us.", AgentType destination = AGENT_TYPE_UNSPECIFIED,
                           Priority priority = PRIORITY_UNSPECIFIED)
{
    OverrideDecisionRequest req = OVERRIDE_DECISION_REQUEST_INIT;
    req.name = const_cast<char *>(name.c_str());
    req.category = category;
    req.justification = const_cast<char *>(why);
    req.destination = destination;
    req.priority = priority;
    return h.call(override_decision, req, &Decision_descriptor);
}

TEST(OverrideDecision, SupersedesAndBecomesTheLeads)
{
    ScoringHouse h;
    auto made = h.triage({ { "x", "1" } }, "ann@gmail.com");
    ASSERT_EQ(made->decision->category, LEAD_CATEGORY_COLD_LEAD);
    auto d = override_(h, made->decision->name, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    ASSERT_TRUE(d.ok_()) << d.message();
    EXPECT_EQ(d->kind, DECISION__KIND_OVERRIDE);
    EXPECT_STREQ(d->supersedes, made->decision->name);
    EXPECT_STREQ(d->actor, "tester");
    EXPECT_STREQ(d->justification, "She called us.");
    EXPECT_EQ(d->destination, AGENT_TYPE_ENGAGE);
    EXPECT_EQ(d->priority, PRIORITY_URGENT); // the first rule of the built-in policy that gives this category
    EXPECT_EQ(d->fit->margin, made->decision->fit->margin);
    EXPECT_EQ(d->inputs, nullptr);
    auto old = get(h, made->decision->name);
    EXPECT_EQ(old->category, LEAD_CATEGORY_COLD_LEAD);
    auto lead = h.run<Lead>(
        [&](ctx * c, Lead * to) -> struct status {
            lead_row row;
            TRY(lead_load(c, made->lead, "name", &row));
            *to = *row.lead;
            return ok();
        },
        &Lead_descriptor);
    EXPECT_STREQ(lead->triage->decision, d->name);
    EXPECT_EQ(lead->triage->category, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM event WHERE workspace = $1 AND action = 'decision.overridden'"),
              1);
    EXPECT_EQ(list_all(h, "", "kind = OVERRIDE", 10), std::vector<std::string>{ d->name });
    EXPECT_TRUE(explain(h, d->name).ok_());
}

TEST(OverrideDecision, TakesDestinationAndPriorityWhereGiven)
{
    ScoringHouse h;
    auto made = h.triage({ { "x", "1" } }, "ann@gmail.com");
    auto d = override_(h, made->decision->name, LEAD_CATEGORY_GENERAL_INQUIRY, "why", AGENT_TYPE_HANDOFF,
                       PRIORITY_HIGH);
    ASSERT_TRUE(d.ok_());
    EXPECT_EQ(d->destination, AGENT_TYPE_HANDOFF);
    EXPECT_EQ(d->priority, PRIORITY_HIGH);
}

TEST(OverrideDecision, RefusesWhatIsNotTheLastOrNotJustified)
{
    ScoringHouse h;
    auto first = h.triage({ { "x", "1" } }, "ann@gmail.com");
    auto second = h.triage({ { "x", "2" } }, "ann@gmail.com");
    EXPECT_EQ(override_(h, first->decision->name, LEAD_CATEGORY_COLD_LEAD).reason(), "ETAG_MISMATCH");
    EXPECT_EQ(override_(h, "decisions/none", LEAD_CATEGORY_COLD_LEAD).reason(), "DECISION_NOT_FOUND");
    EXPECT_EQ(override_(h, second->decision->name, LEAD_CATEGORY_UNSPECIFIED).fields(), "category");
    EXPECT_EQ(override_(h, second->decision->name, LEAD_CATEGORY_COLD_LEAD, "").fields(), "justification");
    EXPECT_EQ(override_(h, second->decision->name, LEAD_CATEGORY_COLD_LEAD, std::string(1025, 'x').c_str())
                  .reason(),
              "FIELD_TOO_LONG");
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM decision WHERE workspace = $1"), 2);
    EXPECT_TRUE(
        override_(h, second->decision->name, LEAD_CATEGORY_COLD_LEAD, std::string(1024, 'x').c_str()).ok_());
}

TEST(OverrideDecision, ADecisionMadeInBetweenWins)
{
    ScoringHouse h;
    auto made = h.triage({ { "x", "1" } }, "ann@gmail.com");
    bool once = false;
    h.before_commit = [&] {
        if (!once) {
            once = true;
            EXPECT_TRUE(h.triage({ { "x", "2" } }, "ann@gmail.com").ok_());
        }
    };
    auto late = override_(h, made->decision->name, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    h.before_commit = nullptr;
    EXPECT_EQ(late.reason(), "ETAG_MISMATCH");
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM decision WHERE workspace = $1 AND kind = 2"), 0);
}

} // namespace

// CreateLead, GetLead, UpdateLead, DeleteLead, BatchCreateLeads.
#include "tests/unit/agents/lead/fixture.h"

namespace
{

using namespace fixture;

class Leads : public LeadRoom
{
  protected:
    struct Update {
        std::vector<std::string> mask = {};
        bool allow_missing = false, validate_only = false;
    };
    Answer<Lead> update(const Fields &fields, const Update &how)
    {
        UpdateLeadRequest req = UPDATE_LEAD_REQUEST_INIT;
        FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        std::vector<char *> paths;
        for (const auto &p : how.mask)
            paths.push_back(text(p));
        mask.paths = paths.data();
        mask.n_paths = paths.size();
        req.lead = lead(fields);
        req.update_mask = paths.empty() ? nullptr : &mask;
        req.allow_missing = how.allow_missing;
        req.validate_only = how.validate_only;
        return house.call(update_lead, req, &Lead_descriptor);
    }

    Answer<BatchCreateLeadsResponse> batch(const std::vector<Fields> &rows)
    {
        BatchCreateLeadsRequest req = BATCH_CREATE_LEADS_REQUEST_INIT;
        req.leads = ARENA_ARRAY(&memory, rows.size() + 1, Lead *);
        for (const auto &row : rows)
            req.leads[req.n_leads++] = lead(row);
        return house.call(batch_create_leads, req, &BatchCreateLeadsResponse_descriptor);
    }
};

// ---- CreateLead and GetLead ----

TEST_F(Leads, CreatedLeadsAreReadBackAsAnswered)
{
    house.now_us = INT64_C(1767225600123456);
    auto a = create({ { "email", "Ada@X.at" }, { "company", "Engines" }, { "attributes.age", "36" } });
    ASSERT_EQ(a.reason(), "OK") << a.message();
    EXPECT_STREQ(a->email, "ada@x.at");
    EXPECT_EQ(time_us(a->create_time), house.now_us);
    EXPECT_EQ(time_us(a->update_time), house.now_us);
    EXPECT_EQ(strlen(a->etag), 16u);
    auto b = get(a->name);
    ASSERT_TRUE(b.ok_());
    EXPECT_TRUE(str_eq(pb_pack(b.memory.get(), a.res), pb_pack(b.memory.get(), b.res)));
    EXPECT_EQ(events("lead.created"), 1);
}

TEST_F(Leads, AnIdMayBeChosenOnce)
{
    EXPECT_STREQ(create({ { "email", "a@x.at" } }, "my-lead")->name, "leads/my-lead");
    EXPECT_STREQ(create({ { "email", "b@x.at" }, { "name", "leads/other" } })->name, "leads/other");
    auto a = create({ { "email", "c@x.at" } }, "my-lead");
    EXPECT_EQ(a.reason(), "LEAD_ALREADY_EXISTS");
    EXPECT_EQ(a.fields(), "lead_id");
    EXPECT_EQ(create({ { "email", "c@x.at" }, { "name", "leads/other" } }).reason(), "LEAD_ALREADY_EXISTS");
    EXPECT_EQ(create({ { "email", "c@x.at" } }, "Not_An_Id").reason(), "FIELD_INVALID");
    EXPECT_EQ(create({ { "email", "c@x.at" }, { "name", "leads/a" } }, "b").reason(), "FIELD_INVALID");
}

TEST_F(Leads, IdentitiesBelongToOneLead)
{
    std::string name = create({ { "email", "a@x.at" }, { "phone", "12345" } })->name;
    auto a = create({ { "email", "A@x.at" }, { "phone", "1-23-45" }, { "external_id", "free" } });
    EXPECT_EQ(a.reason(), "IDENTITY_TAKEN");
    EXPECT_EQ(a.fields(), "lead.email, lead.phone");
    EXPECT_NE(a.message().find(name), std::string::npos);
    EXPECT_EQ(count("lead"), 1);
}

TEST_F(Leads, SomethingMustBeKnownOfALead)
{
    EXPECT_EQ(create({}).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(create({ { "company", "Engines" } }).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(create({ { "attributes.age", "36" } }).reason(), "OK");
    CreateLeadRequest none = CREATE_LEAD_REQUEST_INIT;
    EXPECT_EQ(house.call(create_lead, none, &Lead_descriptor).reason(), "FIELD_REQUIRED");
}

TEST_F(Leads, ValidateOnlyChecksEverythingAndChangesNothing)
{
    auto a = create({ { "email", "a@x.at" } }, "", true);
    EXPECT_EQ(a.reason(), "OK");
    EXPECT_EQ(a.writes, 0);
    EXPECT_EQ(count("lead"), 0);
    create({ { "email", "a@x.at" } });
    EXPECT_EQ(create({ { "email", "a@x.at" } }, "", true).reason(), "IDENTITY_TAKEN");
    EXPECT_EQ(create({ { "email", "a" } }, "", true).reason(), "FIELD_INVALID");
}

TEST_F(Leads, TwoCreationsOfOneIdentityAtOnceGiveOneLead)
{
    bool other = false;
    house.before_commit = [&] {
        if (!other) {
            other = true;
            EXPECT_EQ(create({ { "email", "a@x.at" } }).reason(), "OK");
        }
    };
    auto a = create({ { "email", "a@x.at" } });
    EXPECT_EQ(a.reason(), "IDENTITY_TAKEN");
    EXPECT_EQ(a.attempts, 1);
}

TEST_F(Leads, NamesAreChecked)
{
    EXPECT_EQ(get("").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(get("lead/x").reason(), "FIELD_INVALID");
    EXPECT_EQ(get("leads/X").reason(), "FIELD_INVALID");
    EXPECT_EQ(get("leads/x").reason(), "LEAD_NOT_FOUND");
    house.workspace = "another";
    std::string name = create({ { "email", "a@x.at" } })->name;
    house.workspace = "default";
    EXPECT_EQ(get(name).reason(), "LEAD_NOT_FOUND");
}

// ---- UpdateLead ----

TEST_F(Leads, WithoutAMaskWhatIsSetChanges)
{
    std::string name =
        create({ { "email", "a@x.at" }, { "company", "Old" }, { "attributes.age", "1" } })->name;
    auto a = update({ { "name", name }, { "job_title", "Chief" }, { "attributes.zip", "9" } }, {});
    EXPECT_EQ(a.reason(), "OK") << a.message();
    auto b = get(name);
    EXPECT_STREQ(b->company, "Old");
    EXPECT_STREQ(b->job_title, "Chief");
    EXPECT_EQ(attribute(b.res, "age"), "1");
    EXPECT_EQ(attribute(b.res, "zip"), "9");
    EXPECT_EQ(events("lead.updated"), 1);
}

TEST_F(Leads, TheMaskSaysWhatChanges)
{
    std::string name =
        create(
            { { "email", "a@x.at" }, { "company", "Old" }, { "attributes.a", "1" }, { "attributes.c", "3" } })
            ->name;
    EXPECT_EQ(
        update({ { "name", name }, { "company", "New" }, { "job_title", "ignored" } }, { { "company" } })
            .reason(),
        "OK");
    EXPECT_STREQ(get(name)->job_title, "");
    EXPECT_STREQ(get(name)->company, "New");
    EXPECT_EQ(
        update({ { "name", name }, { "attributes.b", "2" }, { "attributes.d", "4" } }, { { "attributes.b" } })
            .reason(),
        "OK");
    EXPECT_EQ(attribute(get(name).res, "b"), "2");
    EXPECT_EQ(attribute(get(name).res, "d"), "(none)");
    EXPECT_EQ(update({ { "name", name }, { "attributes.c", "30" } },
                     { { "attributes.c", "attributes.a", "company" } })
                  .reason(),
              "OK");
    auto a = get(name);
    EXPECT_EQ(attribute(a.res, "a"), "(none)");
    EXPECT_EQ(attribute(a.res, "b"), "2");
    EXPECT_EQ(attribute(a.res, "c"), "30");
    EXPECT_STREQ(a->company, "");
    EXPECT_EQ(update({ { "name", name }, { "attributes.z", "26" } }, { { "attributes" } }).reason(), "OK");
    EXPECT_EQ(get(name)->n_attributes, 1u);
    EXPECT_EQ(update({ { "name", name }, { "email", "b@x.at" } }, { { "*" } }).reason(), "OK");
    EXPECT_EQ(get(name)->n_attributes, 0u);
    EXPECT_STREQ(get(name)->email, "b@x.at");
}

TEST_F(Leads, ALeadHasNoMoreAttributesThanARequest)
{
    std::string name = create({ { "email", "a@x.at" }, { "attributes.one", "1" } })->name;
    Fields full = { { "name", name } };
    for (int i = 0; i < 512; i++)
        full["attributes.a" + std::to_string(i)] = "x";
    auto a = update(full, {});
    EXPECT_EQ(a.reason(), "FIELD_TOO_LONG");
    EXPECT_EQ(a.fields(), "attributes");
    full.erase("attributes.a0");
    EXPECT_EQ(update(full, {}).reason(), "OK");
}

TEST_F(Leads, TheMaskIsChecked)
{
    std::string name = create({ { "email", "a@x.at" } })->name;
    for (const char *bad : { "name", "etag", "triage", "create_time", "nope", "attributes.", "lead.email" }) {
        auto a = update({ { "name", name } }, { { bad } });
        EXPECT_EQ(a.reason(), "UPDATE_MASK_INVALID") << bad;
        EXPECT_EQ(a.fields(), "update_mask");
    }
}

TEST_F(Leads, AnIdentityMovesOnlyByAMerge)
{
    create({ { "email", "a@x.at" } });
    std::string b = create({ { "email", "b@x.at" } })->name;
    auto a = update({ { "name", b }, { "email", "a@x.at" } }, {});
    EXPECT_EQ(a.reason(), "IDENTITY_TAKEN");
    EXPECT_EQ(a.fields(), "lead.email");
    EXPECT_EQ(update({ { "name", b } }, { { "email" } }).reason(), "OK"); // given up
    EXPECT_EQ(create({ { "email", "b@x.at" } }).reason(), "OK");
}

TEST_F(Leads, UpdatesHoldOnlyWhileTheEtagMatches)
{
    auto made = create({ { "email", "a@x.at" } });
    std::string name = made->name, etag = made->etag;
    auto a = update({ { "name", name }, { "etag", etag }, { "company", "A" } }, {});
    EXPECT_EQ(a.reason(), "OK");
    EXPECT_NE(a->etag, etag);
    EXPECT_EQ(update({ { "name", name }, { "etag", etag }, { "company", "B" } }, {}).reason(),
              "ETAG_MISMATCH");
    EXPECT_EQ(update({ { "name", name }, { "etag", a->etag }, { "company", "B" } }, {}).reason(), "OK");
}

TEST_F(Leads, AnUpdateThatChangesNothingWritesNothing)
{
    auto made = create({ { "email", "a@x.at" } });
    auto a = update({ { "name", made->name }, { "email", "A@X.at" } }, {});
    EXPECT_EQ(a.writes, 0);
    EXPECT_STREQ(a->etag, made->etag);
}

TEST_F(Leads, MissingLeadsMayBeMade)
{
    EXPECT_EQ(update({ { "name", "leads/new" }, { "email", "a@x.at" } }, {}).reason(), "LEAD_NOT_FOUND");
    auto a = update({ { "name", "leads/new" }, { "email", "a@x.at" } }, { { "company" }, true });
    EXPECT_EQ(a.reason(), "OK") << a.message();
    EXPECT_STREQ(get("leads/new")->email, "a@x.at");
    EXPECT_EQ(update({ { "name", "leads/new2" }, { "email", "a@x.at" } }, { {}, true }).reason(),
              "IDENTITY_TAKEN");
    EXPECT_EQ(update({ { "email", "a@x.at" } }, { {}, true }).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(update({ { "name", "leads/new3" }, { "email", "c@x.at" } }, { {}, true, true }).writes, 0);
    UpdateLeadRequest none = UPDATE_LEAD_REQUEST_INIT;
    EXPECT_EQ(house.call(update_lead, none, &Lead_descriptor).reason(), "FIELD_REQUIRED");
}

// ---- DeleteLead ----

TEST_F(Leads, DeletionTakesEverythingButDecisionsAlong)
{
    std::string a = create({ { "email", "a@x.at" }, { "phone", "12345" } })->name,
                b = create({ { "email", "b@x.at" } })->name;
    std::string other = create({ { "email", "other@x.at" } })->name;
    ingest({ { "e1", a, "", "" }, { "e2", b, "", "" }, { "e3", other, "", "" } });
    RecordOutcomeRequest outcome = RECORD_OUTCOME_REQUEST_INIT;
    outcome.parent = text(a);
    outcome.outcome = PB_NEW(&memory, Outcome);
    ASSERT_TRUE(house.call(record_outcome, outcome, &Outcome_descriptor).ok_());
    ASSERT_TRUE(merge(a, b).ok_());
    ASSERT_EQ(remove(b).reason(), "OK"); // by its old name
    EXPECT_EQ(get(a).reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(get(b).reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(count("lead"), 1);
    EXPECT_EQ(count("lead_identity"), 1);
    EXPECT_EQ(count("lead_identity_moved"), 0);
    EXPECT_EQ(count("lead_alias"), 0);
    EXPECT_EQ(count("lead_event"), 1);
    EXPECT_EQ(count("outcome"), 0);
    EXPECT_EQ(events("lead.deleted"), 1);
    EXPECT_EQ(create({ { "email", "b@x.at" } }).reason(), "OK");
}

TEST_F(Leads, DeletionAsksForTheEtagAndForTheLead)
{
    auto made = create({ { "email", "a@x.at" } });
    EXPECT_EQ(remove(made->name, "0000000000000000").reason(), "ETAG_MISMATCH");
    EXPECT_EQ(remove(made->name, made->etag).reason(), "OK");
    EXPECT_EQ(remove(made->name).reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(remove(made->name, "", true).reason(), "OK");
    EXPECT_EQ(remove("x", "", true).reason(), "FIELD_INVALID");
}

// ---- BatchCreateLeads ----

TEST_F(Leads, EachRowOfABatchHasItsOwnStatus)
{
    std::string a = create({ { "email", "a@x.at" } })->name, p = create({ { "phone", "12345" } })->name;
    auto r = batch({ { { "email", "new@x.at" } },
                     { { "email", "a@x.at" }, { "company", "Engines" } },
                     { { "email", "bad" }, { "phone", "1" } },
                     {},
                     { { "email", "a@x.at" }, { "phone", "12345" } },
                     { { "name", "leads/nobody" }, { "email", "z@x.at" } },
                     { { "email", "NEW@x.at" }, { "external_id", "7" } } });
    ASSERT_EQ(r.reason(), "OK") << r.message();
    ASSERT_EQ(r->n_results, 7u);
    const char *reasons[] = {
        "", "", "FIELD_INVALID", "FIELD_REQUIRED", "IDENTITY_AMBIGUOUS", "LEAD_NOT_FOUND", ""
    };
    for (size_t i = 0; i < 7; i++)
        EXPECT_STREQ(r->results[i]->status->reason, reasons[i]) << i;
    EXPECT_TRUE(r->results[0]->created);
    EXPECT_EQ(r->results[1]->lead, a);
    EXPECT_FALSE(r->results[1]->created);
    EXPECT_STREQ(r->results[2]->status->violations[0]->field, "leads[2].email");
    EXPECT_STREQ(r->results[2]->status->violations[1]->field, "leads[2].phone");
    EXPECT_STREQ(r->results[2]->lead, "");
    EXPECT_STREQ(r->results[6]->lead, r->results[0]->lead);
    EXPECT_FALSE(r->results[6]->created);
    EXPECT_STREQ(get(r->results[0]->lead)->external_id, "7");
    EXPECT_STREQ(get(a)->company, "Engines");
    EXPECT_EQ(events("lead.created"), 3);
    EXPECT_EQ(events("lead.updated"), 1);
}

// Its stored reply would outlive the lead's erasure.
TEST_F(Leads, AnAnswerThatIsStoredIsNotOfALeadThatIsGone)
{
    std::string name = create({ { "email", "a@x.at" }, { "company", "Old" } })->name;
    for (const char *id : { "", "request-one" }) {
        bool gone = false;
        house.request_id = id;
        house.before_commit = [&] {
            if (*id && !gone) {
                gone = true;
                EXPECT_EQ(remove(name).reason(), "OK");
            }
        };
        auto same = update({ { "name", name }, { "company", "Old" } }, { { "company" } });
        EXPECT_EQ(same.reason(), *id ? "LEAD_NOT_FOUND" : "OK");
        EXPECT_EQ(same.writes, 0);
    }
}

TEST_F(Leads, ABatchHasALimitedSize)
{
    EXPECT_EQ(batch({}).reason(), "FIELD_REQUIRED");
    std::vector<Fields> rows;
    for (int i = 0; i < 1000; i++)
        rows.push_back({ { "email", "a" + std::to_string(i) + "@x.at" } });
    EXPECT_EQ(batch(rows).reason(), "OK");
    EXPECT_EQ(count("lead"), 1000);
    auto again = batch(rows);
    EXPECT_EQ(again.writes, 0);
    rows.push_back({ { "email", "b@x.at" } });
    EXPECT_EQ(batch(rows).reason(), "FIELD_TOO_LONG");
}

TEST_F(Leads, ABatchBesideAnotherWriterIsDecidedAgain)
{
    bool other = false;
    house.before_commit = [&] {
        if (!other) {
            other = true;
            EXPECT_EQ(create({ { "email", "a@x.at" } }, "theirs").reason(), "OK");
        }
    };
    auto r = batch({ { { "email", "a@x.at" }, { "company", "Ours" } }, { { "email", "b@x.at" } } });
    ASSERT_EQ(r.reason(), "OK");
    EXPECT_EQ(r.attempts, 1);
    EXPECT_STREQ(r->results[0]->lead, "leads/theirs");
    EXPECT_STREQ(get("leads/theirs")->company, "Ours");
}

} // namespace

// Erasing a person: what goes at once, what the sweep finds, what stays.
#include "agents/privacy/privacy.h"
#include "agents/record/signer.h"
#include "tests/unit/agents/lead/fixture.h"

using namespace fixture;

class Privacy : public LeadRoom
{
  protected:
    Privacy()
    {
        EXPECT_EQ(signer_open(STR("a secret of thirty-two characters"), &memory, &house.app.signer).code,
                  CODE_OK);
    }

    Answer<Erasure> erase(const std::string &name)
    {
        EraseSubjectRequest req = ERASE_SUBJECT_REQUEST_INIT;
        req.name = text(name);
        return house.call(erase_subject, req, &Erasure_descriptor);
    }
    Answer<Erasure> erasure(const std::string &name)
    {
        GetErasureRequest req = GET_ERASURE_REQUEST_INIT;
        req.name = text(name);
        return house.call(get_erasure, req, &Erasure_descriptor);
    }
    Answer<ErasureCertificate> certificate(const std::string &name)
    {
        GetErasureCertificateRequest req = GET_ERASURE_CERTIFICATE_REQUEST_INIT;
        req.name = text(name);
        return house.call(get_erasure_certificate, req, &ErasureCertificate_descriptor);
    }
    // What the job does, until the erasure has ended.
    Answer<Erasure> swept(const std::string &name)
    {
        for (int i = 0; i < 100; i++) {
            auto tick = house.run(privacy_sweep);
            EXPECT_EQ(tick.reason(), "OK") << tick.message();
            auto e = erasure(name);
            if (!e.ok_() || e->state == ERASURE__STATE_DONE)
                return e;
        }
        ADD_FAILURE() << "the erasure does not end";
        return erasure(name);
    }
    static int64_t erased(const Answer<Erasure> &e, const std::string &store)
    {
        for (size_t i = 0; i < e->n_stores; i++)
            if (e->stores[i]->store == store)
                return e->stores[i]->count;
        return -1;
    }

    // A decision with everything personal that it may hold.
    std::string decide(const std::string &lead)
    {
        Decision d = DECISION_INIT;
        FieldContribution part = FIELD_CONTRIBUTION_INIT, *parts[] = { &part };
        DecisionInputs inputs = DECISION_INPUTS_INIT;
        std::string name;
        d.lead = text(lead);
        d.category = LEAD_CATEGORY_COLD_LEAD;
        d.justification = text("Ann said so");
        d.inputs = &inputs;
        d.contributions = parts;
        d.n_contributions = 1;
        auto a = house.run([&](ctx *c) {
            TRY(decision_name(c, &d));
            name = d.name;
            return decision_add(c, &d);
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return name;
    }
    Answer<Decision> decision(const std::string &name)
    {
        return house.run<Decision>(
            [&](ctx *c, Decision *res) {
                Decision *d;
                TRY(decision_get(c, name.c_str(), &d));
                *res = *d;
                return ok();
            },
            &Decision_descriptor);
    }

    void reject(int64_t line, const std::string &row)
    {
        static const stmt insert = { "test_reject_insert",
                                     "tib",
                                     "",
                                     "INSERT INTO lead_import_reject (workspace, import_id, line, data)"
                                     " VALUES ($1, 'i', $2, $3)",
                                     nullptr,
                                     nullptr };
        auto a = house.run([&](ctx *c) {
            LeadImportReject r = LEAD_IMPORT_REJECT_INIT;
            r.line = line;
            r.row = text(row);
            str data = pb_pack(c->arena, &r);
            UNIT_ADD(c->unit, &insert, 1, REASON_INTERNAL, v_text(c->workspace), v_int(line), v_bytes(data));
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    // The text of a rejected row.
    std::string rejected(int64_t line)
    {
        static const stmt get = { "test_reject_get",
                                  "ti",
                                  "b",
                                  "SELECT data FROM lead_import_reject WHERE workspace = $1 AND line = $2",
                                  nullptr,
                                  nullptr };
        std::string found = "(none)";
        house.run([&](ctx *c) {
            rows r;
            TRY(DB_QUERY(c, &get, &r, v_text(c->workspace), v_int(line)));
            auto *m = PB_UNPACK(c->arena, LeadImportReject, row_at(&r, 0)[0].s);
            found = m ? m->row : "(broken)";
            return ok();
        });
        return found;
    }

    std::vector<std::string> exported(const std::string &name)
    {
        std::vector<std::string> parts;
        auto a = house.run([&](ctx *c) {
            ExportSubjectRequest req = EXPORT_SUBJECT_REQUEST_INIT;
            subject_export *x = nullptr;
            bool more = true;
            req.name = text(name);
            TRY(export_subject_open(c, &req, &x));
            for (;;) {
                auto *m = PB_NEW(c->arena, ExportSubjectResponse);
                TRY(export_subject(c, x, m, &more));
                if (!more)
                    return ok();
                parts.push_back(m->lead         ? "lead"
                                : *m->alias     ? m->alias
                                : m->event      ? "event"
                                : m->outcome    ? "outcome"
                                : m->decision   ? "decision"
                                : m->suppressed ? "suppressed"
                                                : "nothing");
            }
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return parts;
    }
};

TEST_F(Privacy, TheLeadGoesAtOnceTheRestIsSwept)
{
    auto ann =
        create({ { "email", "ann@x.example" }, { "phone", "+431555" }, { "full_name", "Ann Lee" } }, "ann");
    create({ { "email", "ann2@x.example" } }, "twin");
    create({ { "email", "bob@x.example" } }, "bob");
    ingest({ { .id = "e1", .lead = "leads/ann" }, { .id = "e2", .lead = "leads/bob" } });
    std::string first = decide("leads/ann"), twins = decide("leads/twin"), bobs = decide("leads/bob");
    ASSERT_TRUE(merge("leads/ann", "leads/twin").ok_());

    auto e = erase("leads/ann");
    ASSERT_TRUE(e.ok_()) << e.message();
    std::string name = e->name;
    EXPECT_EQ(e->state, ERASURE__STATE_RUNNING);
    EXPECT_EQ(get("leads/ann").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(get("leads/twin").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(certificate(name).reason(), "ERASURE_RUNNING");
    EXPECT_EQ(count("lead_event"), 1);

    auto done = swept(name);
    EXPECT_EQ(erased(done, "lead"), 1);
    EXPECT_EQ(erased(done, "lead_identity"), 3);
    EXPECT_EQ(erased(done, "lead_alias"), 1);
    EXPECT_EQ(erased(done, "lead_event"), 1);
    EXPECT_EQ(erased(done, "decision"), 2);
    EXPECT_NE(done->finish_time, nullptr);
    for (const std::string &d : { first, twins }) {
        EXPECT_EQ(decision(d)->inputs, nullptr);
        EXPECT_EQ(decision(d)->n_contributions, 0u);
        EXPECT_STREQ(decision(d)->justification, "");
        EXPECT_EQ(decision(d)->category, LEAD_CATEGORY_COLD_LEAD);
    }
    EXPECT_NE(decision(bobs)->inputs, nullptr);
    EXPECT_EQ(events("subject.erased"), 1);
    EXPECT_TRUE(get("leads/bob").ok_());
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM erasure WHERE workspace = $1 AND length(work) > 0"), 0);
}

TEST_F(Privacy, ManyDecisionsAreSweptInSteps)
{
    create({ { "email", "ann@x.example" } }, "ann");
    for (int i = 0; i < 250; i++)
        decide("leads/ann");
    auto e = erase("leads/ann");
    EXPECT_EQ(erased(swept(e->name), "decision"), 250);
}

TEST_F(Privacy, ALeadThatWasDeletedBeforeIsErasedByItsName)
{
    create({ { "email", "ann@x.example" } }, "ann");
    std::string d = decide("leads/ann");
    ASSERT_TRUE(remove("leads/ann").ok_());
    auto e = erase("leads/ann");
    ASSERT_TRUE(e.ok_()) << e.message();
    swept(e->name);
    EXPECT_EQ(decision(d)->inputs, nullptr);
    EXPECT_EQ(erase("leads/nobody").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(erasure("erasures/none").reason(), "ERASURE_NOT_FOUND");
}

TEST_F(Privacy, RejectedRowsThatHoldThePersonLoseTheirText)
{
    create({ { "email", "ann@x.example" },
             { "phone", "+431555012" },
             { "external_id", "c-17" },
             { "full_name", "Ann Lee" } },
           "ann");
    const std::pair<const char *, bool> table[] = {
        { "ANN@X.Example,12", true },
        { "x,\"+43 (1) 555-012\"", true },
        { "0,00431555012", false },
        { "43/1555.012", true },
        { "C-17;y", true },
        { "c-171;y", false },
        { "ann lee", true },
        { "Joann Leeds", false },
        { "bob@x.example", false },
        { "susann@x.example", false },
        { "", false },
        { "431555012345", false },
    };
    int64_t line = 0;
    for (const auto &[row, gone] : table)
        reject(++line, row);
    auto e = erase("leads/ann");
    EXPECT_EQ(erased(swept(e->name), "lead_import_reject"), 5);
    line = 0;
    for (const auto &[row, gone] : table)
        EXPECT_EQ(rejected(++line), gone ? "" : row) << row;
}

TEST_F(Privacy, WhoComesBackIsSuppressed)
{
    create({ { "email", "ann@x.example" }, { "external_id", "c-17" } }, "ann");
    EXPECT_EQ(exported("leads/ann"), (std::vector<std::string>{ "lead" }));
    swept(erase("leads/ann")->name);
    create({ { "email", "Ann@X.example" } }, "back");
    create({ { "external_id", "c-17" } }, "again");
    create({ { "email", "other@x.example" } }, "other");
    EXPECT_EQ(exported("leads/back"), (std::vector<std::string>{ "lead", "suppressed" }));
    EXPECT_EQ(exported("leads/again"), (std::vector<std::string>{ "lead", "suppressed" }));
    EXPECT_EQ(exported("leads/other"), (std::vector<std::string>{ "lead" }));
    house.workspace = "second";
    create({ { "email", "ann@x.example" } }, "there");
    EXPECT_EQ(exported("leads/there"), (std::vector<std::string>{ "lead" })) << "another workspace's matter";
}

TEST_F(Privacy, ExportHoldsEverything)
{
    create({ { "email", "ann@x.example" } }, "ann");
    create({ { "email", "ann2@x.example" } }, "twin");
    ingest({ { .id = "e1", .lead = "leads/ann" }, { .id = "e2", .lead = "leads/twin" } });
    decide("leads/ann");
    decide("leads/twin");
    ASSERT_TRUE(merge("leads/ann", "leads/twin").ok_());
    EXPECT_EQ(exported("leads/ann"), (std::vector<std::string>{ "lead", "ann2@x.example", "leads/twin",
                                                                "event", "event", "decision", "decision" }));
}

TEST_F(Privacy, TheCertificateIsSigned)
{
    create({ { "email", "ann@x.example" } }, "ann");
    auto e = erase("leads/ann");
    swept(e->name);
    auto a = certificate(e->name), again = certificate(e->name);
    ASSERT_TRUE(a.ok_()) << a.message();
    std::string signed_text = "marketing erasure certificate v1\ndefault\n" +
                              std::string(reinterpret_cast<char *>(a->erasure.data), a->erasure.len);
    EXPECT_TRUE(
        sign_check(a->public_key.data, str_make(signed_text.data(), signed_text.size()), a->signature.data));
    EXPECT_EQ(memcmp(a->signature.data, again->signature.data, 64), 0);
}

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
    // What the job does, until the erasure has ended; that is once the store's own thread has overwritten
    // what its files still held.
    Answer<Erasure> swept(const std::string &name)
    {
        for (int64_t until = clock_mono_us() + 60 * US_PER_SECOND; clock_mono_us() < until;) {
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
        d.category = LEAD_CATEGORY_COLD_LEAD;
        d.justification = text("Ann said so");
        d.inputs = &inputs;
        d.contributions = parts;
        d.n_contributions = 1;
        auto a = house.run([&](ctx *c) {
            lead_row row;
            TRY(lead_load(c, lead.c_str(), "name", &row));
            d.lead = row.lead->name;
            TRY(decision_name(c, &d));
            name = d.name;
            return decision_add(c, &row, &d);
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

    void update(const stmt *s, const std::vector<std::string> &bytes)
    {
        auto a = house.run([&](ctx *c) {
            std::vector<value> args;
            for (const std::string &b : bytes)
                args.push_back(v_bytes(str_make(b.data(), b.size())));
            args.push_back(v_text(c->workspace));
            unit_add(c->unit, s, -1, REASON_INTERNAL, args.data());
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    // The decision as a build without keys stored it.
    void in_plain(const std::string &name)
    {
        static const stmt plain = {
            "test_plain",
            "btt",
            "",
            "UPDATE decision SET data = $1, sealed = NULL WHERE id = $2 AND workspace "
            "= $3",
            nullptr,
            nullptr
        };
        auto d = decision(name);
        auto a = house.run([&](ctx *c) {
            str data = pb_pack(c->arena, d.res);
            UNIT_ADD(c->unit, &plain, 1, REASON_INTERNAL, v_bytes(data), v_text(d->name + 10),
                     v_text(c->workspace));
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    // What lies in the decision's row: (data, sealed).
    std::pair<std::string, std::string> stored(const std::string &name)
    {
        static const stmt get = {
            "test_stored", "tt",   "bb", "SELECT data, sealed FROM decision WHERE workspace = $1 AND id = $2",
            nullptr,       nullptr
        };
        std::pair<std::string, std::string> found;
        house.run([&](ctx *c) {
            rows r;
            TRY(DB_QUERY(c, &get, &r, v_text(c->workspace), v_text(name.c_str() + 10)));
            const value *v = row_at(&r, 0);
            found = { std::string(v[0].s.p, v[0].s.n), std::string(v[1].s.n ? v[1].s.p : "", v[1].s.n) };
            return ok();
        });
        return found;
    }
    // Whether what is personal in it can be read, all or nothing of it.
    bool readable(const std::string &name)
    {
        auto d = decision(name);
        EXPECT_TRUE(d.ok_()) << d.message();
        EXPECT_EQ(d->category, LEAD_CATEGORY_COLD_LEAD);
        bool inputs = d->inputs != nullptr;
        EXPECT_EQ(d->n_contributions, inputs ? 1u : 0u);
        EXPECT_STREQ(d->justification, inputs ? "Ann said so" : "");
        return inputs;
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
    EXPECT_EQ(erased(done, "subject_key"), 2);
    EXPECT_NE(done->finish_time, nullptr);
    EXPECT_FALSE(readable(first));
    EXPECT_FALSE(readable(twins));
    EXPECT_TRUE(readable(bobs));
    EXPECT_EQ(events("subject.erased"), 1);
    EXPECT_TRUE(get("leads/bob").ok_());
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM erasure WHERE workspace = $1 AND length(work) > 0"), 0);
}

TEST_F(Privacy, WhatIsPersonalLiesUnderTheKeyAndStaysWhereItIs)
{
    create({ { "email", "ann@x.example" } }, "ann");
    std::string name = decide("leads/ann");
    auto before = stored(name);
    EXPECT_EQ(before.first.find("Ann said so"), std::string::npos);
    EXPECT_EQ(before.second.find("Ann said so"), std::string::npos);
    EXPECT_GT(before.second.size(), std::string("Ann said so").size());
    EXPECT_TRUE(readable(name));
    swept(erase("leads/ann")->name);
    EXPECT_FALSE(readable(name));
    EXPECT_EQ(stored(name), before);
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead_ended WHERE workspace = $1"), 0);
}

TEST_F(Privacy, AnAlteredDecisionIsNotRead)
{
    static const stmt put = {
        "test_put_sealed", "bt", "", "UPDATE decision SET sealed = $1 WHERE workspace = $2", nullptr, nullptr
    };
    create({ { "email", "ann@x.example" } }, "ann");
    std::string first = decide("leads/ann"), second = decide("leads/ann"), sealed = stored(first).second;
    update(&put, { sealed });
    EXPECT_TRUE(readable(first));
    EXPECT_EQ(decision(second).reason(), "INTERNAL") << "another decision's";
    sealed.back() ^= 1;
    update(&put, { sealed });
    EXPECT_EQ(decision(first).reason(), "INTERNAL");
}

TEST_F(Privacy, DecisionsFollowTheirLeadsThroughMerges)
{
    std::vector<std::string> made;
    for (std::string id : { "a", "b", "c" }) {
        create({ { "email", id + "@x.example" } }, id);
        made.push_back(decide("leads/" + id));
    }
    ASSERT_TRUE(merge("leads/b", "leads/a").ok_());
    ASSERT_TRUE(merge("leads/c", "leads/b").ok_());
    made.push_back(decide("leads/a")); // by an alias
    for (const std::string &d : made)
        EXPECT_TRUE(readable(d)) << d;
    auto e = erase("leads/a");
    EXPECT_EQ(erased(swept(e->name), "subject_key"), 3);
    EXPECT_EQ(erased(swept(e->name), "decision"), 4);
    for (const std::string &d : made)
        EXPECT_FALSE(readable(d)) << d;
}

// A lead of an older build has no key, its decisions lie in plain.
TEST_F(Privacy, OlderDecisionsAreReadAndLoseTheirInputsInTheSweep)
{
    static const stmt no_keys = {
        "test_no_keys", "t", "", "UPDATE lead SET subject_key = NULL WHERE workspace = $1", nullptr, nullptr
    };
    create({ { "email", "ann@x.example" } }, "ann");
    std::string old = decide("leads/ann");
    in_plain(old);
    update(&no_keys, {});
    EXPECT_TRUE(readable(old));
    EXPECT_NE(stored(old).first.find("Ann said so"), std::string::npos);

    ingest({ { .id = "e1", .lead = "leads/ann" } }); // saved: it has a key from now on
    std::string later = decide("leads/ann");
    EXPECT_TRUE(readable(later));
    EXPECT_TRUE(readable(old));
    auto e = erase("leads/ann");
    EXPECT_EQ(erased(swept(e->name), "decision"), 2);
    EXPECT_FALSE(readable(old));
    EXPECT_EQ(stored(old).first.find("Ann said so"), std::string::npos);
    EXPECT_FALSE(readable(later));
}

TEST_F(Privacy, ManyOlderDecisionsAreSweptInSteps)
{
    create({ { "email", "ann@x.example" } }, "ann");
    for (int i = 0; i < 250; i++)
        in_plain(decide("leads/ann"));
    auto e = erase("leads/ann");
    EXPECT_EQ(erased(swept(e->name), "decision"), 250);
}

// By its own name, and by that of a lead that was merged into it.
TEST_F(Privacy, ALeadThatWasDeletedBeforeIsErasedByItsName)
{
    for (const char *name : { "leads/ann", "leads/twin" }) {
        create({ { "email", "ann@x.example" } }, "ann");
        create({ { "email", "twin@x.example" } }, "twin");
        std::string anns = decide("leads/ann"), twins = decide("leads/twin");
        ASSERT_TRUE(merge("leads/ann", "leads/twin").ok_());
        ASSERT_TRUE(remove("leads/ann").ok_());
        EXPECT_TRUE(readable(anns) && readable(twins)) << "deleted is not erased";
        auto e = erase(name);
        ASSERT_TRUE(e.ok_()) << e.message();
        auto done = swept(e->name);
        EXPECT_EQ(erased(done, "subject_key"), 2);
        EXPECT_EQ(erased(done, "lead_ended_identity"), 2);
        EXPECT_FALSE(readable(anns) || readable(twins));
    }
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

// Texts of a lead may hold line feeds; they are looked for as a whole.
TEST_F(Privacy, ALineFeedInANameStopsNoErasure)
{
    create({ { "external_id", "c\n1" }, { "full_name", "Ann\nLee\n\n." } }, "ann");
    reject(1, "x,\"ann\nlee\n\n.\",y");
    reject(2, "\"C\n1\"");
    reject(3, "c-1,lee");
    auto e = erase("leads/ann");
    EXPECT_EQ(erased(swept(e->name), "lead_import_reject"), 2);
    EXPECT_EQ(rejected(3), "c-1,lee");
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

TEST_F(Privacy, WhoIsErasedAfterBeingDeletedIsSuppressed)
{
    create({ { "email", "ann@x.example" } }, "ann");
    create({ { "email", "twin@x.example" } }, "twin");
    ASSERT_TRUE(merge("leads/ann", "leads/twin").ok_());
    ASSERT_TRUE(remove("leads/ann").ok_());
    create({ { "email", "ann@x.example" } }, "back");
    EXPECT_EQ(exported("leads/back"), (std::vector<std::string>{ "lead" })) << "deleted is not erased";
    swept(erase("leads/ann")->name);
    EXPECT_EQ(exported("leads/back"), (std::vector<std::string>{ "lead", "suppressed" }));
    create({ { "email", "twin@x.example" } }, "twin-back");
    EXPECT_EQ(exported("leads/twin-back"), (std::vector<std::string>{ "lead", "suppressed" }));
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead_ended_identity WHERE workspace = $1"), 0);
}

// The same id, another key: both lives are one person's.
TEST_F(Privacy, AnIdThatWasGivenAgainIsErasedInBothLives)
{
    create({ { "email", "ann@x.example" } }, "ann");
    std::string first = decide("leads/ann");
    ASSERT_TRUE(remove("leads/ann").ok_());
    create({ { "email", "ann@x.example" } }, "ann");
    std::string second = decide("leads/ann");
    EXPECT_TRUE(readable(first) && readable(second));
    auto done = swept(erase("leads/ann")->name);
    EXPECT_EQ(erased(done, "subject_key"), 2);
    EXPECT_EQ(erased(done, "decision"), 2);
    EXPECT_FALSE(readable(first) || readable(second));
}

TEST_F(Privacy, ALeadThatGotAMergedOnesIdIsLeftAlone)
{
    create({ { "email", "ann@x.example" } }, "ann");
    create({ { "email", "twin@x.example" } }, "twin");
    std::string first = decide("leads/twin");
    ASSERT_TRUE(merge("leads/ann", "leads/twin").ok_());
    ASSERT_TRUE(remove("leads/ann").ok_());
    create({ { "email", "bob@x.example" } }, "twin");
    ingest({ { .id = "e1", .lead = "leads/twin" } });
    std::string second = decide("leads/twin");
    swept(erase("leads/ann")->name);
    EXPECT_FALSE(readable(first));
    EXPECT_TRUE(readable(second));
    EXPECT_TRUE(get("leads/twin").ok_());
    EXPECT_EQ(count("lead_event"), 1);
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

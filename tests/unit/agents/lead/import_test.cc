// ImportLeads, GetLeadImport, ListLeadImportRejects.
#include "tests/unit/agents/lead/fixture.h"

#include <random>

namespace
{

using namespace fixture;

// A client stream as the runtime runs it: a unit an item, an arena an item, committed() after each.
class Stream
{
  public:
    explicit Stream(House &house) : house_(house)
    {
        arena_init(&memory_, 1 << 20);
        unit u = {};
        ctx c = house_.make(&memory_, &u);
        EXPECT_EQ(import_leads_open(&c, &state_).code, CODE_OK);
    }
    ~Stream()
    {
        arena_done(&memory_);
    }
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;

    // The reason of failure, or OK.
    std::string send(const LeadImportSpec *spec, int64_t offset, const std::string &content)
    {
        ImportLeadsRequest req = IMPORT_LEADS_REQUEST_INIT;
        req.spec = const_cast<LeadImportSpec *>(spec);
        req.offset = offset;
        req.content.data = reinterpret_cast<uint8_t *>(const_cast<char *>(content.data()));
        req.content.len = content.size();
        auto a = house_.run([&](ctx *c) {
            str bytes = pb_pack(c->arena, &req);
            auto *copy =
                static_cast<ImportLeadsRequest *>(pb_unpack(c->arena, &ImportLeadsRequest_descriptor, bytes));
            return import_leads_item(c, state_, copy);
        });
        attempts = a.attempts;
        message = a.message();
        if (!a.ok_())
            return a.reason();
        unit u = {};
        ctx c = house_.make(&memory_, &u);
        import_leads_committed(&c, state_);
        return "OK";
    }

    Answer<LeadImport> finish()
    {
        return house_.run<LeadImport>(
            [&](ctx *c, LeadImport *res) { return import_leads_finish(c, state_, res); },
            &LeadImport_descriptor);
    }

    int attempts = 0;
    std::string message;

  private:
    House &house_;
    arena memory_;
    lead_import *state_ = nullptr;
};

struct Options {
    std::map<std::string, std::string> columns = {};
    std::string separator = "";
    bool triage = false;
};

class Imports : public LeadRoom
{
  protected:
    LeadImportSpec *spec(const std::string &id, const Options &o = {})
    {
        LeadImportSpec *s = PB_NEW(&memory, LeadImportSpec);
        s->import_id = text(id);
        s->separator = text(o.separator);
        s->triage = o.triage;
        s->columns = ARENA_ARRAY(&memory, o.columns.size() + 1, LeadImportSpec__ColumnsEntry *);
        for (const auto &[column, field] : o.columns) {
            auto *e = PB_NEW(&memory, LeadImportSpec__ColumnsEntry);
            e->key = text(column);
            e->value = text(field);
            s->columns[s->n_columns++] = e;
        }
        return s;
    }

    // A whole file in chunks of this size: "created updated unchanged rejected of rows", or the reason of
    // failure.
    std::string import(const std::string &id, const std::string &file, size_t chunk = 1 << 20,
                       const Options &o = {})
    {
        Stream stream(house);
        for (size_t at = 0; at == 0 || at < file.size(); at += chunk) {
            std::string r =
                stream.send(at ? nullptr : spec(id, o), static_cast<int64_t>(at), file.substr(at, chunk));
            if (r != "OK") {
                message = stream.message;
                return r;
            }
        }
        auto a = stream.finish();
        message = a.message();
        if (!a.ok_())
            return a.reason();
        EXPECT_EQ(a->committed_bytes, static_cast<int64_t>(file.size()));
        EXPECT_EQ(a->state, LEAD_IMPORT__STATE_DONE);
        return counts(a.res);
    }

    static std::string counts(const LeadImport *m)
    {
        return std::to_string(m->created_count) + " " + std::to_string(m->updated_count) + " " +
               std::to_string(m->unchanged_count) + " " + std::to_string(m->rejected_count) + " of " +
               std::to_string(m->row_count);
    }

    Answer<LeadImport> state(const std::string &id)
    {
        GetLeadImportRequest req = GET_LEAD_IMPORT_REQUEST_INIT;
        req.name = text("leadImports/" + id);
        return house.call(get_lead_import, req, &LeadImport_descriptor);
    }

    // "line reason field|row; "
    std::string rejects(const std::string &id, int page_size = 0)
    {
        std::string all;
        ListLeadImportRejectsRequest req = LIST_LEAD_IMPORT_REJECTS_REQUEST_INIT;
        req.parent = text("leadImports/" + id);
        req.page_size = page_size;
        do {
            auto a = house.call(list_lead_import_rejects, req, &ListLeadImportRejectsResponse_descriptor);
            if (!a.ok_())
                return a.reason();
            for (size_t i = 0; i < a->n_rejects; i++) {
                const LeadImportReject *r = a->rejects[i];
                all += std::to_string(r->line) + " " + r->status->reason + " " +
                       (r->status->n_violations ? r->status->violations[0]->field : "-") + "|" + r->row +
                       "; ";
            }
            req.page_token = text(a->next_page_token);
        } while (*req.page_token);
        return all;
    }

    // The lead of an email.
    Answer<Lead> by_email(const std::string &email)
    {
        return house.run<Lead>(
            [&](ctx *c, Lead *res) {
                lead_row row;
                Lead *given = lead({ { "email", email } });
                TRY(lead_resolve(c, given, &row));
                *res = *row.lead;
                return ok();
            },
            &Lead_descriptor);
    }

    std::string message;
};

TEST_F(Imports, RowsBecomeLeads)
{
    EXPECT_EQ(
        import("i",
               "email,Phone,company,age,job\nA@x.at,,Engines,36,admin.\nb@x.at,,\"Be, \"\"and\"\" Co\",,\n"),
        "2 0 0 0 of 2")
        << message;
    auto a = by_email("a@x.at");
    EXPECT_STREQ(a->company, "Engines");
    EXPECT_EQ(attribute(a.res, "age"), "36");
    EXPECT_EQ(attribute(a.res, "job"), "admin.");
    EXPECT_EQ(attribute(a.res, "Phone"), "(none)");
    auto b = by_email("b@x.at");
    EXPECT_STREQ(b->company, "Be, \"and\" Co");
    EXPECT_EQ(b->n_attributes, 0u);
    EXPECT_EQ(events("lead.imported"), 2); // a chunk, and the end
    auto s = state("i");
    EXPECT_STREQ(s->name, "leadImports/i");
    EXPECT_EQ(counts(s.res), "2 0 0 0 of 2");
}

TEST_F(Imports, ColumnsAreMapped)
{
    Options o;
    o.columns = { { "E-Mail", "email" }, { "CRM no", "external_id" }, { "", "job_title" } };
    EXPECT_EQ(import("i", "E-Mail;CRM no;;score\na@x.at;77;Boss;5\n", 1 << 20, o), "1 0 0 0 of 1") << message;
    auto a = by_email("a@x.at");
    EXPECT_STREQ(a->external_id, "77");
    EXPECT_STREQ(a->job_title, "Boss");
    EXPECT_EQ(attribute(a.res, "score"), "5");
}

TEST_F(Imports, HeadersAndSpecsAreChecked)
{
    auto fails = [&](const std::string &file, const Options &o = {}) {
        static int n = 0;
        std::string reason = import("bad-" + std::to_string(n++), file, 1 << 20, o);
        EXPECT_EQ(reason == "CSV_INVALID", message.rfind("content: ", 0) == 0) << message;
        return reason;
    };
    EXPECT_EQ(fails(""), "CSV_INVALID");
    EXPECT_EQ(fails("\n\n"), "CSV_INVALID");
    EXPECT_EQ(fails("email,age,age\n"), "CSV_INVALID");
    EXPECT_EQ(fails("email,,age\n"), "CSV_INVALID");
    EXPECT_EQ(fails("email,\xff\n"), "CSV_INVALID");
    EXPECT_EQ(fails(std::string(129, 'n') + ",email\n"), "CSV_INVALID");
    EXPECT_EQ(fails("email,mail\n", { { { "mail", "email" } } }), "CSV_INVALID");
    EXPECT_EQ(fails("email,mail\n", { { { "mail", "name" } } }), "FIELD_INVALID");
    EXPECT_EQ(fails("email\n", { { { "mail", "phone" } } }), "FIELD_INVALID");
    EXPECT_EQ(fails("email\n", { {}, "x" }), "FIELD_INVALID");
    EXPECT_EQ(fails("email\na@x.at\n\"open"), "CSV_INVALID");
    EXPECT_EQ(fails("email,age\n"), "0 0 0 0 of 0");
    EXPECT_EQ(count("lead"), 1); // what was whole before the bad byte is kept
    Stream s(house);
    EXPECT_EQ(s.send(nullptr, 0, "email\n"), "FIELD_REQUIRED");
    EXPECT_EQ(s.send(spec("Not An Id"), 0, "email\n"), "FIELD_INVALID");
    EXPECT_EQ(s.finish().reason(), "FIELD_REQUIRED");
    EXPECT_EQ(s.send(spec("large"), 0, std::string((1 << 20) + 1, 'x')), "FIELD_TOO_LONG");
    EXPECT_EQ(s.send(spec("ok"), 0, "email\n"), "OK");
    EXPECT_EQ(s.send(spec("ok"), 6, "a@x.at\n"), "FIELD_INVALID");
}

TEST_F(Imports, BadRowsAreKeptWithTheirReasons)
{
    create({ { "email", "a@x.at" } });
    create({ { "phone", "12345" } });
    std::string file = "email,phone,age\n"
                       "good@x.at,,1\n"
                       "bad,,2\r\n"
                       "x@x.at,1,3\n"
                       "\n"
                       "\"a\nb@x.at\",,4\n"
                       "a@x.at,12345,5\n"
                       "c@x.at,,6,7\n"
                       ",,\n"
                       "d@x.at,,\xff\n"
                       "last@x.at,,8";
    EXPECT_EQ(import("i", file), "2 0 0 7 of 9") << message;
    std::string expected = "3 FIELD_INVALID email|bad,,2; "
                           "4 FIELD_INVALID phone|x@x.at,1,3; "
                           "6 FIELD_INVALID email|\"a\nb@x.at\",,4; "
                           "8 IDENTITY_AMBIGUOUS -|a@x.at,12345,5; "
                           "9 CSV_INVALID -|c@x.at,,6,7; "
                           "10 FIELD_REQUIRED row|,,; "
                           "11 INVALID_UTF8 -|d@x.at,,?; ";
    EXPECT_EQ(rejects("i"), expected);
    EXPECT_EQ(rejects("i", 2), expected);
    EXPECT_EQ(rejects("nothing"), "IMPORT_NOT_FOUND");
    EXPECT_EQ(state("nothing").reason(), "IMPORT_NOT_FOUND");
}

TEST_F(Imports, ARowWithACountryThatIsNoCodeIsRejectedAndTheLeadStays)
{
    create({ { "email", "a@x.at" }, { "country", "DE" } }, "a");
    EXPECT_EQ(import("i", "email,country,company\na@x.at,Austria,A\nb@x.at,at,B\n"), "1 0 0 1 of 2");
    EXPECT_EQ(rejects("i"), "2 FIELD_INVALID country|a@x.at,Austria,A; ");
    EXPECT_STREQ(get("leads/a")->country, "DE");
    EXPECT_STREQ(get("leads/a")->company, "");
}

TEST_F(Imports, RejectedRowsAreCutAtCharacters)
{
    std::string row =
        "bad," + std::string(4091, 'x') + "\xc3\xa4\xc3\xa4"; // the limit is within the first character
    EXPECT_EQ(import("i", "email,text\n" + row + "\n"), "0 0 0 1 of 1");
    EXPECT_EQ(rejects("i"), "2 FIELD_INVALID email|bad," + std::string(4091, 'x') + "; ");
}

TEST_F(Imports, TheSameFileAgainChangesNothing)
{
    std::string file = "email,company,age\na@x.at,A,1\n,Nobody,2\nb@x.at,B,\nb@x.at,B,3\n,Nobody,2\n";
    EXPECT_EQ(import("first", file), "3 1 1 0 of 5") << message;
    EXPECT_EQ(count("lead"), 3);
    std::string etag = by_email("b@x.at")->etag;
    EXPECT_EQ(import("second", file), "0 0 5 0 of 5");
    EXPECT_EQ(count("lead"), 3);
    EXPECT_EQ(by_email("b@x.at")->etag, etag);
    EXPECT_EQ(import("third", "age;company;email\n2;Nobody;\n"),
              "0 0 1 0 of 1"); // the order of columns says nothing
    EXPECT_EQ(import("fourth", "email,age\na@x.at,9\n"), "0 1 0 0 of 1");
    EXPECT_EQ(attribute(by_email("a@x.at").res, "age"), "9");
    EXPECT_STREQ(by_email("a@x.at")->company, "A");
}

TEST_F(Imports, RowsWithoutIdentityFindTheirLeadsAgain)
{
    std::string file = "company,age\n";
    for (int i = 0; i < 60; i++) // more than are looked up at once, some twice
        file += "Nobody," + std::to_string(i % 50) + "\n";
    EXPECT_EQ(import("first", file), "50 0 10 0 of 60") << message;
    EXPECT_EQ(import("second", file), "0 0 60 0 of 60");
    ListLeadsRequest req = LIST_LEADS_REQUEST_INIT;
    auto leads = house.call(list_leads, req, &ListLeadsResponse_descriptor);
    ASSERT_TRUE(leads.ok_());
    create({ { "email", "a@x.at" } }, "survivor");
    EXPECT_EQ(merge("leads/survivor", leads->leads[0]->name).reason(), "OK");
    EXPECT_EQ(import("third", file), "0 0 60 0 of 60"); // its old id leads to the one that lives
    EXPECT_EQ(count("lead"), 50);
}

TEST_F(Imports, AFileMayBeCutAnywhere)
{
    std::string file = "\xef\xbb\xbf"
                       "email,company,age\r\na@x.at,\"Two\r\nlines\",1\r\n\r\nbad,X,2\r\nb@x.at,\"q\"\"q\","
                       "3\r\nc@x.at,\xc3\xa4,4";
    std::string expected;
    for (size_t chunk = 1; chunk <= file.size(); chunk++) {
        house.workspace = "w" + std::to_string(chunk);
        ASSERT_EQ(import("i", file, chunk), "3 0 0 1 of 4") << chunk << " " << message;
        ASSERT_STREQ(by_email("a@x.at")->company, "Two\r\nlines") << chunk;
        ASSERT_STREQ(by_email("b@x.at")->company, "q\"q") << chunk;
        ASSERT_STREQ(by_email("c@x.at")->company, "\xc3\xa4") << chunk;
        ASSERT_EQ(rejects("i"), "5 FIELD_INVALID email|bad,X,2; ") << chunk;
    }
}

TEST_F(Imports, ChunksThatEndNoRowAreNotCommitted)
{
    Stream s(house);
    EXPECT_EQ(s.send(spec("i"), 0, "em"), "OK");
    EXPECT_EQ(state("i")->committed_bytes, 0); // it exists
    EXPECT_EQ(events("lead.imported"), 0);
    std::string rest = "ail\na@x.at\n";
    for (size_t i = 0; i < rest.size(); i++)
        EXPECT_EQ(s.send(nullptr, static_cast<int64_t>(2 + i), rest.substr(i, 1)), "OK");
    EXPECT_EQ(events("lead.imported"), 2); // the header, the row
    EXPECT_EQ(counts(s.finish().res), "1 0 0 0 of 1");
    EXPECT_EQ(events("lead.imported"), 3);
}

TEST_F(Imports, ABrokenStreamGoesOnWhereItWasCommitted)
{
    std::string file = "email;age;note\n";
    for (int i = 0; i < 200; i++)
        file += "l" + std::to_string(i) + "@x.at;" + std::to_string(i) + ";\"a; \r\nb\"\r\n" +
                (i % 10 ? "" : "bad;;\n");
    std::mt19937 random(11);
    for (int walk = 0; walk < 20; walk++) {
        house.workspace = "w" + std::to_string(walk);
        std::string done;
        for (int streams = 0; done.empty(); streams++) {
            ASSERT_LT(streams, 1000);
            auto s = state("i");
            int64_t at = s.ok_() ? s->committed_bytes : 0;
            Stream stream(house); // the one before was cut off
            bool first = true;
            while (at < static_cast<int64_t>(file.size()) && random() % 6) {
                std::string part = file.substr(static_cast<size_t>(at), 1 + random() % 400);
                ASSERT_EQ(stream.send(first ? spec("i") : nullptr, at, part), "OK") << stream.message;
                at += static_cast<int64_t>(part.size());
                first = false;
            }
            if (at == static_cast<int64_t>(file.size()) && !first)
                done = counts(stream.finish().res);
        }
        EXPECT_EQ(done, "200 0 0 20 of 220");
        EXPECT_EQ(rejects("i").substr(0, 52), "4 FIELD_INVALID email|bad;;; 25 FIELD_INVALID email|");
        EXPECT_EQ(count("lead"), 200);
    }
}

TEST_F(Imports, ChunksMustContinueTheImport)
{
    Stream s(house);
    EXPECT_EQ(s.send(spec("i"), 5, "email\n"), "IMPORT_MISMATCH");
    EXPECT_EQ(s.send(spec("i"), 0, "email\na@x"), "OK");
    EXPECT_EQ(state("i")->committed_bytes, 6);
    EXPECT_EQ(s.send(nullptr, 6, "a@x.at\n"), "IMPORT_MISMATCH");
    EXPECT_EQ(s.send(nullptr, 9, ".at\nb"), "OK");
    EXPECT_EQ(state("i")->committed_bytes, 13);
    Stream other(house);
    EXPECT_EQ(other.send(spec("i"), 14, "@x.at\n"), "IMPORT_MISMATCH");
    EXPECT_EQ(other.send(spec("i"), 13, "b@x.at\n"), "OK");
    EXPECT_EQ(s.send(nullptr, 14, "@x.at\n"), "IMPORT_MISMATCH"); // another stream went on with it
    EXPECT_EQ(s.finish().reason(), "IMPORT_MISMATCH");
    EXPECT_EQ(other.finish().reason(), "OK");
    Stream late(house);
    EXPECT_EQ(late.send(spec("i"), 20, ""), "IMPORT_MISMATCH"); // done
    EXPECT_EQ(count("lead"), 2);
}

TEST_F(Imports, AnItemRunAgainDoesItsWorkOnce)
{
    Stream s(house);
    ASSERT_EQ(s.send(spec("i"), 0, "email,age\na@x.at,1\nb@"), "OK");
    int others = 0;
    house.before_commit = [&] {
        if (others++ == 0) {
            EXPECT_EQ(create({ { "email", "b@x.at" } }, "theirs").reason(), "OK");
        }
    };
    EXPECT_EQ(s.send(nullptr, 21, "x.at,2\nc@x.at,3\n"), "OK") << s.message;
    EXPECT_EQ(s.attempts, 1);
    auto a = s.finish();
    EXPECT_EQ(counts(a.res), "2 1 0 0 of 3");
    EXPECT_STREQ(by_email("b@x.at")->name, "leads/theirs");
    EXPECT_EQ(attribute(by_email("b@x.at").res, "age"), "2");
    EXPECT_EQ(count("lead"), 3);
}

TEST_F(Imports, LeadsAreTriagedOnceWhereAskedFor)
{
    static int triaged;
    triaged = 0;
    house.app.triage = [](ctx * c, struct lead_row * row, bool, Decision **) -> struct status {
        triaged++;
        row->lead->triage = PB_NEW(c->arena, LeadTriage);
        row->lead->triage->category = LEAD_CATEGORY_COLD_LEAD;
        return ok();
    };
    Options o;
    o.triage = true;
    std::string file = "email,age\na@x.at,1\na@x.at,2\nb@x.at,3\nbad,4\n";
    EXPECT_EQ(import("first", file), "2 1 0 1 of 4");
    EXPECT_EQ(triaged, 0);
    EXPECT_EQ(import("second", file, 1 << 20, o), "0 2 1 1 of 4"); // a@x.at 1, then 2 again
    EXPECT_EQ(triaged, 0);                                         // in the end nothing changed
    EXPECT_EQ(import("third", "email,age\na@x.at,3\na@x.at,4\nb@x.at,3\nc@x.at,3\n", 1 << 20, o),
              "1 2 1 0 of 4");
    EXPECT_EQ(triaged, 2);
    EXPECT_EQ(by_email("c@x.at")->triage->category, LEAD_CATEGORY_COLD_LEAD);
    house.app.triage = [](ctx * c, struct lead_row *, bool, Decision **) -> struct status {
        return fail(c->arena, REASON_STORE_UNAVAILABLE, "gone");
    };
    EXPECT_EQ(import("fourth", "email\nd@x.at\n", 1 << 20, o), "STORE_UNAVAILABLE");
    EXPECT_EQ(count("lead"), 3);
}

} // namespace

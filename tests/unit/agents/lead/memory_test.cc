// Every handler in memory that is too small: budgets rise until it passes. Each one before fails cleanly and
// leaves nothing in the store.
#include "tests/unit/agents/lead/fixture.h"

namespace
{

using namespace fixture;

class Memory : public LeadRoom
{
  protected:
    // Runs the handler on a copy of the request (which lies outside of the budget) with ever more memory.
    template <class Req, class Res>
    void walk(struct status (*handler)(ctx *, const Req *, Res *), const Req &req,
              const ProtobufCMessageDescriptor *answers)
    {
        int64_t before = stored();
        arena outside, a;
        arena_init(&outside, 64 << 20);
        for (size_t budget = 0;; budget += budget < 8192 ? 16 : budget / 64) {
            ASSERT_LT(budget, size_t(64) << 20);
            arena_reset(&outside);
            arena_init(&a, budget);
            str bytes = pb_pack(&outside, &req);
            auto *copy = static_cast<Req *>(pb_unpack(&outside, req.base.descriptor, bytes));
            auto *res = static_cast<Res *>(pb_new(&outside, answers));
            struct status s = house.attempt([&](ctx *c) { return handler(c, copy, res); }, &a, 0);
            arena_done(&a);
            if (s.code == CODE_OK)
                break;
            ASSERT_EQ(s.reason, REASON_REQUEST_TOO_LARGE) << budget << ": " << s.message;
        }
        arena_done(&outside);
        after = stored() - before;
    }

    int64_t stored()
    {
        return count("lead") + count("lead_identity") + count("lead_event") + count("outcome") +
               count("event") + count("lead_import") + count("lead_import_reject");
    }

    int64_t after = 0; // rows more than before the walk
};

TEST_F(Memory, CreateLead)
{
    CreateLeadRequest req = CREATE_LEAD_REQUEST_INIT;
    req.lead = lead(
        { { "email", "a@x.at" }, { "phone", "12345" }, { "attributes.b", "1" }, { "attributes.a", "2" } });
    walk(create_lead, req, &Lead_descriptor);
    EXPECT_EQ(after, 4); // lead, two identities, event
}

TEST_F(Memory, UpdateLead)
{
    create({ { "email", "a@x.at" } }, "a");
    UpdateLeadRequest req = UPDATE_LEAD_REQUEST_INIT;
    FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    char *paths[] = { text("phone"), text("attributes.x") };
    mask.paths = paths;
    mask.n_paths = 2;
    req.update_mask = &mask;
    req.lead = lead({ { "name", "leads/a" }, { "phone", "12345" }, { "attributes.x", "1" } });
    walk(update_lead, req, &Lead_descriptor);
    EXPECT_EQ(after, 2);
}

TEST_F(Memory, MergeLeads)
{
    create({ { "email", "a@x.at" } }, "a");
    create({ { "email", "b@x.at" }, { "phone", "12345" }, { "attributes.x", "1" } }, "b");
    ingest({ { "e1", "leads/b" } });
    MergeLeadsRequest req = MERGE_LEADS_REQUEST_INIT;
    req.name = text("leads/a");
    req.duplicate = text("leads/b");
    walk(merge_leads, req, &Lead_descriptor);
    EXPECT_EQ(after, 0); // a lead less, an event more
}

TEST_F(Memory, DeleteLead)
{
    create({ { "email", "a@x.at" } }, "a");
    DeleteLeadRequest req = DELETE_LEAD_REQUEST_INIT;
    req.name = text("leads/a");
    walk(delete_lead, req, &Empty_descriptor);
    EXPECT_EQ(after, -1);
}

TEST_F(Memory, BatchCreateLeads)
{
    create({ { "email", "a@x.at" } }, "a");
    BatchCreateLeadsRequest req = BATCH_CREATE_LEADS_REQUEST_INIT;
    Lead *rows[] = { lead({ { "email", "a@x.at" }, { "phone", "12345" } }), lead({ { "email", "b@x.at" } }),
                     lead({ { "email", "bad" } }) };
    req.leads = rows;
    req.n_leads = 3;
    walk(batch_create_leads, req, &BatchCreateLeadsResponse_descriptor);
    EXPECT_EQ(after, 5);
}

TEST_F(Memory, IngestEvents)
{
    create({ { "email", "a@x.at" } }, "a");
    IngestEventsRequest req = INGEST_EVENTS_REQUEST_INIT;
    LeadEvent *rows[3];
    for (int i = 0; i < 3; i++) {
        rows[i] = PB_NEW(&memory, LeadEvent);
        rows[i]->event_id = text("e" + std::to_string(i));
        rows[i]->type = text("page_view");
        rows[i]->email = text(i ? "new@x.at" : "a@x.at");
    }
    req.events = rows;
    req.n_events = 3;
    walk(ingest_events, req, &IngestEventsResponse_descriptor);
    EXPECT_EQ(after, 9);
}

TEST_F(Memory, RecordOutcome)
{
    create({ { "email", "a@x.at" } }, "a");
    RecordOutcomeRequest req = RECORD_OUTCOME_REQUEST_INIT;
    req.parent = text("leads/a");
    req.outcome = PB_NEW(&memory, Outcome);
    walk(record_outcome, req, &Outcome_descriptor);
    EXPECT_EQ(after, 2);
}

TEST_F(Memory, ListLeads)
{
    for (int i = 0; i < 20; i++)
        create({ { "email", std::to_string(i) + "@x.at" }, { "attributes.n", std::to_string(i) } });
    ListLeadsRequest req = LIST_LEADS_REQUEST_INIT;
    req.page_size = 5;
    req.filter = text("attributes.n > 3");
    walk(list_leads, req, &ListLeadsResponse_descriptor);
    EXPECT_EQ(after, 0);
}

// The stream's state lies outside of the budget, and outlives the commit; one item is what is walked.
arena stream_memory;

struct status import_once(ctx *c, const ImportLeadsRequest *req, LeadImport *)
{
    lead_import *state = nullptr;
    arena_done(&stream_memory);
    arena_init(&stream_memory, 1 << 20);
    ctx open = *c;
    open.arena = &stream_memory;
    struct status s = import_leads_open(&open, &state);
    return s.code ? s : import_leads_item(c, state, req);
}

TEST_F(Memory, ImportLeads)
{
    create({ { "email", "a@x.at" } }, "a");
    ImportLeadsRequest req = IMPORT_LEADS_REQUEST_INIT;
    LeadImportSpec spec = LEAD_IMPORT_SPEC_INIT;
    std::string file = "email,age\na@x.at,1\nb@x.at,2\nbad,3\n,4\n";
    spec.import_id = text("i");
    req.spec = &spec;
    req.content.data = reinterpret_cast<uint8_t *>(file.data());
    req.content.len = file.size();
    walk(import_once, req, &LeadImport_descriptor);
    arena_done(&stream_memory);
    EXPECT_EQ(after, 6); // two leads, an identity, a reject, the import, an event
}

} // namespace

// fixture.h: a house with leads and messages to them.
#ifndef TESTS_UNIT_AGENTS_ENGAGE_FIXTURE_H
#define TESTS_UNIT_AGENTS_ENGAGE_FIXTURE_H

#include "agents/engage/gate/zones.h"
#include "agents/engage/message/message.h"
#include "agents/engage/template/templates.h"
#include "agents/record/contact.h"
#include "agents/record/suppression.h"
#include "tests/unit/agents/lead/fixture.h"

namespace fixture
{

class EngageRoom : public LeadRoom
{
  protected:
    EngageRoom()
    {
        EXPECT_EQ(zones_open(ZONES_FOLDER, &memory, &house.app.zones).code, CODE_OK);
        house.app.max_channels = 5;
    }
    ~EngageRoom() override
    {
        zones_close(house.app.zones);
    }

    // Puts a template into service.
    void put_template(const std::string &id, Template *t)
    {
        CreateTemplateRequest req = CREATE_TEMPLATE_REQUEST_INIT;
        PublishTemplateRequest publish = PUBLISH_TEMPLATE_REQUEST_INIT;
        req.template_id = text(id);
        req.template_ = t;
        publish.name = text("templates/" + id);
        ASSERT_EQ(house.call(create_template, req, &Template_descriptor).message(), "");
        ASSERT_EQ(house.call(publish_template, publish, &Template_descriptor).message(), "");
    }

    // Forbids what may be sent to the lead, in the ctx's unit.
    static struct status suppress_in(ctx *c, const std::string &lead, const suppression &what)
    {
        lead_row row;
        lead_identity *all;
        size_t n;
        TRY(lead_load(c, ("leads/" + lead).c_str(), "name", &row));
        TRY(lead_identities(c, &row, &all, &n));
        contact_touch(c, row.id);
        return suppression_add(c, all, n, &what);
    }

    // A message to the lead, due in so many seconds; its name.
    std::string plan(const std::string &lead, int64_t in_seconds = 0, Medium medium = MEDIUM_EMAIL,
                     const char *purpose = "marketing", const char *template_name = "templates/welcome")
    {
        std::string name;
        auto a = house.run([&](ctx *c) {
            Message *m = PB_NEW(c->arena, Message);
            m->lead = text(lead);
            m->medium = medium;
            m->purpose = text(purpose);
            m->priority = PRIORITY_MEDIUM;
            m->template_ = text(template_name);
            m->send_time = time_message(c->arena, c->now_us + in_seconds * US_PER_SECOND);
            m->expire_time = time_message(c->arena, c->now_us + (in_seconds + 3600) * US_PER_SECOND);
            TRY(message_add(c, m));
            name = m->name;
            return ok();
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return name;
    }

    Answer<Message> message(const std::string &name)
    {
        GetMessageRequest req = GET_MESSAGE_REQUEST_INIT;
        req.name = text(name);
        return house.call(get_message, req, &Message_descriptor);
    }
    Answer<Message> cancel(const std::string &name)
    {
        CancelMessageRequest req = CANCEL_MESSAGE_REQUEST_INIT;
        req.name = text(name);
        return house.call(cancel_message, req, &Message_descriptor);
    }

    // The names of all messages of the lead ("": of all) in this state, page by page; or the reason of a
    // failure.
    std::vector<std::string> messages(const std::string &lead = "", int page_size = 0,
                                      Message__State state = MESSAGE__STATE_UNSPECIFIED)
    {
        std::vector<std::string> names;
        ListMessagesRequest req = LIST_MESSAGES_REQUEST_INIT;
        req.lead = text(lead);
        req.state = state;
        req.page_size = page_size;
        do {
            auto a = house.call(list_messages, req, &ListMessagesResponse_descriptor);
            if (!a.ok_())
                return { a.reason() };
            for (size_t i = 0; i < a->n_messages; i++)
                names.push_back(a->messages[i]->name);
            req.page_token = text(a->next_page_token);
        } while (*req.page_token);
        return names;
    }
};

} // namespace fixture

#endif

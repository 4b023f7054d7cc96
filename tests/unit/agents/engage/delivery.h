// delivery.h: a house with people, words, channels and providers, and a delivery that runs where a test
// starts it.
#ifndef TESTS_UNIT_AGENTS_ENGAGE_DELIVERY_H
#define TESTS_UNIT_AGENTS_ENGAGE_DELIVERY_H

#include "agents/engage/channel/channel.h"
#include "agents/engage/delivery/delivery.h"
#include "agents/engage/feedback/feedback.h"
#include "agents/record/moved.h"
#include "tests/unit/agents/engage/fixture.h"
#include "tests/unit/agents/engage/sink.h"

#include <chrono>

namespace fixture
{

class DeliveryRoom : public EngageRoom
{
  protected:
    DeliveryRoom()
    {
        house.app.send = &limits;
        EXPECT_EQ(forms_open(&memory, &house.app.forms).code, CODE_OK);
        make_template();
    }
    ~DeliveryRoom() override
    {
        stop();
        forms_close(house.app.forms);
    }

    void make_template()
    {
        TemplateContent contents[] = { TEMPLATE_CONTENT_INIT, TEMPLATE_CONTENT_INIT, TEMPLATE_CONTENT_INIT };
        TemplateContent *all[] = { &contents[0], &contents[1], &contents[2] };
        const Medium media[] = { MEDIUM_EMAIL, MEDIUM_SMS, MEDIUM_IN_APP };
        for (size_t i = 0; i < COUNT(all); i++) {
            contents[i].locale = text("en");
            contents[i].medium = media[i];
            contents[i].text = text("Hello {{full_name}}");
        }
        contents[0].subject = text("Hello");
        TemplateField field = TEMPLATE_FIELD_INIT, *fields[] = { &field };
        field.path = text("full_name");
        field.type = TEMPLATE_FIELD__TYPE_TEXT;
        field.required = true;
        Template t = TEMPLATE_INIT;
        t.purpose = text("transactional");
        t.default_locale = text("en");
        t.contents = all;
        t.n_contents = COUNT(all);
        t.fields = fields;
        t.n_fields = 1;
        put_template("hello", &t);
    }

    void make_channel(const std::string &id, Medium medium, bool by_mail = true)
    {
        Channel ch = CHANNEL_INIT;
        SmtpSettings s = SMTP_SETTINGS_INIT;
        WebhookSettings w = WEBHOOK_SETTINGS_INIT;
        s.host = text("127.0.0.1");
        s.port = static_cast<int>(smtp.listener.port);
        s.security = SMTP_SETTINGS__SECURITY_NONE;
        s.from_address = text("news@us.example");
        w.url = text(http.url());
        w.signing_secret = text("a secret of sixteen");
        ch.medium = medium;
        if (medium == MEDIUM_EMAIL && by_mail)
            ch.smtp = &s;
        else if (medium != MEDIUM_IN_APP)
            ch.webhook = &w;
        CreateChannelRequest req = CREATE_CHANNEL_REQUEST_INIT;
        req.channel_id = text(id);
        req.channel = &ch;
        auto made = house.call(create_channel, req, &Channel_descriptor);
        ASSERT_TRUE(made.ok_()) << made.message();
    }
    void mail_and_sms()
    {
        make_channel("mail", MEDIUM_EMAIL);
        make_channel("sms", MEDIUM_SMS);
    }

    void person(const std::string &id, const std::string &full_name = "Ann")
    {
        Fields f = { { "email", id + "@mail.example" }, { "phone", "+43" + std::to_string(phone++) } };
        if (!full_name.empty())
            f["full_name"] = full_name;
        create(f, id);
    }

    std::string order(const std::string &lead, Medium medium = MEDIUM_EMAIL, int64_t in_seconds = 0,
                      const char *purpose = "transactional")
    {
        return plan("leads/" + lead, in_seconds, medium, purpose, "templates/hello");
    }

    // Somebody reports that it arrived.
    void arrives(const std::string &message)
    {
        RecordDeliveryEventsRequest req = RECORD_DELIVERY_EVENTS_REQUEST_INIT;
        DeliveryEvent e = DELIVERY_EVENT_INIT, *all[] = { &e };
        e.event_id = text("arrived " + message);
        e.message = text(message);
        e.type = DELIVERY_EVENT__TYPE_DELIVERED;
        req.events = all;
        req.n_events = 1;
        auto a = house.call(record_delivery_events, req, &RecordDeliveryEventsResponse_descriptor);
        ASSERT_TRUE(a.ok_()) << a.message();
        EXPECT_EQ(a->recorded_count, 1);
    }

    // The lead complained.
    void suppress(const std::string &lead)
    {
        auto a = house.run([&](ctx *c) {
            return suppress_in(c, lead, { SUPPRESSION__CAUSE_COMPLAINT, "", MEDIUM_UNSPECIFIED });
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }

    // As if the time had come at which it is looked at.
    void ask_for_channel(const std::string &name, const std::string &channel)
    {
        auto a = house.run([&](ctx *c) {
            message_row row;
            TRY(message_load(c, name.c_str(), &row));
            row.message->channel = text(channel);
            return message_store(c, &row, c->now_us, str_make(nullptr, 0));
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    void due_now(const std::string &name)
    {
        static const stmt now = { "test_due_now",
                                  "tt",
                                  "",
                                  "UPDATE message SET due_time = 0, version = version + 1"
                                  " WHERE workspace = $1 AND id = $2",
                                  nullptr,
                                  nullptr };
        auto a = house.run([&](ctx *c) {
            UNIT_ADD(c->unit, &now, 1, REASON_INTERNAL, v_text(c->workspace), v_text(name.c_str() + 9));
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    void looked_at(const std::string &name)
    {
        std::string sql = "SELECT count(*) FROM message WHERE workspace = $1 AND due_time > 0 AND id = '" +
                          name.substr(9) + "'";
        for (int i = 0; i < PATIENCE && house.count(sql.c_str()) == 0; i++)
            moments(1);
        EXPECT_EQ(house.count(sql.c_str()), 1);
    }

    void start()
    {
        delivery *d = nullptr;
        struct status s = delivery_start(&house.app, &options, &memory, &d);
        ASSERT_EQ(s.code, CODE_OK) << s.message;
        running.push_back(d);
    }
    // Where one process at a time writes, a second one would take over what the first has.
    void start_as_many(int replicas)
    {
        for (int i = 0; i < (house.app.db->ops->alone ? 1 : replicas); i++)
            start();
    }
    void stop()
    {
        for (delivery *d : running)
            delivery_stop(d);
        running.clear();
    }

    // Until it is in line for an attempt, or in one.
    void on_its_way(const std::string &name)
    {
        for (int i = 0; i < PATIENCE && message(name)->state != MESSAGE__STATE_SENDING; i++)
            moments(1);
        ASSERT_EQ(message(name)->state, MESSAGE__STATE_SENDING) << name;
    }
    // What becomes of it, once it is neither waiting nor under way; or what is left of it after a minute.
    Answer<Message> end_of(const std::string &name)
    {
        for (int i = 0; i < PATIENCE; i++) {
            auto m = message(name);
            if (m->state != MESSAGE__STATE_SCHEDULED && m->state != MESSAGE__STATE_SENDING)
                return m;
            moments(1);
        }
        return message(name);
    }
    // It waits for this reason.
    Answer<Message> waits(const std::string &name, Message__Cause cause)
    {
        for (int i = 0; i < PATIENCE; i++) {
            auto m = message(name);
            if (m->state == MESSAGE__STATE_SCHEDULED && m->cause == cause)
                return m;
            moments(1);
        }
        ADD_FAILURE() << name << " does not wait";
        return message(name);
    }
    static const int PATIENCE = 3000; // moments; only what never comes takes so long
    void moments(int n = 15)
    {
        std::this_thread::sleep_for(std::chrono::milliseconds(20 * n));
    }

    std::string id_of(const std::string &mail)
    {
        size_t at = mail.find("Message-ID: <") + 13;
        return mail.substr(at, mail.find('>', at) - at);
    }

    // As another process left it: under way, with this much left of its lease.
    void abandon(const std::string &name, const std::string &frozen, const char *channel,
                 int64_t lease_us = -1)
    {
        auto a = house.run([&](ctx *c) {
            message_row row;
            TRY(message_load(c, name.c_str(), &row));
            row.message->state = MESSAGE__STATE_SENDING;
            row.message->attempt_count = 1;
            row.message->channel = pb_str(c->arena, str_of(channel));
            row.message->transport_id = pb_str(c->arena, STR("key-of-the-dead"));
            return message_save(c, &row, c->now_us + lease_us, str_make(frozen.data(), frozen.size()),
                                "message.sending");
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }

    // The rows lie elsewhere than when a server last wrote down where.
    void put_back()
    {
        static const struct stmt elsewhere = { "elsewhere", "",
                                               "",          "UPDATE installation SET place = 'elsewhere'",
                                               nullptr,     nullptr };
        open_moved();
        auto a = house.run([&](ctx *c) {
            UNIT_ADD(c->unit, &elsewhere, 1, REASON_CONFLICT, v_int(0));
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
        open_moved();
        ASSERT_NE(moved_hold_us(house.app.moved), 0);
    }
    void open_moved()
    {
        struct status s = moved_open(&house.app, &memory, &house.app.moved);
        ASSERT_EQ(s.code, CODE_OK) << s.message;
    }
    void resume()
    {
        auto a = house.run([&](ctx *c) { return moved_resume(c, false); });
        ASSERT_TRUE(a.ok_()) << a.message();
    }

    send_limits limits = { 30000, "127.0.0.1",
                           nullptr }; // no attempt ends in doubt, however slow the machine
    delivery_options options = { 3, 3, 20000, 30 * US_PER_SECOND };
    sink::Smtp smtp;
    sink::Http http;
    std::vector<delivery *> running;
    int phone = 660100000;
};

} // namespace fixture

#endif

// feedback.h: messages that have left, and what is reported of them.
#ifndef TESTS_UNIT_AGENTS_ENGAGE_FEEDBACK_H
#define TESTS_UNIT_AGENTS_ENGAGE_FEEDBACK_H

#include "agents/engage/contact/consent.h"
#include "agents/engage/feedback/feedback.h"
#include "tests/unit/agents/engage/fixture.h"

namespace fixture
{

// What is reported of a message; its id is made where none is given.
struct Report {
    DeliveryEvent__Type type;
    std::string message;
    std::string id = "";
    Message__Bounce bounce = MESSAGE__BOUNCE_UNSPECIFIED;
    std::string status = "";
    int64_t time_us = 0;
    std::string url = "";
};

constexpr auto DELIVERED = DELIVERY_EVENT__TYPE_DELIVERED;
constexpr auto OPENED = DELIVERY_EVENT__TYPE_OPENED;
constexpr auto CLICKED = DELIVERY_EVENT__TYPE_CLICKED;
constexpr auto REPLIED = DELIVERY_EVENT__TYPE_REPLIED;
constexpr auto BOUNCED = DELIVERY_EVENT__TYPE_BOUNCED;
constexpr auto COMPLAINED = DELIVERY_EVENT__TYPE_COMPLAINED;
constexpr auto HARD = MESSAGE__BOUNCE_HARD;
constexpr auto SOFT = MESSAGE__BOUNCE_SOFT;

class FeedbackRoom : public EngageRoom
{
  protected:
    FeedbackRoom()
    {
        create({ { "email", "a@mail.example" }, { "phone", "+431234567" } }, "a");
    }

    // A message in this state that went to the address.
    std::string sent(const std::string &lead = "leads/a", const std::string &to = "a@mail.example",
                     Message__State state = MESSAGE__STATE_SENT, Medium medium = MEDIUM_EMAIL)
    {
        std::string name = plan(lead), frozen = to + "\nwords";
        auto a = house.run([&](ctx *c) {
            message_row row;
            TRY(message_load(c, name.c_str(), &row));
            row.message->state = state;
            row.message->medium = medium;
            row.message->attempt_count = 1;
            row.message->channel = text("channels/mail");
            row.message->transport_id = text(name.substr(9) + "@us.example");
            return message_save(c, &row, c->now_us + 3600 * US_PER_SECOND,
                                str_make(frozen.data(), frozen.size()), "message.sent");
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return name;
    }

    DeliveryEvent *event(const Report &r)
    {
        auto *e = PB_NEW(&memory, DeliveryEvent);
        bool by_name = r.message.empty() || r.message.rfind("messages/", 0) == 0;
        e->event_id = text(r.id.empty() ? "event-" + std::to_string(next_id++) : r.id);
        (by_name ? e->message : e->transport_id) = text(r.message);
        e->type = r.type;
        e->bounce = r.bounce;
        e->status = text(r.status);
        e->url = text(r.url);
        e->event_time = r.time_us ? time_message(&memory, r.time_us) : nullptr;
        return e;
    }
    RecordDeliveryEventsRequest *request(const std::vector<Report> &reports)
    {
        auto *req = PB_NEW(&memory, RecordDeliveryEventsRequest);
        req->events = ARENA_ARRAY(&memory, reports.size() + 1, DeliveryEvent *);
        for (const Report &r : reports)
            req->events[req->n_events++] = event(r);
        return req;
    }
    Answer<RecordDeliveryEventsResponse> report(const std::vector<Report> &reports)
    {
        return house.call(record_delivery_events, *request(reports),
                          &RecordDeliveryEventsResponse_descriptor);
    }
    // The reasons of the rows, "OK" where there is none; or that of the call.
    std::string reasons(const std::vector<Report> &reports)
    {
        auto a = report(reports);
        std::string all = a.ok_() ? "" : a.reason();
        for (size_t i = 0; a.ok_() && i < a->n_statuses; i++) {
            const char *reason = a->statuses[i]->reason;
            all += std::string(i ? " " : "") + (*reason ? reason : "OK");
        }
        return all;
    }

    // "HARD_BOUNCE:EMAIL", in order of the causes; "" where nothing forbids the address.
    std::string suppressed(const std::string &email)
    {
        GetSuppressionRequest req = GET_SUPPRESSION_REQUEST_INIT;
        req.name = text("suppressions/-");
        (email[0] == '+' ? req.phone : req.email) = text(email);
        auto a = house.call(get_suppression, req, &Suppression_descriptor);
        std::string all;
        for (size_t i = 0; a.ok_() && i < a->n_entries; i++)
            all += (i ? " " : "") + std::to_string(a->entries[i]->cause) + ":" +
                   std::to_string(a->entries[i]->medium);
        return all;
    }

    int next_id = 0;
};

} // namespace fixture

#endif

// journey_room.h: a house with journeys.
#ifndef TESTS_UNIT_AGENTS_ENGAGE_JOURNEY_ROOM_H
#define TESTS_UNIT_AGENTS_ENGAGE_JOURNEY_ROOM_H

#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/orchestrator/orchestrator.h"
#include "agents/record/event_log.h"
#include "tests/unit/agents/engage/fixture.h"
#include "tests/unit/agents/engage/journeys.h"

#include <algorithm>

namespace fixture
{

inline const struct reaction kReactions[] = {
    { "engage", "lead.created", "journeys", journeys_on_lead },
    { "engage", "lead.updated", "journeys", journeys_on_lead },
    { "engage", "lead.event_recorded", "journeys", journeys_on_lead_event },
    { "engage", "lead.owner_released", "journeys", journeys_on_released },
    { "engage", "lead.merged", "journeys", journeys_on_lead_gone },
    { "engage", "lead.deleted", "journeys", journeys_on_lead_gone },
    { nullptr, nullptr, nullptr, nullptr },
};

class Journeys : public EngageRoom
{
  protected:
    Journeys()
    {
        static const active_loader loaders[ACTIVE_SLOTS] = {
            { "model", load_nothing, unload_nothing },
            { "routing_policy", load_nothing, unload_nothing },
            { "engagement_model", load_prior, unload_nothing },
            { "journeys", journeys_load, journeys_unload },
        };
        active_close(house.app.active);
        EXPECT_EQ(active_open(loaders, &memory, &house.app.active).code, CODE_OK);
        EXPECT_EQ(orchestrator_open(kReactions, &memory, &house.app.orchestrator).code, CODE_OK);
    }
    ~Journeys() override
    {
        orchestrator_close(house.app.orchestrator);
    }

    Answer<Journey> draft(const std::string &id, Journey *j, bool validate_only = false)
    {
        CreateJourneyRequest req = CREATE_JOURNEY_REQUEST_INIT;
        req.journey_id = text(id);
        req.journey = j;
        req.validate_only = validate_only;
        return house.call(create_journey, req, &Journey_descriptor);
    }
    // A template for mails in service.
    void speak(const std::string &id, const std::string &purpose = "transactional",
               Medium medium = MEDIUM_EMAIL)
    {
        TemplateContent content = TEMPLATE_CONTENT_INIT, *contents[] = { &content };
        Template t = TEMPLATE_INIT;
        content.locale = t.default_locale = text("en");
        content.medium = medium;
        content.subject = text(medium == MEDIUM_EMAIL ? "Hello" : "");
        content.text = text(purpose == "transactional" ? "Hello" : "Hello {{unsubscribe_url}}");
        t.purpose = text(purpose);
        t.contents = contents;
        t.n_contents = 1;
        put_template(id, &t);
    }
    Answer<Journey> publish(const std::string &id, int64_t version = 0)
    {
        PublishJourneyRequest req = PUBLISH_JOURNEY_REQUEST_INIT;
        req.name = text("journeys/" + id);
        req.version = version;
        return house.call(publish_journey, req, &Journey_descriptor);
    }
    void put(const std::string &id, Journey *j)
    {
        for (size_t i = 0; i < j->n_steps; i++)
            if (j->steps[i]->action_case == JOURNEY_STEP__ACTION_SEND)
                speak(std::string(j->steps[i]->send->template_).substr(strlen("templates/")));
        ASSERT_EQ(draft(id, j).message(), "");
        ASSERT_EQ(publish(id).message(), "");
    }
    Answer<Journey> pause(const std::string &id)
    {
        PauseJourneyRequest req = PAUSE_JOURNEY_REQUEST_INIT;
        req.name = text("journeys/" + id);
        return house.call(pause_journey, req, &Journey_descriptor);
    }
    Answer<Journey> resume(const std::string &id)
    {
        ResumeJourneyRequest req = RESUME_JOURNEY_REQUEST_INIT;
        req.name = text("journeys/" + id);
        return house.call(resume_journey, req, &Journey_descriptor);
    }
    Answer<Journey> retire(const std::string &id)
    {
        RetireJourneyRequest req = RETIRE_JOURNEY_REQUEST_INIT;
        req.name = text("journeys/" + id);
        return house.call(retire_journey, req, &Journey_descriptor);
    }
    Answer<Journey> journey(const std::string &id, int64_t version = 0)
    {
        GetJourneyRequest req = GET_JOURNEY_REQUEST_INIT;
        req.name = text("journeys/" + id);
        req.version = version;
        return house.call(get_journey, req, &Journey_descriptor);
    }
    Answer<Enrollment> enroll(const std::string &id, const std::string &lead, bool validate_only = false)
    {
        EnrollLeadRequest req = ENROLL_LEAD_REQUEST_INIT;
        req.journey = text("journeys/" + id);
        req.lead = text(lead);
        req.validate_only = validate_only;
        return house.call(enroll_lead, req, &Enrollment_descriptor);
    }
    Answer<Enrollment> unenroll(const std::string &id, const std::string &lead)
    {
        UnenrollLeadRequest req = UNENROLL_LEAD_REQUEST_INIT;
        req.journey = text("journeys/" + id);
        req.lead = text(lead);
        return house.call(unenroll_lead, req, &Enrollment_descriptor);
    }

    // Each enrollment of the lead (or of all), in the order of the alphabet, for two may begin in one
    // millisecond: "a/day" where it stands, "a!1" with the cause where it has left.
    std::vector<std::string> where(const std::string &lead, const std::string &parent = "journeys/-",
                                   int page_size = 0)
    {
        std::vector<std::string> all;
        ListEnrollmentsRequest req = LIST_ENROLLMENTS_REQUEST_INIT;
        req.parent = text(parent);
        req.lead = text(lead);
        req.page_size = page_size;
        do {
            auto a = house.call(list_enrollments, req, &ListEnrollmentsResponse_descriptor);
            if (!a.ok_())
                return { a.reason() };
            for (size_t i = 0; i < a->n_enrollments; i++) {
                const Enrollment *e = a->enrollments[i];
                std::string name = std::string(e->lead).substr(6);
                all.push_back(e->state == ENROLLMENT__STATE_ACTIVE
                                  ? name + "/" + e->step
                                  : name + "!" + std::to_string(e->exit_cause));
            }
            req.page_token = text(a->next_page_token);
        } while (*req.page_token);
        std::sort(all.begin(), all.end());
        return all;
    }

    void react()
    {
        for (int i = 0; i < 3; i++)
            ASSERT_EQ(house.run(orchestrator_react).reason(), "OK");
    }
    // Time goes on by so many seconds, and the job runs.
    void pass(int64_t seconds)
    {
        house.now_us = (house.now_us ? house.now_us : clock_wall_us()) + seconds * US_PER_SECOND;
        ASSERT_EQ(house.run(journeys_on_time).reason(), "OK");
    }
    void does(const std::string &lead, const std::string &type)
    {
        auto a = ingest({ { "e" + std::to_string(++events_), lead, "", "", type } });
        ASSERT_TRUE(a.ok_()) << a.message();
        react();
    }

    using Places = std::vector<std::string>;
    journeying::Builder b;
    int events_ = 0;
};

} // namespace fixture

#endif

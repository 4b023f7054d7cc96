// journeys.h: journeys in short.
#ifndef TESTS_UNIT_AGENTS_ENGAGE_JOURNEYS_H
#define TESTS_UNIT_AGENTS_ENGAGE_JOURNEYS_H

#include "agents/engage/journey/plan.h"
#include "base/clock.h"

#include <string>
#include <utility>
#include <vector>

namespace journeying
{

// Makes messages that live as long as it does.
class Builder
{
  public:
    Builder()
    {
        arena_init(&memory, 16 << 20);
    }
    ~Builder()
    {
        arena_done(&memory);
    }
    Builder(const Builder &) = delete;
    Builder &operator=(const Builder &) = delete;

    char *text(const std::string &s)
    {
        return pb_str(&memory, str_make(s.data(), s.size()));
    }
    Duration *seconds(int64_t n)
    {
        Duration *d = PB_NEW(&memory, Duration);
        d->seconds = n;
        return d;
    }

    JourneyStep *step(const std::string &id, const std::string &next = "")
    {
        JourneyStep *s = PB_NEW(&memory, JourneyStep);
        s->id = text(id);
        s->next = text(next);
        return s;
    }
    JourneyStep *wait(const std::string &id, int64_t n, const std::string &event = "",
                      const std::string &event_next = "", const std::string &next = "")
    {
        JourneyStep *s = step(id, next);
        s->action_case = JOURNEY_STEP__ACTION_WAIT;
        s->wait = PB_NEW(&memory, JourneyWait);
        s->wait->duration = seconds(n);
        s->wait->event = text(event);
        s->wait->event_next = text(event_next);
        return s;
    }
    JourneyStep *handoff(const std::string &id, int64_t n, const std::string &queue = "queues/sales")
    {
        JourneyStep *s = step(id);
        s->action_case = JOURNEY_STEP__ACTION_HANDOFF;
        s->handoff = PB_NEW(&memory, JourneyHandoff);
        s->handoff->queue = text(queue);
        s->handoff->reason = text("asked for prices");
        s->handoff->duration = seconds(n);
        return s;
    }
    JourneyStep *send(const std::string &id, const std::string &what = "welcome",
                      const std::string &next = "")
    {
        JourneyStep *s = step(id, next);
        s->action_case = JOURNEY_STEP__ACTION_SEND;
        s->send = PB_NEW(&memory, JourneySend);
        s->send->template_ = text("templates/" + what);
        s->send->medium = MEDIUM_EMAIL;
        return s;
    }
    // Arms are filters and where they lead.
    JourneyStep *branch(const std::string &id, const std::vector<std::pair<std::string, std::string>> &arms,
                        const std::string &next = "")
    {
        JourneyStep *s = step(id, next);
        s->action_case = JOURNEY_STEP__ACTION_BRANCH;
        s->branch = PB_NEW(&memory, JourneyBranch);
        s->branch->arms = ARENA_ARRAY(&memory, arms.size() + 1, JourneyArm *);
        for (const auto &[filter, to] : arms) {
            JourneyArm *a = PB_NEW(&memory, JourneyArm);
            a->filter = text(filter);
            a->next = text(to);
            s->branch->arms[s->branch->n_arms++] = a;
        }
        return s;
    }

    Journey *journey(const std::vector<JourneyStep *> &steps, const std::string &event = "",
                     const std::string &filter = "")
    {
        Journey *j = PB_NEW(&memory, Journey);
        j->steps = ARENA_ARRAY(&memory, steps.size() + 1, JourneyStep *);
        for (JourneyStep *s : steps)
            j->steps[j->n_steps++] = s;
        if (!event.empty()) {
            j->entry = PB_NEW(&memory, JourneyEntry);
            j->entry->event = text(event);
            j->entry->filter = text(filter);
        }
        return j;
    }
    void exits(Journey *j, const std::vector<std::string> &events)
    {
        j->exit_events = ARENA_ARRAY(&memory, events.size() + 1, char *);
        for (const auto &e : events)
            j->exit_events[j->n_exit_events++] = text(e);
    }

    arena memory;
};

} // namespace journeying

#endif

// The language of journeys: which are sound, and what they do with a lead.
#include "tests/unit/agents/engage/journeys.h"

#include "base/pb.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace
{

constexpr int64_t T = INT64_C(1795000000000000); // some time

class Plans : public testing::Test
{
  protected:
    ~Plans() override
    {
        plan_free(plan);
    }

    // "" where the journey is sound, else "path: what" of each fault, one a line.
    std::string faults(const Journey *j)
    {
        struct plan *p = nullptr;
        struct status s = plan_compile(&b.memory, j, "journey", &p);
        plan_free(p);
        std::string all;
        for (const violation *v = s.violations; v; v = v->next)
            all += std::string(v->field) + ": " + v->description + "\n";
        EXPECT_EQ(s.reason, is_ok(s) ? REASON_NONE : REASON_JOURNEY_INVALID);
        return all;
    }

    void compile(const Journey *j)
    {
        struct status s = plan_compile(&b.memory, j, "journey", &plan);
        ASSERT_TRUE(is_ok(s)) << s.message;
    }

    static struct status note(void *arg, const plan_step *s)
    {
        static_cast<Plans *>(arg)->taken += std::string(s->id) + " ";
        return ok();
    }
    // The steps that are taken.
    std::string begin(int64_t now_us = T)
    {
        taken.clear();
        plan_actor actor = { note, this };
        EXPECT_TRUE(is_ok(plan_begin(plan, lead, now_us, &actor, &at)));
        return taken;
    }
    std::string push(const char *event, int64_t now_us)
    {
        bool moved;
        taken.clear();
        plan_actor actor = { note, this };
        EXPECT_TRUE(is_ok(plan_push(plan, lead, now_us, event, &actor, &at, &moved)));
        return moved ? taken : "still";
    }
    std::string standing()
    {
        return at.left ? "left " + std::to_string(at.cause) : plan->steps[at.step].id;
    }

    journeying::Builder b;
    Lead *lead = PB_NEW(&b.memory, Lead);
    struct plan *plan = nullptr;
    place at = {};
    std::string taken;
};

TEST_F(Plans, TakesStepsUntilOneWaits)
{
    compile(b.journey({ b.send("hello"), b.wait("a-day", 86400), b.send("again"), b.wait("week", 604800) }));
    EXPECT_EQ(begin(), "hello a-day ");
    EXPECT_EQ(standing(), "a-day");
    EXPECT_EQ(at.due_us, T + US_PER_DAY);
    EXPECT_EQ(push(nullptr, T + US_PER_DAY - 1), "still");
    EXPECT_EQ(push(nullptr, T + US_PER_DAY), "again week ");
    EXPECT_EQ(push(nullptr, T + 8 * US_PER_DAY), "");
    EXPECT_EQ(standing(), "left " + std::to_string(ENROLLMENT__EXIT_CAUSE_FINISHED));
    EXPECT_EQ(at.taken, 4);
}

TEST_F(Plans, AnEventEndsAWaitBeforeItsTime)
{
    compile(b.journey(
        { b.wait("cart", 3600, "purchase", "thanks"), b.send("reminder", "cart", "end"), b.send("thanks") }));
    begin();
    EXPECT_EQ(push("page_view", T + 1), "still");
    EXPECT_EQ(push("purchase", T + 1), "thanks ");
    EXPECT_TRUE(at.left);
    begin();
    EXPECT_EQ(push(nullptr, T + 3600 * US_PER_SECOND), "reminder ");
    EXPECT_TRUE(at.left);
}

TEST_F(Plans, WithoutAWayOfItsOwnTheEventLeadsWhereTimeDoes)
{
    compile(b.journey({ b.wait("cart", 3600, "purchase"), b.send("next") }));
    begin();
    EXPECT_EQ(push("purchase", T + 1), "next ");
}

TEST_F(Plans, ABranchTakesTheFirstArmThatHolds)
{
    compile(b.journey(
        { b.branch("by-country", { { "country = \"AT\"", "at" }, { "country:*", "abroad" } }, "end"),
          b.send("at", "servus", "end"), b.send("abroad", "hello", "end") }));
    EXPECT_EQ(begin(), "by-country ");
    lead->country = b.text("AT");
    EXPECT_EQ(begin(), "by-country at ");
    lead->country = b.text("DE");
    EXPECT_EQ(begin(), "by-country abroad ");
}

TEST_F(Plans, ExitsAreLookedAtBeforeEachStepAndAtEachEvent)
{
    Journey *j = b.journey({ b.wait("day", 86400), b.send("offer"), b.wait("week", 604800) });
    j->exit_filter = b.text("company = \"Acme\"");
    b.exits(j, { "unsubscribed", "purchase" });
    compile(j);
    begin();
    EXPECT_EQ(push("purchase", T + 1), "");
    EXPECT_EQ(standing(), "left " + std::to_string(ENROLLMENT__EXIT_CAUSE_EVENT));
    begin();
    lead->company = b.text("Acme");
    EXPECT_EQ(push(nullptr, T + US_PER_DAY), "");
    EXPECT_EQ(standing(), "left " + std::to_string(ENROLLMENT__EXIT_CAUSE_FILTER));
    EXPECT_EQ(begin(), "");
    EXPECT_TRUE(at.left);
}

TEST_F(Plans, AdmitByEventAndSegment)
{
    compile(b.journey({ b.send("hello") }, "lead.triaged", "country = \"AT\""));
    EXPECT_FALSE(plan_admits(plan, "lead.triaged", lead));
    lead->country = b.text("AT");
    EXPECT_TRUE(plan_admits(plan, "lead.triaged", lead));
    EXPECT_FALSE(plan_admits(plan, "lead.created", lead));
}

TEST_F(Plans, WithoutAnEntryAdmitNobody)
{
    compile(b.journey({ b.send("hello") }));
    EXPECT_FALSE(plan_admits(plan, "", lead));
    EXPECT_FALSE(plan_admits(plan, "lead.created", lead));
}

TEST_F(Plans, ACircleNeedsAWait)
{
    EXPECT_EQ(faults(b.journey({ b.send("a"), b.wait("day", 86400, "", "", "a") })), "");
    EXPECT_EQ(faults(b.journey({ b.send("a"), b.send("b", "x", "a") })),
              "journey.steps[0].next: leads into a circle without a wait\n"
              "journey.steps[1].next: leads into a circle without a wait\n");
    EXPECT_NE(faults(b.journey({ b.branch("a", { { "country = \"AT\"", "a" } }) })), "");
}

TEST_F(Plans, EveryStepMustBeReachable)
{
    EXPECT_EQ(faults(b.journey({ b.send("a", "x", "end"), b.send("b") })),
              "journey.steps[1].id: no way leads to this step\n");
}

TEST_F(Plans, FaultsNameTheirPlace)
{
    EXPECT_EQ(faults(b.journey({})), "journey.steps: must be 1 to 64\n");
    EXPECT_EQ(faults(b.journey({ b.step("a") })), "journey.steps[0].action: must be set\n");
    EXPECT_EQ(faults(b.journey({ b.send("a"), b.send("a") })),
              "journey.steps[1].id: steps[0] has the same id\n");
    EXPECT_EQ(faults(b.journey({ b.send("a", "x", "nowhere") })),
              "journey.steps[0].next: there is no step \"nowhere\"\n");
    EXPECT_EQ(
        faults(b.journey({ b.send("end") })),
        "journey.steps[0].id: must be 1 to 63 of [a-z0-9-], with a letter or digit at both ends, and not "
        "\"end\"\n");
    EXPECT_EQ(faults(b.journey({ b.wait("a", 0) })),
              "journey.steps[0].wait.duration: must be whole seconds, 1 to 31622400\n");
    EXPECT_EQ(faults(b.journey({ b.wait("a", 1, "", "b"), b.send("b") })),
              "journey.steps[0].wait.event_next: there is no event that leads to it\n");
    EXPECT_EQ(faults(b.journey({ b.branch("a", {}) })), "journey.steps[0].branch.arms: must be 1 to 16\n");
    EXPECT_EQ(faults(b.journey({ b.branch("a", { { "", "end" } }) })),
              "journey.steps[0].branch.arms[0].filter: must say something\n");
    EXPECT_EQ(faults(b.journey({ b.send("a") }, "Demo Request")),
              "journey.entry.event: must be 1 to 64 of [a-z0-9_.]\n");
    EXPECT_NE(faults(b.journey({ b.send("a") }, "demo", "nonsense = 1")).find("journey.entry.filter: "),
              std::string::npos);
    JourneyStep *s = b.send("a");
    s->send->medium = MEDIUM_UNSPECIFIED;
    s->send->template_ = b.text("welcome");
    s->send->expiry = b.seconds(1);
    EXPECT_EQ(faults(b.journey({ s })),
              "journey.steps[0].send.template: must be templates/{template}\n"
              "journey.steps[0].send.medium: must be set\n"
              "journey.steps[0].send.expiry: must be whole seconds, 60 to 2592000\n");
}

TEST_F(Plans, OptionsAreDifferentWaysAndStandAlone)
{
    JourneyStep *s = b.send("a");
    s->send->options = ARENA_ARRAY(&b.memory, 17, SendOption *);
    for (int i = 0; i < 17; i++) {
        SendOption *o = PB_NEW(&b.memory, SendOption);
        o->template_ = b.text("templates/t" + std::to_string(i));
        o->medium = MEDIUM_EMAIL;
        s->send->options[s->send->n_options++] = o;
    }
    s->send->options[1]->template_ = b.text("templates/t0");
    s->send->options[2]->medium = MEDIUM_UNSPECIFIED;
    s->send->options[3]->template_ = b.text("t3");
    EXPECT_EQ(faults(b.journey({ s })),
              "journey.steps[0].send.template: does not go with options\n"
              "journey.steps[0].send.medium: does not go with options\n"
              "journey.steps[0].send.options: at most 16\n"
              "journey.steps[0].send.options[1]: stands there twice\n"
              "journey.steps[0].send.options[2]: needs a medium\n"
              "journey.steps[0].send.options[3]: needs a template: templates/{template}\n");
    s->send->template_ = b.text("");
    s->send->medium = MEDIUM_UNSPECIFIED;
    s->send->options[0] = s->send->options[4];
    s->send->options[1] = s->send->options[5];
    s->send->n_options = 2;
    EXPECT_EQ(faults(b.journey({ s })), "");
}

TEST_F(Plans, HoldAsManyPartsAsTheyMay)
{
    std::vector<JourneyStep *> steps;
    for (int i = 0; i < PLAN_STEPS_MAX; i++)
        steps.push_back(b.send("s" + std::to_string(i)));
    EXPECT_EQ(faults(b.journey(steps)), "");
    steps.push_back(b.send("one-more"));
    EXPECT_EQ(faults(b.journey(steps)), "journey.steps: must be 1 to 64\n");
    std::vector<std::pair<std::string, std::string>> arms(PLAN_ARMS_MAX, { "country = \"AT\"", "end" });
    EXPECT_EQ(faults(b.journey({ b.branch("a", arms) })), "");
    arms.push_back(arms[0]);
    EXPECT_EQ(faults(b.journey({ b.branch("a", arms) })), "journey.steps[0].branch.arms: must be 1 to 16\n");
}

// What is on record, told as it would have been: "+" enters, a step with its time, "-" with the cause, or
// where it waits.
class Records : public Plans
{
  protected:
    std::string retrace(const std::vector<past> &events, int64_t end_us, bool *ret_cut = nullptr)
    {
        bool cut = false;
        told.clear();
        const retrace_actor actor = { enter, take, end, this };
        EXPECT_TRUE(is_ok(plan_retrace(plan, lead, events.data(), events.size(), end_us, &actor, &cut)));
        if (ret_cut)
            *ret_cut = cut;
        return told;
    }
    static std::string at(int64_t us)
    {
        return std::to_string((us - T) / US_PER_SECOND) + " ";
    }
    static struct status enter(void *arg, const past *why)
    {
        static_cast<Records *>(arg)->told += "+" + std::string(why->event) + "@" + at(why->time_us);
        return ok();
    }
    static struct status take(void *arg, const plan_step *s, int64_t us)
    {
        static_cast<Records *>(arg)->told += std::string(s->id) + "@" + at(us);
        return ok();
    }
    static struct status end(void *arg, const place *p, int64_t us)
    {
        std::string what = p->left ? "-" + std::to_string(p->cause) + "@" + at(us) : "waits@" + at(p->due_us);
        static_cast<Records *>(arg)->told += what;
        return ok();
    }
    static past event(int64_t seconds, const char *what, bool action = false)
    {
        return { T + seconds * US_PER_SECOND, what, action };
    }
    std::string told;
};

TEST_F(Records, ALeadGoesByTheTimesOfItsEvents)
{
    compile(b.journey({ b.send("hello"), b.wait("cart", 3600, "purchase", "thanks"),
                        b.send("remind", "cart", "end"), b.send("thanks") },
                      "lead.created"));
    EXPECT_EQ(retrace({}, T), "");
    EXPECT_EQ(retrace({ event(5, "page_view") }, T + 10), "") << "nothing made it enter";
    EXPECT_EQ(retrace({ event(1, "lead.created", true), event(61, "purchase") }, T + US_PER_DAY),
              "+lead.created@1 hello@1 cart@1 thanks@61 -1@61 ");
    EXPECT_EQ(retrace({ event(1, "lead.created", true), event(9000, "purchase") }, T + US_PER_DAY),
              "+lead.created@1 hello@1 cart@1 remind@3601 -1@3601 ");
    EXPECT_EQ(retrace({ event(1, "lead.created", true) }, T + 60 * US_PER_SECOND),
              "+lead.created@1 hello@1 cart@1 waits@3601 ");
}

TEST_F(Records, OnceOrAgain)
{
    Journey *j = b.journey({ b.wait("minute", 60) }, "visit");
    compile(j);
    const std::vector<past> visits = { event(0, "visit"), event(30, "visit"), event(100, "visit"),
                                       event(400, "visit") };
    EXPECT_EQ(retrace(visits, T + US_PER_DAY), "+visit@0 minute@0 -1@60 ");
    plan_free(plan);
    j->re_entry = JOURNEY__RE_ENTRY_AFTER_EXIT;
    j->re_entry_delay = b.seconds(300);
    compile(j);
    EXPECT_EQ(retrace(visits, T + US_PER_DAY), "+visit@0 minute@0 -1@60 +visit@400 minute@400 -1@460 ");
}

TEST_F(Records, ACircleIsFollowedSoFar)
{
    bool cut = false;
    compile(b.journey({ b.wait("round", 60, "", "", "round") }, "visit"));
    std::string all = retrace({ event(0, "visit") }, T + US_PER_DAY, &cut);
    EXPECT_TRUE(cut);
    EXPECT_EQ(std::count(all.begin(), all.end(), '@'), RETRACE_STEPS_MAX + 2);
    retrace({ event(0, "visit") }, T + 3600 * US_PER_SECOND, &cut);
    EXPECT_FALSE(cut);
}

} // namespace

// What is chosen, and what is learnt from it.
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/contact/consent.h"
#include "agents/engage/engage.h"
#include "ml/bandit.h"
#include "tests/unit/agents/engage/delivery.h"

#include <atomic>
#include <thread>

using namespace fixture;

namespace
{

constexpr int64_t WINDOW_US = 3 * US_PER_DAY;

struct Way {
    const char *template_id;
    Medium medium;
};

class ChooserRoom : public DeliveryRoom
{
  protected:
    ChooserRoom()
    {
        house.app.chooser_explore = 0.02;
        house.app.chooser_window_us = WINDOW_US;
        mail_and_sms();
        person("a");
    }

    Answer<EngageLeadResponse> engage(const std::vector<Way> &ways, bool hour = false,
                                      const std::string &lead = "leads/a")
    {
        EngageLeadRequest req = ENGAGE_LEAD_REQUEST_INIT;
        req.lead = text(lead);
        req.choose_hour = hour;
        req.options = ARENA_ARRAY(&memory, ways.size() + 1, SendOption *);
        for (const Way &w : ways) {
            auto *o = PB_NEW(&memory, SendOption);
            o->template_ = text(std::string("templates/") + w.template_id);
            o->medium = w.medium;
            req.options[req.n_options++] = o;
        }
        return house.call(engage_lead, req, &EngageLeadResponse_descriptor);
    }
    // Chooses among one: planned so long ago.
    std::string planned(int64_t ago_us = 0, const std::string &lead = "leads/a")
    {
        house.now_us = clock_wall_us() - ago_us;
        auto a = engage({ { "hello", MEDIUM_EMAIL } }, false, lead);
        house.now_us = 0;
        EXPECT_TRUE(a.ok_()) << a.message();
        return a.ok_() ? a->message->name : "";
    }

    // What happened to a message; times: so long ago, 0: not.
    struct Fate {
        Message__State state = MESSAGE__STATE_SENT;
        int64_t sent = 0, clicked = 0, replied = 0, complained = 0, converted = 0;
    };
    Timestamp *ago(arena *a, int64_t us)
    {
        return us ? time_message(a, clock_wall_us() - us) : nullptr;
    }
    void happens(const std::string &name, const Fate &f)
    {
        auto a = house.run([&](ctx *c) {
            message_row row;
            TRY(message_load(c, name.c_str(), &row));
            row.message->state = f.state;
            row.message->sent_time = ago(c->arena, f.sent);
            row.message->click_time = ago(c->arena, f.clicked);
            row.message->reply_time = ago(c->arena, f.replied);
            row.message->complaint_time = ago(c->arena, f.complained);
            return message_save(c, &row, 0, str_make(nullptr, 0), "message.sent");
        });
        ASSERT_TRUE(a.ok_()) << a.message();
        if (f.converted)
            converts("leads/a", f.converted);
        look_soon();
    }

    // As if the time to look had come.
    void look_soon()
    {
        static const stmt soon = {
            "test_look_soon", "t",    "", "UPDATE choice SET due_time = 0 WHERE workspace = $1 AND state = 1",
            nullptr,          nullptr
        };
        house.run([&](ctx *c) {
            UNIT_ADD(c->unit, &soon, -1, REASON_INTERNAL, v_text(c->workspace));
            return ok();
        });
    }

    void converts(const std::string &lead, int64_t ago_us, bool converted = true)
    {
        auto a = house.run([&](ctx *c) {
            Outcome o = OUTCOME_INIT;
            o.converted = converted;
            o.outcome_time = ago(c->arena, ago_us);
            event_seen e = {};
            e.subject = lead.c_str();
            e.action = "lead.outcome_recorded";
            e.payload = pb_pack(c->arena, &o);
            return chooser_on_outcome(c, &e);
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    void learn()
    {
        auto a = house.run([](ctx *c) { return chooser_learn(c); });
        EXPECT_TRUE(a.ok_()) << a.message();
    }

    struct Learnt {
        uint64_t trials = 0;
        double reward = 0;
        bool operator==(const Learnt &o) const
        {
            return trials == o.trials && reward == o.reward;
        }
    };
    Learnt learnt(ChooserFactor factor, const std::string &level)
    {
        static const stmt get = { "test_chooser_level",
                                  "tit",
                                  "b",
                                  "SELECT data FROM chooser_level WHERE workspace = $1 AND factor = $2"
                                  " AND level = $3",
                                  nullptr,
                                  nullptr };
        Learnt found;
        auto a = house.run([&](ctx *c) {
            rows r;
            TRY(DB_QUERY(c, &get, &r, v_text(c->workspace), v_int(factor), v_text(level.c_str())));
            if (!r.n)
                return ok();
            bandit_level *l = bandit_level_read(c->arena, row_at(&r, 0)->s);
            EXPECT_NE(l, nullptr);
            if (l)
                found = { l->trials, l->reward };
            return ok();
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return found;
    }
    int64_t choices(int state)
    {
        return house.count(
            ("SELECT count(*) FROM choice WHERE workspace = $1 AND state = " + std::to_string(state))
                .c_str());
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
    // The choice, made again.
    Answer<Decision> again(const Decision *d)
    {
        return house.run<Decision>(
            [&](ctx *c, Decision *res) {
                Decision *made;
                TRY(choose_again(c, d, &made));
                *res = *made;
                return ok();
            },
            &Decision_descriptor);
    }
    std::string packed(const Choice *c)
    {
        str s = pb_pack(&memory, c);
        return std::string(s.p, s.n);
    }
};

const std::vector<Way> BOTH = { { "hello", MEDIUM_EMAIL }, { "hello", MEDIUM_SMS } };

TEST_F(ChooserRoom, AChoiceIsADecisionThatTheMessageNames)
{
    auto a = engage(BOTH);
    ASSERT_TRUE(a.ok_()) << a.message();
    auto d = decision(a->message->decision);
    ASSERT_TRUE(d.ok_()) << d.message();
    EXPECT_EQ(d->kind, DECISION__KIND_CHOICE);
    EXPECT_STREQ(d->lead, "leads/a");
    EXPECT_EQ(packed(d->choice), packed(a->choice));
    EXPECT_EQ(d->choice->options[d->choice->chosen_option]->medium, a->message->medium);
    ASSERT_EQ(d->inputs->choice->n_levels, 3u); // one template, two media
    EXPECT_EQ(d->inputs->choice->levels[0]->version, 0);
    EXPECT_EQ(choices(1), 1);
}

TEST_F(ChooserRoom, NothingIsKeptWhereItIsOnlyTried)
{
    EngageLeadRequest req = ENGAGE_LEAD_REQUEST_INIT;
    req.lead = text("leads/a");
    req.template_ = text("templates/hello");
    req.medium = MEDIUM_EMAIL;
    req.choose_hour = true;
    req.validate_only = true;
    auto a = house.call(engage_lead, req, &EngageLeadResponse_descriptor);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(a->choice->n_options, 1u);
    EXPECT_GE(a->choice->n_hours, 23u);
    EXPECT_EQ(a.writes, 0);
}

TEST_F(ChooserRoom, WhatCannotBeSentIsNeverChosen)
{
    create({ { "email", "b@mail.example" }, { "full_name", "Ben" } }, "b");
    for (int i = 0; i < 20; i++) {
        auto a = engage({ { "hello", MEDIUM_SMS }, { "hello", MEDIUM_IN_APP }, { "hello", MEDIUM_EMAIL } },
                        false, "leads/b");
        ASSERT_TRUE(a.ok_()) << a.message();
        EXPECT_EQ(a->message->medium, MEDIUM_EMAIL);
        EXPECT_STREQ(a->choice->options[0]->obstacle, "the lead has no address for the medium");
        EXPECT_STREQ(a->choice->options[1]->obstacle, "no channel in service reaches by the medium");
        EXPECT_EQ(a->choice->options[0]->propensity, 0);
        EXPECT_EQ(a->choice->options[2]->propensity, 1);
    }
}

TEST_F(ChooserRoom, WhereNothingCanBeSentTheFirstIsPlanned)
{
    create({ { "external_id", "b" } }, "b");
    auto a = engage({ { "hello", MEDIUM_SMS }, { "hello", MEDIUM_EMAIL } }, true, "leads/b");
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(a->message->medium, MEDIUM_SMS);
    EXPECT_STREQ(a->message->decision, "");
    EXPECT_EQ(a->choice, nullptr);
    EXPECT_EQ(choices(1), 0);
}

// The day on which clocks in Vienna go back: its night is the policy's quiet time, by what the clock shows.
TEST_F(ChooserRoom, HoursAreThoseOfTheLeadsClockOutsideOfQuietHours)
{
    create({ { "email", "v@mail.example" }, { "full_name", "Vera" }, { "time_zone", "Europe/Vienna" } }, "v");
    SendPolicy policy = SEND_POLICY_INIT;
    SendPolicy__Purpose purpose = SEND_POLICY__PURPOSE_INIT, *purposes[] = { &purpose };
    SendPolicy__QuietHours night = SEND_POLICY__QUIET_HOURS_INIT, *nights[] = { &night };
    purpose.id = text("transactional");
    purpose.respects_quiet_hours = true;
    night.start = text("20:00");
    night.end = text("08:00");
    policy.purposes = purposes;
    policy.n_purposes = 1;
    policy.quiet_hours = nights;
    policy.n_quiet_hours = 1;
    policy.max_channels = 5;
    policy.max_channels_window = PB_NEW(&memory, Duration);
    policy.max_channels_window->seconds = 86400;
    policy.default_time_zone = text("UTC");
    UpdateSendPolicyRequest put = UPDATE_SEND_POLICY_REQUEST_INIT;
    put.send_policy = &policy;
    auto updated = house.call(update_send_policy, put, &SendPolicy_descriptor);
    ASSERT_TRUE(updated.ok_()) << updated.message() << updated.fields();
    const int64_t saturday_half_past_nine = INT64_C(1792827000); // 2026-10-24 09:30 in Vienna, UTC + 2
    house.now_us = saturday_half_past_nine * US_PER_SECOND;
    auto a = engage({ { "hello", MEDIUM_EMAIL } }, true, "leads/v");
    ASSERT_TRUE(a.ok_()) << a.message();
    const int shown[] = { 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 8 };
    ASSERT_EQ(a->choice->n_hours, COUNT(shown));
    for (size_t i = 0; i < COUNT(shown); i++)
        EXPECT_EQ(a->choice->hours[i]->local_hour, shown[i]) << i;
    EXPECT_EQ(a->choice->hours[0]->send_time->seconds, saturday_half_past_nine);
    EXPECT_EQ(a->choice->hours[1]->send_time->seconds, saturday_half_past_nine + 1800);
    // Sunday 8:00 is an hour later than a day of 24 hours has it.
    EXPECT_EQ(a->choice->hours[11]->send_time->seconds, saturday_half_past_nine + 1800 + 23 * 3600);
    EXPECT_EQ(time_us(a->message->send_time), time_us(a->choice->hours[a->choice->chosen_hour]->send_time));
}

TEST_F(ChooserRoom, IsMadeAgainToTheBit)
{
    bool differs = false;
    for (int i = 0; i < 50; i++) {
        auto a = engage(BOTH, true);
        ASSERT_TRUE(a.ok_()) << a.message();
        auto d = decision(a->message->decision);
        auto same = again(d.res);
        ASSERT_TRUE(same.ok_()) << same.message();
        EXPECT_EQ(packed(same->choice), packed(d->choice));
        d->choice->seed++;
        auto other = again(d.res);
        ASSERT_TRUE(other.ok_());
        d->choice->seed--;
        differs |= other->choice->propensity != d->choice->propensity;
    }
    EXPECT_TRUE(differs);
}

TEST_F(ChooserRoom, OfALeadWithoutAKeyIsSealedUnderOneThatIsKept)
{
    static const stmt lose = {
        "test_lose_key", "t", "", "UPDATE lead SET subject_key = NULL WHERE workspace = $1", nullptr, nullptr
    };
    house.run([&](ctx *c) {
        UNIT_ADD(c->unit, &lose, -1, REASON_INTERNAL, v_text(c->workspace));
        return ok();
    });
    auto first = engage(BOTH), second = engage(BOTH);
    ASSERT_TRUE(first.ok_() && second.ok_()) << first.message() << second.message();
    for (const char *name : { first->message->decision, second->message->decision }) {
        auto d = decision(name);
        ASSERT_TRUE(d.ok_()) << d.message();
        EXPECT_NE(d->inputs, nullptr) << name;
    }
}

// ---- Learning ----

TEST_F(ChooserRoom, LearnsOnceOfEachLevel)
{
    std::string name = planned();
    happens(name, { MESSAGE__STATE_SENT, 4 * US_PER_DAY, 4 * US_PER_DAY - US_PER_SECOND });
    for (int i = 0; i < 3; i++) {
        learn();
        look_soon();
    }
    const Learnt once = { 1, 1 };
    auto d = decision(message(name)->decision);
    char hour[8];
    snprintf(hour, sizeof hour, "%02d", d->choice->local_hour);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_COMMON, ""), once);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_TEMPLATE, "hello"), once);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_MEDIUM, "MEDIUM_EMAIL"), once);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_HOUR, hour), once);
    EXPECT_EQ(house.count("SELECT count(*) FROM chooser_level WHERE workspace = $1"), 4);
    EXPECT_EQ(events("choice.rewarded"), 1);
    EXPECT_EQ(choices(2), 1);
    house.reopen();
    learn();
    EXPECT_EQ(learnt(CHOOSER_FACTOR_COMMON, ""), once);
}

TEST_F(ChooserRoom, WhatIsKnownOfAMessageDecides)
{
    const int64_t sec = US_PER_SECOND, day = US_PER_DAY;
    const Learnt nothing, zero = { 1, 0 }, one = { 1, 1 };
    const auto SENT = MESSAGE__STATE_SENT;
    const struct {
        const char *what;
        Fate fate;
        int state; // of the choice
        Learnt learnt;
    } cases[] = {
        { "waits to be sent", { MESSAGE__STATE_SCHEDULED }, 1, nothing },
        { "on its way", { MESSAGE__STATE_SENDING }, 1, nothing },
        { "nobody knows whether it left", { MESSAGE__STATE_UNKNOWN }, 1, nothing },
        { "failed", { MESSAGE__STATE_FAILED }, 3, nothing },
        { "cancelled", { MESSAGE__STATE_CANCELLED }, 3, nothing },
        { "refused", { MESSAGE__STATE_REFUSED }, 3, nothing },
        { "sent just now", { SENT, sec }, 1, nothing },
        { "sent, window open", { SENT, WINDOW_US - 60 * sec }, 1, nothing },
        { "sent, window over", { SENT, WINDOW_US + sec }, 2, zero },
        { "clicked, window open", { SENT, day, day / 2 }, 1, nothing },
        { "clicked", { SENT, 4 * day, 3 * day }, 2, one },
        { "clicked in the last minute", { SENT, 5 * day, 2 * day + 60 * sec }, 2, one },
        { "clicked too late", { SENT, 5 * day, 2 * day - sec }, 2, zero },
        { "replied", { SENT, 4 * day, 0, 3 * day }, 2, one },
        { "complained, window open", { SENT, day, 0, 0, day / 2 }, 1, nothing },
        { "complained", { SENT, 4 * day, 0, 0, 3 * day }, 2, zero },
        { "clicked and complained", { SENT, 4 * day, 3 * day, 0, 2 * day }, 2, zero },
        { "converted, window open", { SENT, day, 0, 0, 0, day / 2 }, 1, nothing },
        { "converted", { SENT, 4 * day, 0, 0, 0, 3 * day }, 2, one },
        { "converted before, window over", { SENT, 5 * day, 0, 0, 0, 6 * day }, 2, zero },
    };
    uint64_t trials = 0;
    double reward = 0;
    for (const auto &k : cases) {
        std::string name = planned();
        happens(name, k.fate);
        learn();
        EXPECT_EQ(choices(k.state), 1) << k.what;
        trials += k.learnt.trials;
        reward += k.learnt.reward;
        EXPECT_EQ(learnt(CHOOSER_FACTOR_COMMON, ""), (Learnt{ trials, reward })) << k.what;
        static const stmt forget = {
            "test_forget_choices", "t", "", "DELETE FROM choice WHERE workspace = $1", nullptr, nullptr
        };
        house.run([&](ctx *c) {
            UNIT_ADD(c->unit, &forget, -1, REASON_INTERNAL, v_text(c->workspace));
            return ok();
        });
    }
}

TEST_F(ChooserRoom, AConversionRewardsAllThatWaitForTheLead)
{
    person("b");
    person("c");
    std::vector<std::string> names = { planned(0, "leads/a"), planned(0, "leads/b"), planned(0, "leads/c") };
    for (const auto &n : names)
        happens(n, { MESSAGE__STATE_SENT, 4 * US_PER_DAY });
    ASSERT_TRUE(merge("leads/a", "leads/b").ok_());
    converts("leads/a", 3 * US_PER_DAY);
    converts("leads/c", 3 * US_PER_DAY, false);
    learn();
    EXPECT_EQ(choices(2), 3);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_COMMON, ""), (Learnt{ 3, 2 }));
}

TEST_F(ChooserRoom, WhoseInputsAreGoneTeachesNothing)
{
    static const stmt lose = { "test_lose_inputs",
                               "t",
                               "",
                               "UPDATE lead SET subject_key = NULL WHERE workspace = $1",
                               nullptr,
                               nullptr };
    std::string name = planned();
    happens(name, { MESSAGE__STATE_SENT, 4 * US_PER_DAY, 3 * US_PER_DAY });
    house.run([&](ctx *c) {
        UNIT_ADD(c->unit, &lose, -1, REASON_INTERNAL, v_text(c->workspace));
        return ok();
    });
    learn();
    EXPECT_EQ(choices(3), 1);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_COMMON, ""), Learnt{});
    EXPECT_EQ(events("choice.rewarded"), 0);
}

// Several replicas learn from the same choices at once: each is counted once.
TEST_F(ChooserRoom, ReplicasLearnFromEachOnce)
{
    const int n = 150;
    for (int i = 0; i < n; i++)
        happens(planned(), { MESSAGE__STATE_SENT, 5 * US_PER_DAY, i % 3 ? 0 : 4 * US_PER_DAY });
    std::vector<std::thread> replicas;
    std::atomic<int> failed{ 0 };
    for (int i = 0; i < 4; i++)
        replicas.emplace_back([&] {
            for (int k = 0; k < 5; k++) {
                arena a;
                arena_init(&a, 64 << 20);
                failed += house.attempt([](ctx *c) { return chooser_learn(c); }, &a, 0).code != CODE_OK;
                arena_done(&a);
            }
        });
    for (auto &t : replicas)
        t.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(learnt(CHOOSER_FACTOR_COMMON, "").trials, static_cast<uint64_t>(n));
    EXPECT_EQ(choices(2), n);
    EXPECT_EQ(events("choice.rewarded"), n);
}

} // namespace

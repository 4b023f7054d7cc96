// The messages in hand, without a delivery: when outcomes go to the committer.
#include "agents/engage/delivery/hands.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace
{

class Hands : public testing::Test
{
  protected:
    void SetUp() override
    {
        hands_open(&*hands, 2);
        hands->attempt_us = 1250; // so the two make eight attempts in five milliseconds
    }
    void TearDown() override
    {
        hands_close(&*hands);
    }
    void one_more_in_line()
    {
        hands_look(&*hands);
        hands_ready(&*hands, hands_claim(&*hands, "default", "m", std::to_string(next_lead++).c_str()));
    }
    // So many that are attempted.
    std::vector<in_hand *> attempted(int n)
    {
        std::vector<in_hand *> all;
        for (int i = 0; i < n; i++) {
            one_more_in_line();
            all.push_back(hands_next(&*hands));
        }
        return all;
    }
    static size_t length(const struct unit *chain)
    {
        size_t n = 0;
        for (; chain; chain = chain->next)
            n++;
        return n;
    }
    std::unique_ptr<struct hands> hands = std::make_unique<struct hands>();
    int next_lead = 0;
};

TEST_F(Hands, OutcomesThatComeSoonGoTogether)
{
    auto all = attempted(16);
    one_more_in_line();
    for (size_t i = 0; i < 16; i++) {
        struct unit *now = hands_tell(&*hands, all[i]);
        ASSERT_EQ(length(now), i % 8 == 7 ? 8u : 0u) << i;
        EXPECT_EQ(now, now ? &all[i]->unit : nullptr) << "the newest first";
    }
}

TEST_F(Hands, OutcomesOfSlowAttemptsWaitForNoOthers)
{
    auto all = attempted(3);
    one_more_in_line();
    hands->attempt_us = 10000;
    for (in_hand *h : all)
        EXPECT_EQ(length(hands_tell(&*hands, h)), 1u);
}

TEST_F(Hands, OutcomesWaitForNoOthersOnceTheLineIsEmpty)
{
    auto all = attempted(3);
    one_more_in_line();
    EXPECT_EQ(length(hands_tell(&*hands, all[0])), 0u);
    in_hand *last = hands_next(&*hands);
    EXPECT_EQ(length(hands_tell(&*hands, all[1])), 2u);
    EXPECT_EQ(length(hands_tell(&*hands, last)), 1u);
}

TEST_F(Hands, OutcomesThatWaitCanBeFetched)
{
    auto all = attempted(2);
    one_more_in_line();
    for (in_hand *h : all)
        EXPECT_EQ(length(hands_tell(&*hands, h)), 0u);
    EXPECT_EQ(length(hands_telling(&*hands)), 2u);
    EXPECT_EQ(length(hands_telling(&*hands)), 0u);
}

} // namespace

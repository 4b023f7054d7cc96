#include "base/clock.h"
#include "server/iam/password.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace
{

class Password : public ::testing::Test
{
  protected:
    Password()
    {
        arena_init(&arena_, 1 << 20);
    }
    ~Password() override
    {
        arena_done(&arena_);
    }
    bool fits(const char *hash, const std::string &password)
    {
        bool right = false;
        EXPECT_EQ(password_check(&arena_, "p", hash, password.c_str(), &right).code, CODE_OK);
        return right;
    }
    struct arena arena_;
};

TEST_F(Password, IsKnownByItsHash)
{
    const char *hash = nullptr, *again = nullptr;
    ASSERT_EQ(password_hash(&arena_, "correct horse battery", &hash).code, CODE_OK);
    ASSERT_EQ(password_hash(&arena_, "correct horse battery", &again).code, CODE_OK);
    EXPECT_EQ(std::string(hash).substr(0, 7), "$2b$12$");
    EXPECT_STRNE(hash, again) << "salted";
    EXPECT_TRUE(fits(hash, "correct horse battery"));
    EXPECT_FALSE(fits(hash, "correct horse batterz"));
    EXPECT_FALSE(fits(hash, ""));
    EXPECT_FALSE(fits(nullptr, "correct horse battery"));
    EXPECT_FALSE(fits("nonsense", "correct horse battery"));
}

TEST_F(Password, LengthIsLimitedToWhatBcryptSees)
{
    bool right;
    std::string longest(72, 'x'), longer(73, 'x');
    EXPECT_EQ(password_acceptable(&arena_, "p", longest.c_str()).code, CODE_OK);
    EXPECT_EQ(password_acceptable(&arena_, "p", longer.c_str()).reason, REASON_FIELD_TOO_LONG);
    EXPECT_EQ(password_acceptable(&arena_, "p", "elevenbytes").reason, REASON_FIELD_OUT_OF_RANGE);
    EXPECT_EQ(password_acceptable(&arena_, "p", "").reason, REASON_FIELD_REQUIRED);
    EXPECT_EQ(password_check(&arena_, "p", nullptr, longer.c_str(), &right).reason, REASON_FIELD_TOO_LONG);
}

// A user that does not exist costs as much processor time as one that does.
TEST_F(Password, UnknownUsersCostTheSame)
{
    const char *hash = nullptr;
    ASSERT_EQ(password_hash(&arena_, "correct horse battery", &hash).code, CODE_OK);
    // The best of some tries: what other work adds is not the point; of more where a busy machine needs them.
    int64_t known = INT64_MAX, unknown = INT64_MAX;
    const auto same = [&] { return std::abs(double(unknown) / double(known) - 1) < 0.05; };
    for (int i = 0; i < 60 && !(i >= 5 && same()); i++) {
        int64_t start = clock_thread_cpu_ns();
        fits(hash, "wrong password");
        int64_t middle = clock_thread_cpu_ns();
        fits(nullptr, "wrong password");
        known = std::min(known, middle - start);
        unknown = std::min(unknown, clock_thread_cpu_ns() - middle);
    }
    EXPECT_TRUE(same()) << unknown << " ns, not " << known;
}

} // namespace

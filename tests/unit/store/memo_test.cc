// What a snapshot has answered is kept, under everything that the question is made of.
#include "store/memo.h"

#include <gtest/gtest.h>

namespace
{

const stmt one = { "one", "ti", "tib", "", nullptr, nullptr };
const stmt other = { "other", "ti", "tib", "", nullptr, nullptr };

class Memo : public testing::Test
{
  protected:
    Memo()
    {
        arena_init(&memory, size_t(1) << 20);
        EXPECT_EQ(memo_open(&memory, &memo).code, CODE_OK);
    }
    ~Memo() override
    {
        arena_done(&memory);
    }
    const rows *ask(const char *reach, const stmt *s, const char *text, int64_t i)
    {
        const value args[] = { v_text(text), v_int(i) };
        const question *q = memo_at(memo, reach, s, args);
        return q && q->answered ? &q->rows : nullptr;
    }
    void keep(const char *reach, const stmt *s, const char *text, int64_t i, const char *answer)
    {
        const value args[] = { v_text(text), v_int(i) };
        const value v[] = { v_text(answer), v_int(7), v_bytes(str_make("\0x", 2)) };
        const rows r = { 1, 3, v };
        if (question *q = memo_at(memo, reach, s, args))
            memo_answer(memo, q, &r);
    }

    arena memory;
    struct memo *memo = nullptr;
};

TEST_F(Memo, KnowsAQuestionByAllItIsMadeOf)
{
    EXPECT_EQ(ask("w", &one, "a", 1), nullptr);
    keep("w", &one, "a", 1, "first");
    keep("w", &one, "b", 1, "second");
    EXPECT_EQ(ask("v", &one, "a", 1), nullptr);
    EXPECT_EQ(ask("w", &other, "a", 1), nullptr);
    EXPECT_EQ(ask("w", &one, "a", 2), nullptr);
    EXPECT_EQ(ask("w", &one, "ab", 1), nullptr);
    ASSERT_NE(ask("w", &one, "b", 1), nullptr);
    EXPECT_STREQ(row_at(ask("w", &one, "a", 1), 0)[0].s.p, "first");
    EXPECT_STREQ(row_at(ask("w", &one, "b", 1), 0)[0].s.p, "second");
}

// Neither what was given nor what it gives is shared.
TEST_F(Memo, KeepsCopies)
{
    char text[] = "a", answer[] = "yes";
    rows mine;
    keep("w", &one, text, 1, answer);
    text[0] = answer[0] = 'X';
    ASSERT_NE(ask("w", &one, "a", 1), nullptr);
    ASSERT_EQ(rows_copy(&memory, ask("w", &one, "a", 1), &mine).code, CODE_OK);
    EXPECT_STREQ(mine.v[0].s.p, "yes");
    const_cast<char *>(mine.v[0].s.p)[0] = 'Z';
    EXPECT_STREQ(row_at(ask("w", &one, "a", 1), 0)[0].s.p, "yes");
    EXPECT_TRUE(str_eq(mine.v[2].s, str_make("\0x", 2)));
}

// What is expected is told once, and known once it is answered where it lies.
TEST_F(Memo, TellsWhatIsExpectedOnce)
{
    char text[] = "a";
    const value first[] = { v_text(text), v_int(1) }, second[] = { v_text("b"), v_int(2) };
    const value answer[] = { v_text("yes"), v_int(7), v_bytes(str_make("x", 1)) };
    question *const *all;
    arena *a;
    keep("w", &one, "b", 2, "known");
    memo_expect(memo, "w", &one, first);
    memo_expect(memo, "w", &one, first);
    memo_expect(memo, "w", &one, second);
    text[0] = 'X';
    ASSERT_EQ(memo_expected(memo, &all, &a), 1u);
    EXPECT_EQ(a, &memory);
    EXPECT_EQ(all[0]->stmt, &one);
    EXPECT_STREQ(all[0]->reach, "w");
    EXPECT_STREQ(all[0]->args[0].s.p, "a");
    EXPECT_EQ(ask("w", &one, "a", 1), nullptr);
    all[0]->rows = { 1, 3, answer };
    all[0]->answered = true;
    ASSERT_NE(ask("w", &one, "a", 1), nullptr);
    EXPECT_STREQ(row_at(ask("w", &one, "a", 1), 0)[0].s.p, "yes");
    EXPECT_EQ(memo_expected(memo, &all, &a), 0u);
}

// What nobody could answer ahead is kept when it is asked.
TEST_F(Memo, KeepsTheAnswerOfWhatWasExpectedInVain)
{
    const value args[] = { v_text("a"), v_int(1) };
    question *const *all;
    arena *a;
    memo_expect(memo, "w", &one, args);
    EXPECT_EQ(memo_expected(memo, &all, &a), 1u);
    keep("w", &one, "a", 1, "late");
    ASSERT_NE(ask("w", &one, "a", 1), nullptr);
    EXPECT_STREQ(row_at(ask("w", &one, "a", 1), 0)[0].s.p, "late");
}

// What does not fit is not kept; what is kept stays right.
TEST_F(Memo, HasAnEnd)
{
    size_t found = 0;
    for (int i = 0; i < 2000; i++)
        keep("w", &one, "many", i, std::to_string(i).c_str());
    for (int i = 0; i < 2000; i++)
        if (const rows *r = ask("w", &one, "many", i)) {
            found++;
            EXPECT_EQ(row_at(r, 0)[0].s.p, std::to_string(i));
        }
    EXPECT_GT(found, 500u);
    EXPECT_LT(found, 2000u);
}

} // namespace

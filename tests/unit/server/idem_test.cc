// A mutation with a request_id happens once, and every copy of it gets the same bytes.
#include "server/rpc/idem.h"

#include "base/clock.h"
#include "tests/unit/server/calls.h"

#include <mutex>
#include <set>

namespace test
{
namespace
{

class Idem : public ::testing::Test
{
  protected:
    Server server_;
    Channel channel_{ server_.target() };
};

TEST_F(Idem, TheSameRequestIsAnsweredByTheStoredReply)
{
    Outcome first = channel_.Unary(kAdd, AddBytes("a", 5, "request-1"));
    ASSERT_EQ(first.code, 0) << first.message;
    ASSERT_EQ(channel_.Unary(kAdd, AddBytes("a", 100, "request-2")).code, 0);
    for (int i = 0; i < 5; i++) {
        Outcome again = channel_.Unary(kAdd, AddBytes("a", 5, "request-1"));
        EXPECT_EQ(again.code, 0) << again.message;
        EXPECT_EQ(again.reply, first.reply);
    }
    EXPECT_EQ(Total(channel_, "a"), 105);
}

TEST_F(Idem, AnotherBodyUnderTheKeyIsRefused)
{
    ASSERT_EQ(channel_.Unary(kAdd, AddBytes("a", 5, "request-1")).code, 0);
    Outcome o = channel_.Unary(kAdd, AddBytes("a", 6, "request-1"));
    EXPECT_EQ(o.code, CODE_INVALID_ARGUMENT);
    EXPECT_EQ(o.reason(), "REQUEST_ID_REUSED");
    ASSERT_EQ(o.violations().size(), 1u);
    EXPECT_EQ(o.violations()[0].first, "request_id");
    EXPECT_EQ(Total(channel_, "a"), 5);
}

TEST_F(Idem, ACallThatChangedNothingKeepsItsReplyToo)
{
    ASSERT_EQ(channel_.Unary(kAdd, AddBytes("a", 5)).code, 0);
    Outcome first = channel_.Unary(kAdd, AddBytes("a", 0, "request-1"));
    ASSERT_EQ(first.code, 0) << first.message;
    ASSERT_EQ(channel_.Unary(kAdd, AddBytes("a", 1)).code, 0);
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 0, "request-1")).reply, first.reply);
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 7, "request-1")).reason(), "REQUEST_ID_REUSED");
    std::string item, again;
    Call call(channel_, kChat);
    call.Write(AddBytes("a", 0, "item-0001"));
    ASSERT_TRUE(call.Read(&item));
    ASSERT_EQ(channel_.Unary(kAdd, AddBytes("a", 1)).code, 0);
    call.Write(AddBytes("a", 0, "item-0001"));
    ASSERT_TRUE(call.Read(&again));
    EXPECT_EQ(again, item);
    call.WritesDone();
    EXPECT_EQ(call.Finish().code, 0);
    EXPECT_EQ(Total(channel_, "a"), 7);
}

TEST_F(Idem, TheEncodingOfTheBodyDoesNotMatter)
{
    std::string bytes = AddBytes("a", 5, "request-1");
    ASSERT_EQ(channel_.Unary(kAdd, bytes).code, 0);
    // The amount twice, the last one counts; the same message to every reader.
    EXPECT_EQ(channel_.Unary(kAdd, std::string("\x10\x09", 2) + bytes).code, 0);
    EXPECT_EQ(Total(channel_, "a"), 5);
}

TEST_F(Idem, WhatFailedWasNotStored)
{
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 5, "request-1", true)).reason(), "FIELD_INVALID");
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 5, "request-1", true)).reason(), "FIELD_INVALID");
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 5, "request-1")).code, 0) << "the key is still free";
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 5, "request-1", true)).reason(), "REQUEST_ID_REUSED");
    EXPECT_EQ(Total(channel_, "a"), 5);
}

TEST_F(Idem, FiftyCopiesAtOnceTakeEffectOnce)
{
    for (int round = 0; round < 5; round++) {
        std::string id = "copies-of-round-" + std::to_string(round);
        std::mutex lock;
        std::set<std::string> replies;
        std::atomic<int> failed{ 0 };
        std::vector<std::thread> threads;
        for (int t = 0; t < 50; t++)
            threads.emplace_back([&] {
                Channel own(server_.target());
                Outcome o = own.Unary(kAdd, AddBytes("copies", 1, id));
                failed += o.code != 0;
                std::lock_guard<std::mutex> hold(lock);
                replies.insert(o.reply);
            });
        for (auto &t : threads)
            t.join();
        EXPECT_EQ(failed, 0);
        EXPECT_EQ(replies.size(), 1u);
        EXPECT_EQ(Total(channel_, "copies"), round + 1);
    }
}

TEST_F(Idem, TheKeySurvivesARestart)
{
    Outcome first = channel_.Unary(kAdd, AddBytes("a", 5, "request-1"));
    ASSERT_EQ(first.code, 0);
    server_.Restart();
    Channel channel(server_.target());
    EXPECT_EQ(channel.Unary(kAdd, AddBytes("a", 5, "request-1")).reply, first.reply);
    EXPECT_EQ(channel.Unary(kAdd, AddBytes("a", 6, "request-1")).reason(), "REQUEST_ID_REUSED");
    EXPECT_EQ(Total(channel, "a"), 5);
}

TEST_F(Idem, RequestIdsHaveAForm)
{
    for (const std::string &bad : { std::string("short"), std::string(129, 'x'), std::string("grüße-grüße"),
                                    std::string("tab\tinside-it") }) {
        Outcome o = channel_.Unary(kAdd, AddBytes("a", 1, bad));
        EXPECT_EQ(o.reason(), "FIELD_INVALID") << bad;
        EXPECT_EQ(o.violations().at(0).first, "request_id");
    }
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 1, std::string(128, '~'))).code, 0);
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 1, "")).code, 0);
    EXPECT_EQ(Total(channel_, "a"), 2);
}

TEST_F(Idem, ItemsOfABidirectionalStreamHaveKeysToo)
{
    std::string first, again;
    Call call(channel_, kChat);
    call.Write(AddBytes("a", 5, "item-0001"));
    ASSERT_TRUE(call.Read(&first));
    call.Write(AddBytes("a", 7, "item-0002"));
    ASSERT_TRUE(call.Read(&again));
    call.Write(AddBytes("a", 5, "item-0001"));
    ASSERT_TRUE(call.Read(&again));
    EXPECT_EQ(again, first);
    call.Write(AddBytes("a", 6, "item-0001"));
    ASSERT_TRUE(call.Read(&again));
    EXPECT_STREQ(Unpack<Test__V1__AddResponse>(test__v1__add_response__descriptor, again)->error,
                 "REQUEST_ID_REUSED");
    call.WritesDone();
    EXPECT_EQ(call.Finish().code, 0);
    EXPECT_EQ(Total(channel_, "a"), 12);
    // The key belongs to the method: the unary call is another one.
    EXPECT_EQ(channel_.Unary(kAdd, AddBytes("a", 5, "item-0001")).code, 0);
    EXPECT_EQ(Total(channel_, "a"), 17);
}

// The gate alone, on a database of its own.
class IdemRows : public ::testing::Test
{
  protected:
    void SetUp() override
    {
        static const stmt_table *const tables[] = { &idem_statements, nullptr };
        const char *base = getenv("TEST_TMPDIR");
        char folder[256];
        snprintf(folder, sizeof folder, "%s/idem.XXXXXX", base ? base : "/tmp");
        ASSERT_NE(mkdtemp(folder), nullptr);
        std::string url = "sqlite:///" + std::string(folder) + "/test.db";
        arena_init(&arena_, 8u << 20);
        db_options o = {};
        o.url = url.c_str();
        o.tables = tables;
        o.migrations = test_migrations;
        ASSERT_EQ(db_open(&o, &arena_, &db_).code, CODE_OK);
        ASSERT_EQ(committer_start(db_, 100, &arena_, &committer_).code, CODE_OK);
        ctx_ = {};
        unit_ = {};
        unit_.arena = ctx_.arena = &arena_;
        ctx_.unit = &unit_;
        ctx_.db = db_;
        ctx_.workspace = "w";
        ctx_.method = "m";
        ctx_.deadline_us = INT64_MAX;
    }
    void TearDown() override
    {
        committer_stop(committer_);
        db_close(db_);
        arena_done(&arena_);
    }
    status Commit()
    {
        unit_.workspace = db_reach(&ctx_);
        status s = committer_run(committer_, &unit_);
        unit_ = {};
        unit_.arena = &arena_;
        return s;
    }
    bool Found(const char *id)
    {
        idem_key k = { id, { 1 } };
        str reply;
        bool found = false;
        EXPECT_EQ(idem_find(&ctx_, &k, &found, &reply).code, CODE_OK);
        return found;
    }
    void Store(const char *id, int64_t at)
    {
        idem_key k = { id, { 1 } };
        ctx_.now_us = at;
        idem_seal(&ctx_, &k, STR("reply"));
        EXPECT_EQ(Commit().code, CODE_OK);
    }

    arena arena_;
    db *db_ = nullptr;
    committer *committer_ = nullptr;
    unit unit_;
    ctx ctx_;
};

TEST_F(IdemRows, PurgeTakesTheOldAndLeavesTheNew)
{
    Store("old-request", 1000);
    Store("new-request", 5000);
    ASSERT_EQ(idem_purge(&ctx_, 5000).code, CODE_OK);
    ASSERT_EQ(Commit().code, CODE_OK);
    EXPECT_FALSE(Found("old-request"));
    EXPECT_TRUE(Found("new-request"));
    Store("old-request", 6000); // a key that has expired is new again
}

TEST_F(IdemRows, KeysBelongToAWorkspaceAndAMethod)
{
    Store("some-request", 1000);
    EXPECT_TRUE(Found("some-request"));
    ctx_.workspace = "other";
    EXPECT_FALSE(Found("some-request"));
    ctx_.workspace = "w";
    ctx_.method = "other";
    EXPECT_FALSE(Found("some-request"));
}

TEST_F(IdemRows, ASecondReplyUnderTheKeyConflicts)
{
    Store("some-request", 1000);
    idem_key k = { "some-request", { 1 } };
    idem_seal(&ctx_, &k, STR("another reply"));
    EXPECT_EQ(Commit().reason, REASON_CONFLICT);
}

} // namespace
} // namespace test

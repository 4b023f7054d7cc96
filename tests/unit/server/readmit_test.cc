// Open streams end when their caller may go on no more, whatever they are doing, and otherwise never notice
// that they were asked.
#include "tests/unit/server/calls.h"

namespace test
{
namespace
{

// The hooks' side: who may stay, and whether finding out has to wait.
struct Door {
    std::atomic<bool> shut{ false }, slow{ false };
    std::atomic<int> asked{ 0 }, waited{ 0 };
};

status Enter(void *, const rpc_call *, ctx *)
{
    return ok();
}

status Stay(void *arg, const rpc_call *, ctx *c)
{
    auto *door = static_cast<Door *>(arg);
    if (door->asked++ % 2 && door->slow) {
        door->waited++;
        c->had_to_wait = true;
        return fail(nullptr, REASON_OVERLOADED, "not here");
    }
    arena_alloc(c->arena, 100);
    return door->shut ? fail(c->arena, REASON_PERMISSION_MISSING, "no more %s", "of this") : ok();
}

class Readmit : public ::testing::Test
{
  protected:
    rpc_options Options()
    {
        rpc_options o = Server::Defaults();
        o.admit = Enter;
        o.readmit = Stay;
        o.admit_arg = &door_;
        o.readmit_ms = 20;
        return o;
    }
    void Asked(int times)
    {
        for (int limit = door_.asked + times; door_.asked < limit;)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    // How a stream ends that is told to at its next question, without a word of its caller's.
    std::string Shut(Call &call)
    {
        std::string message;
        Asked(2);
        door_.shut = true;
        while (call.Read(&message))
            ;
        Outcome end = call.Finish();
        EXPECT_EQ(end.message, "no more of this");
        return end.reason();
    }

    Door door_;
    Server server_{ Options() };
    Channel channel_{ server_.target() };
};

TEST_F(Readmit, AStreamThatWaitsForNewsEnds)
{
    Call watch(channel_, kWatch);
    watch.Write(AddBytes("a", 0));
    watch.WritesDone();
    EXPECT_EQ(Shut(watch), "PERMISSION_MISSING");
}

TEST_F(Readmit, AStreamWhoseCallerIsSilentEnds)
{
    Call chat(channel_, kChat);
    std::string message;
    ASSERT_TRUE(chat.Write(AddBytes("a", 1)));
    ASSERT_TRUE(chat.Read(&message));
    EXPECT_EQ(Shut(chat), "PERMISSION_MISSING");
}

TEST_F(Readmit, AnUploadWhoseCallerIsSilentEnds)
{
    Call sum(channel_, kSum);
    ASSERT_TRUE(sum.Write(AddBytes("a", 1)));
    ASSERT_TRUE(Eventually([&] { return Total(channel_, "a") == 1; }));
    EXPECT_EQ(Shut(sum), "PERMISSION_MISSING");
    EXPECT_EQ(Total(channel_, "a"), 1) << "what came before stays";
}

TEST_F(Readmit, ABusyStreamEndsBeforeItsNextStep)
{
    Call chat(channel_, kChat);
    std::string message;
    door_.slow = true; // every other answer has to wait
    int rows = 0;
    for (;; rows++) { // the call's deadline ends it, too
        door_.shut = rows >= 50 && door_.waited > 0;
        if (!chat.Write(AddBytes("a", 1)) || !chat.Read(&message))
            break;
    }
    EXPECT_EQ(chat.Finish().reason(), "PERMISSION_MISSING");
    EXPECT_GE(rows, 50);
    EXPECT_EQ(Total(channel_, "a"), rows) << "the step that was refused did nothing";
}

TEST_F(Readmit, WhoMayStayNoticesNothing)
{
    Call chat(channel_, kChat);
    std::string message;
    for (int i = 0; i < 20; i++) {
        door_.slow = i % 2;
        Asked(1);
        ASSERT_TRUE(chat.Write(AddBytes("a", 1)));
        ASSERT_TRUE(chat.Read(&message));
    }
    chat.WritesDone();
    EXPECT_EQ(chat.Finish().code, 0);
    EXPECT_EQ(Total(channel_, "a"), 20);
}

TEST_F(Readmit, ACallThatIsNoStreamIsAskedOnce)
{
    EXPECT_EQ(channel_.Unary(kSleep, SleepBytes(100)).code, 0);
    EXPECT_EQ(door_.asked, 0);
}

} // namespace
} // namespace test

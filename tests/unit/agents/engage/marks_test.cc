// Marks outlive the process that is killed, and only they do; what is not certain to be such a mark is none.
#include "agents/engage/delivery/marks.h"
#include "base/ids.h"

#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

const size_t ROOM = 4;

class Marks : public testing::Test
{
  protected:
    Marks()
    {
        arena_init(&memory, 1 << 20);
    }
    ~Marks() override
    {
        shm_unlink(name().c_str());
        arena_done(&memory);
    }
    std::string name(int replica = 0)
    {
        char text[64];
        snprintf(text, sizeof text, "/marketing-%016llx-%d",
                 static_cast<unsigned long long>(hash64(str_of(place.c_str()), 0)), replica);
        return text;
    }
    struct marks *open(size_t room = ROOM)
    {
        struct marks *m = marks_open(place.c_str(), room, &memory, left, &n);
        names.clear();
        for (size_t i = 0; i < n; i++)
            names += std::string(left[i].workspace) + "/" + left[i].id + "@" +
                     std::to_string(left[i].version) + " ";
        return m;
    }
    // What a process that opened finds once it is closed again.
    std::string found(size_t room = ROOM)
    {
        struct marks *m = open(room);
        EXPECT_NE(m, nullptr);
        marks_close(m);
        return names;
    }
    // Another process with three marks, one of them taken away.
    pid_t other(int signal)
    {
        pid_t pid = fork();
        if (pid)
            return pid;
        struct marks *m = open();
        marks_set(m, 0, "w", "a", 7);
        marks_set(m, 1, "w", "b", 8);
        marks_set(m, 3, "w", "old", 9);
        marks_set(m, 3, "v", "c", 1099511627776);
        marks_take_away(m, 1);
        raise(signal);
        _exit(1);
    }
    void killed()
    {
        int how;
        pid_t pid = other(SIGKILL);
        ASSERT_EQ(waitpid(pid, &how, 0), pid);
        ASSERT_TRUE(WIFSIGNALED(how));
    }
    // Somebody writes into what is kept.
    void damage(const std::function<void(int fd)> &how)
    {
        killed();
        int fd = shm_open(name().c_str(), O_RDWR, 0);
        ASSERT_GE(fd, 0);
        how(fd);
        close(fd);
    }

    struct arena memory;
    std::string place = std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + " of " +
                        std::to_string(getpid());
    struct mark left[ROOM + 1];
    size_t n = 0;
    std::string names;
};

TEST_F(Marks, OfAProcessThatWasKilledAreFound)
{
    killed();
    struct marks *m = open();
    EXPECT_EQ(names, "w/a@7 v/c@1099511627776 ");
    marks_close(m);
    EXPECT_EQ(found(), "");
}

// Until they are set anew, so a second death takes nothing with it.
TEST_F(Marks, StayWhereTheyAre)
{
    killed();
    pid_t pid = fork();
    if (pid == 0) {
        marks_set(open(), 3, "w", "d", 10);
        raise(SIGKILL);
    }
    waitpid(pid, nullptr, 0);
    EXPECT_EQ(found(), "w/a@7 w/d@10 ");
}

TEST_F(Marks, OfAProcessThatIsStoppedAreItsOwn)
{
    int how;
    pid_t pid = other(SIGSTOP);
    ASSERT_EQ(waitpid(pid, &how, WUNTRACED), pid);
    ASSERT_TRUE(WIFSTOPPED(how));
    EXPECT_EQ(found(), "");
    kill(pid, SIGKILL);
    ASSERT_EQ(waitpid(pid, &how, 0), pid);
    EXPECT_EQ(found(), "w/a@7 v/c@1099511627776 ");
}

TEST_F(Marks, OfAnotherDatabaseOrLayoutAreNotRead)
{
    killed();
    std::string here = place;
    place += " elsewhere";
    EXPECT_EQ(found(), "");
    place = here;
    EXPECT_EQ(found(ROOM + 1), "");
}

TEST_F(Marks, OfADatabaseWhoseNameIsAsLongAreNotRead)
{
    damage([](int fd) { EXPECT_EQ(pwrite(fd, "x", 1, 30), 1); });
    EXPECT_EQ(found(), "");
}

TEST_F(Marks, ThatAreCutOffAreNone)
{
    damage([](int fd) { EXPECT_EQ(ftruncate(fd, 100), 0); });
    EXPECT_EQ(found(), "");
    damage([](int fd) { EXPECT_EQ(ftruncate(fd, 256 + 100), 0); });
    EXPECT_EQ(found(), "");
}

TEST_F(Marks, ThatAreNoTextAreNone)
{
    damage([](int fd) {
        std::string noise(4096, 'x');
        EXPECT_EQ(pwrite(fd, noise.data(), noise.size(), 256), 4096);
    });
    EXPECT_EQ(found(), "");
}

TEST_F(Marks, ThatOthersMayWriteAreNotRead)
{
    damage([](int fd) { EXPECT_EQ(fchmod(fd, 0666), 0); });
    EXPECT_EQ(found(), "");
}

TEST_F(Marks, AreNotKeptForMoreReplicasThanThereIsRoomFor)
{
    struct marks *all[MARKS_REPLICAS];
    for (auto &m : all)
        EXPECT_NE(m = open(), nullptr);
    struct marks *none = open();
    EXPECT_EQ(none, nullptr);
    marks_set(none, 0, "w", "a", 1);
    marks_take_away(none, 0);
    marks_close(none);
    for (auto &m : all)
        marks_close(m);
    for (int i = 0; i < MARKS_REPLICAS; i++)
        EXPECT_LT(shm_open(name(i).c_str(), O_RDWR, 0), 0) << "it is left behind";
}

} // namespace

// Waits that end at a time of the monotonic clock.
#include "base/cond.h"

#include <gtest/gtest.h>
#include <thread>

namespace
{

struct Gate {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t opened;
    bool open = false;

    Gate()
    {
        cond_init(&opened);
    }

    ~Gate()
    {
        pthread_cond_destroy(&opened);
    }

    bool wait_until(int64_t mono_us)
    {
        pthread_mutex_lock(&lock);
        while (!open && cond_wait_until(&opened, &lock, mono_us))
            ;
        bool was_open = open;
        pthread_mutex_unlock(&lock);
        return was_open;
    }
};

TEST(Cond, EndsAtTheTimeGiven)
{
    Gate gate;
    int64_t start = clock_mono_us();
    EXPECT_FALSE(gate.wait_until(start - US_PER_DAY));
    EXPECT_FALSE(gate.wait_until(INT64_MIN));
    EXPECT_FALSE(gate.wait_until(start + 20000));
    EXPECT_GE(clock_mono_us(), start + 20000);
}

TEST(Cond, WithoutAnEndWaitsForTheSignal)
{
    Gate gate;
    std::thread opener([&] {
        struct timespec t = { 0, 20000000 };
        nanosleep(&t, nullptr);
        pthread_mutex_lock(&gate.lock);
        gate.open = true;
        pthread_cond_signal(&gate.opened);
        pthread_mutex_unlock(&gate.lock);
    });
    EXPECT_TRUE(gate.wait_until(INT64_MAX));
    opener.join();
}

} // namespace

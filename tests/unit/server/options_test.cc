// What GetConfig and the log show of an option that holds a password.
#include "server/options.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace
{

// The value of DATABASE_URL as it is shown.
std::string shown(const std::string &url)
{
    arena a;
    options o = {};
    const option_view *views = nullptr;
    std::string found;
    std::unique_ptr<char[]> text(new char[url.size() + 1]); // so that a sanitizer sees a look behind its end
    memcpy(text.get(), url.c_str(), url.size() + 1);
    arena_init(&a, 1 << 20);
    EXPECT_TRUE(is_ok(options_read(&a, 0, nullptr, &o)));
    o.database_url = text.get();
    size_t n = options_view(&o, &a, &views);
    for (size_t i = 0; i < n; i++)
        if (std::string(views[i].name) == "DATABASE_URL")
            found = views[i].value;
    arena_done(&a);
    return found;
}

TEST(Options, APasswordInAUrlIsNotShown)
{
    EXPECT_EQ(shown("postgresql://ann:secret@db:5432/x"), "postgresql://ann:***@db:5432/x");
    EXPECT_EQ(shown("postgresql://ann:se@cret@db/x"), "postgresql://ann:***@db/x");
    EXPECT_EQ(shown("redis://:secret@db"), "redis://:***@db");
    EXPECT_EQ(shown("postgresql://db/x?user=ann&password=secret"), "***");
    EXPECT_EQ(shown("postgresql://ann@db:5432/x"), "postgresql://ann@db:5432/x");
    EXPECT_EQ(shown("sqlite:///x.db"), "sqlite:///x.db");
    EXPECT_EQ(shown("ann@db://x"), "ann@db://x");
}

} // namespace

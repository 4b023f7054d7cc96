// The table of country codes.
#include "base/country.h"

#include <gtest/gtest.h>

namespace
{

TEST(Country, KnowsTheAssignedCodes)
{
    int n = 0;
    for (char a = 'A'; a <= 'Z'; a++)
        for (char b = 'A'; b <= 'Z'; b++) {
            const char code[] = { a, b };
            n += country_known(str_make(code, 2));
        }
    EXPECT_EQ(n, 249);
    for (const char *code : { "AD", "AT", "GB", "US", "SS", "BQ", "ZW" })
        EXPECT_TRUE(country_known(str_of(code))) << code;
}

TEST(Country, NothingElseIsACode)
{
    for (const char *text : { "", "A", "UK", "XK", "EU", "ZZ", "at", "aT", "AUT", "Austria", "A ", "@A" })
        EXPECT_FALSE(country_known(str_of(text))) << text;
    EXPECT_FALSE(country_known(str_make("A\0", 2)));
}

} // namespace

// Looking up values in JSON text.
#include "base/json.h"

#include <gtest/gtest.h>
#include <string>

namespace
{

std::string find(const std::string &json, const char *path)
{
    struct str found;
    if (!json_find(str_make(json.data(), json.size()), path, &found))
        return "(none)";
    return std::string(found.p, found.n);
}

TEST(Json, FindsMembersAndElements)
{
    const std::string json = R"( { "a" : 1.5 , "b":{"c":[10, {"d":"x,]}\"y"} , [1,2]]}, "e":null, "f":[] } )";
    EXPECT_EQ(find(json, "a"), "1.5");
    EXPECT_EQ(find(json, "b.c.0"), "10");
    EXPECT_EQ(find(json, "b.c.1.d"), R"("x,]}\"y")");
    EXPECT_EQ(find(json, "b.c.2.1"), "2");
    EXPECT_EQ(find(json, "b.c.2"), "[1,2]");
    EXPECT_EQ(find(json, "e"), "null");
    EXPECT_EQ(find(json, "f"), "[]");
    EXPECT_EQ(find("7", ""), "7");
}

TEST(Json, FindsNothingWhereThereIsNothing)
{
    const std::string json = R"({"a":1,"b":[1],"f":[]})";
    for (const char *path : { "c", "a.b", "b.1", "b.-1", "b.x", "f.0", "aa" })
        EXPECT_EQ(find(json, path), "(none)") << path;
    for (const char *broken :
         { "", "{", "{\"a\"", "{\"a\":", "{\"a\":[", "{\"b\":1,", "{a:1}", "[", "{\"b\":\"\\" })
        EXPECT_EQ(find(broken, "a"), "(none)") << broken;
    EXPECT_EQ(find("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}", "a"), "(none)");
}

TEST(Json, ReadsNumbersOnly)
{
    const std::string json = R"({"a":-2.5e3,"b":"1","c":true})";
    struct str s = str_make(json.data(), json.size());
    double d = 0;
    EXPECT_TRUE(json_number(s, "a", &d));
    EXPECT_EQ(d, -2500);
    EXPECT_FALSE(json_number(s, "b", &d));
    EXPECT_FALSE(json_number(s, "c", &d));
}

} // namespace

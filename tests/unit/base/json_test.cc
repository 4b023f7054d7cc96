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

std::string text(const std::string &json, const char *path)
{
    struct buf b;
    buf_init(&b, 64);
    buf_puts(&b, ">");
    bool found = json_text(str_make(json.data(), json.size()), path, &b);
    std::string all = std::string(b.p, b.n) + (found ? "" : "(none)");
    buf_done(&b);
    return all;
}

TEST(Json, ReadsTheCharactersOfAString)
{
    EXPECT_EQ(text(R"({"a":"x"})", "a"), ">x");
    EXPECT_EQ(text(R"({"a":""})", "a"), ">");
    EXPECT_EQ(text(R"("\"\\\/\b\f\n\r\t")", ""), ">\"\\/\b\f\n\r\t");
    EXPECT_EQ(text(R"("\u0041\u00e9\u20AC\ud83d\ude00\uFFFD")", ""), ">A\u00e9\u20ac\U0001f600\ufffd");
    EXPECT_EQ(text("\"gr\u00fc\u00df\"", ""), ">gr\u00fc\u00df");
    for (const char *bad :
         { R"({"a":7})", R"({"a":null})", R"({"b":"x"})", R"({"a":"\x"})", R"({"a":"\u12g4"})",
           R"({"a":"x\u0000"})", R"({"a":"x\ud800"})", R"({"a":"\udc00"})", R"({"a":"\ud800\u0041"})",
           R"({"a":"x)", R"({"a":"x\")", "{\"a\":\"x\ny\"}", "{\"a\":\"x\xc0\x80\"}" })
        EXPECT_EQ(text(bad, "a"), ">(none)") << bad;
    EXPECT_EQ(text("\"" + std::string(64, 'x') + "\"", ""), ">(none)");
}

} // namespace

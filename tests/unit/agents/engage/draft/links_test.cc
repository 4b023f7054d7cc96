// Where a draft may lead: nowhere that its brief does not.
#include "agents/engage/draft/links.h"

#include <gtest/gtest.h>
#include <string>

namespace
{

using std::string;

string foreign(const string &text, const string &brief)
{
    struct str found = str_make("", 0);
    bool known =
        links_known(str_make(text.data(), text.size()), str_make(brief.data(), brief.size()), &found);
    return known ? "" : string(found.p, found.n);
}

TEST(Links, WhatReadsAsALink)
{
    for (const char *link :
         { "https://a.example", "//a.example/x", "HTTP://A", "a.example", "www.a.example", "a.at",
           "ann@a.example", "mailto:ann", "tel:123", "javascript:alert", "/login", "x&#58;y",
           "javascript&colon;alert", "https://{{company}}", "{{company}}.example.com", "bücher.example" })
        EXPECT_TRUE(is_link(str_of(link))) << link;
    for (const char *word : { "Hello", "e.g", "10:30", "3.14", "and/or", "{{sender.name}}",
                              "{{attributes.plan}}", "well-known", "...", "v1.2", "a.b", "&", "Tom&" })
        EXPECT_FALSE(is_link(str_of(word))) << word;
}

TEST(Links, TheBriefsOwnMayBeUsed)
{
    const string brief =
        "Start: https://example.com/start?plan={{attributes.plan}}.\nMore: {{unsubscribe_url}}";
    EXPECT_EQ(foreign("Go to https://example.com/start?plan={{attributes.plan}}, now!", brief), "");
    EXPECT_EQ(foreign("(https://example.com/start?plan={{attributes.plan}}) {{unsubscribe_url}}", brief), "");
    EXPECT_EQ(foreign("Go to https://example.com/start", brief), "https://example.com/start");
    EXPECT_EQ(foreign("Go to https://example.com/start?plan={{company}}", brief),
              "https://example.com/start?plan={{company}}");
    EXPECT_EQ(foreign("Ask evil.example.", brief), "evil.example");
    EXPECT_EQ(foreign("Ask{{company}}evil.example", brief), "Ask{{company}}evil.example");
}

TEST(Links, TagsWithAttributesAreTheBriefs)
{
    const string brief =
        "<p>Hi <a href=\"{{unsubscribe_url}}\">No more</a> <img alt=x src=\"https://example.com/a.png\"></p>";
    EXPECT_EQ(foreign("<h1>New</h1><a href=\"{{unsubscribe_url}}\">Stop</a>", brief), "");
    EXPECT_EQ(foreign("<a href=\"\">x</a>", brief), "<a href=\"\">");
    EXPECT_EQ(foreign("<a href=\"{{unsubscribe_url}}\" ping=\"x\">x</a>", brief),
              "<a href=\"{{unsubscribe_url}}\" ping=\"x\">");
    EXPECT_EQ(foreign("<a\nhref=evil>x</a>", brief), "<a\nhref=evil>");
    EXPECT_EQ(foreign("<a href=evil", brief), "<a href=evil");
    EXPECT_EQ(foreign("1 < 2 and 3 > 2", brief), "");
}

} // namespace

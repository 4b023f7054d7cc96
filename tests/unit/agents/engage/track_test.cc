// Links of our own in the words of a message.
#include "agents/engage/delivery/track.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace
{

// What the tracker was asked about; each link becomes "T1", "T2" ..., but those that hold "ours" stay.
struct Links {
    std::vector<std::string> seen, names;

    static const char *replace(void *arg, str url)
    {
        auto *links = static_cast<Links *>(arg);
        std::string text(url.p, url.n);
        if (text.find("ours") != std::string::npos)
            return nullptr;
        links->seen.push_back(text);
        links->names.reserve(TRACK_LINKS_MAX);
        links->names.push_back("T" + std::to_string(links->seen.size()));
        return links->names.back().c_str();
    }
};

std::string text(const std::string &in, Links &links)
{
    const tracker t = { Links::replace, &links };
    buf b;
    buf_init(&b, 1 << 20);
    track_text(&b, str_make(in.data(), in.size()), &t);
    std::string out(buf_str(&b).p, b.n);
    buf_done(&b);
    return out;
}
std::string text(const std::string &in)
{
    Links links;
    return text(in, links);
}

std::string html(const std::string &in, Links &links)
{
    const tracker t = { Links::replace, &links };
    buf b;
    buf_init(&b, 1 << 20);
    track_html(&b, str_make(in.data(), in.size()), &t);
    std::string out(buf_str(&b).p, b.n);
    buf_done(&b);
    return out;
}
std::string html(const std::string &in)
{
    Links links;
    return html(in, links);
}

std::string picture(const std::string &in)
{
    buf b;
    buf_init(&b, 1 << 20);
    track_picture(&b, str_make(in.data(), in.size()), "P");
    std::string out(buf_str(&b).p, b.n);
    buf_done(&b);
    return out;
}

using Urls = std::vector<std::string>;

} // namespace

TEST(Track, LinksInTextAreReplaced)
{
    Links links;
    EXPECT_EQ(
        text("See https://a.example/x?y=1&z=2, (http://b.example/) and HTTPS://c.example!\nhttps://d.example",
             links),
        "See T1, (T2) and T3!\nT4");
    EXPECT_EQ(links.seen, (Urls{ "https://a.example/x?y=1&z=2", "http://b.example/", "HTTPS://c.example",
                                 "https://d.example" }));
}

TEST(Track, WhatIsNoLinkStays)
{
    for (const char *same : { "", "no links", "mailto:a@b.example", "xhttps://a.example", "ftp://a.example",
                              "https:/a", "https://ours.example/u/1", "www.a.example" })
        EXPECT_EQ(text(same), same);
    EXPECT_EQ(text("<https://a.example/>"), "<T1>");
    EXPECT_EQ(text("https://a.example/\xc3\xbc"), "T1\xc3\xbc");
}

TEST(Track, TargetsOfLinksInAPageAreReplaced)
{
    Links links;
    EXPECT_EQ(html("<p><A class='b' HREF = \"https://a.example/?x=1&amp;y=2\">https://a.example</A>"
                   "<a href='http://b.example/a&#43;b'>b</a><area href=\"https://c.example/?a=1&b=2\"></p>",
                   links),
              "<p><A class='b' HREF = \"T1\">https://a.example</A><a href='T2'>b</a><area href=\"T3\"></p>");
    EXPECT_EQ(links.seen,
              (Urls{ "https://a.example/?x=1&y=2", "http://b.example/a+b", "https://c.example/?a=1&b=2" }));
}

TEST(Track, OtherPartsOfAPageStay)
{
    for (const char *same : {
             "<img src=\"https://a.example/p.png\">",
             "<link href=\"https://a.example/s.css\">",
             "<!-- <a href=\"https://a.example\"> -->",
             "<style>a[href=\"https://a.example\"] { color: red }</style>",
             "<title><a href=\"https://a.example\"></title>",
             "<a title=\"https://a.example\" href=\"mailto:x@a.example\">x</a>",
             "<a href=\"https://ours.example/u/1\">x</a>",
             "<a href=\"https://a.example/&eacute;\">x</a>",
             "<a href=\"https://a.example/&copy\">x</a>",
             "<a href=\"#top\">x</a>",
             "<a data-href=\"https://a.example\">x</a>",
             "<abbr href=\"https://a.example\">x</abbr>",
             "<a href=\"https://a.example/a b\">x</a>",
             "<a href=\"https://a.example",
         })
        EXPECT_EQ(html(same), same);
}

TEST(Track, APageThatNoTemplateMakesStaysFromThereOn)
{
    EXPECT_EQ(html("<a href=\"https://a.example\">x</a><script><a href=\"https://b.example\">"),
              "<a href=\"T1\">x</a><script><a href=\"https://b.example\">");
}

TEST(Track, LongAndManyLinksStay)
{
    std::string longest = "https://a.example/" + std::string(TRACK_URL_MAX - 18, 'x');
    EXPECT_EQ(text(longest), "T1");
    EXPECT_EQ(text(longest + "x"), longest + "x");
    std::string many;
    for (int i = 0; i < TRACK_LINKS_MAX + 1; i++)
        many += "https://a.example/ ";
    std::string out = text(many);
    EXPECT_EQ(out.substr(out.size() - 24), "T200 https://a.example/ ");
}

TEST(Track, ThePictureStandsAtTheEndOfTheBody)
{
    const std::string p = "<img src=\"P\" width=\"1\" height=\"1\" alt=\"\">";
    EXPECT_EQ(picture("<p>x</p>"), "<p>x</p>" + p);
    EXPECT_EQ(picture("<html><BODY><p>x</p></BODY></html>"), "<html><BODY><p>x</p>" + p + "</BODY></html>");
}

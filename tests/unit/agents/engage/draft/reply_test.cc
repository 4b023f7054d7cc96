// What an endpoint streams, in pieces of any size, whole and broken.
#include "agents/engage/draft/reply.h"

#include <gtest/gtest.h>
#include <string>

namespace
{

using std::string;

struct Read {
    reply_state state;
    string text;
};

// Taken in pieces of so many bytes.
Read read(const string &stream, size_t piece)
{
    reply r;
    reply_init(&r);
    for (size_t at = 0; at < stream.size(); at += piece) {
        // in memory of its own, so that a sanitizer sees a look beyond it
        string part = stream.substr(at, piece);
        if (!reply_take(&r, str_make(part.data(), part.size())))
            break;
    }
    Read all = { r.state, string(buf_str(&r.text).p, r.text.n) };
    reply_done(&r);
    return all;
}

string chunk(const string &content, const string &finish = "null")
{
    return R"(data: {"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":)" + content +
           R"(},"finish_reason":)" + finish + "}]}\n\n";
}

TEST(Reply, PiecesOfAnySizeAreTheSame)
{
    const string stream = ": hello\n\nevent: message\n" + chunk("null") + chunk(R"("{\"subject\":")") +
                          chunk(R"("\"Gr\u00fc\u00df Gott \ud83d\ude00\",")") +
                          chunk(R"("\"text\":\"a\\nb\"}")") + chunk("\"\"", "\"stop\"") + "data: [DONE]\n\n";
    for (size_t piece = 1; piece <= stream.size(); piece++) {
        Read r = read(stream, piece);
        EXPECT_EQ(r.state, REPLY_DONE) << piece;
        ASSERT_EQ(r.text, "{\"subject\":\"Grüß Gott 😀\",\"text\":\"a\\nb\"}") << piece;
    }
}

TEST(Reply, LinesMayEndAsHTTPsDo)
{
    EXPECT_EQ(read("data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata:[DONE]\r\n", 7).text,
              "a");
}

TEST(Reply, AnEndSaysWhy)
{
    EXPECT_EQ(read(chunk("\"a\"", "\"length\""), 5).state, REPLY_LONG);
    EXPECT_EQ(read(chunk("\"a\"", "\"content_filter\""), 5).state, REPLY_REFUSED);
    EXPECT_EQ(read("data: {\"choices\":[{\"delta\":{\"refusal\":\"No.\"}}]}\n", 5).state, REPLY_REFUSED);
    EXPECT_EQ(read("data: {\"choices\":[{\"delta\":{\"refusal\":null}}]}\n", 5).state, REPLY_OPEN);
    EXPECT_EQ(read("data: {\"choices\":[],\"usage\":{}}\n", 5).state, REPLY_OPEN);
    EXPECT_EQ(read(chunk("\"a\""), 5).state, REPLY_OPEN) << "it was cut";
}

TEST(Reply, WhatIsNoneEndsIt)
{
    for (const string bad :
         { "data: hello\n", "data: {}\n", "data: \n", "data: {\"error\":{\"message\":\"x\"}}\n",
           "data: [1]\n", "data: {\"choices\"\n" })
        EXPECT_EQ(read(bad, 3).state, REPLY_MALFORMED) << bad;
    for (const string text : { "7", "[\"a\"]", "{}", R"("\x")", R"("\u12")", R"("\ud83d")",
                               R"("\ude00\ud83d")", R"("\u0000")", "\"\xff\"", "\"a\tb\"" })
        EXPECT_EQ(read(chunk(text), 3).state, REPLY_MALFORMED) << text;
    EXPECT_EQ(read("data: " + string(REPLY_LINE_MAX, 'x'), 1000).state, REPLY_MALFORMED);
}

TEST(Reply, NothingGrowsWithoutEnd)
{
    const string much = chunk("\"" + string(60000, 'x') + "\"");
    string stream;
    for (int i = 0; i < 10; i++)
        stream += much;
    EXPECT_EQ(read(stream, 4096).state, REPLY_LONG);
    EXPECT_EQ(read(string(REPLY_BYTES_MAX + 1, '\n'), 65536).state, REPLY_LONG);
}

} // namespace

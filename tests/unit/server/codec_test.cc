#include "server/rpc/codec.h"

#include "tests/unit/server/test_service.h"
#include "tests/unit/server/testdata/test.pb-c.h"

#include <gtest/gtest.h>

#include <string>

namespace
{

using std::string;

// Wire format by hand: the tests say which bytes they mean.
string Varint(uint64_t v)
{
    string s;
    for (; v >= 0x80; v >>= 7)
        s += static_cast<char>(v | 0x80);
    return s + static_cast<char>(v);
}
string Number(unsigned field, uint64_t v)
{
    return Varint(field << 3) + Varint(v);
}
string Bytes(unsigned field, const string &v)
{
    return Varint(field << 3 | 2) + Varint(v.size()) + v;
}
string Entry(unsigned field, const string &key, const string &value)
{
    return Bytes(field, Bytes(1, key) + Bytes(2, value));
}

class Codec : public ::testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&start_, 8u << 20);
        arena_init(&arena_, 64u << 10);
        ASSERT_EQ(schema_load(test_descriptors(), &start_, &schema_).code, CODE_OK);
        book_ = { &start_, &schema_, nullptr };
        everything_ = shape_of(&book_, &test__v1__everything__descriptor);
        ASSERT_NE(everything_, nullptr);
    }
    void TearDown() override
    {
        arena_done(&arena_);
        arena_done(&start_);
    }
    status Decode(const string &bytes, const shape *s = nullptr)
    {
        arena_reset(&arena_);
        message_ = nullptr;
        status st =
            codec_decode(s ? s : everything_, str_make(bytes.data(), bytes.size()), &arena_, &message_);
        field_ = st.violations ? st.violations->field : "(none)";
        return st;
    }
    const Test__V1__Everything *Message() const
    {
        return reinterpret_cast<const Test__V1__Everything *>(message_);
    }
    void ExpectRefused(const string &bytes, reason want, const string &field)
    {
        status st = Decode(bytes);
        EXPECT_EQ(st.code, reason_code(want));
        EXPECT_STREQ(reason_name(static_cast<reason>(st.reason)), reason_name(want));
        EXPECT_EQ(field_, field);
    }

    arena start_, arena_;
    schema schema_;
    shape_book book_;
    const shape *everything_;
    ProtobufCMessage *message_;
    string field_;
};

TEST_F(Codec, DecodesEveryKindOfField)
{
    ASSERT_EQ(Decode(Bytes(1, "grüße") + Bytes(3, Bytes(1, "in") + Number(3, 5)) + Bytes(7, "chosen") +
                     Number(10, 1) + Bytes(12, Varint(1) + Varint(300)) + Number(12, 7) +
                     Bytes(11, Varint(0) + Varint(5)) + Number(17, 1))
                  .code,
              CODE_OK);
    EXPECT_STREQ(Message()->text, "grüße");
    EXPECT_STREQ(Message()->inner->text, "in");
    EXPECT_EQ(Message()->inner->color, TEST__V1__COLOR__COLOR_BLUE);
    EXPECT_STREQ(Message()->name, "chosen");
    ASSERT_EQ(Message()->n_numbers, 3u);
    EXPECT_EQ(Message()->numbers[1], 300);
    EXPECT_EQ(Message()->numbers[2], 7);
    EXPECT_EQ(Message()->n_colors, 2u);
    EXPECT_TRUE(Message()->flag);
}

TEST_F(Codec, EmptyMessageIsAllDefaults)
{
    ASSERT_EQ(Decode("").code, CODE_OK);
    EXPECT_STREQ(Message()->text, "");
    EXPECT_EQ(Message()->n_labels, 0u);
}

TEST_F(Codec, MapsComeSortedAndTheLastOfEqualKeysWins)
{
    ASSERT_EQ(Decode(Entry(5, "b", "1") + Entry(5, "a", "2") + Entry(5, "c", "3") + Entry(5, "a", "4")).code,
              CODE_OK);
    ASSERT_EQ(Message()->n_labels, 3u);
    EXPECT_STREQ(Message()->labels[0]->key, "a");
    EXPECT_STREQ(Message()->labels[0]->value, "4");
    EXPECT_STREQ(Message()->labels[1]->key, "b");
    EXPECT_STREQ(Message()->labels[2]->key, "c");
}

TEST_F(Codec, NumberKeysSortByValue)
{
    string bytes = Bytes(6, Number(1, 7) + Bytes(2, Bytes(1, "seven"))) +
                   Bytes(6, Number(1, static_cast<uint64_t>(-2)) + Bytes(2, Bytes(1, "minus"))) +
                   Bytes(18, Number(1, 1) + Number(2, 10)) + Bytes(18, Number(2, 20)) +
                   Bytes(19, Number(1, UINT64_MAX) + Bytes(2, "big")) +
                   Bytes(19, Number(1, 3) + Bytes(2, "small"));
    ASSERT_EQ(Decode(bytes).code, CODE_OK);
    EXPECT_EQ(Message()->by_number[0]->key, -2);
    EXPECT_EQ(Message()->by_number[1]->key, 7);
    EXPECT_FALSE(Message()->by_flag[0]->key);
    EXPECT_EQ(Message()->by_big[0]->key, 3u);
    EXPECT_EQ(Message()->by_big[1]->key, UINT64_MAX);
}

TEST_F(Codec, ManyEntriesInAnyOrderGiveOneForm)
{
    string forward, backward;
    for (int i = 0; i < 200; i++) {
        forward += Entry(5, "key" + std::to_string(i), "v");
        backward = Entry(5, "key" + std::to_string(i), "v") + backward;
    }
    arena_.budget = 1u << 20;
    auto packed = [this] {
        string out(protobuf_c_message_get_packed_size(message_), 0);
        protobuf_c_message_pack(message_, reinterpret_cast<uint8_t *>(&out[0]));
        return out;
    };
    ASSERT_EQ(Decode(forward).code, CODE_OK);
    string first = packed();
    ASSERT_EQ(Decode(backward).code, CODE_OK);
    EXPECT_EQ(packed(), first);
    EXPECT_EQ(Message()->n_labels, 200u);
}

TEST_F(Codec, NulInStringIsNamedByItsPath)
{
    ExpectRefused(Bytes(1, string("victim\0-x", 9)), REASON_EMBEDDED_NUL, "text");
    ExpectRefused(Bytes(3, Bytes(1, string("\0", 1))), REASON_EMBEDDED_NUL, "inner.text");
    ExpectRefused(Bytes(4, "") + Bytes(4, Bytes(2, "") + Bytes(2, Bytes(1, string("a\0", 2)))),
                  REASON_EMBEDDED_NUL, "inners[1].list[1].text");
    ExpectRefused(Bytes(13, "fine") + Bytes(13, string("\0", 1)), REASON_EMBEDDED_NUL, "texts[1]");
    ExpectRefused(Bytes(7, string("\0", 1)), REASON_EMBEDDED_NUL, "name");
    ExpectRefused(Entry(5, string("k\0", 2), "v"), REASON_EMBEDDED_NUL, "labels[0].key");
}

TEST_F(Codec, NulInBytesIsFine)
{
    ASSERT_EQ(Decode(Bytes(2, string("\0\xff", 2))).code, CODE_OK);
    EXPECT_EQ(Message()->data.len, 2u);
}

TEST_F(Codec, BadUtf8IsRefused)
{
    for (const char *bad : { "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "abc\xe2\x82", "\x80" })
        ExpectRefused(Bytes(3, Bytes(2, Bytes(1, bad))), REASON_INVALID_UTF8, "inner.list[0].text");
}

TEST_F(Codec, UnknownEnumNumbersAreRefused)
{
    ExpectRefused(Number(10, 2), REASON_FIELD_INVALID, "color");
    ExpectRefused(Bytes(3, Number(3, 99)), REASON_FIELD_INVALID, "inner.color");
    ExpectRefused(Bytes(11, Varint(1) + Varint(77)), REASON_FIELD_INVALID, "colors[0]");
    ExpectRefused(Number(11, 5) + Number(11, 6), REASON_FIELD_INVALID, "colors[1]");
}

TEST_F(Codec, MalformedBytesAreRefused)
{
    ExpectRefused("\xff", REASON_MALFORMED_MESSAGE, "");          // a key without end
    ExpectRefused(string(1, '\0'), REASON_MALFORMED_MESSAGE, ""); // field number 0
    ExpectRefused(Varint(1 << 3 | 2) + Varint(100) + "short", REASON_MALFORMED_MESSAGE, "text");
    ExpectRefused(Number(1, 5), REASON_MALFORMED_MESSAGE, "text");        // a number where a string belongs
    ExpectRefused(Varint(3 << 3 | 3), REASON_MALFORMED_MESSAGE, "inner"); // a group
    ExpectRefused(Varint(99 << 3 | 3), REASON_MALFORMED_MESSAGE, "");     // an unknown group
    ExpectRefused(Varint(14 << 3 | 1) + "1234567", REASON_MALFORMED_MESSAGE, "real");
    ExpectRefused(Varint(16 << 3) + string(10, '\xff'), REASON_MALFORMED_MESSAGE, "zigzag");
    ExpectRefused(Bytes(12, "\xff"), REASON_MALFORMED_MESSAGE, ""); // found by protobuf-c
    ExpectRefused(Bytes(3, Bytes(1, "x") + "\x0a"), REASON_MALFORMED_MESSAGE, "inner.text");
}

TEST_F(Codec, UnknownFieldsPass)
{
    ASSERT_EQ(Decode(Bytes(1000, string("\0\xff", 2)) + Number(1001, 5) + Bytes(1, "text")).code, CODE_OK);
    EXPECT_STREQ(Message()->text, "text");
}

TEST_F(Codec, BudgetBoundsTheMessage)
{
    string many; // two bytes on the wire, a struct in memory
    for (int i = 0; i < 100000; i++)
        many += Bytes(4, "");
    status st = Decode(many);
    EXPECT_STREQ(reason_name(static_cast<reason>(st.reason)), "REQUEST_TOO_LARGE");
    EXPECT_EQ(st.code, CODE_RESOURCE_EXHAUSTED);
    EXPECT_EQ(Decode(Bytes(1, "after")).code, CODE_OK) << "the arena serves the next request";
}

TEST_F(Codec, DepthIsBoundedBeforeTheStackIs)
{
    const shape *recursive = shape_of(&book_, &test__v1__recursive__descriptor);
    ASSERT_NE(recursive, nullptr);
    EXPECT_TRUE(recursive->recursive);
    EXPECT_FALSE(everything_->recursive);
    string nested = Bytes(2, "bottom");
    for (int i = 0; i < CODEC_MAX_DEPTH - 1; i++)
        nested = Bytes(1, nested);
    EXPECT_EQ(Decode(nested, recursive).code, CODE_OK);
    nested = Bytes(1, nested);
    status st = Decode(nested, recursive);
    EXPECT_STREQ(reason_name(static_cast<reason>(st.reason)), "NESTING_TOO_DEEP");
    for (int i = 0; i < 9000; i++)
        nested = Bytes(1, nested);
    EXPECT_EQ(Decode(nested, recursive).code, CODE_INVALID_ARGUMENT);
}

// Every prefix and every flipped bit of a full message: an answer, never a crash.
TEST_F(Codec, EveryMutationIsAnswered)
{
    string whole = Bytes(1, "text") + Bytes(3, Bytes(1, "in") + Bytes(2, Bytes(1, "x") + Bytes(2, "y"))) +
                   Entry(5, "k", "v") + Bytes(6, Number(1, 7) + Bytes(2, Bytes(1, "seven"))) +
                   Bytes(7, "name") + Number(10, 1) + Bytes(11, Varint(1)) + Bytes(12, Varint(3)) +
                   Varint(14 << 3 | 1) + "12345678" + Number(16, 4);
    ASSERT_EQ(Decode(whole).code, CODE_OK);
    for (size_t n = 0; n < whole.size(); n++) {
        status st = Decode(whole.substr(0, n));
        EXPECT_TRUE(st.code == CODE_OK || st.code == CODE_INVALID_ARGUMENT) << n;
        for (int bit = 0; bit < 8; bit++) {
            string other = whole;
            other[n] = static_cast<char>(other[n] ^ (1 << bit));
            st = Decode(other);
            EXPECT_TRUE(st.code == CODE_OK || st.code == CODE_INVALID_ARGUMENT ||
                        st.code == CODE_RESOURCE_EXHAUSTED)
                << n;
        }
    }
}

// Memory ends at every possible place.
TEST_F(Codec, EveryBudgetIsAnswered)
{
    string bytes =
        Entry(5, "b", "1") + Entry(5, "a", "2") + Bytes(3, Bytes(1, "in")) + Bytes(12, Varint(1) + Varint(2));
    bool fits = false;
    for (size_t budget = 0; budget < 8192 && !fits; budget += 16) {
        arena_.budget = budget;
        status st = Decode(bytes);
        fits = st.code == CODE_OK;
        EXPECT_TRUE(fits || st.code == CODE_RESOURCE_EXHAUSTED) << budget;
    }
    EXPECT_TRUE(fits);
}

TEST_F(Codec, SchemaKnowsWhatDescriptorsLeaveOut)
{
    const schema_symbol *chat = schema_find(&schema_, "test.v1.TestService.Chat");
    ASSERT_NE(chat, nullptr);
    EXPECT_TRUE(chat->client_streams && chat->server_streams);
    EXPECT_EQ(schema_find(&schema_, "test.v1.Everything.LabelsEntry")->kind, SYMBOL_MAP_ENTRY);
    EXPECT_EQ(schema_find(&schema_, "test.v1.Nothing"), nullptr);
    EXPECT_NE(schema_find_file(&schema_, "grpc/health/v1/health.proto"), nullptr);
}

TEST(Schema, DamagedSetsAreRefused)
{
    arena a;
    schema s;
    arena_init(&a, 8u << 20);
    EXPECT_NE(schema_load(STR("\x0a\xff\xff"), &a, &s).code, CODE_OK);
    arena_done(&a);
}

} // namespace

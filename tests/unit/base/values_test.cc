// Slices, times, ids, digests, base64, statuses.
#include "base/base64.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace
{

std::string text(str s)
{
    return std::string(s.p, s.n);
}

TEST(Str, ComparesBytes)
{
    EXPECT_EQ(str_cmp(STR("a"), STR("a")), 0);
    EXPECT_LT(str_cmp(STR("a"), STR("ab")), 0);
    EXPECT_GT(str_cmp(STR("b"), STR("ab")), 0);
    EXPECT_GT(str_cmp(STR("\xff"), STR("a")), 0);
    EXPECT_TRUE(str_eq(str_of(nullptr), STR("")));
    EXPECT_TRUE(str_starts(STR("leads/x"), STR("leads/")));
    EXPECT_FALSE(str_starts(STR("lead"), STR("leads/")));
    EXPECT_TRUE(str_starts_nocase(STR("HTTPS://x"), STR("https:")));
    EXPECT_FALSE(str_starts_nocase(STR("http"), STR("https:")));
    EXPECT_TRUE(str_eq_nocase(STR("Bearer"), STR("bEARER")));
    EXPECT_FALSE(str_eq_nocase(STR("bearer"), STR("bearers")));
    EXPECT_FALSE(str_eq_nocase(STR("@["), STR("`{"))); // 32 apart, but no letters
}

TEST(Str, TrimsAndSplits)
{
    EXPECT_EQ(text(str_trim(STR(" \t\r\n a b \v"))), "a b");
    EXPECT_EQ(text(str_trim(STR("  "))), "");
    str s = STR("a,,b");
    EXPECT_EQ(text(str_split(&s, ',')), "a");
    EXPECT_EQ(text(str_split(&s, ',')), "");
    EXPECT_EQ(text(str_split(&s, ',')), "b");
    EXPECT_EQ(s.n, 0u);
}

TEST(Str, ReadsWholeNumbersOnly)
{
    int64_t i = 7;
    EXPECT_TRUE(str_to_i64(STR("-9223372036854775808"), &i));
    EXPECT_EQ(i, INT64_MIN);
    EXPECT_TRUE(str_to_i64(STR("9223372036854775807"), &i));
    i = 7;
    for (const char *bad : { "", "x", "1x", " 1", "1 ", "9223372036854775808", "1.0", "0x10", "--1" })
        EXPECT_FALSE(str_to_i64(str_of(bad), &i)) << bad;
    EXPECT_EQ(i, 7);
    double d = 7;
    EXPECT_TRUE(str_to_f64(STR("-1.5e3"), &d));
    EXPECT_EQ(d, -1500);
    d = 7;
    for (const char *bad : { "", "x", "1x", " 1", "1 ", "nan", "inf", "1e999", "1,5" })
        EXPECT_FALSE(str_to_f64(str_of(bad), &d)) << bad;
    EXPECT_EQ(d, 7);
    EXPECT_TRUE(str_to_f64(str_make("12345", 2), &d)); // a slice has no end mark
    EXPECT_EQ(d, 12);
}

TEST(Str, KnowsUtf8)
{
    for (const char *good : { "", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf" })
        EXPECT_TRUE(str_is_utf8(str_of(good)));
    for (const char *bad : { "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                             "\xff", "a\xe2\x82" })
        EXPECT_FALSE(str_is_utf8(str_of(bad)));
}

TEST(Clock, WritesAndReadsRfc3339)
{
    char out[CLOCK_TEXT];
    int64_t us = 0;
    clock_format(INT64_C(1767225600000123), out);
    EXPECT_STREQ(out, "2026-01-01T00:00:00.000123Z");
    clock_format(-1, out);
    EXPECT_STREQ(out, "1969-12-31T23:59:59.999999Z");
    const struct {
        const char *text;
        int64_t us;
    } good[] = {
        { "1970-01-01", 0 },
        { "2026-01-01T00:00:00.000123Z", INT64_C(1767225600000123) },
        { "2026-01-01t01:00:00+01:00", INT64_C(1767225600000000) },
        { "2025-12-31 19:00:00.5-05:00", INT64_C(1767225600500000) },
        { "2024-02-29", INT64_C(1709164800000000) },
        { "1969-12-31T23:59:59Z", -1000000 },
    };
    for (const auto &g : good) {
        EXPECT_TRUE(clock_parse(str_of(g.text), &us)) << g.text;
        EXPECT_EQ(us, g.us) << g.text;
    }
    for (const char *bad : { "", "2026", "2026-13-01", "2025-02-29", "2026-01-01T24:00:00Z",
                             "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-01-01T00:00:00.Z",
                             "2026-01-01T00:00:00+25:00", "2026-01-01x", "0000-01-01" })
        EXPECT_FALSE(clock_parse(str_of(bad), &us)) << bad;
}

TEST(Clock, GoesOn)
{
    int64_t a = clock_mono_us();
    EXPECT_GE(clock_mono_us(), a);
    EXPECT_GT(clock_wall_us(), INT64_C(1500000000) * US_PER_SECOND);
}

TEST(Ids, AreNewValidAndInOrderOfTime)
{
    std::set<std::string> seen;
    char id[ID_TEXT], later[ID_TEXT];
    for (int i = 0; i < 10000; i++) {
        id_new(id);
        EXPECT_TRUE(id_valid(str_of(id)));
        EXPECT_TRUE(seen.insert(id).second);
    }
    id_new(id);
    for (int64_t until = clock_wall_us() + 3000; clock_wall_us() < until;)
        ;
    id_new(later);
    EXPECT_LT(std::string(id), std::string(later));
}

TEST(Ids, DerivedOnesComeOutTheSame)
{
    char a[ID_TEXT], b[ID_TEXT];
    id_derive(STR("w"), STR("seed"), a);
    id_derive(STR("w"), STR("seed"), b);
    EXPECT_STREQ(a, b);
    EXPECT_TRUE(id_valid(str_of(a)));
    id_derive(STR("v"), STR("seed"), b);
    EXPECT_STRNE(a, b);
    id_derive(STR("w"), STR("seeds"), b);
    EXPECT_STRNE(a, b);
}

TEST(Ids, AreChecked)
{
    for (const char *good : { "a", "0", "a-b", "a0" })
        EXPECT_TRUE(id_valid(str_of(good))) << good;
    EXPECT_TRUE(id_valid(str_of(std::string(63, 'a').c_str())));
    EXPECT_FALSE(id_valid(str_of(std::string(64, 'a').c_str())));
    for (const char *bad : { "", "-a", "a-", "A", "a_b", "a/b", "a.b", "\xc3\xa4" })
        EXPECT_FALSE(id_valid(str_of(bad))) << bad;
}

TEST(Digests, AreThoseOfTheStandards)
{
    unsigned char d[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256(STR("abc"), d); // FIPS 180-2
    hex_text(d, sizeof d, hex);
    EXPECT_STREQ(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    unsigned char back[SHA256_BYTES];
    ASSERT_TRUE(hex_bytes(str_of(hex), back, sizeof back));
    EXPECT_EQ(memcmp(back, d, sizeof d), 0);
    EXPECT_FALSE(hex_bytes(str_make(hex, sizeof hex - 2), back, sizeof back));
    for (char other : { 'g', 'A', '/', ':', '`', ' ' }) {
        hex[63] = other;
        EXPECT_FALSE(hex_bytes(str_of(hex), back, sizeof back)) << other;
    }
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), d); // RFC 4231, case 2
    hex_text(d, sizeof d, hex);
    EXPECT_STREQ(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    const std::string key(131, '\xaa'); // case 6
    hmac_sha256(str_of(key.c_str()), STR("Test Using Larger Than Block-Size Key - Hash Key First"), d);
    hex_text(d, sizeof d, hex);
    EXPECT_STREQ(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_sha256(STR(""), STR(""), d);
    hex_text(d, sizeof d, hex);
    EXPECT_STREQ(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Base64, IsThatOfRfc4648)
{
    arena a;
    arena_init(&a, 1 << 20);
    const struct {
        const char *bytes, *text;
    } vectors[] = { { "", "" },           { "f", "Zg" },          { "fo", "Zm8" },      { "foo", "Zm9v" },
                    { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "\xfb\xff", "-_8" } };
    for (const auto &v : vectors) {
        str back;
        EXPECT_STREQ(base64url_text(&a, str_of(v.bytes)), v.text);
        ASSERT_TRUE(base64url_bytes(&a, str_of(v.text), &back));
        EXPECT_EQ(text(back), v.bytes);
    }
    str back;
    for (const char *bad : { "A", "Zg==", "Zh", "Zm9", "Z g", "Zm9v+", "Zm9v/w", "AAAAA" })
        EXPECT_FALSE(base64url_bytes(&a, str_of(bad), &back)) << bad;
    EXPECT_FALSE(base64url_bytes(&a, str_make("A\0AA", 4), &back));
    arena_done(&a);
}

TEST(Status, CarriesReasonCodeAndViolations)
{
    arena a;
    arena_init(&a, 1 << 16);
    struct status s = fail_field(&a, REASON_FIELD_INVALID, "lead.email", "not %s", "good");
    EXPECT_EQ(s.code, CODE_INVALID_ARGUMENT);
    EXPECT_STREQ(s.message, "lead.email: not good");
    ASSERT_NE(s.violations, nullptr);
    EXPECT_STREQ(s.violations->field, "lead.email");
    EXPECT_STREQ(s.violations->description, "not good");
    EXPECT_EQ(fail(&a, REASON_OVERLOADED, "full").retry_after_ms, 100u);
    EXPECT_EQ(fail_memory().code, CODE_RESOURCE_EXHAUSTED);
    EXPECT_TRUE(is_ok(ok()));
    arena tiny;
    arena_init(&tiny, 0);
    EXPECT_STREQ(fail(&tiny, REASON_LEAD_NOT_FOUND, "%s", "x").message,
                 reason_meaning(REASON_LEAD_NOT_FOUND));
    arena_done(&tiny);
    arena_done(&a);
}

} // namespace

// Access tokens: a corpus of forged, altered, expired and confused ones, all refused. Those marked by sign()
// bear a true signature of one of our keys, so that what refuses them is not the signature.
#include "base/base64.h"
#include "base/clock.h"
#include "server/iam/token.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace
{

using std::string;
using Bytes = std::vector<unsigned char>;

const int64_t kNow = 1800000000;
const char kHeader[] = R"({"alg":"EdDSA","typ":"at+jwt","kid":"key1"})";
const char kPayload[] =
    R"({"iss":"marketing","aud":"marketing.v1","sub":"users/ann","ws":"default","sid":"s1","jti":"j1",)"
    R"("iat":1800000000,"nbf":1800000000,"exp":1800000900})";

string Base64(const string &bytes)
{
    arena a;
    arena_init(&a, 1 << 20);
    string text = base64url_text(&a, str_make(bytes.data(), bytes.size()));
    arena_done(&a);
    return text;
}

Bytes Half(unsigned char fill)
{
    return Bytes(SIGN_KEY_BYTES, fill);
}

EVP_PKEY *Pair(const Bytes &half)
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, half.data(), half.size());
}

string PublicHalf(const Bytes &half)
{
    unsigned char out[SIGN_KEY_BYTES];
    size_t n = sizeof out;
    EVP_PKEY *pair = Pair(half);
    EVP_PKEY_get_raw_public_key(pair, out, &n);
    EVP_PKEY_free(pair);
    return string(reinterpret_cast<char *>(out), n);
}

string Signature(const string &text, const Bytes &half)
{
    unsigned char out[SIGNATURE_BYTES];
    size_t n = sizeof out;
    EVP_PKEY *pair = Pair(half);
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    EVP_DigestSignInit(x, nullptr, nullptr, nullptr, pair);
    EVP_DigestSign(x, out, &n, reinterpret_cast<const unsigned char *>(text.data()), text.size());
    EVP_MD_CTX_free(x);
    EVP_PKEY_free(pair);
    return string(reinterpret_cast<char *>(out), n);
}

string Join(const string &header, const string &payload, const string &signature)
{
    return Base64(header) + "." + Base64(payload) + "." + Base64(signature);
}

string Sign(const string &header, const string &payload, const Bytes &half = Half(1))
{
    return Join(header, payload, Signature(Base64(header) + "." + Base64(payload), half));
}

string Hmac(const string &header, const string &payload, const string &key)
{
    unsigned char out[32];
    unsigned n = sizeof out;
    string text = Base64(header) + "." + Base64(payload);
    HMAC(EVP_sha256(), key.data(), int(key.size()), reinterpret_cast<const unsigned char *>(text.data()),
         text.size(), out, &n);
    return text + "." + Base64(string(reinterpret_cast<char *>(out), n));
}

string Replace(string text, const string &from, const string &to)
{
    size_t at = text.find(from);
    EXPECT_NE(at, string::npos) << from;
    return text.replace(at, from.size(), to);
}

string Header(const string &from, const string &to)
{
    return Sign(Replace(kHeader, from, to), kPayload);
}

string Claim(const string &from, const string &to)
{
    return Sign(kHeader, Replace(kPayload, from, to));
}

class Token : public ::testing::Test
{
  protected:
    Token()
    {
        arena_init(&arena_, 1 << 22);
        EXPECT_EQ(keys_open(STR(""), &keys_).code, CODE_OK);
        Add("old", 3, kNow - 1); // expired
        Add("key2", 2, kNow + 100000);
        Add("key1", 1, kNow + 100000);
    }
    ~Token() override
    {
        keys_close(keys_);
        arena_done(&arena_);
    }
    void Add(const char *id, unsigned char fill, int64_t expires)
    {
        EXPECT_EQ(keys_add(keys_, id, Half(fill).data(), 0, expires * US_PER_SECOND).code, CODE_OK);
    }
    bool Taken(const string &token, int64_t now = kNow)
    {
        return token_read(keys_, str_make(token.data(), token.size()), now * US_PER_SECOND, &arena_,
                          &claims_);
    }

    struct arena arena_;
    struct keys *keys_ = nullptr;
    struct claims claims_ = {};
};

using Corpus = std::vector<std::pair<string, string>>;

void Algorithms(Corpus *c)
{
    for (const char *alg : { "none",  "None",   "NONE",  "nOnE",  "",       "HS256",   "HS384", "HS512",
                             "RS256", "RS384",  "RS512", "PS256", "PS384",  "PS512",   "ES256", "ES384",
                             "ES512", "ES256K", "eddsa", "EDDSA", "EdDSA ", "Ed25519", "Ed448" }) {
        string header = Replace(kHeader, "EdDSA", alg);
        c->push_back({ string("truly signed, alg ") + alg, Sign(header, kPayload) });
        c->push_back({ string("no signature, alg ") + alg, Join(header, kPayload, "") });
    }
    string key = PublicHalf(Half(1)), hs = Replace(kHeader, "EdDSA", "HS256");
    c->push_back({ "HS256 with the public key", Hmac(hs, kPayload, key) });
    c->push_back({ "HS256 with the public key's text", Hmac(hs, kPayload, Base64(key)) });
    c->push_back({ "HS256 with an empty key", Hmac(hs, kPayload, "") });
    c->push_back({ "HMAC under the true header", Hmac(kHeader, kPayload, key) });
}

void Types(Corpus *c)
{
    for (const char *typ : { "JWT", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "refresh", "" })
        c->push_back({ string("typ ") + typ, Header("at+jwt", typ) });
    c->push_back({ "no typ", Header(R"("typ":"at+jwt",)", "") });
    c->push_back({ "typ null", Header(R"("at+jwt")", "null") });
    c->push_back({ "typ number", Header(R"("at+jwt")", "1") });
}

void KeyIds(Corpus *c)
{
    for (const char *kid : { "", "key2", "old", "key3", "KEY1", "key1 ", "../key1", "/dev/null",
                             "key1' OR '1'='1", "key1\\u0000", "http://evil.example/key", "0" })
        c->push_back({ string("kid ") + kid, Header("key1", kid) });
    c->push_back({ "no kid", Header(R"(,"kid":"key1")", "") });
    c->push_back({ "kid list", Header(R"("key1")", R"(["key1"])") });
    c->push_back({ "kid number", Header(R"("key1")", "1") });
    c->push_back({ "kid long", Header("key1", string(2000, 'k')) });
    c->push_back({ "other key's signature", Sign(kHeader, kPayload, Half(2)) });
    c->push_back({ "expired key", Sign(Replace(kHeader, "key1", "old"), kPayload, Half(3)) });
    c->push_back({ "unknown key", Sign(Replace(kHeader, "key1", "evil"), kPayload, Half(9)) });
}

void Headers(Corpus *c)
{
    string mine = Base64(PublicHalf(Half(9)));
    string jwk = R"("jwk":{"kty":"OKP","crv":"Ed25519","x":")" + mine + R"("})";
    c->push_back({ "embedded key", Sign(Replace(kHeader, "}", "," + jwk + "}"), kPayload, Half(9)) });
    for (const char *more :
         { R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example/cert")",
           R"("x5c":["AAAA"])", R"("crit":["exp"])", R"("b64":false)", R"("cty":"JWT")", R"("zip":"DEF")",
           R"("alg":"EdDSA")", R"("alg":"none")", R"("kid":"key2")", R"("x":1)" })
        c->push_back({ string("header with ") + more, Header("}", string(",") + more + "}") });
    c->push_back({ "header with a space", Header(",", ", ") });
    c->push_back(
        { "header in another order", Sign(R"({"typ":"at+jwt","alg":"EdDSA","kid":"key1"})", kPayload) });
    c->push_back({ "header with an escape", Header("EdDSA", "\\u0045dDSA") });
    c->push_back({ "header a list", Sign("[]", kPayload) });
    c->push_back({ "header empty", Sign("", kPayload) });
    c->push_back({ "header no JSON", Sign("EdDSA", kPayload) });
    c->push_back({ "header with a byte order mark", Sign(string("\xef\xbb\xbf") + kHeader, kPayload) });
}

void Claims(Corpus *c)
{
    const std::pair<const char *, const char *> changes[] = {
        { R"("marketing",)", R"("Marketing",)" },
        { R"("marketing",)", R"("evil",)" },
        { R"("iss":"marketing",)", "" },
        { R"("marketing",)", R"(["marketing"],)" },
        { R"("marketing.v1")", R"("other")" },
        { R"("aud":"marketing.v1",)", "" },
        { R"("marketing.v1")", R"(["marketing.v1","other"])" },
        { R"("sub":"users/ann",)", "" },
        { R"("ws":"default",)", "" },
        { R"("sid":"s1",)", "" },
        { R"("jti":"j1",)", "" },
        { R"("users/ann")", "null" },
        { R"("default")", R"(["default"])" },
        { R"("exp":1800000900)", R"("exp":1800000000)" },
        { R"("exp":1800000900)", R"("exp":1799999999)" },
        { R"("exp":1800000900)", R"("exp":1800000901)" },
        { R"("exp":1800000900)", R"("exp":9999999999999999)" },
        { R"("exp":1800000900)", R"("exp":-1)" },
        { R"("exp":1800000900)", R"("exp":"1800000900")" },
        { R"("exp":1800000900)", R"("exp":1800000900.0)" },
        { R"("exp":1800000900)", R"("exp":1.8000009e9)" },
        { R"(,"exp":1800000900)", "" },
        { R"("exp":1800000900)", R"("exp":null)" },
        { R"("nbf":1800000000)", R"("nbf":1800000500)" },
        { R"("nbf":1800000000,)", "" },
        { R"("nbf":1800000000)", R"("nbf":0)" },
        { R"("iat":1800000000)", R"("iat":0)" },
        { R"("iat":1800000000,)", "" },
        { "}", R"(,"admin":true})" },
        { "}", R"(,"ws":"other"})" },
        { "}", R"(,"exp":9999999999})" },
        { R"({"iss")", R"({"ws":"other","iss")" },
        { ",", ", " },
        { "default", "d\\u0065fault" },
        { "}", "} " },
        { "}", "}}" },
        { "{", "[{" },
        { "default", "de\"fault" },
    };
    for (const auto &change : changes)
        c->push_back({ string("truly signed, ") + change.first + " -> " + change.second,
                       Claim(change.first, change.second) });
    string future =
        Replace(Replace(Replace(kPayload, "1800000000", "1800000100"), "1800000000", "1800000100"),
                "1800000900", "1800001000");
    c->push_back({ "truly signed, issued in the future", Sign(kHeader, future) });
    c->push_back({ "truly signed, NUL", Sign(kHeader, string(kPayload) + string(1, '\0')) });
    for (const char *payload : { "", "{}", "[]", "null", "\"x\"", "1" })
        c->push_back({ string("truly signed payload ") + payload, Sign(kHeader, payload) });
}

void Shapes(Corpus *c)
{
    string good = Sign(kHeader, kPayload);
    size_t first = good.find('.'), second = good.rfind('.');
    string head = good.substr(0, first), body = good.substr(first + 1, second - first - 1),
           tail = good.substr(second + 1);
    for (const char *text : { "", ".", "..", "...", "Bearer", "null", "{}", "mk_", "mr_" })
        c->push_back({ string("text ") + text, text });
    for (const string &text : { head,
                                head + ".",
                                head + "." + body,
                                head + "." + body + ".",
                                "." + body + "." + tail,
                                head + ".." + tail,
                                good + ".",
                                "." + good,
                                good + "." + tail,
                                good + ".x.y",
                                " " + good,
                                good + " ",
                                good + "\n",
                                "Bearer " + good,
                                good + "=",
                                head + "=." + body + "." + tail,
                                head + "." + body + "=." + tail,
                                head + "." + body + "." + tail + "==",
                                good + good,
                                body + "." + head + "." + tail,
                                good + string(5000, 'A'),
                                string(4096, 'A'),
                                good + string(1, '\0') })
        c->push_back({ "shape " + text.substr(0, 40) + "...", text });
    string upper = good, standard = good;
    std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
    c->push_back({ "upper case", upper });
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
    if (standard != good)
        c->push_back({ "the other base64", standard });
    string stray = good; // the last character of 64 bytes carries 4 bits that must be 0
    stray.back() = stray.back() == 'A' ? 'B' : char(stray.back() + 1);
    c->push_back({ "stray bits", stray });
    for (size_t n = 1; n <= 8; n++)
        c->push_back({ "cut by " + std::to_string(n), good.substr(0, good.size() - n) });
    for (size_t at = 0; at < good.size(); at += good.size() / 40) {
        string bent = good;
        bent[at] = bent[at] == 'A' ? 'B' : 'A';
        c->push_back({ "altered at " + std::to_string(at), bent });
    }
}

// S + L is the same scalar: a verifier that takes it takes two signatures of one text.
string Malleable()
{
    static const unsigned char order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                             0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                             0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10 };
    string signature = Signature(Base64(kHeader) + "." + Base64(kPayload), Half(1));
    unsigned carry = 0;
    for (int i = 0; i < 32; i++) {
        carry += (unsigned char)signature[32 + i] + order[i];
        signature[32 + i] = char(carry);
        carry >>= 8;
    }
    return signature;
}

void Signatures(Corpus *c)
{
    string other = Signature(Base64(kHeader) + "." + Base64("{}"), Half(1));
    c->push_back({ "signature of another text", Join(kHeader, kPayload, other) });
    c->push_back({ "signature of zeros", Join(kHeader, kPayload, string(64, '\0')) });
    c->push_back({ "signature of ones", Join(kHeader, kPayload, string(64, '\xff')) });
    c->push_back({ "signature with S + L", Join(kHeader, kPayload, Malleable()) });
    c->push_back({ "signature of the identity", Join(kHeader, kPayload, string("\x01") + string(63, '\0')) });
    string own = Signature(Base64(kHeader) + "." + Base64(kPayload), Half(1));
    c->push_back({ "signature of 63 bytes", Join(kHeader, kPayload, own.substr(0, 63)) });
    c->push_back({ "signature of 65 bytes", Join(kHeader, kPayload, own + "x") });
    c->push_back({ "signature twice", Join(kHeader, kPayload, own + own) });
    c->push_back({ "signature of the JSON",
                   Join(kHeader, kPayload, Signature(string(kHeader) + "." + kPayload, Half(1))) });
    c->push_back({ "payload of another token", Join(kHeader, Replace(kPayload, "default", "other"), own) });
}

TEST_F(Token, OursIsTaken)
{
    struct claims made = { "users/ann", "default", "s1", "j1", kNow, kNow + TOKEN_SECONDS };
    const char *text = nullptr;
    ASSERT_EQ(token_make(keys_, &made, &arena_, &text).code, CODE_OK);
    EXPECT_EQ(text, Sign(kHeader, kPayload));
    ASSERT_TRUE(Taken(text));
    EXPECT_STREQ(claims_.user, "users/ann");
    EXPECT_STREQ(claims_.workspace, "default");
    EXPECT_STREQ(claims_.session, "s1");
    EXPECT_EQ(claims_.expires, kNow + TOKEN_SECONDS);
    EXPECT_TRUE(Taken(Sign(Replace(kHeader, "key1", "key2"), kPayload, Half(2))))
        << "the older key still verifies";
}

TEST_F(Token, HoldsForItsTime)
{
    string text = Sign(kHeader, kPayload);
    EXPECT_TRUE(Taken(text, kNow + TOKEN_SECONDS - 1));
    EXPECT_FALSE(Taken(text, kNow + TOKEN_SECONDS));
    EXPECT_TRUE(Taken(text, kNow - TOKEN_SKEW_SECONDS)) << "made by a replica whose clock is ahead";
    EXPECT_FALSE(Taken(text, kNow - TOKEN_SKEW_SECONDS - 1));
}

TEST_F(Token, EveryOtherIsRefused)
{
    Corpus corpus;
    Algorithms(&corpus);
    Types(&corpus);
    KeyIds(&corpus);
    Headers(&corpus);
    Claims(&corpus);
    Shapes(&corpus);
    Signatures(&corpus);
    EXPECT_GE(corpus.size(), 120u);
    for (const auto &entry : corpus) {
        EXPECT_FALSE(Taken(entry.second)) << entry.first;
        arena_reset(&arena_);
    }
    RecordProperty("tokens", int(corpus.size()));
}

} // namespace

// Mails as bytes: they say what they were given and nothing else, whatever stands in it; and their
// signatures, checked by a verifier of the test's own.
#include "agents/engage/send/dkim.h"
#include "agents/engage/send/mime.h"
#include "base/clock.h"
#include "base/ids.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace
{

class Mime : public testing::Test
{
  protected:
    Mime()
    {
        arena_init(&memory, size_t(64) << 20);
    }
    ~Mime() override
    {
        arena_done(&memory);
    }

    std::string compose()
    {
        str bytes = {};
        status = mime_compose(&memory, &m, &bytes);
        return status.code ? std::string(status.message) : std::string(bytes.p, bytes.n);
    }

    arena memory;
    struct status status = ok();
    mail m = { "", "news@us.example",         "ann@mail.example", "", "Hello", "Hi Ann", "", "1@us.example",
               "", 1700000000 * US_PER_SECOND };
};

struct Headers {
    std::vector<std::pair<std::string, std::string>> all; // unfolded
    std::string body;
    std::string operator[](const std::string &name) const
    {
        for (auto &[n, value] : all)
            if (n == name)
                return value;
        return "(none)";
    }
};

Headers parse(const std::string &mail)
{
    Headers h;
    size_t at = 0;
    while (mail.compare(at, 2, "\r\n") != 0) {
        size_t end = mail.find("\r\n", at);
        std::string line = mail.substr(at, end - at);
        EXPECT_LE(line.size(), 998u);
        if (line[0] == ' ')
            h.all.back().second += line;
        else
            h.all.emplace_back(line.substr(0, line.find(": ")), line.substr(line.find(": ") + 2));
        at = end + 2;
    }
    h.body = mail.substr(at + 2);
    return h;
}

std::string decode_hex(const std::string &s, char mark)
{
    std::string out;
    for (size_t i = 0; i < s.size(); i++)
        if (s[i] == mark && s.compare(i, 3, "=\r\n") == 0)
            i += 2;
        else if (s[i] == mark) {
            out += static_cast<char>(std::stoi(s.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else
            out += s[i];
    return out;
}

// RFC 2047, as a reader does it.
std::string decode_words(const std::string &s)
{
    std::string out;
    for (size_t at = 0; at < s.size();) {
        size_t word = s.find("=?utf-8?Q?", at);
        if (word == std::string::npos)
            return out + s.substr(at);
        std::string between = s.substr(at, word - at);
        if (at == 0 || between != " ")
            out += between;
        size_t end = s.find("?=", word + 10);
        EXPECT_LE(end + 2 - word, 75u);
        std::string text = s.substr(word + 10, end - word - 10);
        for (char &ch : text)
            ch = ch == '_' ? ' ' : ch;
        std::string part = decode_hex(text, '=');
        EXPECT_TRUE(str_is_utf8(str_make(part.data(), part.size()))) << part;
        out += part;
        at = end + 2;
    }
    return out;
}

TEST_F(Mime, IsPlain)
{
    EXPECT_EQ(compose(), "From: <news@us.example>\r\n"
                         "To: <ann@mail.example>\r\n"
                         "Subject: Hello\r\n"
                         "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                         "Message-ID: <1@us.example>\r\n"
                         "MIME-Version: 1.0\r\n"
                         "Content-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: quoted-printable\r\n"
                         "\r\n"
                         "Hi Ann\r\n");
    EXPECT_EQ(compose(), compose());
}

TEST_F(Mime, CarriesBothPartsAndAWayOut)
{
    m.from_name = "Us & Co";
    m.reply_to = "help@us.example";
    m.html = "<p>Hi Ann</p>";
    m.unsubscribe_url = "https://us.example/u/abc";
    Headers h = parse(compose());
    EXPECT_EQ(h["From"], "Us & Co <news@us.example>");
    EXPECT_EQ(h["Reply-To"], "<help@us.example>");
    EXPECT_EQ(h["List-Unsubscribe"], "<https://us.example/u/abc>");
    EXPECT_EQ(h["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    std::string type = h["Content-Type"], mark = "multipart/alternative; boundary=\"";
    ASSERT_EQ(type.substr(0, mark.size()), mark);
    std::string line = "--" + type.substr(mark.size(), type.size() - mark.size() - 1);
    std::string encoding = "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
    EXPECT_EQ(h.body, line + "\r\nContent-Type: text/plain; charset=utf-8\r\n" + encoding + "Hi Ann\r\n" +
                          line + "\r\nContent-Type: text/html; charset=utf-8\r\n" + encoding +
                          "<p>Hi Ann</p>\r\n" + line + "--\r\n");
}

TEST_F(Mime, EncodesWhatIsNotAscii)
{
    std::string longest;
    for (int i = 0; i < 60; i++)
        longest += "\xf0\x9f\x8e\x89 \xc3\xa9";
    for (const std::string &text : { std::string("Gr\xc3\xbc\xc3\x9f"
                                                 "e"),
                                     longest, std::string("=?utf-8?Q?not_ours?="), std::string("two  blanks"),
                                     std::string(" at the ends "), std::string(200, 'x') }) {
        m.subject = m.from_name = text.c_str();
        Headers h = parse(compose());
        ASSERT_EQ(status.code, CODE_OK) << status.message;
        EXPECT_EQ(decode_words(h["Subject"]), text);
        EXPECT_EQ(decode_words(h["From"]), text + " <news@us.example>");
    }
}

TEST_F(Mime, FoldsAtBlanks)
{
    std::string text = "This";
    for (int i = 0; i < 30; i++)
        text += " subject goes on";
    m.subject = text.c_str();
    std::string bytes = compose();
    EXPECT_EQ(parse(bytes)["Subject"], text);
    for (size_t at = 0, end; (end = bytes.find("\r\n", at)) != std::string::npos; at = end + 2)
        EXPECT_LE(end - at, 76u);
}

// A name that would change the header is encoded, not quoted.
TEST_F(Mime, NamesAreOnlyNames)
{
    for (const char *name : { "Eve <eve@mail.example>,", "\"Eve\"", "a@b", "Eve;", "a,b", "(x)", "dots." }) {
        m.from_name = name;
        std::string from = parse(compose())["From"];
        EXPECT_EQ(from.find_first_of("<"), from.size() - strlen("<news@us.example>")) << from;
        EXPECT_EQ(decode_words(from), std::string(name) + " <news@us.example>");
    }
}

// CR, LF and every other control character in anything that becomes a header.
TEST_F(Mime, RefusesWhatWouldEndAHeader)
{
    static const char *mail::*const fields[] = { &mail::from_name,      &mail::from,    &mail::to,
                                                 &mail::reply_to,       &mail::subject, &mail::message_id,
                                                 &mail::unsubscribe_url };
    static const char *const names[] = { "from_name",  "from",           "to", "reply_to", "subject",
                                         "message_id", "unsubscribe_url" };
    const mail good = m;
    for (size_t i = 0; i < COUNT(fields); i++)
        for (const char *evil : { "\r\nBcc: all@mail.example", "\nBcc: x", "\rx", "\x01", "\x7f" }) {
            m = good;
            bool address = strcmp(names[i], "from_name") != 0 && strcmp(names[i], "subject") != 0;
            std::string text = std::string(address ? "https://a@b.example" : "x") + evil;
            m.*fields[i] = text.c_str();
            compose();
            ASSERT_EQ(status.code, CODE_INVALID_ARGUMENT) << names[i];
            EXPECT_STREQ(status.violations->field, names[i]);
        }
}

TEST_F(Mime, KnowsAddresses)
{
    for (const char *good : { "a@b", "ann.o'neil+x@mail.example" })
        EXPECT_TRUE(mail_address(str_of(good))) << good;
    for (const char *bad : { "", "x@[1.2.3.4]", "@", "a@", "@b", "a b@c", "a@b@c", "a@b,c@d", "<a@b>", "a@b>",
                             "\"a\"@b", "\xc3\xa9@b", "a@b\r\n", "a", "a;b@c" })
        EXPECT_FALSE(mail_address(str_of(bad))) << bad;
    EXPECT_TRUE(mail_address(str_of((std::string(64, 'a') + "@" + std::string(189, 'b')).c_str())));
    EXPECT_FALSE(mail_address(str_of((std::string(64, 'a') + "@" + std::string(190, 'b')).c_str())));
    EXPECT_FALSE(mail_address(str_of((std::string(65, 'a') + "@b").c_str())));
}

// Any text comes out as it went in, in short lines of ASCII that mean nothing to who passes them on.
TEST_F(Mime, BodiesComeOutAsTheyWentIn)
{
    std::mt19937 chance(7);
    static const char *const pieces[] = { ".",    "From ", "=",  " ",  "\t", "\n",       "\r\n",
                                          "a",    "word",  "--", "=_", "\r", "\xc3\xa9", "\xe2\x82\xac",
                                          "\n.\n" };
    for (int round = 0; round < 2000; round++) {
        std::string text, lines;
        for (unsigned i = 0, n = chance() % 120; i < n; i++)
            text += pieces[chance() % COUNT(pieces)];
        for (size_t i = 0; i < text.size(); i++) {
            lines += text[i] == '\n' || text[i] == '\r' ? std::string("\r\n") : std::string(1, text[i]);
            i += text[i] == '\r' && text[i + 1] == '\n';
        }
        m.text = text.c_str();
        m.html = "";
        std::string body = parse(compose()).body;
        EXPECT_EQ(decode_hex(body, '='), lines + "\r\n");
        for (size_t at = 0, end; (end = body.find("\r\n", at)) != std::string::npos; at = end + 2) {
            std::string line = body.substr(at, end - at);
            ASSERT_LE(line.size(), 76u);
            ASSERT_NE(line.substr(0, 1), ".");
            ASSERT_NE(line.substr(0, 5), "From ");
            ASSERT_TRUE(line.empty() || (line.back() != ' ' && line.back() != '\t'));
            for (char ch : line)
                ASSERT_TRUE(ch == '\t' || (ch >= ' ' && ch < 0x7f));
        }
    }
}

// ---- DKIM ----

std::string new_key(int type, int bits)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(type, nullptr);
    EVP_PKEY *k = nullptr;
    char *p;
    EVP_PKEY_keygen_init(c);
    if (bits)
        EVP_PKEY_CTX_set_rsa_keygen_bits(c, bits);
    EXPECT_EQ(EVP_PKEY_keygen(c, &k), 1);
    BIO *b = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(b, k, nullptr, nullptr, 0, nullptr, nullptr);
    long n = BIO_get_mem_data(b, &p);
    std::string pem(p, static_cast<size_t>(n));
    BIO_free(b);
    EVP_PKEY_free(k);
    EVP_PKEY_CTX_free(c);
    return pem;
}

std::map<std::string, std::string> tags(const std::string &value)
{
    std::map<std::string, std::string> all;
    for (size_t at = 0; at < value.size();) {
        size_t end = std::min(value.find(';', at), value.size()), equals = value.find('=', at);
        std::string name, text;
        for (char ch : value.substr(at, equals - at))
            if (ch != ' ')
                name += ch;
        for (char ch : value.substr(equals + 1, end - equals - 1))
            if (ch != ' ')
                text += ch;
        all[name] = text;
        at = end + 1;
    }
    return all;
}

std::string bytes_of(const std::string &base64)
{
    std::string out(base64.size(), 0);
    int n = EVP_DecodeBlock(reinterpret_cast<unsigned char *>(out.data()),
                            reinterpret_cast<const unsigned char *>(base64.data()),
                            static_cast<int>(base64.size()));
    size_t pad = base64.size() - base64.find_last_not_of('=') - 1;
    out.resize(static_cast<size_t>(n) - pad);
    return out;
}

std::string relaxed(std::string value)
{
    std::string out;
    for (char ch : value)
        if (ch != ' ' || (!out.empty() && out.back() != ' '))
            out += ch;
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

std::string lower(std::string s)
{
    for (char &ch : s)
        ch = static_cast<char>(tolower(ch));
    return s;
}

// Whether the first header is a good signature over the rest (whose lines hold no runs of blanks).
bool verify(const std::string &mail, const std::string &pem)
{
    Headers h = parse(mail);
    if (h.all[0].first != "DKIM-Signature")
        return false;
    std::string value = h.all[0].second, text;
    auto tag = tags(value);
    std::string names = tag["h"] + ":";
    for (size_t at = 0, end; (end = names.find(':', at)) != std::string::npos; at = end + 1) {
        std::string wanted = names.substr(at, end - at);
        for (size_t i = h.all.size(); i-- > 1;)
            if (lower(h.all[i].first) == wanted) {
                text += wanted + ":" + relaxed(h.all[i].second) + "\r\n";
                h.all.erase(h.all.begin() + static_cast<long>(i));
                break;
            }
    }
    text += "dkim-signature:" + relaxed(value.substr(0, value.rfind("b=") + 2));
    unsigned char hash[SHA256_BYTES];
    sha256(str_make(h.body.data(), h.body.size()), hash);
    if (bytes_of(tag["bh"]) != std::string(reinterpret_cast<char *>(hash), sizeof hash))
        return false;
    bool rsa = tag["a"] == "rsa-sha256";
    if (!rsa) {
        sha256(str_make(text.data(), text.size()), hash);
        text.assign(reinterpret_cast<char *>(hash), sizeof hash);
    }
    BIO *b = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, nullptr, nullptr, nullptr);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    std::string signature = bytes_of(tag["b"]);
    bool good =
        EVP_DigestVerifyInit(c, nullptr, rsa ? EVP_sha256() : nullptr, nullptr, k) == 1 &&
        EVP_DigestVerify(c, reinterpret_cast<const unsigned char *>(signature.data()), signature.size(),
                         reinterpret_cast<const unsigned char *>(text.data()), text.size()) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    BIO_free(b);
    return good;
}

class Dkim : public Mime
{
  protected:
    std::string sign(const std::string &mail, const std::string &pem)
    {
        str bytes = {};
        dkim_key k = { "us.example", "s1", str_make(pem.data(), pem.size()) };
        status =
            dkim_sign(&memory, &k, str_make(mail.data(), mail.size()), 1700000000 * US_PER_SECOND, &bytes);
        return status.code ? std::string(status.message) : std::string(bytes.p, bytes.n);
    }
};

TEST_F(Dkim, SignsEveryHeaderAndTheBody)
{
    m.from_name = "Us";
    m.subject = "Gr\xc3\xbc\xc3\x9f"
                "e an alle, die einen langen Betreff lieben und ihn falten";
    m.html = "<p>Hi</p>";
    m.reply_to = "help@us.example";
    m.unsubscribe_url = "https://us.example/u/abc";
    std::string mail = compose();
    for (const std::string &pem : { new_key(EVP_PKEY_ED25519, 0), new_key(EVP_PKEY_RSA, 2048) }) {
        std::string bytes = sign(mail, pem);
        ASSERT_EQ(status.code, CODE_OK) << status.message;
        EXPECT_EQ(bytes, sign(mail, pem));
        EXPECT_EQ(bytes.substr(bytes.size() - mail.size()), mail);
        EXPECT_TRUE(verify(bytes, pem)) << bytes;
        auto tag = tags(parse(bytes)["DKIM-Signature"]);
        EXPECT_EQ(tag["h"], "from:to:reply-to:subject:date:message-id:list-unsubscribe:list-unsubscribe-post:"
                            "mime-version:content-type:from");
        EXPECT_EQ(tag["d"] + " " + tag["s"] + " " + tag["t"] + " " + tag["c"],
                  "us.example s1 1700000000 relaxed/relaxed");
        for (const char *part : { "news@", "One-Click", "u/abc", "Hi", "boundary" }) {
            std::string altered = bytes;
            altered[altered.find(part)] = 'X';
            EXPECT_FALSE(verify(altered, pem)) << part;
        }
        std::string second = bytes;
        second.insert(second.find("From: "), "From: <eve@mail.example>\r\n");
        EXPECT_FALSE(verify(second, pem));
    }
}

// RFC 8463, appendix A.2: the body of its example, and the hash it gives.
TEST_F(Dkim, HashesBodiesAsTheRfcDoes)
{
    std::string pem = new_key(EVP_PKEY_ED25519, 0);
    std::string head = "From: Joe SixPack <joe@football.example.com>\r\nSubject: Is dinner ready?\r\n\r\n";
    const std::string body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    for (const std::string &same :
         { body, body + "\r\n\r\n",
           std::string("Hi. \t\r\n\r\nWe lost the\tgame. Are  you hungry yet?\r\n\r\nJoe.\r\n") })
        EXPECT_EQ(tags(parse(sign(head + same, pem))["DKIM-Signature"])["bh"],
                  "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    EXPECT_NE(tags(parse(sign(head + "x" + body, pem))["DKIM-Signature"])["bh"],
              "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
}

TEST_F(Dkim, TakesNoOtherKeys)
{
    for (const std::string &pem :
         { new_key(EVP_PKEY_RSA, 1024), new_key(EVP_PKEY_X25519, 0), std::string("x"), std::string() }) {
        EXPECT_FALSE(dkim_key_usable(str_make(pem.data(), pem.size())));
        sign(compose(), pem);
        EXPECT_EQ(status.code, CODE_INVALID_ARGUMENT);
    }
    std::string good = new_key(EVP_PKEY_ED25519, 0);
    EXPECT_TRUE(dkim_key_usable(str_make(good.data(), good.size())));
}

} // namespace

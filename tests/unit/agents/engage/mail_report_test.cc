// What mails tell that came back.
#include "agents/engage/feedback/mail_report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace
{

const std::string OURS = "01k8hto00q1bebirn97nsu33tr@us.example";

struct Told {
    mail_kind kind;
    std::string status, detail;
    std::vector<std::string> ids;
};

Told read(const std::string &mail)
{
    arena a;
    mail_report r;
    arena_init(&a, 32 << 20);
    EXPECT_TRUE(mail_report_read(&a, str_make(mail.data(), mail.size()), &r));
    Told t = { r.kind, r.status, r.detail, {} };
    for (size_t i = 0; i < r.n_ids; i++)
        t.ids.emplace_back(r.ids[i].p, r.ids[i].n);
    arena_done(&a);
    return t;
}

std::string sample(const std::string &name)
{
    std::ifstream in("tests/fuzz/seeds/mail/" + name + ".eml", std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    EXPECT_GT(all.str().size(), 0u) << name;
    return all.str();
}

std::string without(std::string text, const std::string &part)
{
    for (size_t at; (at = text.find(part)) != std::string::npos;)
        text.erase(at, part.size());
    return text;
}

} // namespace

// As mail servers, providers and people write them.
TEST(MailReport, SamplesAreRead)
{
    const std::map<std::string, std::pair<mail_kind, std::string>> samples = {
        { "postfix_failed", { MAIL_FAILED, "5.1.1" } },
        { "postfix_delayed", { MAIL_DELAYED, "4.4.1" } },
        { "postfix_expired", { MAIL_FAILED, "4.4.1" } },
        { "postfix_delivered", { MAIL_DELIVERED, "2.0.0" } },
        { "exchange_failed", { MAIL_FAILED, "5.1.10" } },
        { "gmail_failed", { MAIL_FAILED, "5.2.2" } },
        { "arf_abuse", { MAIL_COMPLAINT, "" } },
        { "arf_auth_failure", { MAIL_OTHER, "" } },
        { "reply", { MAIL_REPLY, "" } },
        { "out_of_office", { MAIL_AUTOMATIC, "" } },
        { "mailing_list", { MAIL_AUTOMATIC, "" } },
        { "noreply", { MAIL_AUTOMATIC, "" } },
        { "forwarded", { MAIL_OTHER, "" } },
    };
    for (const auto &[name, want] : samples) {
        const std::string mail = sample(name);
        for (const std::string &text : { mail, without(mail, "\r") }) {
            Told t = read(text);
            EXPECT_EQ(t.kind, want.first) << name;
            EXPECT_EQ(t.status, want.second) << name;
            if (t.kind != MAIL_OTHER) {
                ASSERT_FALSE(t.ids.empty()) << name;
                EXPECT_EQ(t.ids[0], OURS) << name;
            }
        }
    }
}

TEST(MailReport, TheServersWordsAreUnfolded)
{
    EXPECT_EQ(read(sample("postfix_failed")).detail, "550 5.1.1 <ann@mail.example>: Recipient address "
                                                     "rejected:      User unknown in virtual mailbox table");
}

// A report that the mail server cut off still tells.
TEST(MailReport, OfACutMailWhatIsThereCounts)
{
    const std::string mail = sample("postfix_failed");
    for (size_t n = 0; n < mail.size(); n++)
        (void)read(mail.substr(0, n));
    Told t = read(mail.substr(0, mail.find("List-Unsubscribe")));
    EXPECT_EQ(t.kind, MAIL_FAILED);
    EXPECT_EQ(t.ids[0], OURS);
}

TEST(MailReport, TheWorstOfSeveralRecipientsCounts)
{
    std::string mail = sample("postfix_delivered");
    const std::string second =
        "Final-Recipient: rfc822; ben@mail.example\r\nAction: failed\r\nStatus: 5.2.1\r\n\r\n";
    size_t end = mail.find("--3C1F", mail.find("Action: "));
    Told t = read(mail.substr(0, end) + second + mail.substr(end));
    EXPECT_EQ(t.kind, MAIL_FAILED);
    EXPECT_EQ(t.status, "5.2.1");
}

TEST(MailReport, PartsWithinPartsEnd)
{
    std::string mail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < 1000; i++)
        mail += "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    EXPECT_EQ(read(mail).kind, MAIL_OTHER);
}

TEST(MailReport, ManyReferencesAreCut)
{
    std::string mail = "References:";
    for (int i = 0; i < 100; i++)
        mail += " <" + std::to_string(i) + "@x.example>\r\n";
    EXPECT_EQ(read(mail + "\r\n").ids.size(), size_t(MAIL_IDS_MAX));
}

TEST(MailReport, TooLittleMemoryIsNoAnswer)
{
    const std::string mail = sample("exchange_failed");
    arena a;
    mail_report r;
    arena_init(&a, 64);
    EXPECT_FALSE(mail_report_read(&a, str_make(mail.data(), mail.size()), &r));
    arena_done(&a);
}

// Mails that come back, and what they do to messages.
#include "tests/unit/agents/engage/feedback.h"

#include <fstream>
#include <sstream>

using namespace fixture;

namespace
{

class Mails : public FeedbackRoom
{
  protected:
    // A sample that is about this message.
    std::string about(const std::string &message, const std::string &sample)
    {
        std::ifstream in("tests/fuzz/seeds/mail/" + sample + ".eml", std::ios::binary);
        std::stringstream all;
        all << in.rdbuf();
        std::string mail = all.str();
        const std::string theirs = "01k8hto00q1bebirn97nsu33tr@us.example";
        for (size_t at; (at = mail.find(theirs)) != std::string::npos;)
            mail.replace(at, theirs.size(), message.substr(9) + "@us.example");
        return mail;
    }
    Answer<IngestMailReportResponse> ingest_mail(const std::string &mail)
    {
        IngestMailReportRequest req = INGEST_MAIL_REPORT_REQUEST_INIT;
        std::string bytes = mail;
        req.mail.data = reinterpret_cast<uint8_t *>(bytes.data());
        req.mail.len = bytes.size();
        return house.call(ingest_mail_report, req, &IngestMailReportResponse_descriptor);
    }
    // "FAILED recorded", "AUTOMATIC"
    std::string told(const std::string &mail, const std::string &message)
    {
        auto a = ingest_mail(mail);
        if (!a.ok_())
            return a.reason();
        EXPECT_EQ(a->message, message);
        const auto *v =
            protobuf_c_enum_descriptor_get_value(&IngestMailReportResponse__Kind_descriptor, a->kind);
        return std::string(v->name + 5) + (a->recorded ? " recorded" : "");
    }
};

} // namespace

TEST_F(Mails, AHardBounceForbidsTheAddress)
{
    std::string m = sent();
    EXPECT_EQ(told(about(m, "postfix_failed"), m), "FAILED recorded");
    EXPECT_EQ(message(m)->bounce, HARD);
    EXPECT_EQ(suppressed("a@mail.example"), "1:1");
    EXPECT_EQ(told(about(m, "postfix_failed"), m), "FAILED");
    EXPECT_EQ(events("message.bounced"), 1);
    EXPECT_EQ(told(about(m, "exchange_failed"), m), "FAILED recorded");
}

TEST_F(Mails, SoftBouncesAndDelaysDoNot)
{
    std::string m = sent();
    EXPECT_EQ(told(about(m, "postfix_delayed"), m), "DELAYED");
    EXPECT_EQ(message(m)->bounce, MESSAGE__BOUNCE_UNSPECIFIED);
    EXPECT_EQ(told(about(m, "gmail_failed"), m), "FAILED recorded");
    EXPECT_EQ(told(about(m, "postfix_expired"), m), "FAILED recorded");
    std::string silent = about(m, "postfix_failed");
    silent.erase(silent.find("Status: 5.1.1\r\n"), 15);
    EXPECT_EQ(told(silent, m), "FAILED recorded");
    EXPECT_EQ(message(m)->bounce, SOFT);
    EXPECT_EQ(suppressed("a@mail.example"), "");
}

TEST_F(Mails, TellOfDeliveryComplaintsAndReplies)
{
    std::string m = sent();
    EXPECT_EQ(told(about(m, "postfix_delivered"), m), "DELIVERED recorded");
    EXPECT_EQ(told(about(m, "reply"), m), "REPLY recorded");
    EXPECT_EQ(told(about(m, "arf_abuse"), m), "COMPLAINT recorded");
    auto stored = message(m);
    EXPECT_NE(stored->deliver_time, nullptr);
    EXPECT_NE(stored->reply_time, nullptr);
    EXPECT_NE(stored->complaint_time, nullptr);
    EXPECT_EQ(suppressed("a@mail.example"), "2:0 3:0");
}

TEST_F(Mails, ThatNobodyWroteAreNoReplies)
{
    std::string m = sent();
    EXPECT_EQ(told(about(m, "out_of_office"), m), "AUTOMATIC");
    EXPECT_EQ(told(about(m, "mailing_list"), m), "AUTOMATIC");
    EXPECT_EQ(told(about(m, "noreply"), m), "AUTOMATIC");
    EXPECT_EQ(message(m)->reply_time, nullptr);
}

TEST_F(Mails, ThatAreAboutNoneOfOursTellNothing)
{
    std::string m = sent();
    EXPECT_EQ(told(about("messages/none", "postfix_failed"), ""), "FAILED");
    EXPECT_EQ(told(about(m, "forwarded"), ""), "UNSPECIFIED");
    EXPECT_EQ(told("Hello", ""), "UNSPECIFIED");
    house.workspace = "other";
    EXPECT_EQ(told(about(m, "postfix_failed"), ""), "FAILED");
    house.workspace = "default";
    EXPECT_EQ(ingest_mail("").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(ingest_mail(std::string((1 << 20) + 1, 'x')).reason(), "FIELD_TOO_LONG");
    EXPECT_EQ(count("lead_event"), 0);
    EXPECT_EQ(suppressed("a@mail.example"), "");
}

// Templates compiled and rendered: what is checked, types, defaults, locales, media.
#include "agents/engage/template/form.h"

#include "base/pb.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace
{

struct Field {
    std::string path;
    TemplateField__Type type = TEMPLATE_FIELD__TYPE_TEXT;
    bool required = false;
    std::string fallback;
    TemplateField__DateFormat format = TEMPLATE_FIELD__DATE_FORMAT_UNSPECIFIED;
};

struct Content {
    std::string locale = "en";
    Medium medium = MEDIUM_SMS;
    std::string text, subject, html;
};

class Form : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&a, 64 << 20);
        lead = PB_NEW(&a, Lead);
        lead->full_name = text("Ann");
    }
    void TearDown() override
    {
        form_unref(form);
        arena_done(&a);
    }

    char *text(const std::string &s)
    {
        return arena_dup(&a, str_make(s.data(), s.size()));
    }
    void attribute(const std::string &name, const std::string &value)
    {
        auto *e = PB_NEW(&a, Lead__AttributesEntry);
        e->key = text(name);
        e->value = text(value);
        auto **longer = ARENA_ARRAY(&a, lead->n_attributes + 1, Lead__AttributesEntry *);
        std::copy(lead->attributes, lead->attributes + lead->n_attributes, longer);
        longer[lead->n_attributes++] = e;
        lead->attributes = longer;
    }

    Template *make(const std::vector<Field> &fields, const std::vector<Content> &contents)
    {
        Template *t = PB_NEW(&a, Template);
        t->purpose = text(purpose);
        t->default_locale = text("en");
        t->fields = ARENA_ARRAY(&a, fields.size() + 1, TemplateField *);
        for (const Field &from : fields) {
            TemplateField *to = t->fields[t->n_fields++] = PB_NEW(&a, TemplateField);
            to->path = text(from.path);
            to->type = from.type;
            to->required = from.required;
            to->default_value = text(from.fallback);
            to->date_format = from.format;
        }
        t->contents = ARENA_ARRAY(&a, contents.size() + 1, TemplateContent *);
        for (const Content &from : contents) {
            TemplateContent *to = t->contents[t->n_contents++] = PB_NEW(&a, TemplateContent);
            to->locale = text(from.locale);
            to->medium = from.medium;
            to->subject = text(from.subject);
            to->text = text(from.text);
            to->html = text(from.html);
        }
        return t;
    }

    // "" where it compiles; else each violation as "field: text".
    std::string compile(const Template *t)
    {
        form_unref(form);
        form = nullptr;
        struct status s = form_compile(&a, t, "template", &form);
        std::string all;
        for (const violation *v = s.violations; v; v = v->next)
            all += (all.empty() ? "" : "; ") + std::string(v->field) + ": " + v->description;
        EXPECT_EQ(s.code == CODE_OK, all.empty()) << s.message;
        if (s.code) {
            EXPECT_EQ(s.reason, REASON_TEMPLATE_INVALID) << s.message;
        }
        return all;
    }
    std::string compile(const std::vector<Field> &fields, const std::vector<Content> &contents)
    {
        return compile(make(fields, contents));
    }

    // "locale|subject|text|html", or the reason and message of a refusal.
    std::string render(const std::string &locale = "", Medium medium = MEDIUM_SMS)
    {
        form_message m;
        form_request r = { medium, locale.c_str(), lead, {} };
        std::copy(system.begin(), system.end(), r.system);
        struct status s = form_render(&a, form, &r, &m);
        if (s.code)
            return std::string(reason_name(static_cast<enum reason>(s.reason))) + ": " + s.message;
        return std::string(m.locale) + "|" + m.subject.p + "|" + m.text.p + "|" + m.html.p;
    }
    std::string render(const std::vector<Field> &fields, const std::string &words)
    {
        std::string faults = compile(fields, { { "en", MEDIUM_SMS, words, "", "" } });
        return faults.empty() ? render().substr(0, 4) == "en||" ? render().substr(4) : render() : faults;
    }

    arena a;
    Lead *lead = nullptr;
    struct form *form = nullptr;
    std::string purpose = "transactional";
    std::vector<const char *> system = { "https://u.example/x", "Sales", "sales@example.com", "Street 1" };
};

TEST_F(Form, ShowsFieldsOfTheLeadAndOfTheSystem)
{
    lead->email = text("ann@example.com");
    attribute("first visit", "2026-03-01");
    attribute("plan", "gold");
    EXPECT_EQ(
        render(
            { { "attributes.plan", {}, true }, { "full_name", {}, true }, { "attributes.first visit" } },
            "{{full_name}} {{attributes.plan}} {{#email}}{{email}}{{/}}{{#phone}}{{phone}}{{/}} "
            "{{#attributes.first visit}}{{attributes.first visit}}{{/}} {{unsubscribe_url}} {{sender.name}} "
            "{{sender.email}} {{sender.address}}|"),
        "Ann gold ann@example.com 2026-03-01 https://u.example/x Sales sales@example.com Street 1||");
}

TEST_F(Form, FillsInDefaultsAndNeverLeavesAHole)
{
    EXPECT_EQ(render({ { "company", {}, false, "your firm" } }, "at {{company}}"), "at your firm|");
    EXPECT_EQ(render({ { "company", {}, true } }, "at {{company}}"),
              "TEMPLATE_VALUE_MISSING: company has no value");
    EXPECT_EQ(render({ { "attributes.plan", {}, true } }, "no use of it"),
              "TEMPLATE_VALUE_MISSING: attributes.plan has no value");
    EXPECT_EQ(render({}, "at {{company}}").substr(0, 61),
              "template.contents[0].text: line 1, column 4: the field may ha");
    system[FORM_SENDER_ADDRESS] = "";
    EXPECT_EQ(render({}, "{{sender.name}}"), "Sales|");
    EXPECT_EQ(render({}, "{{sender.address}}"), "TEMPLATE_VALUE_MISSING: sender.address has no value");
    lead->company = text("Engines");
    EXPECT_EQ(render({ { "company", {}, false, "your firm" } }, "at {{company}}"), "at Engines|");
}

TEST_F(Form, ChecksTypesAndWritesDates)
{
    const struct {
        TemplateField__Type type;
        TemplateField__DateFormat format;
        const char *value, *shown;
    } cases[] = {
        { TEMPLATE_FIELD__TYPE_NUMBER, {}, "-1.50", "-1.50|" },
        { TEMPLATE_FIELD__TYPE_NUMBER, {}, "1,5", "TEMPLATE_VALUE_INVALID: attributes.x is not a number" },
        { TEMPLATE_FIELD__TYPE_NUMBER, {}, "1<b>", "TEMPLATE_VALUE_INVALID: attributes.x is not a number" },
        { TEMPLATE_FIELD__TYPE_DATE, {}, "2026-03-01", "2026-03-01|" },
        { TEMPLATE_FIELD__TYPE_DATE, TEMPLATE_FIELD__DATE_FORMAT_ISO, "2026-03-01T23:59:59-11:00",
          "2026-03-01|" },
        { TEMPLATE_FIELD__TYPE_DATE, TEMPLATE_FIELD__DATE_FORMAT_DAY_MONTH_YEAR_DOTS, "2026-03-01",
          "01.03.2026|" },
        { TEMPLATE_FIELD__TYPE_DATE, TEMPLATE_FIELD__DATE_FORMAT_DAY_MONTH_YEAR_SLASHES, "2026-03-01",
          "01/03/2026|" },
        { TEMPLATE_FIELD__TYPE_DATE, TEMPLATE_FIELD__DATE_FORMAT_MONTH_DAY_YEAR_SLASHES, "2026-03-01",
          "03/01/2026|" },
        { TEMPLATE_FIELD__TYPE_DATE, TEMPLATE_FIELD__DATE_FORMAT_ENGLISH, "2026-03-01", "1 March 2026|" },
        { TEMPLATE_FIELD__TYPE_DATE, TEMPLATE_FIELD__DATE_FORMAT_ENGLISH, "2026-12-31", "31 December 2026|" },
        { TEMPLATE_FIELD__TYPE_DATE, {}, "2026-02-30", "TEMPLATE_VALUE_INVALID: attributes.x is not a date" },
        { TEMPLATE_FIELD__TYPE_DATE, {}, "soon", "TEMPLATE_VALUE_INVALID: attributes.x is not a date" },
    };
    for (const auto &c : cases) {
        lead->n_attributes = 0;
        attribute("x", c.value);
        EXPECT_EQ(render({ { "attributes.x", c.type, true, "", c.format } }, "{{attributes.x}}"), c.shown)
            << c.value;
        EXPECT_EQ(render({ { "attributes.x", c.type, false, "", c.format } }, "not used"), "not used|")
            << c.value;
    }
    lead->n_attributes = 0;
    EXPECT_EQ(render({ { "attributes.x", TEMPLATE_FIELD__TYPE_DATE, false, "2026-01-02",
                         TEMPLATE_FIELD__DATE_FORMAT_ENGLISH } },
                     "{{attributes.x}}"),
              "2 January 2026|");
}

TEST_F(Form, FallsBackFromLocaleToLanguageToDefault)
{
    ASSERT_EQ(compile({}, { { "en", MEDIUM_SMS, "en", "", "" },
                            { "de", MEDIUM_SMS, "de", "", "" },
                            { "de-AT", MEDIUM_SMS, "de-AT", "", "" },
                            { "zh-Hant", MEDIUM_SMS, "zh-Hant", "", "" },
                            { "fr", MEDIUM_EMAIL, "fr", "fr", "" },
                            { "en", MEDIUM_EMAIL, "mail", "subject", "<p>mail</p>" } }),
              "");
    const struct {
        const char *wanted, *got;
    } cases[] = {
        { "", "en" },
        { "de", "de" },
        { "de-AT", "de-AT" },
        { "DE-at", "de-AT" },
        { "de-CH", "de" },
        { "de-AT-1996", "de-AT" },
        { "zh-Hant-TW", "zh-Hant" },
        { "zh", "en" },
        { "fr", "en" },
        { "de-x-y", "de" },
        { "-", "en" },
        { "nonsense, and more of it than a tag has", "en" },
    };
    for (const auto &c : cases)
        EXPECT_EQ(render(c.wanted), std::string(c.got) + "||" + c.got + "|") << c.wanted;
    EXPECT_EQ(render("fr", MEDIUM_EMAIL), "fr|fr|fr|");
    EXPECT_EQ(render("de", MEDIUM_EMAIL), "en|subject|mail|<p>mail</p>");
    EXPECT_EQ(render("de", MEDIUM_CHAT).substr(0, 23), "TEMPLATE_MEDIUM_MISSING");
}

TEST_F(Form, AMailThatIsNotTransactionalShowsTheWayOut)
{
    const Content bare = { "en", MEDIUM_EMAIL, "text", "s", "<p>html</p>" };
    const Content good = { "en", MEDIUM_EMAIL, "{{unsubscribe_url}}", "s",
                           "<a href='{{unsubscribe_url}}'>x</a>" };
    const Content hidden = { "en", MEDIUM_EMAIL, "{{#company}}{{unsubscribe_url}}{{/}}", "s", "" };
    EXPECT_EQ(compile({}, { bare }), "");
    purpose = "marketing";
    EXPECT_EQ(compile({}, { good }), "");
    EXPECT_EQ(compile({}, { { "en", MEDIUM_SMS, "text", "", "" } }), "");
    EXPECT_EQ(
        compile({}, { bare }),
        "template.contents[0].text: must show {{unsubscribe_url}} outside of sections, as the purpose is not "
        "transactional; template.contents[0].html: must show {{unsubscribe_url}} outside of sections, as the "
        "purpose is not transactional");
    EXPECT_EQ(compile({}, { hidden }).substr(0, 30), "template.contents[0].text: mus");
}

TEST_F(Form, EscapesEachPart)
{
    lead->full_name = text("<b>Ann & \"Bob\"\r\n{{7*7}}</b>");
    ASSERT_EQ(compile({ { "full_name", {}, true } }, { { "en", MEDIUM_EMAIL, "{{full_name}}",
                                                         "Hi {{full_name}}", "<p>{{full_name}}</p>" } }),
              "");
    EXPECT_EQ(render("", MEDIUM_EMAIL), "en|Hi <b>Ann & \"Bob\" {{7*7}}</b>|<b>Ann & \"Bob\"\r\n{{7*7}}</b>|"
                                        "<p>&lt;b&gt;Ann &amp; &#34;Bob&#34;\r\n{{7*7}}&lt;/b&gt;</p>");
}

TEST_F(Form, RefusesUnsoundFields)
{
    const Content sms = { "en", MEDIUM_SMS, "text", "", "" };
    const struct {
        std::vector<Field> fields;
        std::vector<Content> contents;
        const char *fault;
    } cases[] = {
        { { { "name" } }, { sms }, "template.fields[0]: must be a text field of a lead, or attributes.NAME" },
        { { { "attributes." } }, { sms }, "template.fields[0]: must be a text field" },
        { { { "attributes. a" } }, { sms }, "template.fields[0]: must be a text field" },
        { { { "attributes.a}" } }, { sms }, "template.fields[0]: must be a text field" },
        { { { "unsubscribe_url" } }, { sms }, "template.fields[0]: must be a text field" },
        { { { "company" }, { "company" } }, { sms }, "template.fields[1]: fields[0] has the same path" },
        { { { "company", TEMPLATE_FIELD__TYPE_DATE } }, { sms }, "template.fields[0]: is a TEXT" },
        { { { "company", {}, true, "x" } },
          { sms },
          "template.fields[0]: is required and has a default value" },
        { { { "attributes.a", TEMPLATE_FIELD__TYPE_NUMBER, false, "x" } },
          { sms },
          "template.fields[0]: default_value is not of the field's type" },
        { { { "company", {}, false, std::string(257, 'x') } },
          { sms },
          "template.fields[0]: default_value holds more" },
        { { { "company", {}, false, "", TEMPLATE_FIELD__DATE_FORMAT_ISO } },
          { sms },
          "template.fields[0]: only a DATE has a date format" },
    };
    for (const auto &c : cases) {
        std::string faults = compile(c.fields, c.contents);
        EXPECT_EQ(faults.substr(0, strlen(c.fault)), c.fault);
    }
}

TEST_F(Form, RefusesUnsoundContents)
{
    const Content sms = { "en", MEDIUM_SMS, "text", "", "" };
    const struct {
        std::vector<Field> fields;
        std::vector<Content> contents;
        const char *fault;
    } cases[] = {
        { {}, {}, "template.contents: must be 1 to 64" },
        { {}, std::vector<Content>(65, sms), "template.contents: must be 1 to 64" },
        { std::vector<Field>(65, { "company" }), { sms }, "template.fields: must be at most 64" },
        { {},
          { sms, { "EN", MEDIUM_SMS, "x", "", "" } },
          "template.contents[1]: contents[0] has the same medium" },
        { {}, { { "x", MEDIUM_SMS, "x", "", "" } }, "template.contents[0]: locale must be a language tag" },
        { {}, { { "en-", MEDIUM_SMS, "x", "", "" } }, "template.contents[0]: locale must be a language tag" },
        { {}, { { "e1", MEDIUM_SMS, "x", "", "" } }, "template.contents[0]: locale must be a language tag" },
        { {}, { { "en", MEDIUM_UNSPECIFIED, "x", "", "" } }, "template.contents[0]: medium must be set" },
        { {}, { { "en", MEDIUM_SMS, "", "", "" } }, "template.contents[0]: text must be given" },
        { {},
          { { "en", MEDIUM_SMS, "x", "s", "" } },
          "template.contents[0].subject: only an EMAIL has this part" },
        { {},
          { { "en", MEDIUM_SMS, "x", "", "h" } },
          "template.contents[0].html: only an EMAIL has this part" },
        { {},
          { { "en", MEDIUM_EMAIL, "x", "", "" } },
          "template.contents[0]: an EMAIL has a subject, and a text" },
        { {},
          { { "en", MEDIUM_EMAIL, "", "s", "" } },
          "template.contents[0]: an EMAIL has a subject, and a text" },
        { {},
          { { "de", MEDIUM_SMS, "x", "", "" } },
          "template.default_locale: contents[0] has a medium without" },
        { {},
          { { "en", MEDIUM_EMAIL, "", "s", "<p>\n<b {{full_name}}>" } },
          "template.contents[0].html: line 2, column 4: no data may stand inside of a tag" },
    };
    for (const auto &c : cases) {
        std::string faults = compile(c.fields, c.contents);
        EXPECT_EQ(faults.substr(0, strlen(c.fault)), c.fault);
    }
    purpose = "Not An Id";
    EXPECT_EQ(compile({}, { sms }).substr(0, 17), "template.purpose:");
}

TEST_F(Form, HoldsItsLimits)
{
    std::vector<Content> many;
    for (char c = 'a'; c <= 'e'; c++)
        many.push_back({ std::string("e") + c, MEDIUM_SMS, std::string(PROGRAM_BYTES_MAX, 'x'), "", "" });
    many.push_back({ "en", MEDIUM_SMS, "x", "", "" });
    EXPECT_EQ(compile({}, many), "template.contents: all texts together hold more than 524,288 bytes");
    lead->full_name = text(std::string(256, 'x'));
    std::string subject;
    for (int i = 0; i < 4; i++)
        subject += "{{full_name}}";
    ASSERT_EQ(compile({ { "full_name", {}, true } }, { { "en", MEDIUM_EMAIL, "x", subject, "" } }), "");
    EXPECT_EQ(render("", MEDIUM_EMAIL), "TEMPLATE_TOO_LONG: more than 998 bytes would be written");
    attribute("x", std::string(4096, '"'));
    std::string body;
    for (int i = 0; i < 30; i++)
        body += "{{attributes.x}}";
    ASSERT_EQ(compile({ { "attributes.x", {}, true } }, { { "en", MEDIUM_EMAIL, "", "s", body } }), "");
    EXPECT_EQ(render("", MEDIUM_EMAIL), "TEMPLATE_TOO_LONG: more than 524288 bytes would be written");
}

TEST_F(Form, MemoryRunsOutCleanly)
{
    Template *t = make({ { "attributes.x", TEMPLATE_FIELD__TYPE_DATE, false, "2026-01-02" } },
                       { { "en", MEDIUM_EMAIL, "{{attributes.x}} {{nope}}", "s", "<b>" } });
    for (size_t budget = 0;; budget += 16) {
        arena small;
        arena_init(&small, budget);
        struct form *f = nullptr;
        struct status s = form_compile(&small, t, "template", &f);
        enum reason r = static_cast<enum reason>(s.reason);
        arena_done(&small);
        if (r == REASON_TEMPLATE_INVALID)
            break;
        ASSERT_EQ(r, REASON_REQUEST_TOO_LARGE);
        ASSERT_LT(budget, 100000u);
    }
    ASSERT_EQ(compile({ { "attributes.x", TEMPLATE_FIELD__TYPE_DATE, true } },
                      { { "en", MEDIUM_EMAIL, "{{attributes.x}}", "s", "<b>{{attributes.x}}</b>" } }),
              "");
    attribute("x", "2026-03-01");
    for (size_t budget = 0;; budget += 16) {
        arena small;
        arena_init(&small, budget);
        form_message m;
        form_request r = { MEDIUM_EMAIL, "", lead, {} };
        struct status s = form_render(&small, form, &r, &m);
        arena_done(&small);
        if (!s.code)
            break;
        ASSERT_EQ(s.reason, REASON_REQUEST_TOO_LARGE) << s.message;
        ASSERT_LT(budget, 100000u);
    }
}

} // namespace

// Templates: created, listed, published, put back, deleted.
#include "agents/engage/engage.h"
#include "agents/record/events.h"
#include "tests/unit/agents/harness.h"

namespace
{

using namespace harness;

class EngageHouse : public House
{
  public:
    EngageHouse() : House({ &template_statements, &events_statements }) {}

    Answer<Template> create(const char *id, const std::string &text = "Hello", bool validate_only = false)
    {
        TemplateContent content = TEMPLATE_CONTENT_INIT, *contents[] = { &content };
        Template t = TEMPLATE_INIT;
        CreateTemplateRequest req = CREATE_TEMPLATE_REQUEST_INIT;
        content.locale = t.default_locale = const_cast<char *>("en");
        content.medium = MEDIUM_SMS;
        content.text = const_cast<char *>(text.c_str());
        t.purpose = const_cast<char *>("transactional");
        t.contents = contents;
        t.n_contents = 1;
        req.template_id = const_cast<char *>(id);
        req.template_ = &t;
        req.validate_only = validate_only;
        return call(create_template, req, &Template_descriptor);
    }
    Answer<Template> get(const char *name, int64_t version = 0)
    {
        GetTemplateRequest req = GET_TEMPLATE_REQUEST_INIT;
        req.name = const_cast<char *>(name);
        req.version = version;
        return call(get_template, req, &Template_descriptor);
    }
    Answer<Template> publish(const char *name, int64_t version = 0)
    {
        PublishTemplateRequest req = PUBLISH_TEMPLATE_REQUEST_INIT;
        req.name = const_cast<char *>(name);
        req.version = version;
        return call(publish_template, req, &Template_descriptor);
    }
    Answer<Empty> remove(const char *name)
    {
        DeleteTemplateRequest req = DELETE_TEMPLATE_REQUEST_INIT;
        req.name = const_cast<char *>(name);
        return call(delete_template, req, &Empty_descriptor);
    }
};

TEST(CreateTemplate, CountsVersionsAndStoresDrafts)
{
    EngageHouse h;
    auto first = h.create("hello", "one"), second = h.create("hello", "two"), other = h.create("other");
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_STREQ(first->name, "templates/hello");
    EXPECT_EQ(first->version, 1);
    EXPECT_EQ(first->state, TEMPLATE__STATE_DRAFT);
    EXPECT_EQ(second->version, 2);
    EXPECT_EQ(other->version, 1);
    auto tried = h.create("hello", "three", true);
    EXPECT_EQ(tried->version, 3);
    EXPECT_EQ(tried.writes, 0);
    EXPECT_STREQ(h.get("templates/hello", 1)->contents[0]->text, "one");
    EXPECT_EQ(h.get("templates/hello")->version, 2);
    EXPECT_EQ(h.get("templates/hello", 3).reason(), "TEMPLATE_NOT_FOUND");
    EXPECT_EQ(h.get("templates/none").reason(), "TEMPLATE_NOT_FOUND");
    EXPECT_EQ(h.get("hello").reason(), "FIELD_INVALID");
    EXPECT_EQ(h.get("templates/hello", -1).reason(), "FIELD_OUT_OF_RANGE");
    EXPECT_EQ(h.create("").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(h.create("Hello!").reason(), "FIELD_INVALID");
}

TEST(CreateTemplate, TwoAtOnceGetTwoVersions)
{
    EngageHouse h;
    bool once = false;
    h.before_commit = [&] {
        if (!once) {
            once = true;
            EXPECT_EQ(h.create("hello", "one")->version, 1);
        }
    };
    auto second = h.create("hello", "two");
    h.before_commit = nullptr;
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_EQ(second->version, 2);
    EXPECT_STREQ(h.get("templates/hello", 1)->contents[0]->text, "one");
}

TEST(ListTemplates, HasEveryVersionOnceWithoutItsTexts)
{
    EngageHouse h;
    for (const char *id : { "zebra", "alpha", "middle", "alpha" })
        ASSERT_TRUE(h.create(id).ok_());
    ASSERT_TRUE(h.remove("templates/middle").ok_());
    for (int size : { 1, 2, 3, 50 }) {
        std::string seen, token;
        do {
            ListTemplatesRequest req = LIST_TEMPLATES_REQUEST_INIT;
            req.page_size = size;
            req.page_token = token.data();
            auto page = h.call(list_templates, req, &ListTemplatesResponse_descriptor);
            ASSERT_TRUE(page.ok_()) << page.message();
            for (size_t i = 0; i < page->n_templates; i++) {
                const Template *t = page->templates[i];
                seen += std::string(t->name).substr(10) + " " + std::to_string(t->version) + ", ";
                EXPECT_STREQ(t->contents[0]->locale, "en");
                EXPECT_STREQ(t->contents[0]->text, "");
            }
            token = page->next_page_token;
        } while (!token.empty());
        EXPECT_EQ(seen, "alpha 1, alpha 2, zebra 1, ") << size;
    }
}

TEST(PublishTemplate, PutsOneVersionIntoServiceAndBack)
{
    EngageHouse h;
    EXPECT_EQ(h.publish("templates/hello").reason(), "TEMPLATE_NOT_FOUND");
    ASSERT_TRUE(h.create("hello", "one").ok_() && h.create("hello", "two").ok_());
    EXPECT_EQ(h.publish("templates/hello", 1)->state, TEMPLATE__STATE_PUBLISHED);
    EXPECT_EQ(h.get("templates/hello")->version, 1);
    EXPECT_EQ(h.publish("templates/hello")->version, 2);
    EXPECT_EQ(h.get("templates/hello", 1)->state, TEMPLATE__STATE_RETIRED);
    auto same = h.publish("templates/hello", 2);
    EXPECT_TRUE(same.ok_());
    EXPECT_EQ(same.writes, 0);
    EXPECT_TRUE(h.publish("templates/hello", 1).ok_());
    EXPECT_EQ(h.get("templates/hello")->version, 1);
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM template WHERE workspace = $1 AND state = 2"), 1);
    EXPECT_EQ(h.publish("templates/hello", 9).reason(), "TEMPLATE_NOT_FOUND");
}

TEST(PublishTemplate, OfTwoAtOnceTheSecondRunsAgain)
{
    EngageHouse h;
    ASSERT_TRUE(h.create("hello", "one").ok_() && h.create("hello", "two").ok_());
    bool once = false;
    h.before_commit = [&] {
        if (!once) {
            once = true;
            EXPECT_TRUE(h.publish("templates/hello", 1).ok_());
        }
    };
    auto second = h.publish("templates/hello", 2);
    h.before_commit = nullptr;
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_EQ(second.attempts, 1);
    EXPECT_EQ(h.get("templates/hello", 1)->state, TEMPLATE__STATE_RETIRED);
    EXPECT_EQ(h.get("templates/hello", 2)->state, TEMPLATE__STATE_PUBLISHED);
}

TEST(DeleteTemplate, EndsAllVersionsAndGivesNoneTwice)
{
    EngageHouse h;
    EXPECT_EQ(h.remove("templates/hello").reason(), "TEMPLATE_NOT_FOUND");
    ASSERT_TRUE(h.create("hello", "one").ok_() && h.create("hello", "two").ok_());
    ASSERT_TRUE(h.publish("templates/hello").ok_());
    ASSERT_TRUE(h.remove("templates/hello").ok_());
    EXPECT_EQ(h.remove("templates/hello").reason(), "TEMPLATE_NOT_FOUND");
    EXPECT_EQ(h.get("templates/hello", 2).reason(), "TEMPLATE_NOT_FOUND");
    EXPECT_EQ(h.publish("templates/hello").reason(), "TEMPLATE_NOT_FOUND");
    EXPECT_EQ(h.create("hello", "three")->version, 3);
    EXPECT_EQ(h.get("templates/hello", 2).reason(), "TEMPLATE_NOT_FOUND");
}

} // namespace

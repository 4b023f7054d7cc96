// Templates: created, listed, published, put back, deleted.
#include "agents/engage/template/templates.h"
#include "agents/record/events.h"
#include "tests/unit/agents/harness.h"

#include <atomic>
#include <thread>

namespace
{

using namespace harness;

class EngageHouse : public House
{
  public:
    EngageHouse() : House({ &template_statements, &events_statements })
    {
        arena_init(&kept, 1 << 20);
        EXPECT_TRUE(is_ok(forms_open(&kept, &app.forms)));
    }
    ~EngageHouse()
    {
        forms_close(app.forms);
        arena_done(&kept);
    }

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
    // The text for a lead of that name; or the reason of a refusal.
    std::string render(const char *id, int64_t version, const char *full_name = "Ann")
    {
        std::string shown;
        auto a = run([&](ctx *c) {
            Lead lead = LEAD_INIT;
            lead.full_name = const_cast<char *>(full_name);
            form_request r = { MEDIUM_SMS, "", &lead, { "https://u.example", "S", "s@b.example", "A" } };
            form_message m;
            TRY(template_render(c, id, version, &r, &m));
            shown.assign(m.text.p, m.text.n);
            return ok();
        });
        return a.ok_() ? shown : a.reason();
    }

    struct arena kept;
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
    auto unsound = h.create("hello", "{{full_name}}");
    EXPECT_EQ(unsound.reason(), "TEMPLATE_INVALID");
    EXPECT_EQ(unsound.fields(), "template.contents[0].text");
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM template WHERE workspace = $1"), 3);
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

TEST(TemplateRender, UsesTheVersionThatIsNamed)
{
    EngageHouse h;
    ASSERT_TRUE(h.create("hello", "one{{#full_name}} {{full_name}}{{/}}").ok_() &&
                h.create("hello", "two").ok_());
    for (int i = 0; i < 3; i++) { // made once, then kept
        EXPECT_EQ(h.render("hello", 1), "one Ann");
        EXPECT_EQ(h.render("hello", 1, ""), "one");
        EXPECT_EQ(h.render("hello", 2), "two");
    }
    EXPECT_EQ(h.render("hello", 3), "TEMPLATE_NOT_FOUND");
    h.workspace = "another";
    EXPECT_EQ(h.render("hello", 1), "TEMPLATE_NOT_FOUND");
    ASSERT_TRUE(h.create("hello", "of another").ok_());
    EXPECT_EQ(h.render("hello", 1), "of another");
    h.workspace = "default";
    EXPECT_EQ(h.render("hello", 1), "one Ann");
    ASSERT_TRUE(h.remove("templates/hello").ok_());
    EXPECT_EQ(h.render("hello", 1), "TEMPLATE_NOT_FOUND");
}

// More than are kept, and more bytes than are kept: each still gives its own words.
TEST(TemplateRender, KeepsWhatFits)
{
    EngageHouse h;
    const std::string long_words(100000, 'x');
    for (int i = 0; i < 300; i++)
        ASSERT_TRUE(
            h.create(("t" + std::to_string(i)).c_str(), std::to_string(i) + (i % 3 ? "" : long_words)).ok_());
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++)
            ASSERT_EQ(h.render(("t" + std::to_string(i)).c_str(), 1),
                      std::to_string(i) + (i % 3 ? "" : long_words));
}

// Threads that make and share what is kept at once.
TEST(TemplateRender, SharesBetweenThreads)
{
    EngageHouse h;
    const int templates = 40;
    const std::string many_tags = [] {
        std::string s;
        for (int i = 0; i < 500; i++)
            s += "{{sender.name}}";
        return s;
    }();
    for (int i = 0; i < templates; i++)
        ASSERT_TRUE(h.create(("t" + std::to_string(i)).c_str(), std::to_string(i) + many_tags).ok_());
    std::atomic<int> wrong{ 0 };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; i++) {
                int n = (i * 7 + t) % templates;
                std::string want = std::to_string(n) + std::string(500, 'S');
                wrong += h.render(("t" + std::to_string(n)).c_str(), 1) != want;
            }
        });
    for (std::thread &t : threads)
        t.join();
    EXPECT_EQ(wrong, 0);
}

TEST(RenderTemplate, TakesWhatIsGivenOrWhatIsStored)
{
    EngageHouse h;
    ASSERT_TRUE(h.create("hello", "{{sender.name}} {{unsubscribe_url}}").ok_());
    Lead lead = LEAD_INIT;
    Template given = TEMPLATE_INIT;
    TemplateSystemValues values = TEMPLATE_SYSTEM_VALUES_INIT;
    RenderTemplateRequest req = RENDER_TEMPLATE_REQUEST_INIT;
    req.name = const_cast<char *>("templates/hello");
    auto render = [&] { return h.call(render_template, req, &RenderTemplateResponse_descriptor); };
    EXPECT_EQ(render().fields(), "medium");
    req.medium = MEDIUM_SMS;
    EXPECT_EQ(render().fields(), "lead");
    req.sample_lead = &lead;
    auto stored = render();
    ASSERT_TRUE(stored.ok_()) << stored.message();
    EXPECT_STREQ(stored->text, "Example Sender https://example.com/unsubscribe");
    EXPECT_STREQ(stored->locale, "en");
    EXPECT_EQ(stored->version, 1);
    values.sender_name = const_cast<char *>("Sales");
    req.system_values = &values;
    EXPECT_STREQ(render()->text, "Sales https://example.com/unsubscribe");
    req.lead = const_cast<char *>("leads/x");
    EXPECT_EQ(render().fields(), "sample_lead");
    req.lead = const_cast<char *>("");
    lead.email = const_cast<char *>("no address");
    EXPECT_EQ(render().fields(), "sample_lead.email");
    lead.email = const_cast<char *>("");
    req.template_ = &given;
    EXPECT_EQ(render().fields(), "template");
    req.name = const_cast<char *>("");
    EXPECT_EQ(render().reason(), "TEMPLATE_INVALID");
    req.template_ = nullptr;
    EXPECT_EQ(render().fields(), "name");
    req.name = const_cast<char *>("templates/none");
    EXPECT_EQ(render().reason(), "TEMPLATE_NOT_FOUND");
}

} // namespace

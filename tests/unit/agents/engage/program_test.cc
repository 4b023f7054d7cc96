// The language of templates: what is shown, how it is escaped where it stands, and what is refused.
#include "agents/engage/template/program.h"

#include "agents/engage/template/escape.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace
{

enum { NAME, COMPANY, LINK, EMPTY };
const program_field fields[] = {
    { "name", true }, { "company", false }, { "attributes.my link", true }, { "empty", false }
};

class Program : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&a, 8 << 20);
    }
    void TearDown() override
    {
        arena_done(&a);
    }

    // NULL where it is refused: `faults` then says "line:column text; ...".
    const program *compile(program_part part, const std::string &text)
    {
        const program *p = nullptr;
        program_fault *f = nullptr;
        struct status s =
            program_compile(&a, part, str_make(text.data(), text.size()), fields, COUNT(fields), &p, &f);
        EXPECT_EQ(s.code, CODE_OK) << s.message;
        faults.clear();
        for (; f; f = f->next)
            faults += (faults.empty() ? "" : "; ") + std::to_string(f->line) + ":" +
                      std::to_string(f->column) + " " + f->text;
        EXPECT_EQ(p == nullptr, !faults.empty());
        return p;
    }

    std::string run(const program *p)
    {
        str v[COUNT(fields)];
        for (size_t i = 0; i < COUNT(fields); i++)
            v[i] = str_make(values[i].data(), values[i].size());
        buf out;
        buf_init(&out, 1 << 20);
        program_run(p, v, &out);
        EXPECT_FALSE(out.overflow);
        std::string text(buf_str(&out).p, buf_str(&out).n);
        buf_done(&out);
        return text;
    }

    std::string render(program_part part, const std::string &text)
    {
        const program *p = compile(part, text);
        return p ? run(p) : "refused: " + faults;
    }

    // An html text around {{name}} with this value.
    std::string html(const std::string &text, const std::string &value)
    {
        values[NAME] = value;
        return render(PROGRAM_HTML, text);
    }

    arena a;
    std::string values[COUNT(fields)] = { "Ann", "Engines", "https://a.example/x", "" };
    std::string faults;
};

TEST_F(Program, ShowsValuesAndSections)
{
    const struct {
        const char *text, *shown;
    } cases[] = {
        { "", "" },
        { "plain { } }} text", "plain { } }} text" },
        { "Hello {{name}}!", "Hello Ann!" },
        { "{{ name }}{{name}}", "AnnAnn" },
        { "{{attributes.my link}}", "https://a.example/x" },
        { "{{#company}}at {{company}}{{/company}}", "at Engines" },
        { "{{#company}}at {{company}}{{/}}", "at Engines" },
        { "{{#empty}}never {{empty}}{{/empty}}", "" },
        { "{{^empty}}nothing{{/empty}}", "nothing" },
        { "{{^company}}nowhere{{/company}}", "" },
        { "{{#company}}{{#empty}}x{{/}}{{^empty}}{{company}}{{/}}{{/}}.", "Engines." },
        { "{{#empty}}{{#company}}x{{/}}{{/}}y", "y" },
        { "a{{! any thing }}b", "ab" },
        { "{{!}}", "" },
        // A section or comment tag alone on its line takes the line with it.
        { "a\n{{#company}}\nb\n{{/company}}\nc\n", "a\nb\nc\n" },
        { "a\r\n  {{#company}}  \r\nb\r\n\t{{/}}\r\nc", "a\r\nb\r\nc" },
        { "{{! first }}\na\n{{! last }}", "a\n" },
        { "{{! over\ntwo lines }}\na", "a" },
        { "a {{#company}}\nb{{/company}}\n", "a \nb\n" },
        { "{{name}}\n", "Ann\n" },
        { " {{#company}} {{/company}} \n", "   \n" },
    };
    for (const auto &c : cases)
        EXPECT_EQ(render(PROGRAM_TEXT, c.text), c.shown) << c.text;
}

TEST_F(Program, ValuesAreData)
{
    for (const char *value :
         { "{{7*7}}", "{{name}}", "{{{name}}}", "{{#company}}", "${7*7}", "<%= 7*7 %>", "%s%n", "}}" }) {
        values[NAME] = value;
        EXPECT_EQ(render(PROGRAM_TEXT, "[{{name}}]"), "[" + std::string(value) + "]");
        EXPECT_EQ(render(PROGRAM_SUBJECT, "[{{name}}]"), "[" + std::string(value) + "]");
    }
    EXPECT_EQ(html("{{name}}", "{{7*7}}"), "{{7*7}}");
}

TEST_F(Program, ASubjectStaysOneLine)
{
    const struct {
        std::string value, shown;
    } cases[] = {
        { "Ann\r\nBcc: all@example.com", "Ann Bcc: all@example.com" },
        { "\n\r\t\v\f\x01\x1f\x7f", " " },
        { "a\u0085b\u009fc\u2028d\u2029e", "a b c d e" },
        { "\u00a0\u00e9\u20ac\u2027\U0001f600", "\u00a0\u00e9\u20ac\u2027\U0001f600" },
    };
    for (const auto &c : cases) {
        values[NAME] = c.value;
        EXPECT_EQ(render(PROGRAM_SUBJECT, "{{name}}"), c.shown);
    }
    for (const char *text : { "a\nb", "a\rb", "a\tb", "a\u2028b", "\u0085b\n" })
        EXPECT_EQ(render(PROGRAM_SUBJECT, text).substr(0, 9), "refused: ") << text;
    EXPECT_EQ(render(PROGRAM_SUBJECT, "\u00e9\u00e9{{name}} \n"),
              "refused: 1:12 a subject is one line without control characters");
}

TEST_F(Program, EscapesForThePlace)
{
    const char *nasty = "<b>\"a\" & 'c' + d</b>";
    const char *escaped = "&lt;b&gt;&#34;a&#34; &amp; &#39;c&#39; &#43; d&lt;/b&gt;";
    for (const char *around : { "%",
                                "<p>%</p>",
                                "<P CLASS=x>%</P>",
                                "<p title=\"%\">x</p>",
                                "<p title='%'>x</p>",
                                "<p\n\ttitle = \"%\" id=y>x</p>",
                                "<title>%</title>",
                                "<textarea a='b'>%</textarea>",
                                "<p data-x=\"%\">",
                                "<p aria-label='%'>",
                                "<!-- c -->%",
                                "<!-->%",
                                "<!--->%",
                                "<!doctype html>%",
                                "<br/>%",
                                "a < b %",
                                "<!--[if mso]><p><![endif]-->%",
                                "<style>p > a { color: red }</style>%",
                                "<style><!-- </style>%",
                                "a > b %",
                                "</ p >%",
                                "<?xml x?>%",
                                "<a href='javascript:x()'>%</a>",
                                "<!-- x --!>%",
                                "<title></title>%" }) {
        std::string text = around, want = around;
        text.replace(text.find('%'), 1, "{{name}}");
        want.replace(want.find('%'), 1, escaped);
        EXPECT_EQ(html(text, nasty), want);
    }
}

TEST_F(Program, EscapesUrls)
{
    const struct {
        const char *text, *value, *shown;
    } cases[] = {
        { "<a href=\"{{name}}\">", "https://a.example/?b=c&d='e'",
          "<a href=\"https://a.example/?b=c&amp;d=%27e%27\">" },
        { "<a href='{{name}}'>", "HTTP://a.example/%2f%zz", "<a href='HTTP://a.example/%2f%25zz'>" },
        { "<a href='{{name}}'>", "mailto:ann@example.com", "<a href='mailto:ann@example.com'>" },
        { "<a href='{{name}}'>", "javascript:alert(1)", "<a href='about:invalid#blocked'>" },
        { "<a href='{{name}}'>", " https://a.example", "<a href='about:invalid#blocked'>" },
        { "<a href='{{name}}'>", "//a.example", "<a href='about:invalid#blocked'>" },
        { "<a href='{{name}}'>", "https:a", "<a href='about:invalid#blocked'>" },
        { "<img src=\"{{name}}\">", "data:text/html,x", "<img src=\"about:invalid#blocked\">" },
        { "<a href='{{name}}?u=1'>", "https://a.example/x", "<a href='https://a.example/x?u=1'>" },
        { "<a href='https://a.example/{{name}}'>", "b c/d?e\"", "<a href='https://a.example/b%20c/d?e%22'>" },
        { "<a href='https://{{name}}/'>", "a.example", "<a href='https://a.example/'>" },
        { "<a href='MAILTO:{{name}}'>", "a@b", "<a href='MAILTO:a@b'>" },
        { "<a href='https://a/?b={{name}}'>", "c&d=e f/\u00e9",
          "<a href='https://a/?b=c%26d%3de%20f%2f%c3%a9'>" },
        { "<a href='https://a/#{{name}}'>", "b#c", "<a href='https://a/#b%23c'>" },
        { "<a href='https://a/{{#company}}?c={{company}}{{/}}&n={{name}}'>", "b&c",
          "<a href='https://a/?c=Engines&n=b%26c'>" },
        { "<a href='{{name}}{{attributes.my link}}'>",
          "javascript:", "<a href='about:invalid#blockedhttps://a.example/x'>" },
        { "<td background='{{name}}'>", "vbscript:x", "<td background='about:invalid#blocked'>" },
    };
    for (const auto &c : cases)
        EXPECT_EQ(html(c.text, c.value), c.shown) << c.text;
}

TEST_F(Program, RefusesDataWhereNoEscapeHelps)
{
    const struct {
        const char *text, *fault;
    } cases[] = {
        { "<p {{name}}>", "1:4 no data may stand inside of a tag, a name or a comment" },
        { "<{{name}}>", "1:2 no data may stand inside of a tag, a name or a comment" },
        { "</{{name}}>", "1:3 no data may stand inside of a tag, a name or a comment" },
        { "<p{{name}}>", "1:3 no data may stand inside of a tag, a name or a comment" },
        { "<p a{{name}}='x'>", "1:5 no data may stand inside of a tag, a name or a comment" },
        { "<p title={{name}}>", "1:10 no data may stand in an attribute without quotes" },
        { "<p title=a{{name}}>", "1:11 no data may stand in an attribute without quotes" },
        { "<p style='color: {{name}}'>", "1:18 no data may stand in this attribute" },
        { "<p unknown='{{name}}'>", "1:13 no data may stand in this attribute" },
        { "<img srcset='{{name}}'>", "1:14 no data may stand in this attribute" },
        { "<meta content='{{name}}'>", "1:16 no data may stand in this attribute" },
        { "<link href='{{name}}'>", "1:13 no data may stand in this attribute" },
        { "<p></p title='{{name}}'>", "1:15 no data may stand in this attribute" },
        { "<p averylongattributename='{{name}}'>", "1:28 no data may stand in this attribute" },
        { "<style>{{name}}</style>", "1:8 no data may stand in a style sheet" },
        { "<!-- {{name}} -->", "1:6 no data may stand inside of a tag, a name or a comment" },
        { "<!-- - -- {{name}} -->", "1:11 no data may stand inside of a tag, a name or a comment" },
        { "<!{{name}}>", "1:3 no data may stand inside of a tag, a name or a comment" },
        { "<!doctype {{name}}>", "1:11 no data may stand inside of a tag, a name or a comment" },
        { "<title><{{name}}</title>", "1:9 no data may stand inside of a tag, a name or a comment" },
        { "<title></ti{{name}}</title>", "1:12 no data may stand inside of a tag, a name or a comment" },
        { "<title><b></title>", "1:9 no tag may stand in the content of this element" },
        { "<title></titles></title>", "1:16 no tag may stand in the content of this element" },
        { "<script>1</script>", "1:8 this element may not stand in a template" },
        { "<SCRIPT >1</script>", "1:8 this element may not stand in a template" },
        { "<svg/onload=1>", "1:5 this element may not stand in a template" },
        { "<p onclick='x'>", "1:11 event handlers may not stand in a template" },
        { "<p ONX>", "1:7 event handlers may not stand in a template" },
        { "<a href='javascript:{{name}}'>", "1:21 a URL with data in it must start with https://, http:// or "
                                            "mailto:, or with a value that is one" },
        { "<a href='/x/{{name}}'>", "1:13 a URL with data in it must start with https://, http:// or "
                                    "mailto:, or with a value that is one" },
        { "<a href=' {{name}}'>", "1:11 a URL with data in it must start with https://, http:// or mailto:, "
                                  "or with a value that is one" },
        { "<a href='https&#58;//{{name}}'>", "1:22 a URL with data in it must start with https://, http:// "
                                             "or mailto:, or with a value that is one" },
        { "<p a\"b>", "1:5 this character has no place inside of a tag" },
        { "<p \"x\">", "1:4 this character has no place inside of a tag" },
        { "<p a=b'c>", "1:7 this character has no place inside of a tag" },
        { "<p a=>", "1:6 expected the attribute's value" },
        { "<p", "1:3 the text ends inside of a tag, a comment or an element" },
        { "<!-- x", "1:7 the text ends inside of a tag, a comment or an element" },
        { "<title>x", "1:9 the text ends inside of a tag, a comment or an element" },
        { "x <", "1:4 the text ends inside of a tag, a comment or an element" },
    };
    for (const auto &c : cases) {
        EXPECT_EQ(compile(PROGRAM_HTML, c.text), nullptr) << c.text;
        EXPECT_EQ(faults, c.fault) << c.text;
    }
}

TEST_F(Program, SectionsEndWhereTheyBegan)
{
    for (const char *text :
         { "<p {{#company}}class='a'{{/}}>", "{{#company}}<p>{{/}}", "<p title='{{#company}}x{{/}}'>",
           "<title>{{#company}}x{{/}}</title>", "<td {{#company}} id='{{company}}' {{/}}/>",
           "<a href='https://a.example/{{#company}}b{{/}}'>", "<a href='{{name}}{{#company}}b{{/}}'>" })
        EXPECT_NE(compile(PROGRAM_HTML, text), nullptr) << text << " " << faults;
    const struct {
        const char *text, *fault;
    } cases[] = {
        { "{{#company}}<p {{/}}>", "1:16 the section must end in the place of the page in which it began" },
        { "{{#company}}<p title='{{/}}'>",
          "1:23 the section must end in the place of the page in which it began" },
        { "<p title='{{#company}}'>{{/}}",
          "1:25 the section must end in the place of the page in which it began" },
        { "<p title='{{#company}}' title=\"{{/}}\">",
          "1:32 the section must end in the place of the page in which it began" },
        { "<p title='{{#company}}' class='{{/}}'>", "" },
        { "<p title='{{#company}}' href='{{/}}'>",
          "1:31 the section must end in the place of the page in which it began" },
        { "{{#company}}<title>{{/}}</title>",
          "1:20 the section must end in the place of the page in which it began" },
        { "<a href='{{#company}}https://a.example/{{/}}{{name}}'>",
          "1:40 the section must end in the place of the page in which it began" },
        { "<a href='{{#company}}{{company}}{{/}}{{name}}'>",
          "1:33 the section must end in the place of the page in which it began" },
        { "<p{{#company}} id='a'{{/}}>", "1:3 no section may begin or end here" },
        { "<!-- {{#company}} -->{{/}}", "1:6 no section may begin or end here" },
        { "<style>{{#company}}a{{/}}</style>", "1:8 no section may begin or end here" },
        { "<{{#company}}b{{/}}>", "1:2 no section may begin or end here" },
    };
    for (const auto &c : cases) {
        compile(PROGRAM_HTML, c.text);
        EXPECT_EQ(faults, c.fault) << c.text;
    }
}

TEST_F(Program, RefusesWhatIsNoTemplate)
{
    const struct {
        std::string text, fault;
    } cases[] = {
        { "{{nope}}", "1:1 there is no such field; attributes.NAME must be among the template's fields" },
        { "{{}}", "1:1 there is no such field; attributes.NAME must be among the template's fields" },
        { "a\n\u00e9 {{Name}}",
          "2:3 there is no such field; attributes.NAME must be among the template's fields" },
        { "{{7*7}}", "1:1 there is no such field; attributes.NAME must be among the template's fields" },
        { "{{company}}",
          "1:1 the field may have no value here: put it into a section on it, or make it required, or "
          "give it a default" },
        { "{{^company}}{{company}}{{/}}",
          "1:13 the field may have no value here: put it into a section on it, or make "
          "it required, or give it a default" },
        { "{{#empty}}{{company}}{{/}}",
          "1:11 the field may have no value here: put it into a section on it, or make it "
          "required, or give it a default" },
        { "{{nope}} {{nope}}",
          "1:1 there is no such field; attributes.NAME must be among the template's fields; 1:10 "
          "there is no such field; attributes.NAME must be among the template's fields" },
        { "{{{name}}}", "1:1 there is no raw output: every value is escaped for its place" },
        { "{{&name}}", "1:1 there is no raw output: every value is escaped for its place" },
        { "{{>name}}", "1:1 there are no partials" },
        { "{{=<% %>=}}", "1:1 the delimiters cannot be changed" },
        { "x {{name", "1:3 the tag that starts here is never closed" },
        { "{{", "1:1 the tag that starts here is never closed" },
        { "{{#company}}x", "1:1 the section that starts here is never closed" },
        { "x{{/company}}", "1:2 no section is open here" },
        { "{{#company}}{{#empty}}{{/company}}{{/empty}}",
          "1:23 this is not the innermost section that is open" },
    };
    for (const auto &c : cases) {
        EXPECT_EQ(compile(PROGRAM_TEXT, c.text), nullptr) << c.text;
        EXPECT_EQ(faults, c.fault) << c.text;
    }
}

TEST_F(Program, HasLimits)
{
    auto times = [](size_t n, const std::string &s) {
        std::string all;
        while (n--)
            all += s;
        return all;
    };
    EXPECT_NE(compile(PROGRAM_TEXT, times(PROGRAM_BYTES_MAX, "x")), nullptr);
    EXPECT_EQ(compile(PROGRAM_TEXT, times(PROGRAM_BYTES_MAX + 1, "x")), nullptr);
    EXPECT_EQ(faults, "1:1 the text is longer than 131,072 bytes");
    EXPECT_NE(compile(PROGRAM_TEXT, times(PROGRAM_TAGS_MAX, "{{name}}")), nullptr);
    EXPECT_EQ(compile(PROGRAM_TEXT, times(PROGRAM_TAGS_MAX + 1, "{{name}}")), nullptr);
    EXPECT_EQ(faults, "1:1 the text has more than 1,024 tags");
    EXPECT_NE(compile(PROGRAM_TEXT, times(16, "{{#company}}") + times(16, "{{/}}")), nullptr);
    EXPECT_EQ(compile(PROGRAM_TEXT, times(17, "{{#company}}") + times(17, "{{/}}")), nullptr);
    EXPECT_EQ(faults, "1:193 sections are nested more than 16 deep");
    compile(PROGRAM_TEXT, times(40, "{{no}}"));
    EXPECT_EQ(std::count(faults.begin(), faults.end(), ';') - 16, PROGRAM_FAULTS_MAX - 1);
}

TEST_F(Program, TheLimitOfTheOutputHolds)
{
    const program *p = compile(PROGRAM_TEXT, "{{name}}{{name}}{{name}}");
    str v[COUNT(fields)] = { STR("0123456789"), STR(""), STR(""), STR("") };
    buf out;
    buf_init(&out, 25);
    program_run(p, v, &out);
    EXPECT_TRUE(out.overflow);
    EXPECT_LE(out.n, 25u);
    buf_done(&out);
}

TEST_F(Program, KnowsWhatItAlwaysShows)
{
    const program *p = compile(PROGRAM_TEXT, "{{#company}}{{attributes.my link}}{{company}}{{/}}{{name}}");
    EXPECT_TRUE(program_shows(p, NAME));
    EXPECT_FALSE(program_shows(p, LINK));
    EXPECT_FALSE(program_shows(p, COMPANY));
    EXPECT_FALSE(program_shows(p, COUNT(fields)));
}

TEST_F(Program, MemoryRunsOutCleanly)
{
    const char *text = "<p title='{{name}}'>{{#company}}{{company}}{{/company}}</p>{{nope}}";
    for (size_t budget = 0;; budget += 64) {
        arena small;
        arena_init(&small, budget);
        const program *p = nullptr;
        program_fault *f = nullptr;
        struct status s = program_compile(&small, PROGRAM_HTML, str_of(text), fields, COUNT(fields), &p, &f);
        arena_done(&small);
        if (!s.code)
            break;
        EXPECT_EQ(s.reason, REASON_REQUEST_TOO_LARGE);
        ASSERT_LT(budget, 100000u);
    }
}

// Random pieces of markup around values made of the characters that matter: whatever is accepted, no value
// ever brings a character that could end its place.
TEST_F(Program, NoValueEndsItsPlace)
{
    const std::vector<std::string> pieces = {
        "<p>",  "</p>", "<a href='",  "<a href=\"", "<p title='", "'>",           "\">",
        "'",    "\"",   "https://a/", "?b=",        "{{name}}",   "{{#company}}", "{{/}}",
        "<!--", "-->",  "<title>",    "</title>",   "<style>",    "</style>",     " x ",
        "=",    "<",    ">",          "/",          "&"
    };
    const std::string marks = "<>\"'`=&;:/?#%+-! \n\tjsx";
    std::mt19937 random(11);
    int accepted = 0;
    for (int i = 0; i < 60000; i++) {
        std::string text;
        for (unsigned n = 1 + random() % 10; n; n--)
            text += pieces[random() % pieces.size()];
        const program *p = compile(PROGRAM_HTML, text);
        if (p && text.find("{{name}}") != std::string::npos) {
            accepted++;
            values[NAME] = "@";
            for (unsigned n = random() % 12; n; n--)
                values[NAME] += marks[random() % marks.size()];
            std::string shown = run(p);
            values[NAME] = "A";
            std::string plain = run(p);
            for (char c : std::string("<>\"'"))
                EXPECT_EQ(std::count(shown.begin(), shown.end(), c),
                          std::count(plain.begin(), plain.end(), c))
                    << text << " => " << shown;
        }
        arena_reset(&a);
    }
    EXPECT_GT(accepted, 1000);
}

} // namespace

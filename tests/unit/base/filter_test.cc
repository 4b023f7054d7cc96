// The filter language: what holds, what is refused and where, and a random comparison with an evaluator that
// shares no code with it.
#include "base/filter.h"
#include "proto/names.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace
{

enum Tag { SOURCE, FIT, HOT, CREATED, CATEGORY, ATTRIBUTE };

const filter_field fields[] = {
    { "source", FILTER_TEXT, SOURCE, nullptr, nullptr },
    { "fit", FILTER_NUMBER, FIT, nullptr, nullptr },
    { "hot", FILTER_BOOL, HOT, nullptr, nullptr },
    { "create_time", FILTER_TIME, CREATED, nullptr, nullptr },
    { "category", FILTER_ENUM, CATEGORY, &LeadCategory_descriptor, "LEAD_CATEGORY_" },
    { "attributes.", FILTER_LOOSE, ATTRIBUTE, nullptr, nullptr },
};
const filter_schema schema = { fields, COUNT(fields) };

struct Thing {
    std::string source = "webinar";
    double fit = 0.5;
    std::map<std::string, std::string> attributes = {
        { "age", "42" }, { "job", "admin." }, { "emp.var.rate", "-1.8" }, { "last contact", "2026-03-01" }
    };
};

filter_value look(void *arg, const filter_field *field, str rest)
{
    auto *thing = static_cast<Thing *>(arg);
    switch (field->tag) {
    case SOURCE:
        return filter_text(str_of(thing->source.c_str()));
    case FIT:
        return filter_number(thing->fit);
    case HOT:
        return filter_integer(1);
    case CREATED:
        return filter_integer(INT64_C(1767225600) * 1000000); // 2026-01-01
    case CATEGORY:
        return filter_integer(LEAD_CATEGORY_GENERAL_INQUIRY);
    }
    auto at = thing->attributes.find(std::string(rest.p, rest.n));
    return at == thing->attributes.end() ? filter_none() : filter_text(str_of(at->second.c_str()));
}

class Filter : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&a, 1 << 20);
    }
    void TearDown() override
    {
        arena_done(&a);
    }

    // 1 or 0 for a match or none; -1 where the text is refused, with the reason in `message`.
    int match(const std::string &text)
    {
        const filter *f = nullptr;
        struct status s = filter_parse(&a, "filter", str_make(text.data(), text.size()), &schema, &f);
        message = s.code ? s.message : "";
        if (s.code) {
            EXPECT_EQ(s.reason, REASON_FILTER_INVALID) << text;
            return -1;
        }
        return filter_match(f, look, &thing);
    }

    arena a;
    Thing thing;
    std::string message;
};

TEST_F(Filter, Holds)
{
    for (const char *text : {
             "",
             "  ",
             "source = webinar",
             "source=\"webinar\"",
             "source = 'webinar'",
             "source:bin",
             "source:BIN",
             "source:*",
             "source != x",
             "NOT source = x",
             "-source = x",
             "NOT NOT source = webinar",
             "fit >= 0.5",
             "fit <= 5e-1",
             "fit > -1",
             "hot = true",
             "hot != false",
             "create_time < 2026-01-02",
             "create_time = \"2026-01-01T00:00:00Z\"",
             "create_time > 2025-12-31T23:59:59.999999Z",
             "category = GENERAL_INQUIRY",
             "category = LEAD_CATEGORY_GENERAL_INQUIRY",
             "category < COLD_LEAD",
             "attributes.age = 42",
             "attributes.age = 42.0",
             "attributes.age > 9",
             "attributes.age < \"9\"",
             "attributes.job = \"admin.\"",
             "attributes.job = admin.",
             "attributes.emp.var.rate < 0",
             "attributes.\"last contact\" >= 2026-02-28",
             "attributes.none != 1",
             "NOT attributes.none:*",
             "attributes.job != 5",
             "(source = webinar)",
             "source = x OR fit = 0.5",
             "source = webinar fit = 0.5",
             "source = webinar AND fit = 0.5",
             // OR binds tighter than AND
             "source = webinar OR source = y AND fit = 0.5",
             "(source = x AND fit = 9) OR hot = true",
             "NOT (source = x OR fit = 9)",
             "((((((((((((((((fit = 0.5))))))))))))))))",
         })
        EXPECT_EQ(match(text), 1) << text << "\n" << message;
}

TEST_F(Filter, DoesNotHold)
{
    for (const char *text : {
             "source = Webinar",
             "source < webinar",
             "source:binx",
             "fit > 0.5",
             "fit = 0.50001",
             "hot = false",
             "create_time < 2026-01-01",
             "category = COLD_LEAD",
             "attributes.age = \"42.0\"",
             "attributes.none = 1",
             "attributes.none < 1",
             "attributes.none:*",
             "attributes.job < 5",
             "attributes.job >= 5",
             "NOT source:*",
             "source = webinar OR source = y AND fit = 9",
             "source = webinar -fit = 0.5",
             "NOT (source = webinar OR fit = 9)",
         })
        EXPECT_EQ(match(text), 0) << text << "\n" << message;
}

TEST_F(Filter, RefusesAndSaysWhere)
{
    const struct {
        const char *text, *message;
    } cases[] = {
        { "source", "at byte 7: expected one of = != < <= > >= :" },
        { "source =", "at byte 9: expected a value" },
        { "source = AND", "at byte 10: expected a value" },
        { "= 5", "at byte 1: expected the name of a field" },
        { "nope = 5", "at byte 1: no field of that name can be filtered by" },
        { "fit = abc", "at byte 7: expected a number" },
        { "fit = nan", "at byte 7: expected a number" },
        { "hot = yes", "at byte 7: expected true or false" },
        { "hot < true", "at byte 5: a field that is true or false has = and != only" },
        { "create_time = monday", "at byte 15: expected a date or time of RFC 3339" },
        { "category = HOT", "at byte 12: not one of the field's values" },
        { "source = \"abc", "at byte 10: the quote opened here is never closed" },
        { "source = \"a\\", "at byte 12: a \\ must be followed by one of \\ \" ' n t" },
        { "source = \"a\\x\"", "at byte 12: a \\ must be followed by one of \\ \" ' n t" },
        { "(source = a", "at byte 12: expected )" },
        { "source = a)", "at byte 11: expected AND, OR or the end" },
        { "source = a OR", "at byte 14: expected the name of a field" },
        { "source = a AND AND fit = 1", "at byte 16: no field of that name can be filtered by" },
        { "()", "at byte 2: expected the name of a field" },
        { "attributes. = 1", "at byte 12: expected the rest of the name" },
        { "attributes.\"\" = 1", "at byte 14: expected the rest of the name" },
        { "(((((((((((((((((fit = 0.5)))))))))))))))))",
          "at byte 17: parentheses are nested more than 16 deep" },
    };
    for (const auto &c : cases) {
        EXPECT_EQ(match(c.text), -1) << c.text;
        EXPECT_EQ(message, std::string("filter: ") + c.message) << c.text;
    }
    EXPECT_EQ(match(std::string(1000, ' ') + "source = " + std::string(16, 'x')), -1);
    EXPECT_EQ(match(std::string(1000, ' ') + "source = " + std::string(15, 'x')), 0);
}

TEST_F(Filter, EscapesAreRead)
{
    thing.source = "a\"b\\c'd\ne\tf";
    EXPECT_EQ(match("source = \"a\\\"b\\\\c'd\\ne\\tf\""), 1);
    EXPECT_EQ(match("source = 'a\"b\\\\c\\'d\\ne\\tf'"), 1);
}

TEST_F(Filter, MemoryRunsOutCleanly)
{
    const char *text = "(source = \"a b\" OR attributes.\"x y\" > 5) AND category = COLD_LEAD -fit < 1";
    for (size_t budget = 0;; budget += 16) {
        arena small;
        arena_init(&small, budget);
        const filter *f = nullptr;
        struct status s = filter_parse(&small, "filter", str_of(text), &schema, &f);
        arena_done(&small);
        if (!s.code)
            break;
        EXPECT_EQ(s.reason, REASON_REQUEST_TOO_LARGE);
        ASSERT_LT(budget, 100000u);
    }
}

// Makes random expressions beside their truth.
struct Maker {
    std::mt19937 random;
    const Thing &thing;

    bool coin()
    {
        return random() & 1;
    }

    std::string test(bool *truth)
    {
        bool equal = coin(), same = coin();
        std::string value = same ? thing.source : "other";
        if (random() % 3 == 0) {
            int bound = static_cast<int>(random() % 3); // fit is 0.5
            *truth = bound >= 1 ? equal : !equal;
            return std::string("fit ") + (equal ? "< " : ">= ") + std::to_string(bound);
        }
        *truth = equal == same;
        return std::string(coin() ? "source" : "attributes.source") + (equal ? " = " : "!=") + value;
    }

    std::string term(int depth, bool *truth)
    {
        bool negated = random() % 4 == 0;
        std::string text = depth && coin() ? "(" + all(depth - 1, truth) + ")" : test(truth);
        *truth ^= negated;
        return (negated ? coin() ? "NOT " : "-" : "") + text;
    }

    std::string any(int depth, bool *truth)
    {
        std::string text = term(depth, truth);
        for (unsigned n = random() % 3; n; n--) {
            bool more;
            text += " OR " + term(depth, &more);
            *truth |= more;
        }
        return text;
    }

    std::string all(int depth, bool *truth)
    {
        std::string text = any(depth, truth);
        for (unsigned n = random() % 3; n; n--) {
            bool more;
            text += (coin() ? " AND " : " ") + any(depth, &more);
            *truth &= more;
        }
        return text;
    }
};

TEST_F(Filter, AgreesWithTheTruthOfRandomExpressions)
{
    thing.attributes["source"] = thing.source;
    Maker maker = { std::mt19937(7), thing };
    int read = 0;
    for (int i = 0; i < 20000; i++) {
        bool truth;
        std::string text = maker.all(3, &truth);
        if (text.size() > FILTER_BYTES_MAX)
            continue;
        ASSERT_EQ(match(text), static_cast<int>(truth)) << text << "\n" << message;
        arena_reset(&a);
        read++;
    }
    EXPECT_GT(read, 10000);
}

} // namespace

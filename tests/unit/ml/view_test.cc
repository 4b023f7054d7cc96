#include "ml/learn.h"
#include "ml/value.h"

#include "tests/unit/ml/fixtures.h"

namespace
{

TEST(Value, Numbers)
{
    const std::vector<std::pair<const char *, double>> good = {
        { "12", 12 },  { "-3.25", -3.25 },   { "+4", 4 },
        { ".5", 0.5 }, { "1e3", 1000 },      { "0.1", 0.1 },
        { "True", 1 }, { "no", 0 },          { "$1,234.50", 1234.5 },
        { "12%", 12 }, { "1,000,000", 1e6 }, { "123456789.123456789", 123456789.123456789 },
    };
    for (const auto &g : good) {
        double v = NAN;
        EXPECT_TRUE(text_number(str_of(g.first), &v)) << g.first;
        EXPECT_EQ(v, g.second) << g.first;
    }
    for (const char *bad :
         { "", "abc", "1.2.3", "12 34", "--1", "0x10", "inf", "1e999", ".", "1,23,4", "%" }) {
        double v = 7;
        EXPECT_FALSE(text_number(str_of(bad), &v)) << bad;
        EXPECT_EQ(v, 7) << bad;
    }
}

TEST(Value, Missing)
{
    for (const char *s : { "", "NA", "n/a", "NaN", "null", "None", "nil", "-" })
        EXPECT_TRUE(text_is_missing(str_of(s))) << s;
    for (const char *s : { "0", "unknown", "no", "nano", "x" })
        EXPECT_FALSE(text_is_missing(str_of(s))) << s;
}

TEST(Value, Dates)
{
    int64_t a, b;
    ASSERT_TRUE(text_date(STR("2024-02-29"), &a));
    ASSERT_TRUE(text_date(STR("2024-02-29 01:00:00"), &b));
    EXPECT_EQ(b - a, INT64_C(3600000000));
    EXPECT_FALSE(text_date(STR("2024-02-30"), &a));
    EXPECT_FALSE(text_date(STR("29/02/2024"), &a));
}

TEST(Value, FoldsWithoutCuttingCharacters)
{
    char to[LEVEL_BYTES];
    EXPECT_EQ(text_fold(STR("GooGle"), to), 6u);
    EXPECT_EQ(std::string(to, 6), "google");
    std::string longer = std::string(LEVEL_BYTES - 1, 'a') + "\xc3\xa9";
    EXPECT_EQ(text_fold(view_of(longer), to), LEVEL_BYTES - 1u);
}

const char schema_text[] =
    "{\"target\":\"y\",\"columns\":{\"n\":\"numeric\",\"c\":\"categorical\",\"d\":\"categorical\","
    "\"z\":\"numeric\",\"free\":\"categorical\"}}";

// n: numbers, some missing; c: three levels and rare ones; d: dates under the name of levels; z: text of
// numbers with "unknown".
std::string table(size_t rows)
{
    std::string csv = "n,c,d,z,free,y\n";
    for (size_t i = 0; i < rows; i++) {
        const char *levels[] = { "Red", "green", "blue" };
        std::string c = i % 50 == 49 ? "rare" + std::to_string(i) : i % 20 == 7 ? "" : levels[i % 3];
        csv += (i % 10 == 3 ? std::string("NA") : std::to_string(i % 17)) + "," + c + ",2024-0" +
               std::to_string(1 + i % 9) + "-" + std::to_string(10 + i % 19) + "," +
               (i % 8 == 5 ? "unknown" : std::to_string(i % 5)) + ",text of row " + std::to_string(i * 7919) +
               "," + (mix64(i) % 3 == 0 ? "1" : "0") + "\n";
    }
    return csv;
}

struct Learnt {
    Memory memory;
    Table t;
    struct schema s;
    struct dataset d;
    struct status status;
    explicit Learnt(const std::string &csv, const char *schema = schema_text) : t(csv)
    {
        EXPECT_TRUE(is_ok(t.status)) << t.status.message;
        EXPECT_TRUE(is_ok(schema_parse(str_of(schema), &memory.a, &s)));
        status = dataset_learn(&t.frame, &s, STR("y"), &memory.a, &t.errors.a, &d);
    }
    const struct view_column &column(const char *name)
    {
        return d.view.columns[view_column_of(&d.view, str_of(name))];
    }
    std::vector<float> fill(const char *name, const char *text)
    {
        const struct view_column &c = column(name);
        std::vector<float> row(d.view.n_features, -1);
        view_fill(&c, d.view.absent, str_of(text), row.data());
        return std::vector<float>(row.begin() + c.first, row.begin() + c.first + c.width);
    }
};

TEST(View, KindsAreSeenInTheValues)
{
    Learnt l(table(600));
    ASSERT_OK(l.status);
    EXPECT_EQ(l.column("n").kind, COLUMN_NUMERIC);
    EXPECT_EQ(l.column("c").kind, COLUMN_CATEGORICAL);
    EXPECT_EQ(l.column("d").kind, COLUMN_DATE);
    EXPECT_EQ(l.column("z").kind, COLUMN_NUMERIC);
    EXPECT_EQ(l.column("free").kind, COLUMN_TEXT);
    EXPECT_EQ(view_column_of(&l.d.view, STR("y")), MODEL_UNBOUND);
}

TEST(View, MissingUnknownAndUnparsable)
{
    Learnt l(table(600));
    ASSERT_OK(l.status);
    const struct view_column &c = l.column("c");
    EXPECT_EQ(view_level(&c, STR("")), LEVEL_MISSING);
    EXPECT_EQ(view_level(&c, STR("NA")), LEVEL_MISSING);
    EXPECT_EQ(view_level(&c, STR("never seen")), LEVEL_UNKNOWN);
    EXPECT_EQ(view_level(&c, STR("rare49")), LEVEL_UNKNOWN);
    EXPECT_EQ(view_level(&c, STR(" RED ")), view_level(&c, STR("red")));
    EXPECT_GT(view_level(&c, STR("red")), LEVEL_UNKNOWN);
    EXPECT_EQ(text_of(c.levels[view_level(&c, STR("red"))].text), "Red");
    EXPECT_EQ(l.fill("n", "5"), (std::vector<float>{ 5, 0 }));
    EXPECT_EQ(l.fill("z", "4"), (std::vector<float>{ 4, 0 }));
    for (const char *bad : { "", "NA", "unknown", "1e999", "five" }) {
        std::vector<float> row = l.fill("n", bad);
        EXPECT_TRUE(std::isnan(row[0])) << bad;
        EXPECT_EQ(row[1], 1) << bad;
    }
}

TEST(View, OneOfTheLevelsIsSet)
{
    Learnt l(table(600));
    ASSERT_OK(l.status);
    for (const char *text : { "Red", "GREEN", "", "blue" }) {
        float sum = 0;
        for (float v : l.fill("c", text))
            sum += v;
        EXPECT_EQ(sum, 1) << text;
    }
}

// A column of many levels that say nothing about the outcome: each training row's statistic must not know its
// own outcome.
TEST(View, TargetStatisticsDoNotLeak)
{
    std::string csv = "c,y\n";
    const size_t n = 4000;
    for (size_t i = 0; i < n; i++)
        csv += "level" + std::to_string(mix64(i) % 500) + "," + (mix64(i + 12345) % 2 ? "1" : "0") + "\n";
    Learnt l(csv, "{\"columns\":{\"c\":\"categorical\"}}");
    ASSERT_OK(l.status);
    uint32_t at = l.column("c").at[FEATURE_TARGET];
    ASSERT_NE(at, NO_FEATURE);
    std::vector<float> out(n * l.d.view.n_features);
    dataset_encode(&l.d, nullptr, out.data());
    double own = 0, encoded = 0; // mean difference between the outcomes' statistics
    for (size_t i = 0; i < n; i++) {
        double sign = l.d.y[i] > 0 ? 1 : -1;
        own += sign * (double)l.d.x[i * l.d.view.n_features + at] / (double)n;
        encoded += sign * (double)out[i * l.d.view.n_features + at] / (double)n;
    }
    EXPECT_GT(own, 0.04);                 // the plain statistic does know
    EXPECT_LT(std::fabs(encoded), 0.025); // what training sees does not
}

TEST(View, HeldOutRowsDoNotReachTheStatistics)
{
    std::string csv = "c,y\n", other = "c,y\n";
    const size_t n = 2000;
    std::vector<uint8_t> held(n);
    for (size_t i = 0; i < n; i++) {
        std::string level = "level" + std::to_string(mix64(i) % 100);
        held[i] = i % 4 == 0;
        csv += level + "," + (mix64(i + 7) % 2 ? "1" : "0") + "\n";
        other +=
            level + "," + ((mix64(i + 7) % 2) ^ held[i] ? "1" : "0") + "\n"; // held outcomes turned round
    }
    Learnt a(csv, "{\"columns\":{\"c\":\"categorical\"}}"), b(other, "{\"columns\":{\"c\":\"categorical\"}}");
    ASSERT_OK(a.status);
    std::vector<float> x(n * a.d.view.n_features), z(x.size());
    dataset_encode(&a.d, held.data(), x.data());
    dataset_encode(&b.d, held.data(), z.data());
    EXPECT_EQ(x, z);
}

TEST(Learn, SaysWhatIsWrong)
{
    struct Bad {
        std::string csv;
        const char *schema, *message;
    };
    const std::vector<Bad> all = {
        { "a,y\n1,2\n", "{\"columns\":{\"a\":\"numeric\"}}",
          "line 2, column 2: the label must be 0 or 1 (or true/false, yes/no)" },
        { "a,y\n1,1\n", "{\"columns\":{\"a\":\"numeric\"}}",
          "1 rows of label 1 and 0 of label 0: 20 of each are needed" },
        { "a\n1\n", "{\"columns\":{\"a\":\"numeric\"}}", "line 1: no column y (the label)" },
        { table(200), "{\"columns\":{\"gone\":\"numeric\"}}", "columns.gone: the file has no such column" },
    };
    for (const Bad &b : all) {
        Learnt l(b.csv, b.schema);
        EXPECT_STREQ(l.status.message, b.message);
    }
    EXPECT_STREQ(Table("a,a\n").status.message, "line 1: the header names a twice");
    EXPECT_STREQ(Table("a,b\n1,2\n3\n").status.message, "line 3: 1 cells where the header has 2");
    EXPECT_STREQ(Table("a,b\n1,\xff\n").status.message,
                 "line 2, column 2: not UTF-8 (convert the file first)");
    EXPECT_STREQ(Table("").status.message, "line 1: the file has no header");
}

TEST(Schema, Refuses)
{
    const std::vector<std::pair<const char *, const char *>> bad = {
        { "{", "line 1, column 1: string or '}' expected near end of file" },
        { "[]", "must be an object" },
        { "{\"columns\":{}}", "columns: names no feature" },
        { "{\"columns\":{\"a\":\"number\"}}",
          "columns.a: the kind must be \"numeric\", \"categorical\", \"date\", \"text\" or \"ignore\"" },
        { "{\"id\":3,\"columns\":{\"a\":\"numeric\"}}", "id: must be a string" },
        { "{\"columns\":[1]}", "columns: must be an object of name: kind" },
    };
    for (const auto &b : bad) {
        Memory m;
        struct schema s;
        struct status st = schema_parse(str_of(b.first), &m.a, &s);
        EXPECT_EQ(st.reason, REASON_SCHEMA_INVALID) << b.first;
        EXPECT_STREQ(st.message, b.second);
    }
}

} // namespace

#include "base/csv.h"

#include "tests/unit/ml/fixtures.h"

namespace
{

struct Read {
    std::vector<std::vector<std::string>> rows;
    std::vector<uint64_t> lines, offsets;
    std::string error;
};

struct status take(void *arg, const struct csv_row *row)
{
    Read *r = static_cast<Read *>(arg);
    std::vector<std::string> cells;
    for (size_t i = 0; i < row->n; i++)
        cells.push_back(text_of(row->cells[i]));
    EXPECT_EQ(row->index, r->rows.size());
    r->rows.push_back(cells);
    r->lines.push_back(row->line);
    r->offsets.push_back(row->offset);
    return ok();
}

// Reads the text in pieces of `piece` bytes.
Read read(const std::string &text, size_t piece)
{
    Read r;
    Memory errors(1 << 16);
    struct csv c;
    EXPECT_TRUE(is_ok(csv_init(&c, 0, take, &r, &errors.a)));
    struct status s = ok();
    for (size_t i = 0; i < text.size() && is_ok(s); i += piece)
        s = csv_feed(&c, str_make(text.data() + i, std::min(piece, text.size() - i)));
    if (is_ok(s))
        s = csv_end(&c);
    if (!is_ok(s)) {
        EXPECT_EQ(s.reason, REASON_CSV_INVALID);
        r.error = s.message;
    }
    csv_done(&c);
    return r;
}

struct Case {
    const char *name;
    std::string text;
    std::vector<std::vector<std::string>> rows;
    std::vector<uint64_t> lines;
};

const std::vector<Case> cases = {
    { "plain", "a,b\n1,2\n3,4\n", { { "a", "b" }, { "1", "2" }, { "3", "4" } }, { 1, 2, 3 } },
    { "no last line end", "a,b\n1,2", { { "a", "b" }, { "1", "2" } }, { 1, 2 } },
    { "crlf", "a,b\r\n1,2\r\n", { { "a", "b" }, { "1", "2" } }, { 1, 2 } },
    { "cr", "a,b\r1,2\r", { { "a", "b" }, { "1", "2" } }, { 1, 2 } },
    { "byte order mark",
      "\xef\xbb\xbf"
      "a,b\n1,2\n",
      { { "a", "b" }, { "1", "2" } },
      { 1, 2 } },
    { "empty cells", "a,b,c\n,,\n", { { "a", "b", "c" }, { "", "", "" } }, { 1, 2 } },
    { "empty lines", "\n\na,b\n\n1,2\n\n", { { "a", "b" }, { "1", "2" } }, { 3, 5 } },
    { "quotes",
      "a,b\n\"x,y\",\"he said \"\"no\"\"\"\n",
      { { "a", "b" }, { "x,y", "he said \"no\"" } },
      { 1, 2 } },
    { "line ends in quotes",
      "a,b\n\"x\r\ny\nz\",1\n2,3\n",
      { { "a", "b" }, { "x\r\ny\nz", "1" }, { "2", "3" } },
      { 1, 2, 5 } },
    { "empty quotes", "a,b\n\"\",1\n", { { "a", "b" }, { "", "1" } }, { 1, 2 } },
    { "quote inside", "a,b\n5\" tall,1\n", { { "a", "b" }, { "5\" tall", "1" } }, { 1, 2 } },
    { "semicolon", "a;b;c\n1,5;2;3\n", { { "a", "b", "c" }, { "1,5", "2", "3" } }, { 1, 2 } },
    { "tab", "a\tb\n1\t2\n", { { "a", "b" }, { "1", "2" } }, { 1, 2 } },
    { "bar", "a|b\n1|2\n", { { "a", "b" }, { "1", "2" } }, { 1, 2 } },
    { "separator in a quoted name", "\"a,b,c\";d\n1;2\n", { { "a,b,c", "d" }, { "1", "2" } }, { 1, 2 } },
    { "one column", "a\n1\n2\n", { { "a" }, { "1" }, { "2" } }, { 1, 2, 3 } },
    { "header only", "a,b", { { "a", "b" } }, { 1 } },
    { "nothing", "", {}, {} },
};

TEST(Csv, ReadsTheSameInPiecesOfAnySize)
{
    for (const Case &c : cases)
        for (size_t piece = 1; piece <= c.text.size() + 1; piece++) {
            Read r = read(c.text, piece);
            EXPECT_EQ(r.error, "") << c.name << " in pieces of " << piece;
            EXPECT_EQ(r.rows, c.rows) << c.name << " in pieces of " << piece;
            EXPECT_EQ(r.lines, c.lines) << c.name << " in pieces of " << piece;
        }
}

TEST(Csv, OffsetsAreWhereReadingCanResume)
{
    std::string text = "\xef\xbb\xbf"
                       "id,note\n1,\"a\nb\"\n\n2,c\r\n3,d\n";
    Read r = read(text, 7);
    ASSERT_EQ(r.offsets.size(), 4u);
    EXPECT_EQ(text.substr(r.offsets[0], 2), "id");
    EXPECT_EQ(text.substr(r.offsets[1], 2), "1,");
    EXPECT_EQ(text.substr(r.offsets[2], 2), "2,");
    EXPECT_EQ(text.substr(r.offsets[3], 2), "3,");
}

TEST(Csv, RefusesWithTheLine)
{
    const std::vector<std::pair<std::string, std::string>> bad = {
        { "a,b\n1,2\n\"x\"y,3\n", "line 3, column 1: text after a closing quote" },
        { "a,b\n1,\"never\nclosed\n", "line 2, column 2: the quote opened here is never closed" },
        { std::string("a,b\n1,x\0y\n", 10), "line 2, column 2: a NUL byte" },
        { "a\n" + std::string(CSV_CELL_MAX + 1, 'x') + "\n",
          "line 2, column 1: the cell is longer than 64 KiB" },
        { "a" + std::string(CSV_COLUMNS_MAX, ',') + "\n1\n",
          "line 1, column 1025: the record has more than 1024 columns" },
    };
    for (const auto &b : bad)
        for (size_t piece : { (size_t)1, (size_t)3, b.first.size() })
            EXPECT_EQ(read(b.first, piece).error, b.second);
}

TEST(Csv, LongestCellIsRead)
{
    Read r = read("a\n" + std::string(CSV_CELL_MAX, 'x') + "\n", 1000);
    ASSERT_EQ(r.rows.size(), 2u);
    EXPECT_EQ(r.rows[1][0].size(), CSV_CELL_MAX);
}

TEST(Csv, WrittenCellsReadBack)
{
    const std::vector<std::string> cells = { "plain", "a,b",    "say \"x\"", "two\nlines",
                                             " lead", "trail ", "",          "\r" };
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_puts(&b, "c1,c2,c3,c4,c5,c6,c7,c8\n");
    for (size_t i = 0; i < cells.size(); i++) {
        if (i)
            buf_putc(&b, ',');
        csv_put(&b, view_of(cells[i]), ',');
    }
    buf_puts(&b, "\n");
    Read r = read(text_of(buf_str(&b)), 5);
    buf_done(&b);
    ASSERT_EQ(r.rows.size(), 2u);
    EXPECT_EQ(r.rows[1], cells);
}

} // namespace

// fixtures.h: frames, data sets and a small model for the tests of this room.
#ifndef TESTS_UNIT_ML_FIXTURES_H
#define TESTS_UNIT_ML_FIXTURES_H

#include "base/ids.h"
#include "ml/file.h"
#include "ml/train.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

inline struct str view_of(const std::string &s)
{
    return str_make(s.data(), s.size());
}

inline std::string text_of(struct str s)
{
    return std::string(s.p, s.n);
}

inline std::string slurp(const char *path)
{
    std::ifstream f(path, std::ios::binary);
    std::stringstream s;
    s << f.rdbuf();
    EXPECT_GT(s.str().size(), 0u) << path;
    return s.str();
}

#define ASSERT_OK(expr)                                                                                      \
    do {                                                                                                     \
        struct status ok_ = (expr);                                                                          \
        ASSERT_EQ(ok_.code, CODE_OK) << reason_name((enum reason)ok_.reason) << ": "                         \
                                     << (ok_.message ? ok_.message : "");                                    \
    } while (0)

// An arena that frees itself.
struct Memory {
    struct arena a;
    explicit Memory(size_t budget = (size_t)1 << 30)
    {
        arena_init(&a, budget);
    }
    ~Memory()
    {
        arena_done(&a);
    }
    Memory(const Memory &) = delete;
};

// A CSV text as a frame.
struct Table {
    Memory errors{ 1 << 20 };
    struct frame frame;
    struct status status;
    explicit Table(const std::string &csv)
    {
        status = frame_init(&frame, 1000000, (size_t)1 << 30, &errors.a);
        if (is_ok(status))
            status = frame_feed(&frame, view_of(csv));
        if (is_ok(status))
            status = frame_end(&frame);
    }
    ~Table()
    {
        frame_done(&frame);
    }
};

constexpr size_t sample_rows = 7600;

// n rows of the sample data, spread over all of it (its world drifts), at least half of the rest being left
// out.
inline std::string sample(size_t rows)
{
    std::istringstream in(slurp("testdata/bank/train.csv"));
    std::string line, out;
    for (size_t i = 0; std::getline(in, line); i++)
        if (i == 0 || (i - 1) % (sample_rows / rows) == 0)
            out += line + "\n";
    return out;
}

inline struct schema sample_schema(Memory &m)
{
    struct schema s;
    memset(&s, 0, sizeof s);
    EXPECT_TRUE(is_ok(schema_parse(view_of(slurp("testdata/bank/schema.json")), &m.a, &s)));
    return s;
}

// A model trained on part of the sample data, as the bytes of its file.
inline std::string trained_file(size_t rows, const unsigned char *secret = nullptr, uint64_t seed = 1)
{
    Memory memory, errors(1 << 20);
    Table t(sample(rows));
    struct schema s = sample_schema(memory);
    struct train_options o;
    struct model_parts parts;
    struct buf file;
    memset(&o, 0, sizeof o);
    o.label = s.target;
    o.name = STR("sample");
    o.data = STR("{}");
    o.seed = seed;
    struct status st = train_model(&t.frame, &s, &o, &memory.a, &errors.a, &parts);
    EXPECT_TRUE(is_ok(st)) << (st.message ? st.message : "");
    if (!is_ok(st))
        return "";
    parts.created_us = 0; // so that two trainings give the same bytes
    buf_init(&file, MODEL_FILE_MAX);
    EXPECT_TRUE(is_ok(file_write(&parts, secret, &file)));
    std::string bytes = text_of(buf_str(&file));
    buf_done(&file);
    return bytes;
}

struct Model {
    Memory errors{ 1 << 20 };
    struct model *m = nullptr;
    struct status status;
    explicit Model(const std::string &bytes, const struct model_trust *trust = nullptr)
    {
        struct model_trust any;
        memset(&any, 0, sizeof any);
        any.accept_unsigned = true;
        status = model_load(view_of(bytes), trust ? trust : &any, &errors.a, &m);
    }
    ~Model()
    {
        model_unref(m);
    }
    std::string message() const
    {
        return status.message ? status.message : "";
    }
};

#endif

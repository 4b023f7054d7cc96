// cells.h: one small table, for tests of the port itself.
#pragma once

#include "tests/contract/db_fixture.h"

inline const struct migration cell_migrations[] = {
    { 1, "0001_cell",
      "CREATE TABLE cell (\n    id TEXT NOT NULL,\n    t TEXT,\n    i BIGINT,\n    d DOUBLE PRECISION,\n    "
      "b BYTEA,\n"
      "    PRIMARY KEY (id)\n) --sqlite: WITHOUT ROWID\n;\n" },
    { 0, nullptr, nullptr },
};
inline const struct stmt cell_insert = {
    "cell_insert",
    "ttidb",
    "",
    "INSERT INTO cell (id, t, i, d, b) VALUES ($1, $2, $3, $4, $5)",
    "INSERT INTO cell (id, t, i, d, b) SELECT * FROM "
    "unnest($1::text[], $2::text[], $3::bigint[], $4::double precision[], $5::bytea[])",
    nullptr
};
inline const struct stmt cell_insert_plain = {
    "cell_insert_plain",
    "ttidb",
    "",
    "INSERT INTO cell (id, t, i, d, b) VALUES ($1, $2, $3, $4, $5)",
    nullptr,
    nullptr
};
inline const struct stmt cell_get = { "cell_get", "t",    "tidb", "SELECT t, i, d, b FROM cell WHERE id = $1",
                                      nullptr,    nullptr };
inline const struct stmt cell_count = {
    "cell_count", "", "i", "SELECT COUNT(*) FROM cell", nullptr, nullptr
};
inline const struct stmt cell_set = { "cell_set", "it",   "", "UPDATE cell SET i = $1 WHERE id = $2",
                                      nullptr,    nullptr };
inline const struct stmt cell_set_all = {
    "cell_set_all", "i", "", "UPDATE cell SET i = $1", nullptr, nullptr
};
inline const struct stmt cell_broken = {
    "cell_broken", "t", "", "UPDATE no_such_table SET i = 1 WHERE id = $1", nullptr, nullptr
};

inline struct str str_from(const std::string &s)
{
    return str_make(s.data(), s.size());
}

class Cells : public DbTest
{
  protected:
    void cell(const char *id, int64_t i)
    {
        run(&cell_insert, { v_text(id), v_null(), v_int(i), v_null(), v_null() }, 1);
    }
    int64_t cell_value(const char *id)
    {
        Memory m;
        struct rows r = query(&m.arena, &cell_get, { v_text(id) });
        return r.n == 1 ? row_at(&r, 0)[1].i : -1;
    }
};

/* The CSV reader, fed the input in pieces whose sizes the input itself gives: pieces must not change what is
 * read. */
#include "base/csv.h"
#include "base/ids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
    uint64_t hash, rows;
};

static struct status take(void *arg, const struct csv_row *row)
{
    struct seen *s = arg;
    s->rows++;
    for (size_t i = 0; i < row->n; i++)
        s->hash = hash64(row->cells[i], s->hash + row->line + row->offset);
    return ok();
}

/* step 0: all at once. */
static struct seen read(struct str text, size_t step, uint8_t *ret_code)
{
    struct arena errors;
    struct csv c;
    struct seen s = { 0, 0 };
    arena_init(&errors, 4096);
    struct status st = csv_init(&c, 0, take, &s, &errors);
    for (size_t i = 0; is_ok(st) && i < text.n; i += step ? step : text.n)
        st = csv_feed(&c, str_make(text.p + i, MIN(step ? step : text.n, text.n - i)));
    if (is_ok(st))
        st = csv_end(&c);
    csv_done(&c);
    arena_done(&errors);
    *ret_code = st.code;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t whole_code, pieces_code;
    if (n < 1)
        return 0;
    struct str text = str_make((const char *)data + 1, n - 1);
    struct seen whole = read(text, 0, &whole_code), pieces = read(text, 1 + data[0] % 31, &pieces_code);
    ASSERT(whole_code == pieces_code && whole.rows == pieces.rows && whole.hash == pieces.hash);
    return 0;
}

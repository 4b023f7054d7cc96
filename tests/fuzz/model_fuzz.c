/* The model loader behind its digest, which is made right for every input; an accepted model is used. */
#include "base/ids.h"
#include "ml/file.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct model *m)
{
    static float row[MODEL_FEATURES_MAX];
    const struct model_info *info = model_info(m);
    struct arena a;
    struct model_score score;
    struct model_explanation why;
    struct cell cells[8];
    size_t n = MIN(info->n_columns, COUNT(cells));
    for (size_t i = 0; i < n; i++) {
        static const char *const texts[] = { "1", "", "web", "2024-02-29", "-7.5e3" };
        cells[i].name = info->columns[i].name;
        cells[i].text = str_of(texts[i % COUNT(texts)]);
    }
    arena_init(&a, 16 * 1024 * 1024);
    model_row(m, cells, n, row);
    model_score_row(m, row, &score);
    ASSERT(score.probability > 0 && score.probability < 1);
    ASSERT(is_ok(model_explain_row(m, row, &a, &why)) && why.n == info->n_columns);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct model_trust trust = { NULL, 0, true, NULL };
    struct arena errors;
    struct model *m = NULL;
    char *file = calloc(1, n + FILE_TRAILER);
    ASSERT(file);
    if (n)
        memcpy(file, data, n);
    sha256(str_make(file, n), (unsigned char *)file + n);
    arena_init(&errors, 4096);
    struct status s = model_load(str_make(file, n + FILE_TRAILER), &trust, &errors, &m);
    if (is_ok(s))
        use(m);
    model_unref(m);
    arena_done(&errors);
    free(file);
    return 0;
}

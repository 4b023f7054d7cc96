/* levels.h: the levels of a categorical column, counted. */
#ifndef ML_LEVELS_H
#define ML_LEVELS_H

#include "ml/frame.h"
#include "ml/view.h"

C_BEGIN

/* Fills c->levels with "missing", "unknown or rare" and the levels that at least 3 rows have, the most
 * frequent first (at most LEVELS_MAX in all). The rows of all other levels count as unknown. ret_distinct:
 * different values in the column. */
MUSTCHECK struct status levels_learn(const struct frame *f, size_t column, struct arena *a,
                                     struct view_column *c, size_t *ret_distinct);

C_END
#endif

/* value.h: what the text of one cell may mean. */
#ifndef ML_VALUE_H
#define ML_VALUE_H

#include "base/base.h"

C_BEGIN

/* Empty, or spelled as a missing value: NA, N/A, NaN, null, none, nil, -, in any case. Expects trimmed text.
 */
bool text_is_missing(struct str s);

/* A finite number, also true/false and yes/no (1/0), a percent sign or currency mark around it, and commas
 * before groups of three digits. False on anything else. Expects trimmed text. */
bool text_number(struct str s, double *ret);

/* An ISO 8601 date, or date and time with 'T' or a space between (UTC where no zone is given). */
bool text_date(struct str s, int64_t *ret_us);

#define LEVEL_BYTES 128
/* The form in which a categorical value is compared: ASCII letters lower, cut after LEVEL_BYTES bytes.
 * Returns its length. */
size_t text_fold(struct str s, char to[LEVEL_BYTES]);

C_END
#endif

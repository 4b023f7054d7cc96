/* option.h: ways to say something, as callers list them. No I/O. */
#ifndef AGENTS_ENGAGE_CHOOSER_OPTION_H
#define AGENTS_ENGAGE_CHOOSER_OPTION_H

#include "base/arena.h"
#include "proto/names.h"

C_BEGIN

#define CHOOSER_OPTIONS_MAX 16

/* What is wrong with options[i], to follow its path: no template's name, no medium, or one that stands before
 * it. NULL: nothing. */
const char *option_fault(struct arena *a, SendOption *const *options, size_t i);

C_END
#endif

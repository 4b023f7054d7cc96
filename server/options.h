/* options.h: the options of the server, read once at start. The rows are in options.def. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "base/buf.h"
#include "base/status.h"

C_BEGIN

/* Never shown, nor taken as an argument: OPT_SECRET the value, OPT_URL a password in it. */
enum option_flags { OPT_SECRET = 1, OPT_URL = 2 };

enum option_id {
#define OPT(type, field, ...) OPTION_##field,
#include "server/options.def"
#undef OPT
    OPTION_COUNT
};

struct options {
#define TEXT const char *
#define UINT uint64_t
#define REAL double
#define BOOL bool
#define OPT(type, field, ...) type field;
#include "server/options.def"
#undef OPT
#undef TEXT
#undef UINT
#undef REAL
#undef BOOL
    const char *source[OPTION_COUNT]; /* "default", "environment" or "argument" */
};

/* One option as GetConfig and the log show it. */
struct option_view {
    const char *name, *value, *source, *help;
};

/* Defaults, then the environment, then arguments (--name value or --name=value). Texts live in the arena.
 * Fails, naming the option: FIELD_REQUIRED, FIELD_INVALID, FIELD_OUT_OF_RANGE, FIELD_TOO_LONG. */
MUSTCHECK struct status options_read(struct arena *a, int argc, char **argv, struct options *ret);
/* True where the arguments ask for --help; the text is then written to `out`. */
bool options_help(int argc, char **argv, struct buf *out);
/* Every option with its value (secrets hidden) and where it came from, in the order of the table. */
size_t options_view(const struct options *o, struct arena *a, const struct option_view **ret);

C_END
#endif

/* command.h: marketingctl's subcommands.
 *
 * To add one: write `int NAME_command(const struct arguments *)` in a file of this folder, declare it here,
 * and add its row to commands[] in main.c. The row feeds parsing, --help and the usage error; the command
 * holds no parsing code. */
#ifndef TOOLS_MARKETINGCTL_COMMAND_H
#define TOOLS_MARKETINGCTL_COMMAND_H

#include "base/status.h"

#define OPTIONS_MAX 16

enum option_need { OPTIONAL, REQUIRED, FLAG };

struct option_row {
    const char *name;  /* "data": given as --data VALUE or --data=VALUE */
    const char *value; /* what VALUE is, for --help; NULL for a flag */
    enum option_need need;
    const char *help;
};

struct arguments {
    const struct option_row *rows;
    const char *values[OPTIONS_MAX]; /* by row; NULL where not given, "" for a flag that is */
};

struct command {
    const char *group, *name;             /* "model", "train" */
    int (*run)(const struct arguments *); /* the exit status: 0, 1 failed, 2 usage */
    const char *help;
    struct option_row options[OPTIONS_MAX]; /* ends with a NULL name */
};

/* The option's text, or `otherwise` where it was not given. The name must be in the command's row. */
const char *option(const struct arguments *a, const char *name, const char *otherwise);
/* A whole number in [least, most]; prints what is wrong and exits 2 on anything else. */
uint64_t option_number(const struct arguments *a, const char *name, uint64_t otherwise, uint64_t least,
                       uint64_t most);

/* Prints "marketingctl: where: REASON: message" and returns 1. */
int report(const char *where, struct status s);

int model_train_command(const struct arguments *a);
int model_predict_command(const struct arguments *a);
int model_explain_command(const struct arguments *a);
int model_verify_command(const struct arguments *a);
int keys_new_command(const struct arguments *a);
int audit_verify_command(const struct arguments *a);
int backup_create_command(const struct arguments *a);
int backup_restore_command(const struct arguments *a);

#endif

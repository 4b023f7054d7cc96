#include "tools/marketingctl/command.h"

#include <stdio.h>
#include <stdlib.h>

#define MODEL_OPTION                                                                                         \
    {                                                                                                        \
        "model", "DIR", REQUIRED, "folder of a trained model, or the model file"                             \
    }
#define KEY_OPTION                                                                                           \
    {                                                                                                        \
        "key", "FILE", OPTIONAL, "public key: refuse a model it has not signed"                              \
    }

static const struct command commands[] = {
    { "model",
      "train",
      model_train_command,
      "learn a model from a CSV file",
      { { "data", "FILE", REQUIRED, "CSV with a header; the separator is found" },
        { "schema", "FILE", REQUIRED, "JSON: which columns are numeric, categorical, date, text" },
        { "label", "NAME", OPTIONAL, "column of the outcome, 0 or 1 (default: the schema's target)" },
        { "out", "DIR", REQUIRED, "folder for model.mkt and report.json; made if absent" },
        { "name", "TEXT", OPTIONAL, "name kept in the model (default: the data file's)" },
        { "time-ordered", NULL, FLAG,
          "rows are in time order and the model is for later rows: judge on the newest fifth" },
        { "recency-rows", "N", OPTIONAL, "learn from the last N rows only (implies --time-ordered)" },
        { "half-life-rows", "N", OPTIONAL,
          "a row's weight halves every N rows into the past (implies --time-ordered)" },
        { "seed", "S", OPTIONAL, "random seed (default 1); the same seed and data give the same model" },
        { "sign-key", "FILE", OPTIONAL, "private key made by `keys new`" } } },
    { "model",
      "predict",
      model_predict_command,
      "score the rows of a CSV file",
      { MODEL_OPTION,
        { "data", "FILE", REQUIRED, "CSV with a header" },
        { "out", "FILE", REQUIRED, "CSV to write: the id column, score" },
        { "id", "NAME", OPTIONAL, "id column (default: row_id, else the row's number)" },
        { "conformal", "LEVEL", OPTIONAL, "also write in0,in1: the label set at 0.9 or 0.95" },
        KEY_OPTION } },
    { "model",
      "explain",
      model_explain_command,
      "say why: contributions of each column to each row's log-odds",
      { MODEL_OPTION,
        { "data", "FILE", REQUIRED, "CSV with a header" },
        { "out", "FILE", REQUIRED, "JSON lines to write" },
        { "id", "NAME", OPTIONAL, "id column (default: row_id, else the row's number)" },
        { "top", "N", OPTIONAL, "strongest columns to list (default 5)" },
        { "change", "P", OPTIONAL,
          "also find the smallest change that moves the score across probability P" },
        KEY_OPTION } },
    { "model",
      "verify",
      model_verify_command,
      "check a model file and print what it is",
      { MODEL_OPTION, KEY_OPTION } },
    { "keys",
      "new",
      keys_new_command,
      "make a signing key pair",
      { { "out", "FILE", REQUIRED, "private key to write (mode 0600); the public one goes to FILE.pub" } } },
    { "audit",
      "verify",
      audit_verify_command,
      "check an exported audit log against checkpoints, without a server (docs/audit.md)",
      { { "entries", "FILE", REQUIRED, "an entry a line in base64, oldest first; - for standard input" },
        { "checkpoints", "FILE", REQUIRED, "checkpoints, a JSON object a line" },
        { "key", "X", REQUIRED, "the installation's public key: `x` of statement_keys" } } },
    { "backup",
      "create",
      backup_create_command,
      "copy an SQLite database, also while a server works on it (docs/backup.md)",
      { { "database", "URL", REQUIRED, "as the server's DATABASE_URL" },
        { "out", "FILE", REQUIRED, "the copy to write; it must not be there yet" } } },
    { "backup",
      "restore",
      backup_restore_command,
      "check a copy and make it a database",
      { { "file", "FILE", REQUIRED, "the copy" },
        { "database", "URL", REQUIRED, "the database to make; it must not be there yet" },
        { "suppressions-of", "URL", OPTIONAL,
          "a newer database of the installation: whom it suppresses is suppressed in the new one too" } } },
};

static void usage(FILE *to)
{
    fprintf(to, "usage: marketingctl GROUP COMMAND [--option value]...\n\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(to, "  %-6s %-9s %s\n", commands[i].group, commands[i].name, commands[i].help);
    fprintf(to, "\n`marketingctl GROUP COMMAND --help` lists a command's options.\n");
}

static void help(const struct command *c)
{
    printf("usage: marketingctl %s %s [--option value]...\n%s\n\n", c->group, c->name, c->help);
    for (const struct option_row *o = c->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", o->name, o->value ? o->value : "");
        printf("  %-22s %s%s\n", left, o->help, o->need == REQUIRED ? " (required)" : "");
    }
}

static size_t find_option(const struct option_row *rows, struct str name)
{
    size_t i = 0;
    while (rows[i].name && !str_eq(str_of(rows[i].name), name))
        i++;
    return i;
}

const char *option(const struct arguments *a, const char *name, const char *otherwise)
{
    size_t i = find_option(a->rows, str_of(name));
    ASSERT(a->rows[i].name);
    return a->values[i] ? a->values[i] : otherwise;
}

uint64_t option_number(const struct arguments *a, const char *name, uint64_t otherwise, uint64_t least,
                       uint64_t most)
{
    const char *text = option(a, name, NULL);
    int64_t v;
    if (!text)
        return otherwise;
    if (str_to_i64(str_of(text), &v) && v >= 0 && (uint64_t)v >= least && (uint64_t)v <= most)
        return (uint64_t)v;
    fprintf(stderr, "marketingctl: --%s must be a whole number from %llu to %llu, not %s\n", name,
            (unsigned long long)least, (unsigned long long)most, text);
    exit(2);
}

int report(const char *where, struct status s)
{
    fprintf(stderr, "marketingctl: %s: %s: %s\n", where, reason_name((enum reason)s.reason),
            s.message ? s.message : reason_meaning((enum reason)s.reason));
    return 1;
}

static int misuse(const struct command *c, const char *what, const char *name)
{
    fprintf(stderr, "marketingctl: %s --%s (see `marketingctl %s %s --help`)\n", what, name, c->group,
            c->name);
    return 2;
}

/* 0, or the exit status of a usage error. */
static int parse(const struct command *c, int n, char **words, struct arguments *ret)
{
    ret->rows = c->options;
    for (int i = 0; i < n; i++) {
        if (strncmp(words[i], "--", 2) != 0) {
            fprintf(stderr, "marketingctl: unexpected argument %s\n", words[i]);
            return 2;
        }
        struct str value = str_of(words[i] + 2), name = str_split(&value, '=');
        bool inline_value = name.p[name.n] == '=';
        size_t at = find_option(c->options, name);
        if (!c->options[at].name)
            return misuse(c, "no such option", words[i] + 2);
        if (c->options[at].need == FLAG)
            ret->values[at] = "";
        else if (inline_value)
            ret->values[at] = value.p;
        else if (++i < n)
            ret->values[at] = words[i];
        else
            return misuse(c, "a value is missing after", c->options[at].name);
    }
    for (size_t i = 0; c->options[i].name; i++)
        if (c->options[i].need == REQUIRED && !ret->values[i])
            return misuse(c, "missing option", c->options[i].name);
    return 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 3 && i < COUNT(commands); i++) {
        const struct command *c = &commands[i];
        struct arguments a = { 0 };
        if (strcmp(argv[1], c->group) != 0 || strcmp(argv[2], c->name) != 0)
            continue;
        if (argc == 4 && strcmp(argv[3], "--help") == 0) {
            help(c);
            return 0;
        }
        int rc = parse(c, argc - 3, argv + 3, &a);
        return rc ? rc : c->run(&a);
    }
    bool asked = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0);
    usage(asked ? stdout : stderr);
    return asked ? 0 : 2;
}

/* `audit verify`: an exported log against checkpoints that were kept elsewhere, without a server. Written
 * from docs/audit.md, not from the server's code. */
#include "base/base64.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/sign.h"
#include "tools/marketingctl/command.h"
#include "tools/marketingctl/files.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#define FORM 1
#define LINE_MAX_BYTES (8 * 1024 * 1024)
#define CHECKPOINTS_BYTES (16 * 1024 * 1024)
#define MEMORY (64 * 1024 * 1024)

struct checkpoint {
    int64_t position;
    unsigned char head[SHA256_BYTES];
};

struct check {
    struct arena *memory; /* lives as long as the check */
    struct arena line;    /* of one entry */
    struct buf text;      /* the line so far */
    unsigned char key[SIGN_KEY_BYTES];
    struct str workspace; /* of the checkpoints */
    struct checkpoint *checkpoints;
    size_t n, next;        /* next: the first that was not reached yet */
    int64_t position, seq; /* of the last entry */
    unsigned char head[SHA256_BYTES];
};

/* ---- Texts ---- */

/* Base64 in either alphabet, padded or not. */
static bool decode(struct arena *a, struct str text, struct str *ret)
{
    char *url = arena_dup(a, text);
    for (size_t i = 0; url && i < text.n; i++)
        url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    return url && base64url_bytes(a, str_make(url, text.n), ret);
}

/* A member's text without its quotes. */
static bool member(struct str json, const char *name, struct str *ret)
{
    if (!json_find(json, name, ret))
        return false;
    if (ret->n >= 2 && ret->p[0] == '"')
        *ret = str_make(ret->p + 1, ret->n - 2);
    return true;
}

static bool member_bytes(struct arena *a, struct str json, const char *name, void *to, size_t n)
{
    struct str text, bytes;
    if (!member(json, name, &text) || !decode(a, text, &bytes) || bytes.n != n)
        return false;
    memcpy(to, bytes.p, n);
    return true;
}

/* ---- Checkpoints ---- */

static struct status signature_check(struct check *k, const struct checkpoint *p, int64_t time_us,
                                     const unsigned char *signature)
{
    char head[2 * SHA256_BYTES + 1];
    hex_text(p->head, SHA256_BYTES, head);
    const char *text =
        arena_printf(k->memory, "marketing audit checkpoint v1\n%.*s\n%lld\n%s\n%lld\n", (int)k->workspace.n,
                     k->workspace.p, (long long)p->position, head, (long long)time_us);
    if (!text)
        return fail_memory();
    if (sign_check(k->key, str_of(text), signature))
        return ok();
    return fail(k->memory, REASON_FIELD_INVALID, "the checkpoint at %lld was not signed with this key",
                (long long)p->position);
}

static struct status checkpoint_read(struct check *k, struct str json, struct checkpoint *ret)
{
    struct str position, time, workspace;
    unsigned char signature[SIGNATURE_BYTES];
    int64_t time_us;
    if (!member(json, "workspace", &workspace) || !member(json, "position", &position) ||
        !str_to_i64(position, &ret->position) || !member(json, "create_time", &time) ||
        !clock_parse(time, &time_us) || !member_bytes(k->memory, json, "head", ret->head, SHA256_BYTES) ||
        !member_bytes(k->memory, json, "signature", signature, sizeof signature))
        return fail(k->memory, REASON_FIELD_INVALID, "a line of the checkpoints is none: %.*s",
                    (int)MIN(json.n, 80), json.p);
    if (!k->workspace.p)
        k->workspace = workspace;
    if (!str_eq(k->workspace, workspace))
        return fail(k->memory, REASON_FIELD_INVALID, "the checkpoints are of several workspaces");
    return signature_check(k, ret, time_us, signature);
}

static int by_position(const void *a, const void *b)
{
    int64_t x = ((const struct checkpoint *)a)->position, y = ((const struct checkpoint *)b)->position;
    return (x > y) - (x < y);
}

/* A JSON object a line. */
static struct status checkpoints_read(struct check *k, struct str text)
{
    size_t most = 1;
    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == '\n';
    k->checkpoints = ARENA_ARRAY(k->memory, most, struct checkpoint);
    if (!k->checkpoints)
        return fail_memory();
    while (text.n) {
        struct str line = str_trim(str_split(&text, '\n'));
        if (line.n)
            TRY(checkpoint_read(k, line, &k->checkpoints[k->n++]));
    }
    if (!k->n)
        return fail(k->memory, REASON_FIELD_INVALID, "there is no checkpoint to compare with");
    qsort(k->checkpoints, k->n, sizeof *k->checkpoints, by_position);
    return ok();
}

/* ---- Entries ---- */

static struct status damaged(struct check *k, const char *what)
{
    int64_t good = k->next ? k->checkpoints[k->next - 1].position : 0;
    return fail(k->memory, REASON_FIELD_INVALID, "%s; entries up to %lld are as they were signed", what,
                (long long)good);
}

static struct status compare(struct check *k)
{
    for (; k->next < k->n && k->checkpoints[k->next].position == k->position; k->next++)
        if (memcmp(k->checkpoints[k->next].head, k->head, SHA256_BYTES))
            return damaged(k, arena_printf(k->memory, "the checkpoint at %lld was signed over another log",
                                           (long long)k->position));
    return ok();
}

/* An entry begins with its number and its workspace. */
static struct status entry_place(struct check *k, struct str entry)
{
    uint64_t seq;
    uint32_t length;
    if (entry.n < sizeof seq + sizeof length)
        return damaged(k, "an entry is cut off");
    memcpy(&seq, entry.p, sizeof seq);
    memcpy(&length, entry.p + sizeof seq, sizeof length);
    length = be32toh(length);
    struct str workspace = str_make(entry.p + sizeof seq + sizeof length, length);
    if (entry.n - sizeof seq - sizeof length < length || !str_eq(workspace, k->workspace))
        return damaged(k, "an entry is not of the checkpoints' workspace");
    if ((int64_t)be64toh(seq) <= k->seq)
        return damaged(k, "the entries are not in their order, oldest first");
    k->seq = (int64_t)be64toh(seq);
    return ok();
}

static struct status entry_add(struct check *k, struct str line)
{
    struct str entry;
    if (!line.n)
        return ok();
    if (!decode(&k->line, line, &entry))
        return damaged(k, "a line is not an entry in base64");
    TRY(entry_place(k, entry));
    char *hashed = arena_raw(&k->line, SHA256_BYTES + 1 + entry.n);
    if (!hashed)
        return fail_memory();
    memcpy(hashed, k->head, SHA256_BYTES);
    hashed[SHA256_BYTES] = FORM;
    memcpy(hashed + SHA256_BYTES + 1, entry.p, entry.n);
    sha256(str_make(hashed, SHA256_BYTES + 1 + entry.n), k->head);
    k->position++;
    return compare(k);
}

static struct status line_end(struct check *k)
{
    struct status s =
        k->text.overflow ? damaged(k, "a line is too long") : entry_add(k, str_trim(buf_str(&k->text)));
    arena_reset(&k->line);
    buf_clear(&k->text);
    return s;
}

static struct status feed(void *check, struct str block)
{
    struct check *k = check;
    while (block.n) {
        const char *end = memchr(block.p, '\n', block.n);
        size_t n = end ? (size_t)(end - block.p) : block.n;
        buf_put(&k->text, block.p, n);
        if (!end)
            return ok();
        TRY(line_end(k));
        block = str_make(end + 1, block.n - n - 1);
    }
    return ok();
}

static struct status entries_read(struct check *k, const char *path)
{
    arena_init(&k->line, MEMORY);
    buf_init(&k->text, LINE_MAX_BYTES);
    struct status s = file_stream(path, k->memory, feed, k);
    if (is_ok(s))
        s = line_end(k);
    if (is_ok(s) && k->next < k->n)
        s = damaged(k, arena_printf(k->memory, "the log ends at %lld, before the checkpoint at %lld",
                                    (long long)k->position, (long long)k->checkpoints[k->next].position));
    buf_done(&k->text);
    arena_done(&k->line);
    return s;
}

/* ---- The command ---- */

static struct status verify(struct check *k, const struct arguments *a, struct buf *checkpoints)
{
    struct str key;
    if (!decode(k->memory, str_of(option(a, "key", "")), &key) || key.n != SIGN_KEY_BYTES)
        return fail(k->memory, REASON_FIELD_INVALID, "--key: not the `x` of a key");
    memcpy(k->key, key.p, SIGN_KEY_BYTES);
    TRY(file_slurp(option(a, "checkpoints", ""), CHECKPOINTS_BYTES, k->memory, checkpoints));
    TRY(checkpoints_read(k, buf_str(checkpoints)));
    return entries_read(k, option(a, "entries", ""));
}

int audit_verify_command(const struct arguments *a)
{
    struct arena memory;
    struct buf checkpoints;
    struct check k = { .memory = &memory };
    arena_init(&memory, MEMORY);
    buf_init(&checkpoints, CHECKPOINTS_BYTES);
    struct status s = verify(&k, a, &checkpoints);
    int rc = is_ok(s) ? 0 : report(option(a, "entries", ""), s);
    if (rc == 0) {
        int64_t covered = k.checkpoints[k.n - 1].position;
        printf("good: workspace %.*s, entries 1 to %lld by %zu checkpoints; %lld behind are not covered\n",
               (int)k.workspace.n, k.workspace.p, (long long)covered, k.n, (long long)(k.position - covered));
    }
    buf_done(&checkpoints);
    arena_done(&memory);
    return rc;
}

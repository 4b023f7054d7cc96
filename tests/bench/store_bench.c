/* store_bench: what making a unit of five rows durable costs.
 *
 *   store_bench SECONDS sqlite:////folder/bench.db
 *   store_bench SECONDS postgresql://... POSTMASTER_PID
 *
 * For each number of units in flight it prints units a second, the CPU time a unit costs (this process
 * without the making of the units; on PostgreSQL also the server's), the mean group, and the latency from
 * submit to answer. The line above says what this disk takes for an fdatasync, without which the figures mean
 * little. */
#include "base/clock.h"
#include "base/ids.h"
#include "store/committer.h"
#include "tests/lib/spine_statements.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define DECISION_BYTES 600
#define SYNCS 300
#define MOST_IN_FLIGHT 1000
#define LATENCIES (1 << 22)

struct slot {
    struct unit unit;
    struct arena arena;
    int64_t start_us;
    struct slot *next;
};

struct bench {
    struct db *db;
    struct committer *committer;
    struct slot slots[MOST_IN_FLIGHT];
    _Atomic(struct slot *) finished;
    sem_t some;
    uint32_t *latency_us;
    size_t n;
    long postmaster;
};

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(uint32_t *us, size_t n, double p)
{
    qsort(us, n, sizeof *us, by_number);
    return n ? us[MIN((size_t)(p * (double)n), n - 1)] / 1000.0 : 0;
}

static void print_fdatasync(const char *folder)
{
    static uint32_t us[SYNCS];
    char name[512], block[4096] = { 1 };
    snprintf(name, sizeof name, "%s/fdatasync.tmp", folder);
    int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
    for (size_t i = 0; i < SYNCS; i++) {
        int64_t start = clock_mono_us();
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd))
            exit(1);
        us[i] = (uint32_t)(clock_mono_us() - start);
    }
    close(fd);
    unlink(name);
    printf("fdatasync of 4 KiB appended in %s: p50 %.2f ms, p99 %.2f ms\n", folder,
           percentile_ms(us, SYNCS, 0.5), percentile_ms(us, SYNCS, 0.99));
}

static int64_t process_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* CPU ticks of a process if it is the parent or a child of it. */
static long ticks_of(const char *pid, long parent)
{
    char name[300], line[1024];
    long ppid = 0, utime = 0, stime = 0;
    snprintf(name, sizeof name, "/proc/%s/stat", pid);
    FILE *f = fopen(name, "r");
    if (!f)
        return 0;
    char *at = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    fclose(f);
    if (!at ||
        sscanf(at, ") %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &ppid, &utime, &stime) != 3)
        return 0;
    return ppid == parent || strtol(pid, NULL, 10) == parent ? utime + stime : 0;
}

static int64_t server_cpu_ns(long postmaster)
{
    long ticks = 0;
    DIR *dir = postmaster ? opendir("/proc") : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
            ticks += ticks_of(e->d_name, postmaster);
    if (dir)
        closedir(dir);
    return ticks * (INT64_C(1000000000) / sysconf(_SC_CLK_TCK));
}

static void on_done(struct unit *u, void *arg)
{
    struct bench *b = arg;
    struct slot *s = (struct slot *)u;
    if (!is_ok(u->outcome)) {
        fprintf(stderr, "store_bench: %s: %s\n", reason_name((enum reason)u->outcome.reason),
                u->outcome.message);
        exit(1);
    }
    s->next = atomic_load(&b->finished);
    while (!atomic_compare_exchange_weak(&b->finished, &s->next, s))
        ;
    if (!s->next)
        sem_post(&b->some);
}

static void submit(struct bench *b, struct slot *s)
{
    static const char decision[DECISION_BYTES] = { 1, 2, 3 };
    char id[ID_TEXT];
    id_new(id);
    arena_reset(&s->arena);
    memset(&s->unit, 0, sizeof s->unit);
    s->unit.arena = &s->arena;
    s->unit.done = on_done;
    s->unit.arg = b;
    spine_triage(&s->unit, "bench", id, clock_wall_us(), str_make(decision, sizeof decision));
    s->start_us = clock_mono_us();
    struct status st = committer_submit(b->committer, &s->unit);
    if (!is_ok(st))
        exit(1);
}

/* Answers every finished unit with a new one until `until`; then waits for those in flight. */
static void feed(struct bench *b, size_t in_flight, int64_t until)
{
    for (size_t i = 0; i < in_flight; i++)
        submit(b, &b->slots[i]);
    while (in_flight) {
        sem_wait(&b->some);
        struct slot *s = atomic_exchange(&b->finished, NULL);
        int64_t now = clock_mono_us();
        while (s) {
            struct slot *next = s->next;
            if (b->n < LATENCIES)
                b->latency_us[b->n++] = (uint32_t)(now - s->start_us);
            if (now < until)
                submit(b, s);
            else
                in_flight--;
            s = next;
        }
    }
}

static void measure(struct bench *b, size_t in_flight, double seconds)
{
    struct committer_stats before, after;
    committer_stats(b->committer, &before);
    b->n = 0;
    int64_t wall = clock_mono_us(), own = process_cpu_ns(), making = clock_thread_cpu_ns();
    int64_t server = server_cpu_ns(b->postmaster);
    feed(b, in_flight, wall + (int64_t)(seconds * 1e6));
    making = clock_thread_cpu_ns() - making;
    own = process_cpu_ns() - own - making;
    server = server_cpu_ns(b->postmaster) - server;
    wall = clock_mono_us() - wall;
    committer_stats(b->committer, &after);
    double units = (double)(after.units - before.units), groups = (double)(after.groups - before.groups);
    printf("in flight %4zu: %7.0f units/s, CPU %5.1f us/unit", in_flight, units / (double)wall * 1e6,
           (double)own / 1e3 / units);
    if (b->postmaster)
        printf(" + server %5.1f", (double)server / 1e3 / units);
    printf(" (making %.1f), group %5.1f, p50 %.2f ms, p99 %.2f ms\n", (double)making / 1e3 / units,
           units / groups, percentile_ms(b->latency_us, b->n, 0.5), percentile_ms(b->latency_us, b->n, 0.99));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const size_t in_flight[] = { 1, 50, 200 };
    static struct bench b;
    struct arena a;
    if (argc < 3) {
        fprintf(stderr, "usage: store_bench SECONDS URL [POSTMASTER_PID]\n");
        return 2;
    }
    arena_init(&a, 64 << 20);
    struct db_options o = { .url = argv[2], .tables = spine_tables };
    struct status s = db_open(&o, &a, &b.db);
    if (is_ok(s))
        s = committer_start(b.db, 2 * MOST_IN_FLIGHT, &a, &b.committer);
    if (!is_ok(s)) {
        fprintf(stderr, "store_bench: %s\n", s.message);
        return 1;
    }
    b.postmaster = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    b.latency_us = calloc(LATENCIES, sizeof *b.latency_us);
    sem_init(&b.some, 0, 0);
    for (size_t i = 0; i < MOST_IN_FLIGHT; i++)
        arena_init(&b.slots[i].arena, 1 << 20);
    print_fdatasync(".");
    printf("%s\n", b.db->ops->name);
    for (size_t i = 0; i < COUNT(in_flight); i++)
        measure(&b, in_flight[i], strtod(argv[1], NULL));
    committer_stop(b.committer);
    db_close(b.db);
    for (size_t i = 0; i < MOST_IN_FLIGHT; i++)
        arena_done(&b.slots[i].arena);
    arena_done(&a);
    free(b.latency_us);
    return 0;
}

/* main.c: options in, house open, wait for a signal, house closed. */
#include "server/house.h"
#include "server/report.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Memory never reaches a core file, and there are as many descriptors as the system allows. */
static void set_limits(void)
{
    struct rlimit none = { 0, 0 }, files;
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* Large requests give their memory back to the system: without a fixed threshold glibc keeps it, in an arena
 * a thread. */
static void set_allocator(void)
{
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_ARENA_MAX, 2);
}

static bool asked_for_help(int argc, char **argv)
{
    struct buf text;
    buf_init(&text, 1u << 20);
    bool help = options_help(argc, argv, &text);
    if (help)
        fwrite(text.p, 1, text.n, stdout);
    buf_done(&text);
    return help;
}

static struct status run(struct house *h, int argc, char **argv, const sigset_t *stop)
{
    int which;
    TRY(options_read(&h->arena, argc, argv, &h->options));
    TRY(house_open(h));
    sigwait(stop, &which);
    house_close(h);
    return ok();
}

int main(int argc, char **argv)
{
    static struct house h;
    sigset_t stop;
    if (asked_for_help(argc, argv))
        return 0;
    set_limits();
    set_allocator();
    setenv("OMP_NUM_THREADS", "1", 0); /* OpenMP's threads spin where cores are shared */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* before any thread: only sigwait sees them */
    log_start(STDERR_FILENO);
    arena_init(&h.arena, 64u << 20);
    struct status s = run(&h, argc, argv, &stop);
    if (!is_ok(s))
        report(LEVEL_ERROR, "start_failed", "server", s);
    arena_done(&h.arena);
    log_stop();
    return is_ok(s) ? 0 : 1;
}

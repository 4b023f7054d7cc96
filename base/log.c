#include "base/log.h"

#include "base/cond.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES (256u * 1024)
#define GATHER_US 20000 /* how long a line may wait for company */

/* Two buffers: callers fill one while the thread writes the other. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t news; /* while running */
    char *filling, *writing;
    size_t n;
    bool urgent, stopping;
    uint64_t dropped, told;
    pthread_t thread;
    int fd;
    bool running;
    int min;
} logger = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .min = LEVEL_INFO };

static void write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return; /* nobody to tell */
        p += w;
        n -= (size_t)w;
    }
}

/* Called with the lock held. */
static void wait_for_company(void)
{
    int64_t until = clock_mono_us() + GATHER_US;
    while (!logger.urgent && !logger.stopping && logger.n < BUFFER_BYTES / 2)
        if (!cond_wait_until(&logger.news, &logger.lock, until))
            return;
}

/* Called with the lock held; gives it up while writing. */
static void write_out(void)
{
    char *full = logger.filling;
    size_t n = logger.n;
    char note[64];
    int m = 0;
    if (logger.dropped != logger.told) {
        logger.told = logger.dropped;
        m = snprintf(note, sizeof note, "level=warn event=log dropped=%llu\n",
                     (unsigned long long)logger.told);
    }
    logger.filling = logger.writing;
    logger.writing = full;
    logger.n = 0;
    logger.urgent = false;
    pthread_mutex_unlock(&logger.lock);
    write_all(logger.fd, full, n);
    write_all(logger.fd, note, (size_t)m);
    pthread_mutex_lock(&logger.lock);
}

static void *run(void *arg)
{
    pthread_mutex_lock(&logger.lock);
    while (!logger.stopping || logger.n) {
        while (!logger.n && !logger.stopping)
            pthread_cond_wait(&logger.news, &logger.lock);
        wait_for_company();
        if (logger.n)
            write_out();
    }
    pthread_mutex_unlock(&logger.lock);
    return NULL;
}

void log_level_set(enum log_level min)
{
    __atomic_store_n(&logger.min, (int)min, __ATOMIC_RELAXED);
}

void log_start(int fd)
{
    pthread_mutex_lock(&logger.lock);
    if (!logger.running) {
        logger.filling = malloc(BUFFER_BYTES);
        logger.writing = malloc(BUFFER_BYTES);
        logger.fd = fd;
        logger.stopping = false;
        cond_init(&logger.news);
        logger.running = logger.filling && logger.writing && !pthread_create(&logger.thread, NULL, run, NULL);
    }
    pthread_mutex_unlock(&logger.lock);
}

void log_stop(void)
{
    pthread_mutex_lock(&logger.lock);
    if (logger.running) {
        logger.stopping = true;
        pthread_cond_signal(&logger.news);
        pthread_mutex_unlock(&logger.lock);
        pthread_join(logger.thread, NULL);
        pthread_mutex_lock(&logger.lock);
        pthread_cond_destroy(&logger.news);
        logger.running = false;
    }
    free(logger.filling);
    free(logger.writing);
    logger.filling = logger.writing = NULL;
    pthread_mutex_unlock(&logger.lock);
}

uint64_t log_dropped(void)
{
    pthread_mutex_lock(&logger.lock);
    uint64_t n = logger.dropped;
    pthread_mutex_unlock(&logger.lock);
    return n;
}

static void submit(const struct log_line *l)
{
    pthread_mutex_lock(&logger.lock);
    if (!logger.running) {
        int fd = logger.fd;
        pthread_mutex_unlock(&logger.lock);
        write_all(fd, l->text, l->n);
        return;
    }
    bool wake = logger.n == 0 || (l->urgent && !logger.urgent) || logger.n > BUFFER_BYTES / 2;
    if (logger.n + l->n > BUFFER_BYTES) {
        logger.dropped++;
    } else {
        memcpy(logger.filling + logger.n, l->text, l->n);
        logger.n += l->n;
        logger.urgent |= l->urgent;
    }
    if (wake)
        pthread_cond_signal(&logger.news);
    pthread_mutex_unlock(&logger.lock);
}

/* Room is kept for the newline and the mark of a cut line. */
#define TAIL (sizeof " cut=1\n")

static void put(struct log_line *l, const char *p, size_t n)
{
    if (l->cut || n > sizeof l->text - TAIL - l->n) {
        l->cut = true;
        return;
    }
    memcpy(l->text + l->n, p, n);
    l->n += n;
}

static void put_key(struct log_line *l, const char *key)
{
    put(l, " ", 1);
    put(l, key, strlen(key));
    put(l, "=", 1);
}

/* The calendar is worked out once a second; between, only the microseconds change. */
static void put_time(struct log_line *l)
{
    static __thread int64_t second = INT64_MIN;
    static __thread char text[CLOCK_TEXT]; /* "2026-11-24T22:28:24.000123Z" */
    int64_t now = clock_wall_us(), micros = now % US_PER_SECOND;
    if (now / US_PER_SECOND != second) {
        clock_format(now, text);
        second = now / US_PER_SECOND;
    }
    char *last = text + strlen("2026-11-24T22:28:24.000123");
    for (int i = 0; i < 6; i++, micros /= 10)
        *--last = (char)('0' + micros % 10);
    put(l, "time=", 5);
    put(l, text, strlen(text));
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    l->n = 0;
    l->cut = false;
    l->urgent = level >= LEVEL_WARN;
    if ((int)level < __atomic_load_n(&logger.min, __ATOMIC_RELAXED))
        return;
    put_time(l);
    put_key(l, "level");
    put(l, names[level], strlen(names[level]));
    put_key(l, "event");
    put(l, event, strlen(event));
}

static bool plain(struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return v.n > 0;
}

static void put_quoted(struct log_line *l, struct str v)
{
    bool utf8 = str_is_utf8(v);
    put(l, "\"", 1);
    for (size_t i = 0; i < v.n && !l->cut; i++) {
        unsigned char c = (unsigned char)v.p[i];
        char text[5];
        int n = c == '"' || c == '\\'                           ? snprintf(text, sizeof text, "\\%c", c)
                : c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? snprintf(text, sizeof text, "\\x%02x", c)
                                                                : snprintf(text, sizeof text, "%c", c);
        put(l, text, (size_t)n);
    }
    put(l, "\"", 1);
}

void log_str(struct log_line *l, const char *key, struct str value)
{
    if (!l->n)
        return;
    put_key(l, key);
    if (plain(value))
        put(l, value.p, value.n);
    else
        put_quoted(l, value);
}

void log_text(struct log_line *l, const char *key, const char *value)
{
    log_str(l, key, str_of(value));
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
    char text[24];
    if (!l->n)
        return;
    int n = snprintf(text, sizeof text, "%lld", (long long)value);
    put_key(l, key);
    put(l, text, (size_t)n);
}

void log_end(struct log_line *l)
{
    if (!l->n)
        return;
    if (l->cut) {
        memcpy(l->text + l->n, " cut=1", 6);
        l->n += 6;
    }
    l->text[l->n++] = '\n';
    submit(l);
}

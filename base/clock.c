#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t now(clockid_t id, int64_t unit)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * unit + t.tv_nsec / (1000000000 / unit);
}

int64_t clock_wall_us(void)
{
    return now(CLOCK_REALTIME, US_PER_SECOND);
}

int64_t clock_mono_us(void)
{
    return now(CLOCK_MONOTONIC, US_PER_SECOND);
}

int64_t clock_thread_cpu_ns(void)
{
    return now(CLOCK_THREAD_CPUTIME_ID, 1000000000);
}

void clock_format(int64_t us, char text[CLOCK_TEXT])
{
    int64_t sec = us / US_PER_SECOND, frac = us % US_PER_SECOND;
    if (frac < 0) {
        frac += US_PER_SECOND;
        sec--;
    }
    time_t t = (time_t)sec;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(text, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)frac);
}

static bool digits(struct str *s, size_t n, int *ret)
{
    int v = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = str_make(s->p + n, s->n - n);
    *ret = v;
    return true;
}

static bool skip(struct str *s, const char *set)
{
    if (s->n == 0 || !strchr(set, s->p[0]) || s->p[0] == 0)
        return false;
    *s = str_make(s->p + 1, s->n - 1);
    return true;
}

static bool parse_fraction(struct str *s, int64_t *us)
{
    int64_t scale = 100000;
    size_t n = 0;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; n++, scale /= 10) {
        *us += (s->p[0] - '0') * scale;
        *s = str_make(s->p + 1, s->n - 1);
    }
    return n > 0 && n <= 9;
}

static bool parse_zone(struct str *s, int64_t *us)
{
    int hour, minute;
    if (skip(s, "Zz"))
        return true;
    int64_t sign = s->n && s->p[0] == '-' ? 1 : -1;
    if (!skip(s, "+-") || !digits(s, 2, &hour) || !skip(s, ":") || !digits(s, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *us += sign * (hour * 60 + minute) * 60 * US_PER_SECOND;
    return true;
}

static bool date_exists(int year, int month, int day)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap);
}

bool clock_parse(struct str s, int64_t *ret_us)
{
    struct tm tm = { 0 };
    int year, month;
    int64_t us = 0;
    if (!digits(&s, 4, &year) || !skip(&s, "-") || !digits(&s, 2, &month) || !skip(&s, "-") ||
        !digits(&s, 2, &tm.tm_mday) || !date_exists(year, month, tm.tm_mday))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    if (s.n) {
        if (!skip(&s, "Tt ") || !digits(&s, 2, &tm.tm_hour) || !skip(&s, ":") || !digits(&s, 2, &tm.tm_min) ||
            !skip(&s, ":") || !digits(&s, 2, &tm.tm_sec) || tm.tm_hour > 23 || tm.tm_min > 59 ||
            tm.tm_sec > 60)
            return false;
        if (skip(&s, ".") && !parse_fraction(&s, &us))
            return false;
        if (!parse_zone(&s, &us) || s.n)
            return false;
    }
    *ret_us = (int64_t)timegm(&tm) * US_PER_SECOND + us;
    return true;
}

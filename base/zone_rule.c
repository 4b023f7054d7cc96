#include "base/zone_rule.h"

#define DAY_SECONDS 86400

/* ---- Reading ---- */

static bool is_digit(struct str s)
{
    return s.n && s.p[0] >= '0' && s.p[0] <= '9';
}

static bool skip(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_make(s->p + 1, s->n - 1);
    return true;
}

static bool number(struct str *s, int32_t low, int32_t high, int32_t *ret)
{
    int32_t v = 0;
    if (!is_digit(*s))
        return false;
    for (; is_digit(*s) && v <= high; *s = str_make(s->p + 1, s->n - 1))
        v = v * 10 + (s->p[0] - '0');
    *ret = v;
    return v >= low && v <= high;
}

/* "CET", or "<+0530>". */
static bool skip_name(struct str *s)
{
    size_t n = 0;
    if (skip(s, '<')) {
        str_split(s, '>');
        return true;
    }
    for (; n < s->n && ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'); n++)
        ;
    *s = str_make(s->p + n, s->n - n);
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(struct str *s, int32_t hours_max, int32_t *ret)
{
    int32_t hour, minute = 0, second = 0;
    bool negative = skip(s, '-');
    if (!negative)
        (void)skip(s, '+');
    if (!number(s, 0, hours_max, &hour))
        return false;
    if (skip(s, ':') && !number(s, 0, 59, &minute))
        return false;
    if (skip(s, ':') && !number(s, 0, 59, &second))
        return false;
    *ret = (hour * 60 + minute) * 60 + second;
    if (negative)
        *ret = -*ret;
    return true;
}

/* POSIX counts what to add to local time. */
static bool offset(struct str *s, int32_t *ret)
{
    int32_t west;
    if (!clock_time(s, 24, &west))
        return false;
    *ret = -west;
    return true;
}

static bool day_of_week(struct str *s, struct zone_day *ret)
{
    ret->form = ZONE_DAY_OF_WEEK;
    return number(s, 1, 12, &ret->month) && skip(s, '.') && number(s, 1, 5, &ret->week) && skip(s, '.') &&
           number(s, 0, 6, &ret->day);
}

static bool day_of_year(struct str *s, struct zone_day *ret)
{
    bool no_leap = skip(s, 'J');
    ret->form = no_leap ? ZONE_DAY_NO_LEAP : ZONE_DAY_OF_YEAR;
    if (!number(s, no_leap, 365, &ret->day))
        return false;
    ret->day -= no_leap;
    return true;
}

/* ",M3.5.0/3" */
static bool change(struct str *s, struct zone_day *ret)
{
    ret->second = 2 * 3600;
    if (!skip(s, ',') || !(skip(s, 'M') ? day_of_week(s, ret) : day_of_year(s, ret)))
        return false;
    return !skip(s, '/') || clock_time(s, 167, &ret->second);
}

bool zone_rule_parse(struct str text, struct zone_rule *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!skip_name(&text) || !offset(&text, &ret->standard))
        return false;
    if (text.n == 0)
        return true;
    ret->has_summer = true;
    ret->summer = ret->standard + 3600;
    if (!skip_name(&text) || (text.n && text.p[0] != ',' && !offset(&text, &ret->summer)))
        return false;
    return change(&text, &ret->start) && change(&text, &ret->end) && text.n == 0;
}

/* ---- Looking up ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_to(int64_t year)
{
    int64_t y = year - 1;
    return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - 477;
}

static int64_t days_to_month(int64_t year, int32_t month)
{
    static const int16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
    return days_to(year) + before[month - 1] + (month > 2 && is_leap(year));
}

static int64_t weekday_in_month(const struct zone_day *d, int64_t year)
{
    int64_t first = days_to_month(year, d->month),
            next = days_to_month(year + d->month / 12, d->month % 12 + 1);
    int64_t weekday = (first + 4) % 7, day;
    if (weekday < 0)
        weekday += 7;
    day = first + (d->day - weekday + 7) % 7 + 7 * (d->week - 1);
    return day < next ? day : day - 7;
}

static int64_t day_in(const struct zone_day *d, int64_t year)
{
    switch (d->form) {
    case ZONE_DAY_OF_WEEK:
        return weekday_in_month(d, year);
    case ZONE_DAY_NO_LEAP:
        return days_to(year) + d->day + (d->day >= 59 && is_leap(year));
    default:
        return days_to(year) + d->day;
    }
}

static int64_t year_of(int64_t t)
{
    int64_t day = t / DAY_SECONDS - (t % DAY_SECONDS < 0), year = 1970 + day / 366;
    while (days_to(year + 1) <= day)
        year++;
    while (days_to(year) > day)
        year--;
    return year;
}

/* Takes in that `offset` is in force from `at` on. */
static void note(struct zone_span *s, int64_t *newest, int64_t t, int64_t at, int32_t offset)
{
    if (at > t)
        s->until = MIN(s->until, at);
    else if (at >= *newest) {
        *newest = at;
        s->offset = offset;
    }
}

struct zone_span zone_rule_at(const struct zone_rule *r, int64_t t)
{
    struct zone_span s = { r->standard, ZONE_FOREVER };
    int64_t year = year_of(t), newest = INT64_MIN;
    for (int64_t y = year - 1; r->has_summer && y <= year + 1; y++) {
        int64_t start = day_in(&r->start, y) * DAY_SECONDS + r->start.second - r->standard;
        int64_t end = day_in(&r->end, y) * DAY_SECONDS + r->end.second - r->summer;
        note(&s, &newest, t, start, r->summer);
        note(&s, &newest, t, end, r->standard);
    }
    return s;
}

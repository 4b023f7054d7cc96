#include "ml/value.h"

#include "base/clock.h"

static bool is_word(struct str s, const char *word)
{
    for (size_t i = 0; i < s.n; i++)
        if (ascii_lower(s.p[i]) != word[i])
            return false;
    return word[s.n] == 0;
}

bool text_is_missing(struct str s)
{
    static const char *const words[] = { "na", "n/a", "nan", "null", "none", "nil", "-" };
    if (s.n == 0 || s.n > 4)
        return s.n == 0;
    for (size_t i = 0; i < COUNT(words); i++)
        if (is_word(s, words[i]))
            return true;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Decimals of at most 15 digits: they and their power of ten are exact doubles, so one division rounds
 * correctly. */
static bool plain_decimal(struct str s, double *ret)
{
    static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), digits = 0, places = 0;
    int64_t v = 0;
    bool dot = false;
    for (; i < s.n && digits <= 15; i++) {
        if (is_digit(s.p[i])) {
            v = v * 10 + (s.p[i] - '0');
            digits++;
            places += dot;
        } else if (s.p[i] == '.' && !dot) {
            dot = true;
        } else {
            return false;
        }
    }
    if (i < s.n || digits == 0 || digits > 15)
        return false;
    double d = (double)v / powers[places];
    *ret = s.p[0] == '-' ? -d : d;
    return true;
}

static bool word_number(struct str s, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = { { "true", 1 }, { "false", 0 }, { "yes", 1 }, { "no", 0 } };
    for (size_t i = 0; s.n <= 5 && i < COUNT(words); i++) {
        if (is_word(s, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

/* "$1,234.50", "12%": marks and commas before three digits are dropped. */
static bool dressed_number(struct str s, double *ret)
{
    static const char *const marks[] = { "$", "\xc2\xa3", "\xe2\x82\xac" }; /* dollar, pound, euro */
    char text[64];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(marks); i++)
        if (str_starts(s, str_of(marks[i])))
            s = str_make(s.p + strlen(marks[i]), s.n - strlen(marks[i]));
    if (s.n && s.p[s.n - 1] == '%')
        s.n--;
    s = str_trim(s);
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool group = s.p[i] == ',' && n && i + 3 < s.n && is_digit(s.p[i + 1]) && is_digit(s.p[i + 2]) &&
                     is_digit(s.p[i + 3]) && (i + 4 == s.n || !is_digit(s.p[i + 4]));
        if (!group)
            text[n++] = s.p[i];
    }
    return str_to_f64(str_make(text, n), ret);
}

bool text_number(struct str s, double *ret)
{
    return plain_decimal(s, ret) || str_to_f64(s, ret) || word_number(s, ret) || dressed_number(s, ret);
}

bool text_date(struct str s, int64_t *ret_us)
{
    char text[40];
    if (s.n < 10 || s.n > 36 || s.p[4] != '-' || s.p[7] != '-')
        return false;
    memcpy(text, s.p, s.n);
    if (s.n > 10 && text[10] == ' ')
        text[10] = 'T';
    if (clock_parse(str_make(text, s.n), ret_us))
        return true;
    text[s.n] = 'Z';
    return s.n > 10 && clock_parse(str_make(text, s.n + 1), ret_us);
}

size_t text_fold(struct str s, char to[LEVEL_BYTES])
{
    size_t n = MIN(s.n, (size_t)LEVEL_BYTES);
    while (n < s.n && n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--; /* not within a UTF-8 character */
    for (size_t i = 0; i < n; i++)
        to[i] = ascii_lower(s.p[i]);
    return n;
}

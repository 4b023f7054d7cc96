#include "agents/engage/draft/links.h"

#include <ctype.h>

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool is_wordy(char c)
{
    return is_letter(c) || isdigit((unsigned char)c) || c == '-';
}

/* ---- Words ---- */

static bool separates(char c)
{
    return (unsigned char)c <= ' ' || strchr("<>\"'`()[]|\\", c) != NULL;
}

/* The length of a tag {{...}} at the start; 0 where there is none. */
static size_t tag_length(struct str s)
{
    const char *end = s.n >= 4 && s.p[0] == '{' && s.p[1] == '{' ? memmem(s.p, s.n, "}}", 2) : NULL;
    return end ? (size_t)(end - s.p) + 2 : 0;
}

static size_t word_length(struct str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t tag = tag_length(str_make(s.p + i, s.n - i));
        if (!tag && separates(s.p[i]))
            break;
        i += tag ? tag : 1;
    }
    return i;
}

/* The next word, without the punctuation behind it; empty where a separator stands, "</" being one. */
static struct str next_word(struct str *rest)
{
    size_t n = word_length(*rest);
    struct str word = str_make(rest->p, n);
    size_t skip = n ? n : str_starts(*rest, STR("</")) ? 2 : 1;
    *rest = str_make(rest->p + skip, rest->n - skip);
    while (word.n && strchr(".,;:!?", word.p[word.n - 1]))
        word.n--;
    return word;
}

/* ---- Links ---- */

/* "a.b" with letters on both sides, two at least on the right: a host, to whoever makes links of text. */
static bool dot_joins(struct str w, size_t i)
{
    return i > 0 && i + 2 < w.n && is_wordy(w.p[i - 1]) && is_letter(w.p[i + 1]) && is_letter(w.p[i + 2]);
}

static bool links_at(struct str w, size_t i)
{
    char next = i + 1 < w.n ? w.p[i + 1] : 0;
    switch (w.p[i]) {
    case '/':
        return next == '/' || (i == 0 && next);
    case ':':
        return i > 0 && next && is_letter(w.p[i - 1]);
    case '@':
        return i > 0 && next;
    case '.':
        return dot_joins(w, i);
    case '&':
        return next == '#' || is_letter(next); /* a character written so that it is not seen */
    default:
        return false;
    }
}

bool is_link(struct str word)
{
    for (size_t i = 0; i < word.n;) {
        size_t tag = tag_length(str_make(word.p + i, word.n - i));
        if (!tag && links_at(word, i))
            return true;
        i += tag ? tag : 1;
    }
    return false;
}

static bool has_word(struct str text, struct str word)
{
    while (text.n)
        if (str_eq(next_word(&text), word))
            return true;
    return false;
}

static bool words_known(struct str text, struct str brief, struct str *ret)
{
    while (text.n) {
        struct str word = next_word(&text);
        if (is_link(word) && !has_word(brief, word)) {
            *ret = word;
            return false;
        }
    }
    return true;
}

/* ---- Tags of HTML ---- */

static bool tags_known(struct str text, struct str brief, struct str *ret)
{
    const char *at = text.p, *end = text.p + text.n;
    while ((at = memchr(at, '<', (size_t)(end - at)))) {
        const char *close = memchr(at, '>', (size_t)(end - at));
        *ret = str_make(at, (size_t)((close ? close + 1 : end) - at));
        if (memchr(at, '=', ret->n) && !memmem(brief.p, brief.n, ret->p, ret->n))
            return false;
        at += ret->n;
    }
    return true;
}

bool links_known(struct str text, struct str brief, struct str *ret_foreign)
{
    return words_known(text, brief, ret_foreign) && tags_known(text, brief, ret_foreign);
}

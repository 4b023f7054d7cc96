#include "agents/engage/template/form_private.h"

#define LOCALE_MAX 35
#define SUBTAG_MAX 8

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool subtag_valid(struct str s, bool first)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_letter(s.p[i]) && (first || s.p[i] < '0' || s.p[i] > '9'))
            return false;
    return s.n >= (first ? 2 : 1) && s.n <= SUBTAG_MAX;
}

bool form_locale_valid(struct str s)
{
    bool first = true;
    if (s.n == 0 || s.n > LOCALE_MAX || s.p[s.n - 1] == '-')
        return false;
    for (; s.n; first = false)
        if (!subtag_valid(str_split(&s, '-'), first))
            return false;
    return true;
}

char *form_locale_fold(struct arena *a, struct str s)
{
    char *folded = arena_dup(a, s);
    for (size_t i = 0; folded && i < s.n; i++)
        folded[i] = ascii_lower(folded[i]);
    return folded;
}

static const struct form_content *find(const struct form *f, Medium medium, struct str locale)
{
    for (size_t i = 0; i < f->n_contents; i++)
        if (f->contents[i].medium == medium && str_eq(str_of(f->contents[i].folded), locale))
            return &f->contents[i];
    return NULL;
}

/* Without the last subtag, and without a single character before it, which only says what kind it is. */
static struct str shorter(struct str s)
{
    while (s.n && s.p[s.n - 1] != '-')
        s.n--;
    s.n -= s.n > 0;
    return s.n >= 2 && s.p[s.n - 2] == '-' ? str_make(s.p, s.n - 2) : s;
}

const struct form_content *form_choose(const struct form *f, Medium medium, struct str locale)
{
    char text[LOCALE_MAX];
    const struct form_content *found = NULL;
    struct str s = str_make(text, MIN(locale.n, sizeof text));
    for (size_t i = 0; i < s.n; i++)
        text[i] = ascii_lower(locale.p[i]);
    for (; s.n && !found; s = shorter(s))
        found = find(f, medium, s);
    return found ? found : find(f, medium, str_of(f->default_locale));
}

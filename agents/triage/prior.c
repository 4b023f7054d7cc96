#include "agents/triage/prior.h"
#include "agents/triage/fields.h"

#include <math.h>

/* How a row looks at its field. Of each field's rows the first that fits counts, so the order matters; texts
 * are compared without regard to ASCII case. */
enum look {
    LOOK_MISSING, /* nothing is known */
    LOOK_IS,      /* the text is one of the words */
    LOOK_WORD,    /* one of the words is a word of the text */
    LOOK_ANY      /* anything is known */
};

struct row {
    const char *field;
    enum look look;
    const char *const *words; /* NULL-ended */
    double points;
    const char *example; /* a value for which this row is the one that counts */
};

static const char *const free_mail[] = { "gmail.com",     "googlemail.com", "outlook.com", "hotmail.com",
                                         "live.com",      "msn.com",        "yahoo.com",   "icloud.com",
                                         "me.com",        "aol.com",        "gmx.net",     "gmx.de",
                                         "gmx.at",        "web.de",         "mail.com",    "mail.ru",
                                         "yandex.ru",     "yandex.com",     "proton.me",   "protonmail.com",
                                         "zoho.com",      "qq.com",         "163.com",     "126.com",
                                         "orange.fr",     "free.fr",        "libero.it",   "t-online.de",
                                         "hotmail.co.uk", "yahoo.co.uk",    "yahoo.co.jp", NULL };
static const char *const yes[] = { "true", "1", "yes", NULL };
static const char *const outside[] = { "student",    "intern",    "trainee", "retired",
                                       "unemployed", "jobseeker", NULL };
static const char *const decides[] = { "ceo",     "cto",       "cfo",      "cmo",     "coo",
                                       "cio",     "cro",       "chief",    "founder", "cofounder",
                                       "owner",   "president", "director", "head",    "vp",
                                       "partner", "principal", "managing", NULL };
static const char *const leads_others[] = { "manager", "lead",        "senior", "supervisor",
                                            "buyer",   "procurement", NULL };
static const char *const asked[] = { "demo",    "trial", "referral", "referred",
                                     "pricing", "quote", "inbound",  NULL };
static const char *const met[] = {
    "webinar", "event", "partner", "conference", "newsletter", "organic", NULL
};
static const char *const bought[] = { "purchased", "list", "scraped", "cold", "rented", NULL };

/* Points of a lead of which nothing is known: odds of about one in five. */
#define BASE_POINTS (-1.4)

/* To change a row: also docs/scorecard.md and SCORECARD_VERSION (agents/record/scoring.h). Rows of a field
 * stand together. */
static const struct row scorecard[] = {
    { "company", LOOK_ANY, NULL, 0.3, "Example Ltd" },
    { "country", LOOK_ANY, NULL, 0.1, "AT" },
    { "email_domain", LOOK_MISSING, NULL, -0.5, "" },
    { "email_domain", LOOK_IS, free_mail, -0.2, "gmail.com" },
    { "email_domain", LOOK_ANY, NULL, 0.6, "example.com" },
    { "has_phone", LOOK_IS, yes, 0.4, "true" },
    { "job_title", LOOK_WORD, outside, -0.7, "Student" },
    { "job_title", LOOK_WORD, decides, 0.7, "Director" },
    { "job_title", LOOK_WORD, leads_others, 0.3, "Manager" },
    { "source", LOOK_WORD, bought, -0.8, "purchased list" },
    { "source", LOOK_WORD, asked, 0.8, "demo request" },
    { "source", LOOK_WORD, met, 0.3, "webinar" },
};

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool one_of(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(s, str_of(*words)))
            return true;
    return false;
}

static bool has_word(struct str s, const char *const *words)
{
    for (size_t i = 0; i < s.n;) {
        size_t start = i;
        while (i < s.n && letter(ascii_lower(s.p[i])))
            i++;
        if (i > start && one_of(str_make(s.p + start, i - start), words))
            return true;
        i += i == start;
    }
    return false;
}

static bool fits(const struct row *r, struct str text)
{
    switch (r->look) {
    case LOOK_MISSING:
        return text.n == 0;
    case LOOK_IS:
        return one_of(text, r->words);
    case LOOK_WORD:
        return has_word(text, r->words);
    case LOOK_ANY:
        return text.n > 0;
    }
    return false;
}

void prior_score(const struct field *fields, size_t n, struct prior_score *ret)
{
    ret->base = BASE_POINTS;
    ret->margin = BASE_POINTS;
    ret->n = 0;
    for (size_t i = 0; i < COUNT(scorecard);) {
        struct prior_part *part = &ret->parts[ret->n++];
        const char *field = scorecard[i].field;
        bool found = false;
        part->field = field;
        part->text = str_trim(field_text(fields, n, str_of(field)));
        part->points = 0;
        for (; i < COUNT(scorecard) && strcmp(scorecard[i].field, field) == 0; i++)
            if (!found && fits(&scorecard[i], part->text)) {
                part->points = scorecard[i].points;
                found = true;
            }
        ret->margin += part->points;
    }
    ret->probability = 1 / (1 + exp(-ret->margin));
}

bool prior_example(size_t row, const char **ret_field, const char **ret_value, double *ret_points)
{
    if (row >= COUNT(scorecard))
        return false;
    *ret_field = scorecard[row].field;
    *ret_value = scorecard[row].example;
    *ret_points = scorecard[row].points;
    return true;
}

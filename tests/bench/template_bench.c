/* template_bench: what it costs to make the words of a mail from a lead.
 *
 * Thread CPU time of form_compile and of form_render (values, subject, text and html, copied into the arena),
 * for a short mail and for one as mail tools write them: a table layout of some 20 KB. Medians over rounds.
 */
#include "agents/engage/template/form.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/pb.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 7
#define RENDERS 2000
#define COMPILES 200
#define ROWS_OF_LARGE 60

static const char small[] = "<p>Hello{{#full_name}} {{full_name}}{{/full_name}},</p>"
                            "<p>you are on the {{attributes.plan}} plan since {{attributes.since}}.</p>"
                            "<p><a href=\"https://example.com/start?plan={{attributes.plan}}\">Start</a></p>"
                            "<p><a href=\"{{unsubscribe_url}}\">No more mails</a><br>{{sender.address}}</p>";
static const char row[] = "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" width=\"100%\" "
                          "style=\"border-collapse: "
                          "collapse\"><tr><td align=\"left\" style=\"padding: 12px 24px; font-family: Arial, "
                          "sans-serif; font-size: "
                          "14px\"><a href=\"https://example.com/p?n={{attributes.plan}}\" "
                          "title=\"{{attributes.plan}}\">{{full_name}}"
                          "</a> and words that are the same for all</td></tr></table>\n";

static TemplateField fields[] = { TEMPLATE_FIELD_INIT, TEMPLATE_FIELD_INIT, TEMPLATE_FIELD_INIT };
static TemplateField *field_list[] = { &fields[0], &fields[1], &fields[2] };
static TemplateContent content = TEMPLATE_CONTENT_INIT, *content_list[] = { &content };
static Template words = TEMPLATE_INIT;
static Lead__AttributesEntry plan = LEAD__ATTRIBUTES_ENTRY_INIT, since = LEAD__ATTRIBUTES_ENTRY_INIT;
static Lead__AttributesEntry *attributes[] = { &plan, &since };
static Lead lead = LEAD_INIT;

static void set_up(char *html)
{
    fields[0].path = (char *)"attributes.plan";
    fields[0].default_value = (char *)"free";
    fields[1].path = (char *)"attributes.since";
    fields[1].type = TEMPLATE_FIELD__TYPE_DATE;
    fields[1].date_format = TEMPLATE_FIELD__DATE_FORMAT_ENGLISH;
    fields[1].required = true;
    fields[2].path = (char *)"full_name";
    fields[2].required = true;
    content.locale = words.default_locale = (char *)"en";
    content.medium = MEDIUM_EMAIL;
    content.subject = (char *)"Welcome, {{full_name}}";
    content.text = (char *)"Hello {{full_name}}. No more mails: {{unsubscribe_url}}\n";
    content.html = html;
    words.purpose = (char *)"marketing";
    words.fields = field_list;
    words.n_fields = 3;
    words.contents = content_list;
    words.n_contents = 1;
    plan.key = (char *)"plan";
    plan.value = (char *)"gold & more";
    since.key = (char *)"since";
    since.value = (char *)"2026-03-01";
    lead.full_name = (char *)"Ann O'Hara";
    lead.attributes = attributes;
    lead.n_attributes = 2;
}

static void check(struct status s)
{
    if (is_ok(s))
        return;
    fprintf(stderr, "template_bench: %s\n", s.message);
    exit(1);
}

static struct form *compile(struct arena *a)
{
    struct form *f;
    check(form_compile(a, &words, "template", &f));
    return f;
}

static double compile_us(struct arena *a)
{
    int64_t start = clock_thread_cpu_ns();
    for (int i = 0; i < COMPILES; i++) {
        form_unref(compile(a));
        arena_reset(a);
    }
    return (double)(clock_thread_cpu_ns() - start) / 1e3 / COMPILES;
}

static double render_us(struct arena *a, size_t *ret_bytes)
{
    struct form *f = compile(a);
    struct form_request r = {
        MEDIUM_EMAIL, "de-AT", &lead, { "https://example.com/u/x", "Sales", "s@example.com", "1 Street" }
    };
    struct form_message m;
    int64_t start = clock_thread_cpu_ns();
    for (int i = 0; i < RENDERS; i++) {
        arena_reset(a);
        check(form_render(a, f, &r, &m));
    }
    double us = (double)(clock_thread_cpu_ns() - start) / 1e3 / RENDERS;
    *ret_bytes = m.subject.n + m.text.n + m.html.n;
    form_unref(f);
    return us;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double v[ROUNDS])
{
    qsort(v, ROUNDS, sizeof *v, ascending);
    return v[ROUNDS / 2];
}

static void report(const char *name, char *html)
{
    struct arena a;
    double compiled[ROUNDS], rendered[ROUNDS];
    size_t bytes = 0;
    set_up(html);
    arena_init(&a, 16u << 20);
    for (int i = 0; i < ROUNDS; i++) {
        compiled[i] = compile_us(&a);
        rendered[i] = render_us(&a, &bytes);
    }
    arena_done(&a);
    printf("%s: html of %zu bytes, mail of %zu bytes: compiled in %.1f us, rendered in %.1f us\n", name,
           strlen(html), bytes, median(compiled), median(rendered));
}

int main(void)
{
    struct buf large;
    buf_init(&large, 1 << 20);
    for (int i = 0; i < ROWS_OF_LARGE; i++)
        buf_puts(&large, row);
    buf_puts(&large, small);
    report("short", (char *)small);
    report("layout", large.p);
    buf_done(&large);
    return 0;
}

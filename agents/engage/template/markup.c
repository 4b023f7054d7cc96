#include "agents/engage/template/markup.h"

static const char stray[] = "this character has no place inside of a tag";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *go(struct markup *m, enum markup_state s)
{
    m->state = s;
    return NULL;
}

/* A name of more than MARKUP_NAME_MAX bytes stays at its first ones; n says that there are more. */
static const char *name_start(struct markup *m, enum markup_state s, char c)
{
    memset(m->name, 0, sizeof m->name);
    m->name[0] = ascii_lower(c);
    m->n = 1;
    return go(m, s);
}

static void name_more(struct markup *m, char c)
{
    if (m->n < MARKUP_NAME_MAX)
        m->name[m->n] = ascii_lower(c);
    if (m->n <= MARKUP_NAME_MAX)
        m->n++;
}

static void name_done(struct markup *m)
{
    memset(m->name, 0, sizeof m->name);
    m->n = 0;
}

/* ---- Elements ---- */

static const char *step_text(struct markup *m, char c)
{
    return c == '<' ? go(m, MARKUP_OPEN) : NULL;
}

static const char *step_open(struct markup *m, char c)
{
    m->end_tag = false;
    if (is_letter(c))
        return name_start(m, MARKUP_NAME, c);
    switch (c) {
    case '/':
        return go(m, MARKUP_END_OPEN);
    case '!':
        return go(m, MARKUP_DECLARATION);
    case '?':
        return go(m, MARKUP_BOGUS);
    case '<':
        return NULL;
    default:
        return go(m, MARKUP_TEXT);
    }
}

static const char *step_end_open(struct markup *m, char c)
{
    m->end_tag = true;
    if (is_letter(c))
        return name_start(m, MARKUP_NAME, c);
    return go(m, c == '>' ? MARKUP_TEXT : MARKUP_BOGUS);
}

/* > : what follows is the element's content. */
static const char *tag_done(struct markup *m)
{
    bool raw = !m->end_tag && (m->element == ELEMENT_TEXT || m->element == ELEMENT_STYLE);
    name_done(m);
    m->attribute = ATTRIBUTE_WITHOUT_DATA;
    if (!raw) {
        m->element = ELEMENT_NORMAL;
        memset(m->raw, 0, sizeof m->raw);
    }
    m->end_tag = false;
    return go(m, raw ? MARKUP_RAW : MARKUP_TEXT);
}

static const char *step_tag(struct markup *m, char c);

static const char *step_name(struct markup *m, char c)
{
    if (!is_blank(c) && c != '/' && c != '>') {
        name_more(m, c);
        return NULL;
    }
    m->element = markup_element_of(str_make(m->name, MIN(m->n, MARKUP_NAME_MAX)));
    if (m->element == ELEMENT_REFUSED)
        return "this element may not stand in a template";
    memcpy(m->raw, m->name, sizeof m->raw);
    return step_tag(m, c);
}

/* ---- Attributes ---- */

static const char *step_tag(struct markup *m, char c)
{
    name_done(m);
    m->attribute = ATTRIBUTE_WITHOUT_DATA;
    if (c == '>')
        return tag_done(m);
    if (is_blank(c) || c == '/')
        return go(m, MARKUP_TAG);
    return strchr("\"'<=", c) ? stray : name_start(m, MARKUP_ATTRIBUTE, c);
}

static const char *attribute_named(struct markup *m)
{
    m->attribute = markup_attribute_of(str_make(m->name, MIN(m->n, MARKUP_NAME_MAX)));
    if (m->attribute == ATTRIBUTE_REFUSED)
        return "event handlers may not stand in a template";
    if (m->element == ELEMENT_WITHOUT_DATA || m->end_tag)
        m->attribute = ATTRIBUTE_WITHOUT_DATA;
    return NULL;
}

static const char *step_attribute(struct markup *m, char c)
{
    if (c == '"' || c == '\'' || c == '<')
        return stray;
    if (!is_blank(c) && !strchr("/>=", c)) {
        name_more(m, c);
        return NULL;
    }
    const char *wrong = attribute_named(m);
    if (wrong)
        return wrong;
    if (c == '=')
        return go(m, MARKUP_BEFORE_VALUE);
    return is_blank(c) ? go(m, MARKUP_AFTER_NAME) : step_tag(m, c);
}

static const char *step_after_name(struct markup *m, char c)
{
    if (is_blank(c))
        return NULL;
    return c == '=' ? go(m, MARKUP_BEFORE_VALUE) : step_tag(m, c);
}

static const char *step_before_value(struct markup *m, char c)
{
    if (is_blank(c))
        return NULL;
    if (strchr("<>=`", c))
        return "expected the attribute's value";
    name_done(m);
    m->based = m->query = false;
    m->quote = c;
    return go(m, c == '"' || c == '\'' ? MARKUP_VALUE : MARKUP_BARE_VALUE);
}

static const char *step_value(struct markup *m, char c)
{
    if (c == m->quote) {
        m->quote = 0;
        m->based = m->query = false;
        name_done(m);
        m->attribute = ATTRIBUTE_WITHOUT_DATA;
        return go(m, MARKUP_TAG);
    }
    if (m->attribute != ATTRIBUTE_URL)
        return NULL;
    m->query |= c == '?' || c == '#';
    if (!m->based)
        name_more(m, c);
    if (!m->based && escape_url_allowed(str_make(m->name, MIN(m->n, MARKUP_NAME_MAX)))) {
        name_done(m);
        m->based = true;
    }
    return NULL;
}

static const char *step_bare_value(struct markup *m, char c)
{
    if (strchr("\"'<=`", c))
        return stray;
    if (!is_blank(c) && c != '>')
        return NULL;
    m->quote = 0;
    return step_tag(m, c);
}

/* ---- Comments and declarations ---- */

static const char *step_declaration(struct markup *m, char c)
{
    return go(m, c == '-' ? MARKUP_DASH : c == '>' ? MARKUP_TEXT : MARKUP_BOGUS);
}

static const char *step_dash(struct markup *m, char c)
{
    return go(m, c == '-' ? MARKUP_COMMENT_START : c == '>' ? MARKUP_TEXT : MARKUP_BOGUS);
}

static const char *step_bogus(struct markup *m, char c)
{
    return c == '>' ? go(m, MARKUP_TEXT) : NULL;
}

static const char *step_comment_start(struct markup *m, char c)
{
    return go(m, c == '>' ? MARKUP_TEXT : c == '-' ? MARKUP_COMMENT_START_DASH : MARKUP_COMMENT);
}

static const char *step_comment_start_dash(struct markup *m, char c)
{
    return go(m, c == '>' ? MARKUP_TEXT : c == '-' ? MARKUP_COMMENT_END : MARKUP_COMMENT);
}

static const char *step_comment(struct markup *m, char c)
{
    return c == '-' ? go(m, MARKUP_COMMENT_DASH) : NULL;
}

static const char *step_comment_dash(struct markup *m, char c)
{
    return go(m, c == '-' ? MARKUP_COMMENT_END : MARKUP_COMMENT);
}

static const char *step_comment_end(struct markup *m, char c)
{
    switch (c) {
    case '>':
        return go(m, MARKUP_TEXT);
    case '!':
        return go(m, MARKUP_COMMENT_BANG);
    case '-':
        return NULL;
    default:
        return go(m, MARKUP_COMMENT);
    }
}

static const char *step_comment_bang(struct markup *m, char c)
{
    return go(m, c == '>' ? MARKUP_TEXT : c == '-' ? MARKUP_COMMENT_DASH : MARKUP_COMMENT);
}

/* ---- Content that ends at its end tag ---- */

/* Not every browser would take the tag as text: inside of some elements <title> is no title. */
static const char *tag_in_text(struct markup *m)
{
    return m->element == ELEMENT_TEXT ? "no tag may stand in the content of this element" : NULL;
}

static const char *step_raw(struct markup *m, char c)
{
    return c == '<' ? go(m, MARKUP_RAW_OPEN) : NULL;
}

static const char *step_raw_open(struct markup *m, char c)
{
    name_done(m);
    if (c == '/')
        return go(m, MARKUP_RAW_END);
    if (c != '<')
        m->state = MARKUP_RAW;
    return tag_in_text(m);
}

static const char *step_raw_end(struct markup *m, char c)
{
    if (is_letter(c)) {
        name_more(m, c);
        return NULL;
    }
    if ((is_blank(c) || c == '/' || c == '>') && memcmp(m->name, m->raw, sizeof m->raw) == 0 &&
        m->n <= MARKUP_NAME_MAX) {
        m->end_tag = true;
        return step_tag(m, c);
    }
    m->state = c == '<' ? MARKUP_RAW_OPEN : MARKUP_RAW;
    return tag_in_text(m);
}

static const char *(*const steps[MARKUP_STATES])(struct markup *, char) = {
    [MARKUP_TEXT] = step_text,
    [MARKUP_OPEN] = step_open,
    [MARKUP_END_OPEN] = step_end_open,
    [MARKUP_NAME] = step_name,
    [MARKUP_TAG] = step_tag,
    [MARKUP_ATTRIBUTE] = step_attribute,
    [MARKUP_AFTER_NAME] = step_after_name,
    [MARKUP_BEFORE_VALUE] = step_before_value,
    [MARKUP_VALUE] = step_value,
    [MARKUP_BARE_VALUE] = step_bare_value,
    [MARKUP_DECLARATION] = step_declaration,
    [MARKUP_DASH] = step_dash,
    [MARKUP_BOGUS] = step_bogus,
    [MARKUP_COMMENT_START] = step_comment_start,
    [MARKUP_COMMENT_START_DASH] = step_comment_start_dash,
    [MARKUP_COMMENT] = step_comment,
    [MARKUP_COMMENT_DASH] = step_comment_dash,
    [MARKUP_COMMENT_END] = step_comment_end,
    [MARKUP_COMMENT_BANG] = step_comment_bang,
    [MARKUP_RAW] = step_raw,
    [MARKUP_RAW_OPEN] = step_raw_open,
    [MARKUP_RAW_END] = step_raw_end,
};

const char *markup_read(struct markup *m, struct str literal, size_t *ret_at)
{
    for (size_t i = 0; i < literal.n; i++) {
        const char *wrong = steps[m->state](m, literal.p[i]);
        if (wrong) {
            *ret_at = i;
            return wrong;
        }
    }
    return NULL;
}

/* ---- Values and sections ---- */

static const char *url_value(struct markup *m, enum escape *ret)
{
    if (!m->based && m->n)
        return "a URL with data in it must start with https://, http:// or mailto:, or with a value that is "
               "one";
    *ret = !m->based ? ESCAPE_URL : m->query ? ESCAPE_URL_QUERY : ESCAPE_URL_REST;
    m->based = true;
    return NULL;
}

const char *markup_value(struct markup *m, enum escape *ret)
{
    *ret = ESCAPE_HTML;
    switch (m->state) {
    case MARKUP_TEXT:
        return NULL;
    case MARKUP_RAW:
        return m->element == ELEMENT_TEXT ? NULL : "no data may stand in a style sheet";
    case MARKUP_VALUE:
        if (m->attribute == ATTRIBUTE_URL)
            return url_value(m, ret);
        return m->attribute == ATTRIBUTE_TEXT ? NULL : "no data may stand in this attribute";
    case MARKUP_BEFORE_VALUE:
    case MARKUP_BARE_VALUE:
        return "no data may stand in an attribute without quotes";
    default:
        return "no data may stand inside of a tag, a name or a comment";
    }
}

const char *markup_section(const struct markup *m)
{
    bool may = m->state == MARKUP_TEXT || m->state == MARKUP_TAG || m->state == MARKUP_VALUE ||
               (m->state == MARKUP_RAW && m->element == ELEMENT_TEXT);
    return may ? NULL : "no section may begin or end here";
}

const char *markup_join(struct markup *m, const struct markup *before)
{
    if (m->state != before->state || m->element != before->element || m->attribute != before->attribute ||
        m->end_tag != before->end_tag || m->quote != before->quote || m->based != before->based ||
        m->n != before->n || memcmp(m->name, before->name, sizeof m->name) ||
        memcmp(m->raw, before->raw, sizeof m->raw))
        return "the section must end in the place of the page in which it began";
    m->query |= before->query;
    return NULL;
}

const char *markup_end(const struct markup *m)
{
    return m->state == MARKUP_TEXT ? NULL : "the text ends inside of a tag, a comment or an element";
}

/* markup.h: where in a page of HTML one is, so that each value is escaped for its place, and refused in
 * places where no escape makes data harmless. No I/O.
 *
 * The literal text is read as HTML's tokenizer reads it (WHATWG, 13.2.5), byte by byte. It is stricter than a
 * browser: what browsers read in different ways (quotes inside of tags, attributes without their value) is
 * refused, and so are elements whose content is not HTML or that have no place in a mail.
 *
 * Data may stand in text, in <title> and <textarea>, and in quoted values of the attributes listed in
 * markup_names.c. Functions that return a text return what is wrong, or NULL. */
#ifndef AGENTS_ENGAGE_TEMPLATE_MARKUP_H
#define AGENTS_ENGAGE_TEMPLATE_MARKUP_H

#include "agents/engage/template/escape.h"

C_BEGIN

#define MARKUP_NAME_MAX 16 /* of those that matter; longer names are cut and match none */

enum markup_state {
    MARKUP_TEXT,
    MARKUP_OPEN,          /* < */
    MARKUP_END_OPEN,      /* </ */
    MARKUP_NAME,          /* of an element */
    MARKUP_TAG,           /* before an attribute */
    MARKUP_ATTRIBUTE,     /* its name */
    MARKUP_AFTER_NAME,    /* blanks behind it */
    MARKUP_BEFORE_VALUE,  /* = */
    MARKUP_VALUE,         /* quoted */
    MARKUP_BARE_VALUE,    /* not quoted */
    MARKUP_DECLARATION,   /* <! */
    MARKUP_DASH,          /* <!- */
    MARKUP_BOGUS,         /* what ends at the next > */
    MARKUP_COMMENT_START, /* <!-- */
    MARKUP_COMMENT_START_DASH,
    MARKUP_COMMENT,
    MARKUP_COMMENT_DASH,
    MARKUP_COMMENT_END,  /* -- */
    MARKUP_COMMENT_BANG, /* --! */
    MARKUP_RAW,          /* the content of an element that ends only at its end tag */
    MARKUP_RAW_OPEN,     /* < in it */
    MARKUP_RAW_END,      /* </ and a part of the name */
    MARKUP_STATES
};

enum markup_element {
    ELEMENT_NORMAL,
    ELEMENT_REFUSED,
    ELEMENT_WITHOUT_DATA, /* in its attributes */
    ELEMENT_TEXT,         /* its content is text in which tags mean nothing */
    ELEMENT_STYLE         /* its content is not for data */
};

enum markup_attribute { ATTRIBUTE_WITHOUT_DATA, ATTRIBUTE_REFUSED, ATTRIBUTE_TEXT, ATTRIBUTE_URL };

struct markup {
    enum markup_state state;
    enum markup_element element; /* of the tag, or the one whose content RAW is */
    enum markup_attribute attribute;
    bool end_tag;
    char quote;
    unsigned char n; /* bytes of name: an element's, an attribute's, or a URL's until it is based */
    char name[MARKUP_NAME_MAX];
    char raw[MARKUP_NAME_MAX]; /* the element of RAW */
    bool based, query;         /* of a URL: what comes can no longer be its scheme; a ? or # came */
};

static inline void markup_start(struct markup *m)
{
    memset(m, 0, sizeof *m);
}

/* Reads literal text. Where something is wrong *ret_at is the byte. */
const char *markup_read(struct markup *m, struct str literal, size_t *ret_at);

/* A value stands here: how it is escaped. */
const char *markup_value(struct markup *m, enum escape *ret);

/* A section begins here. */
const char *markup_section(const struct markup *m);

/* A section ends here that began at `before`: from here on it counts as both left out and written. */
const char *markup_join(struct markup *m, const struct markup *before);

/* The page ends here. */
const char *markup_end(const struct markup *m);

/* What is known of a name in lower case. */
enum markup_element markup_element_of(struct str name);
enum markup_attribute markup_attribute_of(struct str name);

C_END
#endif

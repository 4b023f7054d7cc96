/* Elements and attributes that matter. Of elements all others are plain; of attributes all others take no
 * data.
 */
#include "agents/engage/template/markup.h"

static const struct {
    const char *name;
    enum markup_element is;
} elements[] = {
    { "applet", ELEMENT_REFUSED },    { "base", ELEMENT_REFUSED },     { "embed", ELEMENT_REFUSED },
    { "frame", ELEMENT_REFUSED },     { "frameset", ELEMENT_REFUSED }, { "iframe", ELEMENT_REFUSED },
    { "math", ELEMENT_REFUSED },      { "noembed", ELEMENT_REFUSED },  { "noframes", ELEMENT_REFUSED },
    { "noscript", ELEMENT_REFUSED },  { "object", ELEMENT_REFUSED },   { "plaintext", ELEMENT_REFUSED },
    { "script", ELEMENT_REFUSED },    { "select", ELEMENT_REFUSED },   { "svg", ELEMENT_REFUSED },
    { "template", ELEMENT_REFUSED },  { "xmp", ELEMENT_REFUSED },      { "link", ELEMENT_WITHOUT_DATA },
    { "meta", ELEMENT_WITHOUT_DATA }, { "textarea", ELEMENT_TEXT },    { "title", ELEMENT_TEXT },
    { "style", ELEMENT_STYLE },
};

/* A name that ends with - stands for all that go on from there. */
static const struct {
    const char *name;
    enum markup_attribute is;
} attributes[] = {
    { "background", ATTRIBUTE_URL }, { "cite", ATTRIBUTE_URL },         { "href", ATTRIBUTE_URL },
    { "src", ATTRIBUTE_URL },        { "abbr", ATTRIBUTE_TEXT },        { "align", ATTRIBUTE_TEXT },
    { "alt", ATTRIBUTE_TEXT },       { "aria-", ATTRIBUTE_TEXT },       { "bgcolor", ATTRIBUTE_TEXT },
    { "border", ATTRIBUTE_TEXT },    { "cellpadding", ATTRIBUTE_TEXT }, { "cellspacing", ATTRIBUTE_TEXT },
    { "class", ATTRIBUTE_TEXT },     { "color", ATTRIBUTE_TEXT },       { "colspan", ATTRIBUTE_TEXT },
    { "data-", ATTRIBUTE_TEXT },     { "datetime", ATTRIBUTE_TEXT },    { "dir", ATTRIBUTE_TEXT },
    { "height", ATTRIBUTE_TEXT },    { "id", ATTRIBUTE_TEXT },          { "label", ATTRIBUTE_TEXT },
    { "lang", ATTRIBUTE_TEXT },      { "name", ATTRIBUTE_TEXT },        { "placeholder", ATTRIBUTE_TEXT },
    { "role", ATTRIBUTE_TEXT },      { "rowspan", ATTRIBUTE_TEXT },     { "summary", ATTRIBUTE_TEXT },
    { "title", ATTRIBUTE_TEXT },     { "valign", ATTRIBUTE_TEXT },      { "value", ATTRIBUTE_TEXT },
    { "width", ATTRIBUTE_TEXT },
};

enum markup_element markup_element_of(struct str name)
{
    for (size_t i = 0; i < COUNT(elements); i++)
        if (str_eq(name, str_of(elements[i].name)))
            return elements[i].is;
    return ELEMENT_NORMAL;
}

enum markup_attribute markup_attribute_of(struct str name)
{
    if (str_starts(name, STR("on")))
        return ATTRIBUTE_REFUSED; /* an event handler */
    for (size_t i = 0; i < COUNT(attributes); i++) {
        struct str known = str_of(attributes[i].name);
        bool prefix = known.p[known.n - 1] == '-';
        if (prefix ? str_starts(name, known) : str_eq(name, known))
            return attributes[i].is;
    }
    return ATTRIBUTE_WITHOUT_DATA;
}

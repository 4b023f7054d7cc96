#include "agents/engage/chooser/option.h"

#include "agents/record/checks.h"

static bool is_same(const SendOption *a, const SendOption *b)
{
    return a->medium == b->medium && strcmp(a->template_, b->template_) == 0;
}

const char *option_fault(struct arena *a, SendOption *const *options, size_t i)
{
    const char *id;
    if (!options[i]->medium)
        return "needs a medium";
    if (!is_ok(name_id(a, options[i]->template_, "templates/", "template", &id)))
        return "needs a template: templates/{template}";
    for (size_t k = 0; k < i; k++)
        if (is_same(options[i], options[k]))
            return "stands there twice";
    return NULL;
}

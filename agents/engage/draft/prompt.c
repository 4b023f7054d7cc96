#include "agents/engage/draft/prompt.h"

#include "agents/engage/template/form.h"
#include "base/buf.h"

#define BODY_MAX (4u << 20)

#define TASK                                                                                                 \
    "You write the words of a message template anew. Keep its meaning and do what the instructions say. "    \
    "Write in the locale given. Holes like {{company}} stand for values: use only the fields given, "        \
    "each inside a section as the template has it. Keep every link and every HTML tag with attributes "      \
    "exactly as it is, and add none. Answer with JSON: the same members as in `template`, and nothing else."

static void put_name(struct buf *b, const char *name)
{
    if (b->n && b->p[b->n - 1] != '{')
        buf_putc(b, ',');
    buf_json(b, str_of(name));
    buf_putc(b, ':');
}

static void put_text(struct buf *b, const char *name, const char *text)
{
    put_name(b, name);
    buf_json(b, str_of(text));
}

static void put_fields(struct buf *b, const Template *t)
{
    put_name(b, "fields");
    buf_putc(b, '[');
    for (size_t i = 0; i < t->n_fields; i++) {
        if (i)
            buf_putc(b, ',');
        buf_json(b, str_of(t->fields[i]->path));
    }
    buf_putc(b, ']');
}

static void put_parts(struct buf *b, TemplateContent *content)
{
    put_name(b, "template");
    buf_putc(b, '{');
    for (int i = 0; i < PROGRAM_PARTS; i++) {
        const char *text = *form_part(content, (enum program_part)i);
        if (*text)
            put_text(b, form_part_names[i], text);
    }
    buf_putc(b, '}');
}

/* What the model is told, itself JSON. */
static void put_brief(struct buf *b, const DraftTemplateRequest *req, TemplateContent *content)
{
    buf_putc(b, '{');
    put_text(b, "purpose", req->template_->purpose);
    put_text(b, "locale", content->locale);
    put_text(b, "tone", req->tone);
    put_text(b, "instructions", req->instructions);
    put_fields(b, req->template_);
    put_parts(b, content);
    buf_putc(b, '}');
}

/* The schema of the answer: exactly the parts that the content has. */
static void put_schema(struct buf *b, TemplateContent *content)
{
    struct buf required;
    buf_init(&required, 256);
    buf_puts(
        b,
        ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"draft\",\"strict\":true,"
        "\"schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (int i = 0; i < PROGRAM_PARTS; i++) {
        if (!**form_part(content, (enum program_part)i))
            continue;
        put_name(b, form_part_names[i]);
        buf_puts(b, "{\"type\":\"string\"}");
        buf_printf(&required, "%s\"%s\"", required.n ? "," : "", form_part_names[i]);
    }
    buf_puts(b, "},\"required\":[");
    buf_put(b, buf_str(&required).p, required.n);
    buf_puts(b, "]}}}");
    buf_done(&required);
}

static void put_messages(struct buf *b, struct str brief)
{
    buf_puts(b, ",\"messages\":[{\"role\":\"system\",\"content\":");
    buf_json(b, STR(TASK));
    buf_puts(b, "},{\"role\":\"user\",\"content\":");
    buf_json(b, brief);
    buf_puts(b, "}]");
}

struct status prompt_make(struct arena *a, const struct drafting *d, const DraftTemplateRequest *req,
                          TemplateContent *content, struct str *ret)
{
    struct buf brief, body;
    buf_init(&brief, BODY_MAX);
    buf_init(&body, BODY_MAX);
    put_brief(&brief, req, content);
    buf_puts(&body, "{\"model\":");
    buf_json(&body, str_of(d->model));
    buf_printf(&body, ",\"stream\":true,\"max_tokens\":%u", d->tokens);
    put_messages(&body, buf_str(&brief));
    put_schema(&body, content);
    buf_putc(&body, '}');
    bool whole = !brief.overflow;
    buf_done(&brief);
    *ret = buf_keep(&body, a);
    return whole && ret->p ? ok() : fail_memory();
}

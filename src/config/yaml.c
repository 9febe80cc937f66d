/* A config's file. It needs little of YAML: a mapping of groups, each a mapping of scalars.
 * libyaml's events are read for just that; the rest (anchors, tags, a second document, and lists
 * unless the grammar has them) is an error with its line. */
#include "gk/reader.h"

#include <stdio.h>
#include <string.h>

enum { KEYS = GK_CONFIG_KEYS, NAME_BYTES = 120 };

static gk_status bad_yaml(const gk_reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    int line = 1, problem = (int)parser->problem_mark.line + 1;

    if (parser->error == YAML_MEMORY_ERROR)
        return gk_fail(GK_EMEM, "no memory to read %s", r->name);
    if (parser->error != YAML_READER_ERROR && parser->context)
        return gk_reader_fail(r, problem, "this is not YAML: %s %s (line %d)", parser->problem,
                              parser->context, (int)parser->context_mark.line + 1);
    if (parser->error != YAML_READER_ERROR)
        return gk_reader_fail(r, problem, "this is not YAML: %s", parser->problem);
    for (size_t i = 0; i < parser->problem_offset && i < r->size; i++) line += r->yaml[i] == '\n';
    return gk_reader_fail(r, line, "this is not UTF-8 text: %s (byte %zu)", parser->problem,
                          parser->problem_offset);
}

/* The byte at a mark of libyaml, which counts characters. */
static char byte_at(const gk_reader *r, yaml_mark_t mark)
{
    size_t index = mark.index;

    for (size_t i = 0; i < r->size; i++)
        if ((r->yaml[i] & 0xC0) != 0x80 && index-- == 0) return r->yaml[i];
    return 0;
}

bool gk_reader_is_scalar(const gk_reader *r) { return r->event.type == YAML_SCALAR_EVENT; }
const char *gk_reader_scalar(const gk_reader *r)
{
    return (const char *)r->event.data.scalar.value;
}
int gk_reader_line(const gk_reader *r) { return (int)r->event.start_mark.line + 1; }

gk_status gk_reader_next(gk_reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) return bad_yaml(r);
    yaml_event_type_t type = r->event.type;
    if (type != YAML_SCALAR_EVENT && type != YAML_ALIAS_EVENT && type != YAML_MAPPING_START_EVENT &&
        type != YAML_SEQUENCE_START_EVENT)
        return GK_OK;
    int line = gk_reader_line(r);
    switch (byte_at(r, r->event.start_mark)) {
    case '&': return gk_reader_fail(r, line, "anchors (&name) are not read");
    case '*': return gk_reader_fail(r, line, "aliases (*name) are not read; write the value again");
    case '!':
        return gk_reader_fail(r, line, "tags (!name) are not read; quote the text if it is one");
    default: break;
    }
    if (type != YAML_SCALAR_EVENT) return GK_OK;
    if (strlen(gk_reader_scalar(r)) != r->event.data.scalar.length)
        return gk_reader_fail(r, line, "a text holds a NUL character");
    if (!strcmp(gk_reader_scalar(r), "<<"))
        return gk_reader_fail(r, line, "merge keys (<<) are not read");
    return GK_OK;
}

bool gk_reader_is_quoted(const gk_reader *r)
{
    return gk_reader_is_scalar(r) && r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const gk_reader *r)
{
    return gk_reader_is_scalar(r) && !gk_reader_is_quoted(r) &&
           gk_config_is_null(gk_reader_scalar(r));
}

const char *gk_reader_kind(const gk_reader *r)
{
    if (gk_reader_is_scalar(r)) return "one value";
    return r->event.type == YAML_SEQUENCE_START_EVENT ? "a list" : "a mapping";
}

/* `key: value` of a group, or the seed where `key` is NULL; the event is the key. */
static gk_status read_value(gk_reader *r, const gk_config_key *key)
{
    int *given = &r->given[key ? key - gk_config_keys : GK_CONFIG_SEED];

    if (*given)
        return gk_reader_fail(r, gk_reader_line(r), "%s is given twice, first in line %d",
                              key ? key->name : "seed", *given);
    GK_TRY(gk_reader_next(r));
    int line = gk_reader_line(r);
    if (gk_reader_is_scalar(r))
        return gk_reader_give(r, key, line, gk_reader_scalar(r), gk_reader_is_quoted(r));
    if (!r->grammar) return gk_reader_refuse_kind(r, line, key, gk_reader_kind(r));
    *given = line;
    return r->grammar->form(r, key);
}

/* The keys of `group`; the event is its name. */
static gk_status read_group(gk_reader *r, const char *group)
{
    GK_TRY(gk_reader_next(r));
    if (is_null(r)) return GK_OK; /* all of its keys are commented out */
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return gk_reader_fail(r, gk_reader_line(r), "the group %s expects keys with values, not %s",
                              group, gk_reader_kind(r));
    for (;;) {
        const gk_config_key *key;
        GK_TRY(gk_reader_next(r));
        int line = gk_reader_line(r);
        if (r->event.type == YAML_MAPPING_END_EVENT) return GK_OK;
        if (!gk_reader_is_scalar(r))
            return gk_reader_fail(r, line, "%s stands where a key should", gk_reader_kind(r));
        const char *name = gk_reader_scalar(r);
        char full[NAME_BYTES];
        snprintf(full, sizeof full, "%s.%s", group, name); /* a longer one is unknown in any case */
        key = gk_config_find(full);
        if (!key) return gk_reader_unknown_key(r, line, group, name);
        GK_TRY(read_value(r, key));
    }
}

/* The number of a group's first key; KEYS + the number of a word of the grammar; -1. */
static int find_name(const gk_reader *r, const char *name)
{
    for (int i = 0; i < KEYS; i++)
        if (!strcmp(gk_config_keys[i].group, name)) return i;
    for (int i = 0; r->grammar && i < r->grammar->n_words; i++)
        if (!strcmp(r->grammar->words[i], name)) return KEYS + i;
    return -1;
}

static gk_status read_groups(gk_reader *r)
{
    int first[KEYS + GK_CONFIG_WORDS_MAX] = {0}; /* the line of a group or word */

    for (;;) {
        GK_TRY(gk_reader_next(r));
        int line = gk_reader_line(r);
        if (r->event.type == YAML_MAPPING_END_EVENT) return GK_OK;
        if (!gk_reader_is_scalar(r))
            return gk_reader_fail(r, line, "%s stands where a group should", gk_reader_kind(r));
        if (!strcmp(gk_reader_scalar(r), "seed")) {
            GK_TRY(read_value(r, NULL));
            continue;
        }
        int i = find_name(r, gk_reader_scalar(r));
        if (i < 0) return gk_reader_unknown_group(r, line, gk_reader_scalar(r));
        if (first[i])
            return gk_reader_fail(r, line, "%s%s is given twice, first in line %d",
                                  i < KEYS ? "the group " : "", gk_reader_scalar(r), first[i]);
        first[i] = line;
        GK_TRY(i < KEYS ? read_group(r, gk_config_keys[i].group) : r->grammar->word(r, i - KEYS));
    }
}

static gk_status read_document(gk_reader *r)
{
    GK_TRY(gk_reader_next(r)); /* the stream starts */
    GK_TRY(gk_reader_next(r));
    if (r->event.type == YAML_DOCUMENT_START_EVENT) GK_TRY(gk_reader_next(r));
    if (r->event.type == YAML_STREAM_END_EVENT || is_null(r))
        return gk_reader_fail(r, 1,
                              "the file is empty; a config has at least one group, such as task:");
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return gk_reader_fail(r, gk_reader_line(r),
                              "a config is made of groups, such as \"task: {p: 113}\"");
    GK_TRY(read_groups(r));
    GK_TRY(gk_reader_next(r)); /* the document ends */
    GK_TRY(gk_reader_next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return GK_OK;
    return gk_reader_fail(r, gk_reader_line(r), "a second document starts here; a config is one");
}

gk_status gk_reader_file(gk_reader *r)
{
    if (r->size > GK_CONFIG_BYTES_MAX)
        return gk_fail(GK_EUSAGE, "%s has %zu bytes; a config has at most %d", r->name, r->size,
                       GK_CONFIG_BYTES_MAX);
    if (r->size >= 3 && !memcmp(r->yaml, "\xEF\xBB\xBF", 3)) { /* a byte order mark */
        r->yaml += 3;
        r->size -= 3;
    }
    if (!yaml_parser_initialize(&r->parser))
        return gk_fail(GK_EMEM, "no memory to read %s", r->name);
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->yaml, r->size);
    gk_status status = read_document(r);
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
    return status;
}

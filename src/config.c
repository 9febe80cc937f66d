/* From YAML and --set to a gk_config. config_key.c knows what each key takes, config_check.c how
 * they fit together.
 *
 * A config needs little of YAML: a mapping of groups, each a mapping of scalars. libyaml's events
 * are read for just that; the rest (anchors, tags, lists, a second document) is an error with its
 * line. */
#include "gk/config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { KEYS = GK_CONFIG_KEYS, SEED = KEYS, YAML_LIMIT = 1 << 20, SHOWN = 60 };

/* A place is where something was given: 0 nowhere, line `place` of the file, sets[-place - 1]. */
typedef struct loader {
    gk_config *config;
    const char *name, *yaml; /* the file: its name in messages, its bytes */
    size_t size;
    yaml_parser_t parser;
    yaml_event_t event;
    const char *const *sets;
    int given[KEYS + 1]; /* places in the layer being read, the file or --set; [SEED]: top level */
    int place[KEYS];     /* the places that won */
    uint64_t seed;
} loader;

/* ------------------------------------------------------------------ messages, and one key given */

__attribute__((format(printf, 3, 4))) static gk_status fail(const loader *l, int place,
                                                            const char *format, ...)
{
    char message[3000];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (place < 0) return gk_fail(GK_EUSAGE, "--set %.300s: %s", l->sets[-place - 1], message);
    if (place > 0) return gk_fail(GK_EUSAGE, "%s:%d: %s", l->name, place, message);
    return gk_fail(GK_EUSAGE, "%s%s%s", l->name, *l->name ? ": " : "", message);
}

typedef struct shown {
    char text[2 * SHOWN];
} shown;

/* What the user wrote, short and safe for a terminal. */
static shown show(const char *text)
{
    shown out = {{0}};
    size_t n = strlen(text);
    bool cut = n > SHOWN;

    if (cut) n = SHOWN;
    while (cut && n > 0 && (text[n] & 0xC0) == 0x80) n--; /* not inside a character */
    for (size_t i = 0; i < n; i++)
        out.text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i];
    if (cut) memcpy(out.text + n, "...", 3);
    return out;
}

/* The end of a message: the name nearest to `word`, nothing if none is near. */
static shown did_you_mean(const char *word, const char *const *names, int n)
{
    shown out = {{0}};
    int i = strlen(word) > SHOWN ? -1 : gk_nearest(word, names, n);

    if (i >= 0) snprintf(out.text, sizeof out.text, "; did you mean \"%s\"?", names[i]);
    return out;
}

/* `word` is not a key of `group`; without a group: not a full name after --set. */
static gk_status unknown_key(const loader *l, int place, const char *group, const char *word)
{
    const char *names[KEYS + 1] = {"seed"}, *exact = NULL;
    int n = !group;

    for (int i = 0; i < KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (!strcmp(key->key, word)) exact = key->name; /* of another group */
        if (!group || !strcmp(key->group, group)) names[n++] = group ? key->key : key->name;
    }
    shown hint = exact ? did_you_mean(exact, &exact, 1) : did_you_mean(word, names, n);
    return fail(l, place, "unknown key \"%s\"%s%s%s", show(word).text, group ? " in " : "",
                group ? group : "", hint.text);
}

static gk_status unknown_group(const loader *l, int place, const char *word)
{
    const char *names[KEYS + 1] = {"seed"};

    for (int i = 0; i < KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        names[i + 1] = key->group;
        if (!strcmp(key->key, word) || !strcmp(key->name, word))
            return fail(l, place, "unknown group \"%s\"; %s is a key of the group %s", word,
                        key->key, key->group);
    }
    return fail(l, place, "unknown group \"%s\"%s", show(word).text,
                did_you_mean(word, names, KEYS + 1).text);
}

/* `key` got `what`, which it does not take. */
static gk_status bad_value(const loader *l, int place, const gk_config_key *key, const char *what)
{
    gk_text takes = {0};

    gk_config_describe(&takes, key);
    gk_status status = fail(l, place, "%s expects %s, not %s", key->name, takes.data, what);
    gk_text_free(&takes);
    return status;
}

/* The end of a message about a word that a PICK key does not have. */
static shown nearest_word(const gk_config_key *key, const char *value)
{
    enum { MOST = 32 };
    char words[MOST][SHOWN];
    const char *names[MOST], *word;
    int n = 0, length;

    for (; key->type == GK_KEY_PICK && n < MOST && (word = gk_config_word(key, n, &length)); n++) {
        snprintf(words[n], sizeof words[n], "%.*s", length, word);
        names[n] = words[n];
    }
    return did_you_mean(value, names, n);
}

static gk_status give(loader *l, const gk_config_key *key, int place, const char *value,
                      bool quoted)
{
    char what[8 * SHOWN];
    bool number = key->type == GK_KEY_INT || key->type == GK_KEY_REAL;

    l->given[key - gk_config_keys] = place;
    if (gk_config_assign(l->config, key, value, quoted)) return GK_OK;
    snprintf(what, sizeof what, "%s\"%s\"%s", quoted && number ? "the quoted " : "",
             show(value).text, nearest_word(key, value).text);
    return bad_value(l, place, key, *value || quoted ? what : "null");
}

static gk_status give_seed(loader *l, int place, const char *value, bool quoted)
{
    char text[SHOWN + 8];

    l->given[SEED] = place;
    snprintf(text, sizeof text, "philox:%s", value);
    if (!quoted && strlen(value) < SHOWN && gk_seed_text(text, "philox", &l->seed)) return GK_OK;
    return fail(l, place, "seed expects a whole number from 0 to %" PRIu64 ", not %s\"%s\"",
                UINT64_MAX, quoted ? "the quoted " : "", show(value).text);
}

/* A seed becomes the two keys that it stands for; the layer covers the one below. */
static gk_status end_layer(loader *l)
{
    const gk_config_key *const both[] = {gk_config_find("task.split"),
                                         gk_config_find("model.init")};
    char text[SHOWN];
    int seed = l->given[SEED];

    snprintf(text, sizeof text, "philox:%" PRIu64, l->seed);
    for (int i = 0; i < 2 && seed; i++) {
        int *given = &l->given[both[i] - gk_config_keys];
        if (*given)
            return fail(l, abs(seed) > abs(*given) ? seed : *given,
                        "seed stands for task.split and model.init; give either seed or %s",
                        both[i]->name);
        *given = seed;
        GK_CHECK(gk_config_assign(l->config, both[i], text, false));
    }
    for (int i = 0; i < KEYS; i++)
        if (l->given[i]) l->place[i] = l->given[i];
    memset(l->given, 0, sizeof l->given);
    return GK_OK;
}

/* ------------------------------------------------------------------------------------- the file */

static gk_status bad_yaml(const loader *l)
{
    const yaml_parser_t *parser = &l->parser;
    int line = 1;

    if (parser->error == YAML_MEMORY_ERROR)
        return gk_fail(GK_EMEM, "no memory to read %s", l->name);
    if (parser->error != YAML_READER_ERROR && parser->context)
        return fail(l, (int)parser->problem_mark.line + 1, "this is not YAML: %s %s (line %d)",
                    parser->problem, parser->context, (int)parser->context_mark.line + 1);
    if (parser->error != YAML_READER_ERROR)
        return fail(l, (int)parser->problem_mark.line + 1, "this is not YAML: %s", parser->problem);
    for (size_t i = 0; i < parser->problem_offset && i < l->size; i++) line += l->yaml[i] == '\n';
    return fail(l, line, "this is not UTF-8 text: %s (byte %zu)", parser->problem,
                parser->problem_offset);
}

/* The byte at a mark of libyaml, which counts characters. */
static char byte_at(const loader *l, yaml_mark_t mark)
{
    size_t index = mark.index;

    for (size_t i = 0; i < l->size; i++)
        if ((l->yaml[i] & 0xC0) != 0x80 && index-- == 0) return l->yaml[i];
    return 0;
}

static bool is_scalar(const loader *l) { return l->event.type == YAML_SCALAR_EVENT; }
static const char *scalar(const loader *l) { return (const char *)l->event.data.scalar.value; }
static int line_of(const loader *l) { return (int)l->event.start_mark.line + 1; }

/* The next event; what is never read ends here. */
static gk_status next(loader *l)
{
    yaml_event_delete(&l->event);
    if (!yaml_parser_parse(&l->parser, &l->event)) return bad_yaml(l);
    yaml_event_type_t type = l->event.type;
    if (type != YAML_SCALAR_EVENT && type != YAML_ALIAS_EVENT && type != YAML_MAPPING_START_EVENT &&
        type != YAML_SEQUENCE_START_EVENT)
        return GK_OK;
    switch (byte_at(l, l->event.start_mark)) {
    case '&': return fail(l, line_of(l), "anchors (&name) are not read");
    case '*': return fail(l, line_of(l), "aliases (*name) are not read; write the value again");
    case '!': return fail(l, line_of(l), "tags (!name) are not read; quote the text if it is one");
    default: break;
    }
    if (is_scalar(l) && strlen(scalar(l)) != l->event.data.scalar.length)
        return fail(l, line_of(l), "a text holds a NUL character");
    if (is_scalar(l) && !strcmp(scalar(l), "<<"))
        return fail(l, line_of(l), "merge keys (<<) are not read");
    return GK_OK;
}

static bool is_quoted(const loader *l)
{
    return is_scalar(l) && l->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const loader *l)
{
    return is_scalar(l) && !is_quoted(l) && gk_config_is_null(scalar(l));
}

static const char *kind(const loader *l)
{
    if (is_scalar(l)) return "one value";
    return l->event.type == YAML_SEQUENCE_START_EVENT ? "a list" : "a mapping";
}

/* `key: value` of a group, or the seed where `key` is NULL; the event is the key. */
static gk_status read_value(loader *l, const gk_config_key *key)
{
    int line = line_of(l), before = l->given[key ? key - gk_config_keys : SEED];

    if (before)
        return fail(l, line, "%s is given twice, first in line %d", key ? key->name : "seed",
                    before);
    GK_TRY(next(l));
    if (is_scalar(l) && key) return give(l, key, line_of(l), scalar(l), is_quoted(l));
    if (is_scalar(l)) return give_seed(l, line_of(l), scalar(l), is_quoted(l));
    if (key) return bad_value(l, line_of(l), key, kind(l));
    return fail(l, line_of(l), "seed expects a whole number, not %s", kind(l));
}

/* The keys of `group`; the event is its name. */
static gk_status read_group(loader *l, const char *group)
{
    GK_TRY(next(l));
    if (is_null(l)) return GK_OK; /* all of its keys are commented out */
    if (l->event.type != YAML_MAPPING_START_EVENT)
        return fail(l, line_of(l), "the group %s expects keys with values, not %s", group, kind(l));
    for (;;) {
        const gk_config_key *key = NULL;
        GK_TRY(next(l));
        if (l->event.type == YAML_MAPPING_END_EVENT) return GK_OK;
        if (!is_scalar(l)) return fail(l, line_of(l), "%s stands where a key should", kind(l));
        for (int i = 0; i < KEYS && !key; i++)
            if (!strcmp(gk_config_keys[i].group, group) &&
                !strcmp(gk_config_keys[i].key, scalar(l)))
                key = &gk_config_keys[i];
        if (!key) return unknown_key(l, line_of(l), group, scalar(l));
        GK_TRY(read_value(l, key));
    }
}

static gk_status read_groups(loader *l)
{
    int first[KEYS] = {0}; /* the line of a group, kept with its first key */

    for (;;) {
        int i = 0;
        GK_TRY(next(l));
        if (l->event.type == YAML_MAPPING_END_EVENT) return GK_OK;
        if (!is_scalar(l)) return fail(l, line_of(l), "%s stands where a group should", kind(l));
        if (!strcmp(scalar(l), "seed")) {
            GK_TRY(read_value(l, NULL));
            continue;
        }
        while (i < KEYS && strcmp(gk_config_keys[i].group, scalar(l)) != 0) i++;
        if (i == KEYS) return unknown_group(l, line_of(l), scalar(l));
        if (first[i])
            return fail(l, line_of(l), "the group %s is given twice, first in line %d",
                        gk_config_keys[i].group, first[i]);
        first[i] = line_of(l);
        GK_TRY(read_group(l, gk_config_keys[i].group));
    }
}

static gk_status read_document(loader *l)
{
    GK_TRY(next(l)); /* the stream starts */
    GK_TRY(next(l));
    if (l->event.type == YAML_DOCUMENT_START_EVENT) GK_TRY(next(l));
    if (l->event.type == YAML_STREAM_END_EVENT || is_null(l))
        return fail(l, 1, "the file is empty; a config has at least one group, such as task:");
    if (l->event.type != YAML_MAPPING_START_EVENT)
        return fail(l, line_of(l), "a config is made of groups, such as \"task: {p: 113}\"");
    GK_TRY(read_groups(l));
    GK_TRY(next(l)); /* the document ends */
    GK_TRY(next(l));
    if (l->event.type == YAML_STREAM_END_EVENT) return GK_OK;
    return fail(l, line_of(l), "a second document starts here; a config is one");
}

static gk_status read_file(loader *l)
{
    if (l->size > YAML_LIMIT)
        return gk_fail(GK_EUSAGE, "%s has %zu bytes; a config has at most %d", l->name, l->size,
                       YAML_LIMIT);
    if (l->size >= 3 && !memcmp(l->yaml, "\xEF\xBB\xBF", 3)) { /* a byte order mark */
        l->yaml += 3;
        l->size -= 3;
    }
    if (!yaml_parser_initialize(&l->parser))
        return gk_fail(GK_EMEM, "no memory to read %s", l->name);
    yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l->parser, (const unsigned char *)l->yaml, l->size);
    gk_status status = read_document(l);
    yaml_event_delete(&l->event);
    yaml_parser_delete(&l->parser);
    return status;
}

/* -------------------------------------------------------------------------------- the whole way */

static gk_status read_set(loader *l, int i)
{
    const char *equals = strchr(l->sets[i], '=');
    size_t length = equals ? (size_t)(equals - l->sets[i]) : 0;
    char name[2 * SHOWN] = {0}; /* a longer one is unknown in any case */

    if (!equals) return fail(l, -i - 1, "expects group.key=value, such as optim.lr=0.01");
    memcpy(name, l->sets[i], length < sizeof name ? length : sizeof name - 1);
    if (!strcmp(name, "seed")) return give_seed(l, -i - 1, equals + 1, false);
    const gk_config_key *key = gk_config_find(name);
    if (!key) return unknown_key(l, -i - 1, NULL, name);
    return give(l, key, -i - 1, equals + 1, false);
}

/* gk_config_check begins with the name of the key at fault: say where that was given. */
static gk_status check(const loader *l)
{
    char name[2 * SHOWN];

    if (gk_config_check(l->config) == GK_OK) return GK_OK;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(gk_message(), " :"), gk_message());
    const gk_config_key *key = gk_config_find(name);
    return fail(l, key ? l->place[key - gk_config_keys] : 0, "%s", gk_message());
}

gk_status gk_config_parse(gk_config *config, const char *name, const char *yaml, size_t size,
                          const char *const *sets, int n)
{
    loader l = {.config = config, .name = name, .yaml = yaml, .size = size, .sets = sets};

    gk_config_defaults(config);
    if (yaml) GK_TRY(read_file(&l));
    GK_TRY(end_layer(&l));
    for (int i = 0; i < n; i++) GK_TRY(read_set(&l, i));
    GK_TRY(end_layer(&l));
    return check(&l);
}

gk_status gk_config_load(gk_config *config, const char *path, const char *const *sets, int n)
{
    char *yaml = NULL;
    size_t size = 0;

    if (!path) return gk_config_parse(config, "", NULL, 0, sets, n);
    gk_status status = gk_file_read(path, YAML_LIMIT, &yaml, &size);
    if (status == GK_EMEM) return status;
    if (status != GK_OK) return gk_fail(GK_EUSAGE, "%s", gk_message());
    status = gk_config_parse(config, path, yaml, size, sets, n);
    free(yaml);
    return status;
}

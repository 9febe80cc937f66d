/* The topics of `grokc help`, and the ends of those that are made from lists. */
#include "cli/words.h"

#include <string.h>

static void end_measures(gk_text *text)
{
    enum { ROW, KEYED, FINAL };
    static const struct {
        const char *family, *column;
        int when;
    } list[] = {
#define FAMILY(name, when)       {#name, NULL, when},
#define COLUMN(name, when, help) {NULL, #name, when},
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    };
    static const char *const when[] = {"", " (with a key set)", " (final.jsonl alone)"};
    const int n = sizeof list / sizeof *list;

    for (int i = 0; i < n;) {
        gk_text columns = {0};
        gk_text_add(text, "  %s%s\n", list[i].family, when[list[i].when]);
        for (i++; i < n && list[i].column; i++)
            gk_text_add(&columns, "%s%s", columns.length ? ", " : "", list[i].column);
        if (columns.data) gk_wrap(text, 6, columns.data);
        gk_text_free(&columns);
    }
}

static void end_config(gk_text *text)
{
    for (int i = 0; i < GK_CONFIG_KEYS;) {
        gk_text keys = {0};
        const char *group = gk_config_keys[i].group;
        gk_text_add(text, "  %s\n", group);
        for (; i < GK_CONFIG_KEYS && !strcmp(gk_config_keys[i].group, group); i++)
            gk_text_add(&keys, "%s%s", keys.length ? ", " : "", gk_config_keys[i].key);
        gk_wrap(text, 6, keys.data);
        gk_text_free(&keys);
    }
}

static const gk_topic topics[] = {
#define TOPIC(name, help, end, text) {name, help, end, text},
#include "cli/topics.def"
#undef TOPIC
};

const gk_topic *gk_topic_at(int i)
{
    return i < (int)(sizeof topics / sizeof *topics) ? &topics[i] : NULL;
}

const gk_topic *gk_topic_find(const char *name)
{
    const gk_topic *topic;

    for (int i = 0; (topic = gk_topic_at(i)); i++)
        if (!strcmp(topic->name, name)) break;
    return topic;
}

void gk_topic_print(gk_text *text, const gk_topic *topic)
{
    gk_text_add(text, "%s", topic->text);
    if (topic->end) topic->end(text);
}

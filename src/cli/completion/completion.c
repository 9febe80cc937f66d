/* Which shells there are, and what words an argument completes to. */
#include "cli/words.h"
#include "gk/export.h"

#include <string.h>

gk_status gk_completion(gk_text *text, const char *shell)
{
    if (!strcmp(shell, "bash"))
        gk_completion_bash(text);
    else if (!strcmp(shell, "zsh"))
        gk_completion_zsh(text);
    else if (!strcmp(shell, "fish"))
        gk_completion_fish(text);
    else
        return gk_fail(GK_EUSAGE, "--completion \"%s\": bash, zsh or fish", shell);
    return GK_OK;
}

/* "auto|cuda[:N] MORE" is auto and cuda. */
static void add_alternatives(gk_text *text, const char *words)
{
    for (const char *w = words;; w++) {
        size_t n = strcspn(w, "|[ ");
        gk_text_add(text, "%s%.*s", text->length ? " " : "", (int)n, w);
        w += n + strcspn(w + n, "| ");
        if (*w != '|') return;
    }
}

static void add_ops(gk_text *text)
{
#define OP(name, ...) gk_text_add(text, "%s%s", text->length ? " " : "", #name);
#include "gk/ops.def"
#undef OP
}

static void add_layouts(gk_text *text)
{
    const char *layout;

    for (int i = 0; (layout = gk_export_layout(i)); i++)
        gk_text_add(text, "%s%s", i ? " " : "", layout);
}

static void add_settings(gk_text *text)
{
    gk_text_add(text, "seed=");
    for (int i = 0; i < GK_CONFIG_KEYS; i++) gk_text_add(text, " %s=", gk_config_keys[i].name);
}

static void add_topics(gk_text *text)
{
    const gk_topic *topic;

    for (int i = 0; i < GK_COMMANDS; i++)
        gk_text_add(text, "%s%s", text->length ? " " : "", gk_commands[i].name);
    for (int i = 0; (topic = gk_topic_at(i)); i++) gk_text_add(text, " %s", topic->name);
    for (int i = 0; i < GK_CONFIG_KEYS; i++) gk_text_add(text, " %s", gk_config_keys[i].name);
}

void gk_completion_words(gk_text *text, gk_completes completes, const char *argument)
{
    switch (completes) {
    case GK_WORDS: add_alternatives(text, argument); break;
    case GK_OPS: add_ops(text); break;
    case GK_LAYOUTS: add_layouts(text); break;
    case GK_SETTINGS: add_settings(text); break;
    case GK_TOPICS: add_topics(text); break;
    case GK_NOTHING:
    case GK_FILES:
    case GK_DIRECTORIES: break;
    }
    GK_CHECK(text->length || completes == GK_NOTHING || completes == GK_FILES ||
             completes == GK_DIRECTORIES);
}

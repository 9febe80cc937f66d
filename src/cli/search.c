/* `grokc help WORD` where WORD is no command, topic or config key. */
#include "cli/words.h"
#include "gk/measure.h"

#include <string.h>

static void add_option(gk_text *text, const gk_option *o)
{
    gk_text help = {0};

    gk_text_add(text, "--%s%s%s, an option of", o->name, o->argument ? " " : "",
                o->argument ? o->argument : "");
    for (int c = 0; c < GK_COMMANDS; c++)
        if (o->commands >> c & 1) gk_text_add(text, " %s", gk_commands[c].name);
    gk_text_add(text, "\n");
    gk_option_help(&help, o);
    gk_wrap(text, 4, help.data);
    gk_text_free(&help);
}

bool gk_named_help(gk_text *text, const char *word)
{
    const char *name, *help, *shape;

    for (int i = 0; (name = gk_measure_name(i, &help)); i++) {
        if (strcmp(name, word) != 0) continue;
        gk_text_add(text, "%s, a measure\n", name);
        gk_wrap(text, 4, help);
    }
    for (int i = 0; (name = gk_other_column(i, &help)); i++) {
        size_t dot = strcspn(name, ".");
        if (strncmp(name, word, dot) != 0 || (word[dot] && word[dot] != '.')) continue;
        gk_text_add(text, "%s, a column\n", name);
        gk_wrap(text, 4, help);
    }
    for (int i = 0; (name = gk_array_name(i, &shape, &help)); i++) {
        if (strcmp(name, word) != 0) continue;
        gk_text_add(text, "%s %s, an array of measures/EPOCH.safetensors\n", name, shape);
        gk_wrap(text, 4, help);
    }
    for (int i = 0; i < GK_OPTIONS; i++)
        if (!strcmp(gk_options[i].name, word)) add_option(text, &gk_options[i]);
    return text->length > 0;
}

/* A line about `name` if the word is in it or in its help; the heading before the first one. */
static void add_match(gk_text *text, const char *word, const char **heading, const char *name,
                      const char *help)
{
    enum { COLUMNS = 79 };
    gk_text line = {0};

    if (!strcasestr(name, word) && !strcasestr(help, word)) return;
    if (*heading) gk_text_add(text, "%s\n", *heading);
    *heading = NULL;
    gk_text_add(&line, "  %-26s %s", name, help);
    bool cut = line.length > COLUMNS;
    gk_text_add(text, "%.*s%s\n", cut ? COLUMNS - 3 : COLUMNS, line.data, cut ? "..." : "");
    gk_text_free(&line);
}

void gk_search(gk_text *text, const char *word)
{
    const char *heading = "commands (grokc COMMAND --help)", *name, *help, *shape;
    const gk_topic *topic;

    for (int i = 0; i < GK_COMMANDS; i++)
        add_match(text, word, &heading, gk_commands[i].name, gk_commands[i].help);
    heading = "topics (grokc help TOPIC)";
    for (int i = 0; (topic = gk_topic_at(i)); i++)
        add_match(text, word, &heading, topic->name, topic->help);
    heading = "options (grokc COMMAND --help)";
    for (int i = 0; i < GK_OPTIONS; i++)
        add_match(text, word, &heading, gk_options[i].name, gk_options[i].help);
    heading = "config keys (grokc help KEY)";
    for (int i = 0; i < GK_CONFIG_KEYS; i++)
        add_match(text, word, &heading, gk_config_keys[i].name, gk_config_keys[i].help);
    heading = "measures (grokc help COLUMN)";
    for (int i = 0; (name = gk_measure_name(i, &help)); i++)
        add_match(text, word, &heading, name, help);
    for (int i = 0; (name = gk_other_column(i, &help)); i++)
        add_match(text, word, &heading, name, help);
    heading = "arrays of measures/EPOCH.safetensors (grokc help ARRAY)";
    for (int i = 0; (name = gk_array_name(i, &shape, &help)); i++)
        add_match(text, word, &heading, name, help);
}

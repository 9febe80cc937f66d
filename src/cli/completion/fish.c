/* Completion for fish. */
#include "cli/words.h"

#include <string.h>

/* Inside single quotes. */
static void add_quoted(gk_text *text, const char *words)
{
    for (const char *c = words; *c; c++)
        gk_text_add(text, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
}

/* The commands that take an option, as the condition under which it is offered. */
static void add_condition(gk_text *text, unsigned commands)
{
    gk_text_add(text, "complete -c grokc -n '__grokc_is");
    for (int c = 0; c < GK_COMMANDS; c++)
        if (commands >> c & 1) gk_text_add(text, " %s", gk_commands[c].name);
    gk_text_add(text, "'");
}

/* What the value of an option or an argument may be. */
static void add_values(gk_text *text, gk_completes completes, const char *argument)
{
    gk_text words = {0};

    gk_completion_words(&words, completes, argument);
    switch (completes) {
    case GK_FILES: gk_text_add(text, " -F"); break;
    case GK_DIRECTORIES:
        gk_text_add(text, " -f -a '(__fish_complete_directories (commandline -ct))'");
        break;
    case GK_SETTINGS: gk_text_add(text, " -f -a '(__grokc_settings)'"); break;
    case GK_WORDS:
    case GK_TOPICS:
    case GK_LAYOUTS:
    case GK_OPS: gk_text_add(text, " -f -a '%s'", words.data); break;
    case GK_NOTHING: gk_text_add(text, " -f"); break;
    }
    gk_text_free(&words);
}

static void add_option(gk_text *text, const gk_option *o)
{
    char letter = gk_option_letter(o);

    add_condition(text, o->commands);
    if (letter) gk_text_add(text, " -s %c", letter);
    gk_text_add(text, " -l %s", o->name);
    if (o->argument) {
        gk_text_add(text, " -r");
        add_values(text, o->completes, o->argument);
    }
    gk_text_add(text, " -d '");
    add_quoted(text, o->help);
    gk_text_add(text, "'\n");
}

/* Keys with what they are, and the values of those that have words. */
static void add_settings(gk_text *text)
{
    gk_text_add(text, "function __grokc_settings\n"
                      "    printf '%%s\\t%%s\\n' 'seed=' 'task.split and model.init philox:SEED'");
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        const char *word;
        int length;
        gk_text_add(text, " \\\n        '%s=' '", key->name);
        add_quoted(text, key->help);
        gk_text_add(text, "'");
        if (key->type != GK_KEY_PICK) continue;
        for (int w = 0; (word = gk_config_word(key, w, &length)); w++)
            gk_text_add(text, " '%s=%.*s' ''", key->name, length, word);
    }
    gk_text_add(text, "\nend\n");
}

static void add_command(gk_text *text, const gk_command *command)
{
    gk_text_add(text, "complete -c grokc -n '__grokc_is \"\"' -a %s -d '", command->name);
    add_quoted(text, command->help);
    gk_text_add(text, "'\n");
    if (!command->most) return;
    add_condition(text, 1U << (command - gk_commands));
    add_values(text, command->completes, command->argument);
    gk_text_add(text, "\n");
    if (command->most != 2) return;
    add_condition(text, 1U << (command - gk_commands));
    gk_text_add(text, " -F\n");
}

void gk_completion_fish(gk_text *text)
{
    gk_text_add(text, "# Completion of grokc for fish; written by `grokc help --completion fish`.\n"
                      "function __grokc_is\n"
                      "    set -l words (commandline -opc) ''\n"
                      "    contains -- $words[2] $argv\n"
                      "end\n");
    add_settings(text);
    gk_text_add(text,
                "complete -c grokc -f\n"
                "complete -c grokc -n '__grokc_is \"\"' -l help -d 'what there is'\n"
                "complete -c grokc -n '__grokc_is \"\"' -l version -d 'which grokc this is'\n");
    for (int c = 0; c < GK_COMMANDS; c++) add_command(text, &gk_commands[c]);
    for (int i = 0; i < GK_OPTIONS; i++) add_option(text, &gk_options[i]);
}

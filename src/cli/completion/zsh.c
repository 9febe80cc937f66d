/* Completion for zsh, by _arguments. */
#include "cli/words.h"

#include <string.h>

/* Inside single quotes; what _arguments or _describe would take for its own has a backslash. */
static void add_quoted(gk_text *text, const char *words, const char *special)
{
    for (const char *c = words; *c; c++) {
        if (strchr(special, *c)) gk_text_add(text, "\\");
        if (*c == '\'')
            gk_text_add(text, "'\\''");
        else
            gk_text_append(text, c, 1);
    }
}

/* How an argument is completed: the third part of a specification. */
static void add_action(gk_text *text, gk_completes completes, const char *argument)
{
    gk_text words = {0};

    gk_completion_words(&words, completes, argument);
    switch (completes) {
    case GK_FILES: gk_text_add(text, "_files"); break;
    case GK_DIRECTORIES: gk_text_add(text, "_files -/"); break;
    case GK_SETTINGS: gk_text_add(text, "_grokc_settings"); break;
    case GK_WORDS:
    case GK_TOPICS:
    case GK_LAYOUTS:
    case GK_OPS: gk_text_add(text, "(%s)", words.data); break;
    case GK_NOTHING: gk_text_add(text, " "); break;
    }
    gk_text_free(&words);
}

/* One specification: '(-o --out)--out=[help]:DIR:_files -/' */
static void add_option(gk_text *text, const gk_option *o, const char *name, const char *equals)
{
    char letter = gk_option_letter(o);

    gk_text_add(text, " \\\n            '");
    if (o->kind == GK_OPTION_LIST)
        gk_text_add(text, "*");
    else if (letter)
        gk_text_add(text, "(-%c --%s)", letter, o->name);
    gk_text_add(text, "%s%s[", name, o->argument ? equals : "");
    add_quoted(text, o->help, "[]\\:");
    gk_text_add(text, "]");
    if (o->argument) {
        gk_text_add(text, ":");
        add_quoted(text, o->argument, ":\\");
        gk_text_add(text, ":");
        add_action(text, o->completes, o->argument);
    }
    gk_text_add(text, "'");
}

static void add_arguments(gk_text *text, const gk_command *command)
{
    if (!command->most) return;
    gk_text_add(text, " \\\n            '%s:", command->most > 2 ? "*" : "1");
    add_quoted(text, command->argument, ":\\");
    gk_text_add(text, ":");
    add_action(text, command->completes, command->argument);
    gk_text_add(text, "'%s", command->most == 2 ? " \\\n            '2:file:_files'" : "");
}

static void add_command(gk_text *text, const gk_command *command)
{
    gk_text_add(text, "    %s)\n        _arguments", command->name);
    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;) {
        const gk_option *o = &gk_options[i];
        char letter = gk_option_letter(o), brief[] = {'-', letter, 0}, name[64] = "--";
        strncat(name, o->name, sizeof name - 3);
        if (letter) add_option(text, o, brief, "");
        add_option(text, o, name, "=");
    }
    add_arguments(text, command);
    gk_text_add(text, " ;;\n");
}

/* KEY=VALUE: keys with what they are, then the words of keys that have some. */
static void add_settings(gk_text *text)
{
    gk_text_add(text, "_grokc_settings() {\n"
                      "    local -a keys\n"
                      "    local key=${PREFIX%%%%=*}\n"
                      "    if compset -P 1 '*='; then\n"
                      "        case $key in\n");
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        gk_text words = {0};
        if (gk_config_keys[i].type != GK_KEY_PICK) continue;
        gk_completion_words(&words, GK_WORDS, gk_config_keys[i].text);
        gk_text_add(text, "        %s) compadd -- %s ;;\n", gk_config_keys[i].name, words.data);
        gk_text_free(&words);
    }
    gk_text_add(text, "        esac\n        return\n    fi\n    keys=(\n"
                      "        'seed:task.split and model.init philox\\:SEED'\n");
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        gk_text_add(text, "        '%s:", gk_config_keys[i].name);
        add_quoted(text, gk_config_keys[i].help, "\\");
        gk_text_add(text, "'\n");
    }
    gk_text_add(text, "    )\n    _describe -t keys 'config key' keys -S =\n}\n");
}

void gk_completion_zsh(gk_text *text)
{
    gk_text_add(text, "#compdef grokc\n"
                      "# Completion of grokc for zsh; written by `grokc help --completion zsh`.\n");
    add_settings(text);
    gk_text_add(text, "_grokc() {\n    local -a commands\n    commands=(\n");
    for (int c = 0; c < GK_COMMANDS; c++) {
        gk_text_add(text, "        '%s:", gk_commands[c].name);
        add_quoted(text, gk_commands[c].help, "\\");
        gk_text_add(text, "'\n");
    }
    gk_text_add(text,
                "    )\n"
                "    if ((CURRENT == 2)); then\n"
                "        _describe -t commands command commands\n"
                "        _arguments --help'[what there is]' --version'[which grokc this is]'\n"
                "        return\n"
                "    fi\n"
                "    shift words\n"
                "    ((CURRENT--))\n"
                "    case $words[1] in\n");
    for (int c = 0; c < GK_COMMANDS; c++) add_command(text, &gk_commands[c]);
    gk_text_add(text, "    esac\n}\n"
                      "if [[ $funcstack[1] == _grokc ]]; then\n"
                      "    _grokc \"$@\"\n"
                      "else\n"
                      "    compdef _grokc grokc\n"
                      "fi\n");
}

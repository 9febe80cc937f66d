/* Completion for bash, without the functions of the package bash-completion. */
#include "cli/words.h"

#include <string.h>

/* `cur`: what is being typed; `before`: the option or key that it is a value of, else the word
 * before it; `prefix`: what of the same word precedes it, where bash does not break words at "=".
 */
static const char head[] =
    "# Completion of grokc for bash; written by `grokc help --completion bash`.\n"
    "# shellcheck shell=bash\n"
    "_grokc_words() { mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -W \"$1\" -- \"$cur\"); }\n"
    "_grokc_paths() {\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$prefix\" \"$1\" -- \"$cur\")\n"
    "    compopt -o filenames 2>/dev/null\n"
    "}\n"
    "_grokc_settings() { _grokc_words \"$1\"; compopt -o nospace 2>/dev/null; }\n"
    "_grokc() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} prefix='' "
    "value=''\n"
    "    local command=${COMP_WORDS[1]} options=''\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur='' value=1\n"
    "    elif [[ $before == '=' ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]} value=1\n"
    "    fi\n"
    "    while [[ $cur == *=* ]]; do\n"
    "        before=${cur%%=*} value=1\n"
    "        prefix+=$before= cur=${cur#*=}\n"
    "    done\n";

/* What fills COMPREPLY. */
static void add_action(gk_text *text, gk_completes completes, const char *argument)
{
    gk_text words = {0};

    gk_completion_words(&words, completes, argument);
    if (completes == GK_FILES || completes == GK_DIRECTORIES)
        gk_text_add(text, "_grokc_paths %s", completes == GK_FILES ? "-f" : "-d");
    else if (completes != GK_NOTHING)
        gk_text_add(text, "_grokc_%s '%s'", completes == GK_SETTINGS ? "settings" : "words",
                    words.data);
    else
        gk_text_add(text, ":");
    gk_text_free(&words);
}

/* After KEY=, the words of keys that have some. */
static void add_keys(gk_text *text)
{
    gk_text_add(text, "    if [[ $value ]]; then\n"
                      "        case $before in\n");
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (key->type != GK_KEY_PICK) continue;
        gk_text_add(text, "        %s) ", key->name);
        add_action(text, GK_WORDS, key->text);
        gk_text_add(text, "; return ;;\n");
    }
    gk_text_add(text, "        *.*) return ;;\n"
                      "        esac\n"
                      "    fi\n");
}

/* After an option that takes a value. */
static void add_values(gk_text *text)
{
    gk_text_add(text, "    case \"$command $before\" in\n");
    for (int i = 0; i < GK_OPTIONS; i++) {
        const gk_option *o = &gk_options[i];
        char letter = gk_option_letter(o);
        const char *between = "    ";
        if (!o->argument) continue;
        for (int c = 0; c < GK_COMMANDS; c++) {
            if (!(o->commands >> c & 1)) continue;
            gk_text_add(text, "%s'%s --%s'", between, gk_commands[c].name, o->name);
            between = " | ";
            if (letter) gk_text_add(text, " | '%s -%c'", gk_commands[c].name, letter);
        }
        gk_text_add(text, ") ");
        add_action(text, o->completes, o->argument);
        gk_text_add(text, "; return ;;\n");
    }
    gk_text_add(text, "    esac\n");
}

static void add_options(gk_text *text)
{
    gk_text_add(text, "    case $command in\n");
    for (int c = 0; c < GK_COMMANDS; c++) {
        gk_text_add(text, "    %s) options='", gk_commands[c].name);
        for (int i = -1, n = 0; (i = gk_option_next(&gk_commands[c], i)) < GK_OPTIONS; n++)
            gk_text_add(text, "%s--%s", n ? " " : "", gk_options[i].name);
        gk_text_add(text, "' ;;\n");
    }
    gk_text_add(text, "    esac\n"
                      "    if [[ $cur == -* ]]; then\n"
                      "        _grokc_words \"$options\"\n"
                      "        return\n"
                      "    fi\n");
}

/* The command's own arguments; after the words of the first there may be files. */
static void add_arguments(gk_text *text)
{
    gk_text_add(text, "    case $command in\n");
    for (int c = 0; c < GK_COMMANDS; c++) {
        const gk_command *command = &gk_commands[c];
        gk_text_add(text, "    %s) ", command->name);
        add_action(text, command->completes, command->argument);
        if (command->completes == GK_WORDS && command->most > 1)
            gk_text_add(text, "; ((COMP_CWORD > 2)) && _grokc_paths -f");
        gk_text_add(text, " ;;\n");
    }
    gk_text_add(text, "    esac\n");
}

void gk_completion_bash(gk_text *text)
{
    gk_text_add(text, "%s    if ((COMP_CWORD == 1)); then\n        _grokc_words '", head);
    for (int c = 0; c < GK_COMMANDS; c++) gk_text_add(text, "%s ", gk_commands[c].name);
    gk_text_add(text, "--help --version'\n        return\n    fi\n");
    add_keys(text);
    add_values(text);
    add_options(text);
    add_arguments(text);
    gk_text_add(text, "}\ncomplete -F _grokc grokc\n");
}

/* `grokc --help` and `grokc COMMAND --help`. */
#include "cli/words.h"
#include "gk/export.h"
#include "gk_version.h"

#include <inttypes.h>
#include <string.h>

static const gk_example examples[] = {
#define EXAMPLE(command, line, help) {#command, line, help},
#include "cli/examples.def"
#undef EXAMPLE
};

const gk_example *gk_example_of(const gk_command *command, int i)
{
    for (size_t k = 0; k < sizeof examples / sizeof *examples; k++)
        if (!strcmp(examples[k].command, command->name) && !i--) return &examples[k];
    return NULL;
}

void gk_wrap(gk_text *text, int indent, const char *words)
{
    const size_t most = (size_t)(79 - indent);

    while (*words) {
        size_t n = strlen(words), line = n;
        if (n > most)
            for (line = most; line > 0 && words[line] != ' ';) line--;
        if (line == 0) line = strcspn(words, " "); /* one long word */
        gk_text_add(text, "%*s%.*s\n", indent, "", (int)line, words);
        words += line + strspn(words + line, " ");
    }
}

void gk_option_help(gk_text *text, const gk_option *o)
{
    gk_text_add(text, "%s", o->help);
    if (o->completes == GK_LAYOUTS) {
        gk_text_add(text, "; ");
        gk_export_layouts(text, " or ");
    }
    if (o->kind == GK_OPTION_WHOLE && o->max < INT64_MAX)
        gk_text_add(text, "; from %" PRId64 " to %" PRId64, o->min, o->max);
    if (o->kind == GK_OPTION_WHOLE && o->number) gk_text_add(text, "; default %" PRId64, o->number);
    if (o->kind == GK_OPTION_TEXT && o->text) gk_text_add(text, "; default %s", o->text);
    if (o->kind == GK_OPTION_LIST) gk_text_add(text, "; may be given many times");
}

static void add_option(gk_text *text, const gk_option *o)
{
    gk_text help = {0};
    char letter = gk_option_letter(o);

    gk_text_add(text, "  ");
    if (letter) gk_text_add(text, "-%c, ", letter);
    gk_text_add(text, "--%s%s%s\n", o->name, o->argument ? " " : "",
                o->argument ? o->argument : "");
    gk_option_help(&help, o);
    gk_wrap(text, 6, help.data);
    gk_text_free(&help);
}

/* "grokc train CONFIG.yaml [OPTION]...": every command has options, --help at least. */
static void add_synopsis(gk_text *text, const gk_command *command)
{
    gk_text_add(text, "grokc %s%s%s [OPTION]...\n", command->name, *command->argument ? " " : "",
                command->argument);
}

void gk_command_help(gk_text *text, const gk_command *command)
{
    const gk_example *example;

    add_synopsis(text, command);
    gk_wrap(text, 4, command->help);
    gk_text_add(text, "\nOptions:\n");
    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;)
        add_option(text, &gk_options[i]);
    for (int i = 0; (example = gk_example_of(command, i)); i++) {
        gk_text_add(text, "%s  grokc %s %s\n", i ? "" : "\nExamples:\n", command->name,
                    example->line);
        gk_wrap(text, 6, example->help);
    }
}

void gk_usage(gk_text *text)
{
    const gk_topic *topic;

    gk_text_add(text, "grokc " GK_VERSION ": a laboratory for grokking experiments\n\n");
    for (int i = 0; i < GK_COMMANDS; i++) {
        gk_text_add(text, "  ");
        add_synopsis(text, &gk_commands[i]);
        gk_wrap(text, 6, gk_commands[i].help);
    }
    gk_text_add(text, "  grokc --version\n\n"
                      "grokc COMMAND --help explains options and has examples. "
                      "grokc help TOPIC:\n\n");
    for (int i = 0; (topic = gk_topic_at(i)); i++)
        gk_text_add(text, "  %-16s %s\n", topic->name, topic->help);
    gk_text_add(text, "\nExit codes: 0 done, 1 failed, 2 wrong usage or config, 3 diverged, "
                      "75 stopped\nwith a resume point (run the same command again), "
                      "130 second Ctrl-C.\n");
}

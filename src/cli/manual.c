/* grokc.1, in the macros of man(7): every command with its options and examples, every topic, every
 * config key. */
#include "cli/words.h"
#include "gk_version.h"

#include <string.h>

/* One character as roff has to have it to print just that. */
static void add_character(gk_text *text, char c)
{
    static const struct {
        char plain;
        const char *roff;
    } table[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"},
                 {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].plain == c) {
            gk_text_add(text, "%s", table[i].roff);
            return;
        }
    gk_text_append(text, &c, 1);
}

/* Words of at most `n` bytes; a line never begins as a request does. */
static void add_roff(gk_text *text, const char *words, size_t n)
{
    for (size_t i = 0; i < n && words[i]; i++) {
        if (words[i] == '.' && (!i || words[i - 1] == '\n')) gk_text_add(text, "\\&");
        add_character(text, words[i]);
    }
}

/* Words that are filled: lines of their own in the source. */
static void add_filled(gk_text *text, const char *words)
{
    gk_text lines = {0};

    gk_wrap(&lines, 0, words);
    add_roff(text, lines.data, lines.length);
    gk_text_free(&lines);
}

/* Lines that stay as they are. */
static void add_lines(gk_text *text, const char *lines, size_t n)
{
    gk_text_add(text, ".nf\n");
    add_roff(text, lines, n);
    gk_text_add(text, ".fi\n");
}

static void add_bold(gk_text *text, const char *words)
{
    gk_text_add(text, "\\fB");
    add_roff(text, words, strlen(words));
    gk_text_add(text, "\\fR");
}

static void add_option(gk_text *text, const gk_option *o)
{
    char shorter[] = {'-', gk_option_letter(o), 0}, name[64] = "--";
    gk_text help = {0};

    strncat(name, o->name, sizeof name - 3);
    gk_text_add(text, ".TP\n");
    if (shorter[1]) {
        add_bold(text, shorter);
        gk_text_add(text, ", ");
    }
    add_bold(text, name);
    if (o->argument) {
        gk_text_add(text, " \\fI");
        add_roff(text, o->argument, strlen(o->argument));
        gk_text_add(text, "\\fR");
    }
    gk_text_add(text, "\n");
    gk_option_help(&help, o);
    add_filled(text, help.data);
    gk_text_free(&help);
}

static void add_examples(gk_text *text, const gk_command *command)
{
    const gk_example *example;
    gk_text line = {0};

    for (int i = 0; (example = gk_example_of(command, i)); i++) {
        gk_text_add(text, "%s.TP\n", i ? "" : ".PP\nExamples:\n");
        gk_text_add(&line, "grokc %s %s", command->name, example->line);
        add_bold(text, line.data);
        gk_text_add(text, "\n");
        add_filled(text, example->help);
        gk_text_free(&line);
    }
}

static void add_command(gk_text *text, const gk_command *command)
{
    gk_text_add(text, ".SS grokc %s ", command->name);
    add_roff(text, command->argument, strlen(command->argument));
    gk_text_add(text, "%s[OPTION]...\n", *command->argument ? " " : "");
    add_filled(text, command->help);
    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;)
        if (strcmp(gk_options[i].name, "help") != 0) add_option(text, &gk_options[i]);
    add_examples(text, command);
}

/* RUN DIRECTORY: a topic as a section. */
static void add_topic(gk_text *text, const gk_topic *topic)
{
    gk_text all = {0};

    gk_text_add(text, ".SH ");
    for (const char *c = topic->name; *c; c++) {
        bool lower = *c >= 'a' && *c <= 'z';
        gk_text_add(text, "%c", *c == '-' ? ' ' : lower ? *c - 'a' + 'A' : *c);
    }
    gk_text_add(text, "\n");
    gk_topic_print(&all, topic);
    add_lines(text, all.data, all.length);
    gk_text_free(&all);
}

static void add_keys(gk_text *text)
{
    gk_text_add(text, ".SH CONFIG KEYS\n");
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        gk_text help = {0};
        GK_CHECK(gk_config_help(&help, gk_config_keys[i].name) == GK_OK);
        gk_text_add(text, ".TP\n");
        add_bold(text, gk_config_keys[i].name);
        gk_text_add(text, "\n");
        for (char *c = help.data; *c; c++)
            if (*c == '\n') *c = c[1] ? ' ' : 0;
        add_filled(text, help.data + strlen(gk_config_keys[i].name) + 2);
        gk_text_free(&help);
    }
}

void gk_manual(gk_text *text)
{
    const gk_topic *topic;

    gk_text_add(text, ".\\\" Written by grokc help \\-\\-man.\n"
                      ".TH GROKC 1 \"\" \"grokc " GK_VERSION "\" \"User Commands\"\n.ad l\n"
                      ".SH NAME\ngrokc \\- a laboratory for grokking experiments\n"
                      ".SH SYNOPSIS\n.B grokc\n.I COMMAND\n"
                      "[\\fIARGUMENT\\fR|\\fIOPTION\\fR]...\n"
                      ".SH DESCRIPTION\n");
    add_filled(text,
               "Trains small networks until they grok, measures what they compute while they do, "
               "and does the same for thousands of runs side by side, on a CPU or a GPU. "
               "`grokc COMMAND --help` is a command's part of this page, `grokc help TOPIC` a "
               "section of it, `grokc help KEY` explains a config key.");
    gk_text_add(text, ".SH COMMANDS\n");
    for (int i = 0; i < GK_COMMANDS; i++) add_command(text, &gk_commands[i]);
    for (int i = 0; (topic = gk_topic_at(i)); i++) add_topic(text, topic);
    add_keys(text);
}

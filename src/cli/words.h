/* What the program says about itself: help, man page, completion. All of it is made from the lists
 * of subcommands, options, examples, topics, config keys and measures. */
#ifndef GK_WORDS_H
#define GK_WORDS_H

#include "cli/cli.h"

/* usage.c. `words` in lines of at most 79 columns behind `indent` spaces. */
void gk_wrap(gk_text *text, int indent, const char *words);
/* What an option is for, with its range and its default. */
void gk_option_help(gk_text *text, const gk_option *option);
/* `grokc --help`, `grokc help` and `grokc COMMAND --help`. */
void gk_usage(gk_text *text);
void gk_command_help(gk_text *text, const gk_command *command);

typedef struct gk_example {
    const char *command, *line, *help;
} gk_example;
/* Example i of a command; NULL past the last. */
const gk_example *gk_example_of(const gk_command *command, int i);

/* topics.c */
typedef struct gk_topic {
    const char *name, *help;
    void (*end)(gk_text *text);
    const char *text;
} gk_topic;
/* NULL past the last. */
const gk_topic *gk_topic_at(int i);
const gk_topic *gk_topic_find(const char *name);
void gk_topic_print(gk_text *text, const gk_topic *topic);

/* search.c. What is called `word`, a measure or an option; false: nothing is. */
bool gk_named_help(gk_text *text, const char *word);
/* A line for each command, topic, key, measure and option with `word` in its name or help; nothing
 * where there is none. */
void gk_search(gk_text *text, const char *word);

/* manual.c: grokc.1, in the macros of man(7). */
void gk_manual(gk_text *text);

/* completion/: a script for bash, zsh or fish. GK_EUSAGE for another shell. */
gk_status gk_completion(gk_text *text, const char *shell);
/* A blank-separated list of what an argument completes to, where that is one of words; else
 * nothing. */
void gk_completion_words(gk_text *text, gk_completes completes, const char *argument);
void gk_completion_bash(gk_text *text);
void gk_completion_zsh(gk_text *text);
void gk_completion_fish(gk_text *text);

#endif

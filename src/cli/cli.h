/* The command line: one function per subcommand, the options that they take, and the few pieces
 * they share. Results go to stdout, everything else to stderr. */
#ifndef GK_CLI_H
#define GK_CLI_H

#include "gk/train.h"

enum { GK_LIST_MAX = 256 };

/* The values of an option that may be given many times, in their order. */
typedef struct gk_list {
    const char *item[GK_LIST_MAX];
    int n;
} gk_list;

/* A command line that has been read: a member for each line of options.def. */
typedef struct gk_cli {
    /* The first positional argument, NULL: none. */
    const char *argument;
    /* (n_arguments) all of them. */
    char **arguments;
    int n_arguments;
    /* What --epochs stands for, in `set`. */
    char epochs_set[40];
#define FLAG(member, ...)  bool member;
#define TEXT(member, ...)  const char *member;
#define LIST(member, ...)  gk_list member;
#define WHOLE(member, ...) int64_t member;
#include "cli/options.def"
#undef FLAG
#undef TEXT
#undef LIST
#undef WHOLE
} gk_cli;

/* A subcommand and an option as data: what parsing, help, man page and completion loop over. */
typedef enum gk_completes {
    GK_NOTHING,
    GK_WORDS,
    GK_FILES,
    GK_DIRECTORIES,
    GK_SETTINGS,
    GK_TOPICS,
    GK_LAYOUTS,
    GK_OPS
} gk_completes;

typedef struct gk_command {
    const char *name, *argument;
    gk_completes completes;
    /* Arguments that it takes; INT_MAX: any number. */
    int most;
    const char *help;
    gk_status (*run)(const gk_cli *cli);
} gk_command;

typedef struct gk_option {
    const char *name;
    enum { GK_OPTION_FLAG, GK_OPTION_TEXT, GK_OPTION_LIST, GK_OPTION_WHOLE } kind;
    /* Bit i: command i takes it. */
    unsigned commands;
    /* Of its member in gk_cli. */
    size_t offset;
    /* The name of its value; NULL: it takes none. */
    const char *argument;
    gk_completes completes;
    /* TEXT: the default; NULL: none. */
    const char *text;
    /* WHOLE: the default, 0: none. */
    int64_t min, max, number;
    const char *help;
} gk_option;

enum {
    GK_COMMANDS = 0
#define COMMAND(...) +1
#include "cli/subcommands.def"
#undef COMMAND
};
enum {
    GK_OPTIONS = 0
#define FLAG(...)  +1
#define TEXT(...)  +1
#define LIST(...)  +1
#define WHOLE(...) +1
#include "cli/options.def"
#undef FLAG
#undef TEXT
#undef LIST
#undef WHOLE
};
extern const gk_command gk_commands[GK_COMMANDS];
extern const gk_option gk_options[GK_OPTIONS];

/* NULL: no subcommand has this name. */
const gk_command *gk_command_find(const char *name);
/* The next option of a command after number i; GK_OPTIONS past the last. Begin with i = -1. */
int gk_option_next(const gk_command *command, int i);
/* The letter of an option's short name; 0: it has none. */
char gk_option_letter(const gk_option *option);

/* The arguments after the subcommand's name. The positional ones are moved to the front of argv.
 * GK_EUSAGE where the command does not take them. */
gk_status gk_cli_parse(gk_cli *cli, const gk_command *command, int argc, char **argv);

/* Options that stand for others become these: --epochs N is --set run.epochs=N. */
gk_status gk_cli_write_out(gk_cli *cli);

/* What --progress and --quiet ask for. */
gk_status gk_cli_progress(gk_progress_style *style, const gk_cli *cli);

/* The config of a run's file, --set and --device. */
gk_status gk_cli_config(gk_config *config, const char *path, const gk_cli *cli);

/* The same of a path that the user gave, which may be a pipe or "-". */
gk_status gk_cli_input(gk_config *config, const char *path, const gk_cli *cli);

/* GK_EUSAGE where a config has no name for a directory below runs/. */
gk_status gk_cli_needs_out(const char *path);

/* The backend that config.device asks for; --nvtx and --profile are refused where they mean
 * nothing. */
gk_status gk_cli_device(gk_backend *be, const gk_config *config, const gk_cli *cli);

/* Opens directory and backend, trains, prints how it ended. GK_DIVERGED where it did. */
gk_status gk_cli_run(gk_config *config, const char *dir, const gk_cli *cli);

#define COMMAND(name, ...) gk_status gk_cli_##name(const gk_cli *cli);
#include "cli/subcommands.def"
#undef COMMAND

#endif

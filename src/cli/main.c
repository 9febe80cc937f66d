/* grokc SUBCOMMAND ...: finds the subcommand, prints the message of a failure, sets the exit
 * code. */
#include "cli/cli.h"
#include "gk/startup.h"
#include "gk_version.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name, *arguments, *help;
    gk_status (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, arguments, help) {#name, arguments, help, gk_cli_##name},
#include "cli/subcommands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *to)
{
    fputs("grokc " GK_VERSION ": a laboratory for grokking experiments\n\n", to);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  grokc %s %s\n      %s\n", commands[i].name, commands[i].arguments,
                commands[i].help);
    fputs("\nExit codes: 0 done, 1 failed, 2 wrong usage or config, 3 diverged, 75 stopped with a "
          "resume point\n"
          "(run the same command again), 130 second Ctrl-C. The README is the manual.\n",
          to);
}

static const struct command *find(const char *name)
{
    const char *names[COMMANDS];

    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (!strcmp(name, names[i])) return &commands[i];
    }
    int nearest = gk_nearest(name, names, COMMANDS);
    gk_warn("unknown subcommand \"%s\"%s%s%s", name, nearest < 0 ? "" : "; did you mean \"",
            nearest < 0 ? "" : names[nearest], nearest < 0 ? "" : "\"?");
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return gk_exit_code(GK_EUSAGE);
    }
    if (!strcmp(argv[1], "--version")) {
        puts("grokc " GK_VERSION " (" GK_COMMIT ", " GK_COMPILER ", " GK_REAL_NAME ")");
        return 0;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        usage(stdout);
        return 0;
    }
    const struct command *command = find(argv[1]);
    if (!command) return gk_exit_code(GK_EUSAGE);
    if (asks_for_help(argc - 2, argv + 2)) {
        printf("grokc %s %s\n    %s\n", command->name, command->arguments, command->help);
        return 0;
    }
    gk_status status = command->run(argc - 2, argv + 2);
    if (status != GK_OK && status != GK_DIVERGED && status != GK_STOPPED)
        gk_warn("%s", gk_message());
    return gk_exit_code(status);
}

int main(int argc, char **argv)
{
    gk_open_standard();
    gk_mend_blas(argv);
    int code = run(argc, argv);
    bool lost = fflush(stdout) != 0; /* a full buffer may have been lost before */
    if ((lost || ferror(stdout)) && code == 0) {
        gk_warn("cannot write to stdout");
        return 1;
    }
    return code;
}

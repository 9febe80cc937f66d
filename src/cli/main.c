/* grokc SUBCOMMAND ...: finds the subcommand, prints the message of a failure, sets the exit
 * code. */
#include "cli/words.h"
#include "gk/report.h"
#include "gk_version.h"

#include <stdio.h>
#include <string.h>

#ifdef GK_CUDA
#define CUDA_NAME ", cuda"
#else
#define CUDA_NAME ""
#endif

static void print_usage(FILE *to)
{
    gk_text text = {0};

    gk_usage(&text);
    fputs(text.data, to);
    gk_text_free(&text);
}

static const gk_command *find(const char *name)
{
    const gk_command *command = gk_command_find(name);
    const char *names[GK_COMMANDS];

    if (command) return command;
    for (int i = 0; i < GK_COMMANDS; i++) names[i] = gk_commands[i].name;
    int nearest = gk_nearest(name, names, GK_COMMANDS);
    gk_warn("unknown subcommand \"%s\"%s%s%s", name, nearest < 0 ? "" : "; did you mean \"",
            nearest < 0 ? "" : names[nearest], nearest < 0 ? "" : "\"?");
    return NULL;
}

static void print_command(const gk_command *command)
{
    gk_text text = {0};

    gk_command_help(&text, command);
    fputs(text.data, stdout);
    gk_text_free(&text);
}

static int run(int argc, char **argv)
{
    static gk_cli cli;

    if (argc < 2) {
        print_usage(stderr);
        return gk_exit_code(GK_EUSAGE);
    }
    if (!strcmp(argv[1], "--version")) {
        puts("grokc " GK_VERSION " (" GK_COMMIT ", " GK_COMPILER ", " GK_REAL_NAME CUDA_NAME ")");
        return 0;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_usage(stdout);
        return 0;
    }
    const gk_command *command = find(argv[1]);
    if (!command) return gk_exit_code(GK_EUSAGE);
    gk_status status = gk_cli_parse(&cli, command, argc - 2, argv + 2);
    if (status == GK_OK && cli.help)
        print_command(command);
    else if (status == GK_OK && (status = gk_cli_write_out(&cli)) == GK_OK)
        status = command->run(&cli);
    if (status != GK_OK && status != GK_DIVERGED && status != GK_STOPPED)
        gk_warn("%s", gk_message());
    return gk_exit_code(status);
}

int main(int argc, char **argv)
{
    gk_open_standard();
    gk_live_page = gk_report;
    int code = run(argc, argv);
    bool lost = fflush(stdout) != 0; /* a full buffer may have been lost before */
    if ((lost || ferror(stdout)) && code == 0) {
        gk_warn("cannot write to stdout");
        return 1;
    }
    return code;
}

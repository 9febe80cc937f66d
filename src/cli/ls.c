/* grokc ls: a table of runs. */
#include "cli/cli.h"
#include "gk/ls.h"

#include <stdio.h>
#include <unistd.h>

gk_status gk_cli_ls(const gk_cli *cli)
{
    static char here[] = ".";
    char *current = here;
    int found, shown;
    gk_text text = {0};

    int width = isatty(STDOUT_FILENO) ? gk_terminal_width(STDOUT_FILENO) : 0;
    gk_ls_options options = {cli->where, cli->columns, cli->sort, cli->csv, width};
    gk_status status = gk_ls(&text, cli->n_arguments ? cli->arguments : &current,
                             cli->n_arguments ? cli->n_arguments : 1, &options, &found, &shown);
    if (status == GK_OK && text.length) fputs(text.data, stdout);
    if (status == GK_OK && !shown)
        gk_warn(found ? "none of %d runs satisfies the condition" : "no runs there", found);
    gk_text_free(&text);
    return status;
}

/* grokc compare: runs side by side. */
#include "gk/compare.h"
#include "gk/report.h"
#include "cli/cli.h"

#include <stdio.h>

gk_status gk_cli_compare(int argc, char **argv)
{
    char trouble[512];
    gk_text text = {0};
    gk_cli cli;

    GK_TRY(gk_cli_parse(&cli, argc, argv, "... out figures"));
    if (cli.figures && !cli.out)
        return gk_fail(GK_EUSAGE, "--figures needs a report: -o report.html");
    gk_status status = gk_compare(&text, cli.arguments, cli.n_arguments);
    if (status == GK_OK) fputs(text.data, stdout);
    gk_text_free(&text);
    if (status != GK_OK || !cli.out) return status;
    GK_TRY(gk_compare_report(cli.arguments, cli.n_arguments, cli.out, cli.figures, trouble));
    if (*trouble) gk_warn("%s", trouble);
    return GK_OK;
}

/* grokc report: one HTML file about runs and sweeps. */
#include "gk/report.h"
#include "cli/cli.h"

#include <stdio.h>

gk_status gk_cli_report(int argc, char **argv)
{
    char trouble[512];
    gk_cli cli;

    GK_TRY(gk_cli_parse(&cli, argc, argv, "... out figures"));
    if (!cli.n_arguments)
        return gk_fail(GK_EUSAGE, "report what? grokc report RUN_OR_SWEEP... [-o report.html]");
    const char *out = cli.out ? cli.out : "report.html";
    GK_TRY(gk_report((const char *const *)cli.arguments, cli.n_arguments, out, cli.figures, 0,
                     trouble));
    if (*trouble) gk_warn("%s", trouble);
    printf("%s\n", out);
    return GK_OK;
}

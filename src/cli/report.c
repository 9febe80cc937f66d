/* grokc report: one HTML file about runs and sweeps. */
#include "gk/report.h"
#include "cli/cli.h"

#include <stdio.h>

gk_status gk_cli_report(const gk_cli *cli)
{
    char trouble[512];

    if (!cli->n_arguments)
        return gk_fail(GK_EUSAGE, "report what? grokc report RUN_OR_SWEEP... [-o report.html]");
    GK_TRY(gk_report((const char *const *)cli->arguments, cli->n_arguments, cli->page, cli->figures,
                     0, trouble));
    if (*trouble) gk_warn("%s", trouble);
    printf("%s\n", cli->page);
    return GK_OK;
}

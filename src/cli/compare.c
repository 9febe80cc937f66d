/* grokc compare: runs side by side. */
#include "gk/compare.h"
#include "gk/report.h"
#include "cli/cli.h"

#include <stdio.h>

gk_status gk_cli_compare(const gk_cli *cli)
{
    char trouble[512];
    gk_text text = {0};

    if (cli->figures && !cli->comparison)
        return gk_fail(GK_EUSAGE, "--figures needs a report: -o report.html");
    gk_status status = gk_compare(&text, cli->arguments, cli->n_arguments);
    if (status == GK_OK) fputs(text.data, stdout);
    gk_text_free(&text);
    if (status != GK_OK || !cli->comparison) return status;
    GK_TRY(gk_compare_report(cli->arguments, cli->n_arguments, cli->comparison, cli->figures,
                             trouble));
    if (*trouble) gk_warn("%s", trouble);
    return GK_OK;
}

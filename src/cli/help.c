/* grokc help KEY */
#include "cli/cli.h"

#include <stdio.h>

gk_status gk_cli_help(int argc, char **argv)
{
    gk_cli cli;
    gk_text text = {0};

    GK_TRY(gk_cli_parse(&cli, argc, argv, ""));
    if (!cli.argument)
        return gk_fail(
            GK_EUSAGE,
            "help on which key? `grokc list options` shows them all, `grokc --help` the commands");
    gk_status status = gk_config_help(&text, cli.argument);
    if (status == GK_OK) fputs(text.data, stdout);
    gk_text_free(&text);
    return status;
}

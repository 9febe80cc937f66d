/* grokc list options|tasks|measures|backends */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void print_list(const char *(*name)(int i, const char **help))
{
    const char *help, *word;

    for (int i = 0; (word = name(i, &help)); i++) printf("%-20s %s\n", word, help);
}

/* Where many columns are null at once; the help of single ones is in measures.def. */
static const char undefined_measures[] =
    "\nNull stands for \"not defined\". Beyond what is said of single columns:\n"
    "- tasks other than modular, and x and / modulo a composite p, have losses, accuracies,\n"
    "  sums of squares and update cosines alone;\n"
    "- with loss.name hinge or mse there are no losses of changed networks or logits\n"
    "  (cosine_loss, restricted_* and all like them), no *_p, no absorbed and no imbalance;\n"
    "- without a split (grokc measure FILE) there is nothing about train and test;\n"
    "- what needs key frequencies is null while there are none, or too many: NAME_online in\n"
    "  metrics.jsonl, NAME in final.jsonl.\n";

gk_status gk_cli_list(const gk_cli *cli)
{
    const char *what = cli->argument ? cli->argument : "";
    if (!strcmp(what, "options")) {
        gk_text text = {0};
        gk_config_list(&text);
        fputs(text.data, stdout);
        gk_text_free(&text);
    } else if (!strcmp(what, "tasks"))
        print_list(gk_task_name);
    else if (!strcmp(what, "measures")) {
        print_list(gk_measure_name);
        fputs(undefined_measures, stdout);
    } else if (!strcmp(what, "backends"))
        print_list(gk_backend_name);
    else
        return gk_fail(GK_EUSAGE, "grokc list options|tasks|measures|backends");
    return GK_OK;
}

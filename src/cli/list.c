/* grokc list options|tasks|measures|arrays|backends */
#include "cli/words.h"
#include "gk/measure.h"

#include <stdio.h>
#include <string.h>

static void print_list(const char *(*name)(int i, const char **help))
{
    const char *help, *word;

    for (int i = 0; (word = name(i, &help)); i++) printf("%-20s %s\n", word, help);
}

/* Everything that stands in measures/EPOCH.safetensors. */
static void print_arrays(void)
{
    const char *name, *shape, *help;
    gk_text text = {0};

    for (int i = 0; (name = gk_array_name(i, &shape, &help)); i++) {
        gk_text_add(&text, "%s %s\n", name, shape);
        gk_wrap(&text, 4, help);
    }
    gk_text_add(&text, "\nbasis: const, cos 1, sin 1, cos 2 ... over the n elements of the group, "
                       "each of norm 1.\n"
                       "K = floor(n / 2) frequencies; P operands on either side; F neurons.\n");
    fputs(text.data, stdout);
    gk_text_free(&text);
}

/* Where many columns are null at once; the help of single ones is in measures.def. */
static const char undefined_measures[] =
    "\nNull stands for \"not defined\". Beyond what is said of single columns:\n"
    "- tasks other than modular, and x and / modulo a composite p, have losses, accuracies,\n"
    "  squared L2 norms and update cosines alone;\n"
    "- with loss.name hinge or mse there are no losses of changed networks or logits\n"
    "  (cosine_loss, restricted_* and all like them), no *_p, no softmax_saturation,\n"
    "  no logit_gradient_sum;\n"
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
        print_list(gk_other_column);
        fputs(undefined_measures, stdout);
    } else if (!strcmp(what, "arrays"))
        print_arrays();
    else if (!strcmp(what, "backends"))
        print_list(gk_backend_name);
    else
        return gk_fail(GK_EUSAGE, "grokc list options|tasks|measures|arrays|backends");
    return GK_OK;
}

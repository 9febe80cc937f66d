/* Figures of training: losses, accuracies, weights. */
#include "report/run/over_epochs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char no_rows[] = "there is no row with such numbers that the axis can show (yet)";

/* Between two rows the train loss was once well above both: a spike that the rows do not show. */
static bool has_spikes(const gk_row_table *rows)
{
    const double *loss = gk_row_table_column(rows, "train_loss"),
                 *most = gk_row_table_column(rows, "train_loss_max");

    for (size_t i = 1; loss && most && i < rows->n; i++)
        if (most[i] > 1.5 * fmax(loss[i], loss[i - 1])) return true;
    return false;
}

static gk_status losses(gk_page *page, const gk_run_data *d)
{
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, &d->rows, "loss", "Train and test loss", GK_FIGURE_LINEAR);
    c.name_phases = true;
    gk_curves_add(&c, "train_loss", "train", gk_curves_lines(&c, style, 1));
    gk_curves_add(&c, "test_loss", "test", gk_curves_lines(&c, style, 2));
    bool spikes = has_spikes(&d->rows);
    if (spikes) gk_curves_add(&c, "train_loss_max", "train, largest", "with lines lt 7 lw 0.7");
    gk_text_add(&c.f.script, "set logscale y\nset format y '10^{%%T}'\nset ylabel '%s'\n",
                gk_run_loss_label(d));
    gk_text_add(&c.f.caption, "Mean loss over the training examples and over those held out. "
                              "Grokking: the test loss falls long after the train loss.");
    if (spikes) gk_text_add(&c.f.caption, " Largest: of any epoch since the last row.");
    return gk_curves_finish(&c, page, no_rows);
}

/* Rows before the one in which nearly all of the training examples are known. */
static int rows_of_memorisation(const gk_row_table *rows)
{
    const double *known = gk_row_table_column(rows, "train_acc");
    int n = 0;

    while (known && n < (int)rows->n && !(known[n] >= 0.99)) n++;
    return n;
}

static gk_status losses_from_the_start(gk_page *page, const gk_run_data *d)
{
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, &d->rows, "loss-log", "Train and test loss, logarithmic epochs",
                    GK_FIGURE_LOG);
    gk_curves_add(&c, "train_loss", "train", gk_curves_lines(&c, style, 1));
    gk_curves_add(&c, "test_loss", "test", gk_curves_lines(&c, style, 2));
    gk_text_add(&c.f.script, "set logscale y\nset format y '10^{%%T}'\nset ylabel '%s'\n",
                gk_run_loss_label(d));
    gk_text_add(&c.f.caption, "The same over logarithmic epochs, from the first row on%s.",
                c.first <= 0 ? "; that of epoch 0 stands at the left end" : "");
    if (rows_of_memorisation(&d->rows) < 10)
        gk_text_add(&c.f.caption,
                    " Memorisation falls between the first %d rows: run.measure_at: "
                    "\"log:100\" puts more of them there.",
                    rows_of_memorisation(&d->rows) + 1);
    return gk_curves_finish(&c, page, no_rows);
}

static gk_status accuracies(gk_page *page, const gk_run_data *d)
{
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, &d->rows, "accuracy", "Accuracy", GK_FIGURE_LINEAR);
    gk_curves_add(&c, "train_acc", "train", gk_curves_lines(&c, style, 1));
    gk_curves_add(&c, "test_acc", "test", gk_curves_lines(&c, style, 2));
    gk_curves_add(&c, "train_whole", "train, all positions", "with lines lt 6 dt 2");
    gk_curves_add(&c, "test_whole", "test, all positions", "with lines lt 5 dt 2");
    gk_curves_add(&c, "subnetwork_test", "subnetwork, test", "with lines lt 3");
    gk_text_add(&c.f.script, "set yrange [0:1.02]\nset ylabel 'accuracy'\n");
    gk_text_add(&c.f.caption, "Fraction of scored positions whose label has the largest logit.");
    return gk_curves_finish(&c, page, no_rows);
}

static gk_status squares(gk_page *page, const gk_run_data *d)
{
    static const char prefix[] = "squared_l2_norm.";
    const char *with = d->rows.n > 2 ? "lines" : "linespoints pt 7 ps 0.5"; /* one row is no line */
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, &d->rows, "squared-l2-norm", "Squared L2 norm of the weights",
                    GK_FIGURE_LINEAR);
    snprintf(style, sizeof style, "with %s lc rgb ink lw 2", with);
    gk_curves_add(&c, "squared_l2_norm", "all", style);
    for (int i = 0; i < d->rows.columns && c.n < 26; i++) {
        const char *name = d->rows.name[i], *last = strrchr(name, '.');
        char title[80];
        if (strncmp(name, prefix, strlen(prefix)) != 0) continue;
        if (strlen(last) == 2) /* w and b of a norm: which one */
            while (last > name + strlen(prefix) && last[-1] != '.') last--;
        else
            last++;
        snprintf(style, sizeof style, "with %s lt %d dt %d", with, (c.n - 1) % 8 + 1,
                 (c.n - 1) / 8 % 3 + 1);
        const char *block = strstr(name, "blocks.");
        if (block && gk_config_number(&d->config, "model.layers") > 1)
            snprintf(title, sizeof title, "%.*s: %s", (int)strspn(block + 7, "0123456789"),
                     block + 7, last);
        else
            snprintf(title, sizeof title, "%s", last);
        gk_curves_add(&c, name, title, style);
    }
    gk_text_add(&c.f.script,
                "set logscale y\nset format y '10^{%%T}'\nset ylabel 'squared L2 norm'\n");
    gk_text_add(&c.f.caption, "By parameter. Weight decay removes what memorised once a circuit of "
                              "smaller weights does the work: the cleanup.");
    return gk_curves_finish(&c, page, no_rows);
}

/* Of tasks with a few scored positions. */
static gk_status positions(gk_page *page, const gk_run_data *d)
{
    char name[32], title[32], style[GK_CURVE_STYLE];
    gk_curves c;

    if (!gk_row_table_column(&d->rows, "loss_pos.0")) return GK_OK;
    gk_curves_start(&c, d, &d->rows, "loss-positions", "Test loss by scored position",
                    GK_FIGURE_LINEAR);
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "loss_pos.%d", i);
        snprintf(title, sizeof title, "position %d", i);
        snprintf(style, sizeof style, "with lines lt %d dt %d", i % 8 + 1, i / 8 + 1);
        gk_curves_add(&c, name, title, style);
    }
    gk_text_add(&c.f.script, "set logscale y\nset format y '10^{%%T}'\nset ylabel '%s'\n",
                gk_run_loss_label(d));
    gk_text_add(&c.f.caption,
                "Each position is learned at its own time, many in a step of their own.");
    return gk_curves_finish(&c, page, no_rows);
}

gk_status gk_run_curves(gk_page *page, gk_run_data *d)
{
    gk_page_section(page, "training", "Training");
    GK_TRY(losses(page, d));
    GK_TRY(losses_from_the_start(page, d));
    GK_TRY(accuracies(page, d));
    GK_TRY(positions(page, d));
    return squares(page, d);
}
